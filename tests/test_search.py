"""Claims about the search: what is selected, that no trial is lost or done twice, and what the final table trains."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import making
import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from making import bare
from toy import wait_until

from mstask import results
from mstask.cost import count_parameters, spiking_operations
from mstask.data import Split, Splits
from mstask.errors import MstaskError
from mstask.identity import of_cell
from mstask.paths import ROOT
from mstask.runs import find, path_of
from mstask.section import Place, resolve, section
from mstask.studies.tuning import search, study, tuned
from mstask.studies.tuning.search import (
    CHOICES,
    LEARNING_RATES,
    Configuration,
    Trial,
    as_plain,
    from_plain,
    pareto_front,
    select,
)
from mstask.studies.tuning.trials import Claim, Trials, suggest
from mstask.training import Diverged, History

pytestmark = pytest.mark.usefixtures("elsewhere")
POINT = Configuration(96, 3, 0.95, 1e-3, "none", 25.0, 0.15, "plain")
STEPS, FEATURES = 6, 5


def trial(number, macro_f1, firing, test=None, state="complete"):
    scores = dict.fromkeys(("validation_macro_f1", "test_macro_f1"), macro_f1)
    firings = dict.fromkeys(("validation_firing", "test_firing"), firing)
    scores |= {"test_macro_f1": test} if test is not None else {}
    return Trial(number, state, POINT, 1000, epochs=3, best_epoch=2, **(scores | firings if state == "complete" else {}))


@pytest.fixture
def toy():
    """Ninety pictures of three classes, standardised like the radar's."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(90) % 3
    x = torch.randn(90, STEPS, FEATURES, generator=g) + 2 * torch.eye(3, FEATURES)[y][:, None]
    parts = [Split(x[a:b], y[a:b]) for a, b in ((0, 50), (50, 70), (70, 90))]
    return Splits(*parts, 3, {"fingerprint": "toy", "mean": 0.5, "sd": 2.0})


def job(splits, section_id="study", method="Vanilla-LIF", on_epoch=None, **given):
    return making.job(section_id, method, Path(), splits, on_epoch=on_epoch, **given)


class TestSelection:
    def test_the_space_is_the_papers(self):
        assert {name: len(values) for name, values in CHOICES.items()} == {
            "width": 5,
            "n_layers": 4,
            "beta": 5,
            "schedule": 2,
            "surrogate_slope": 3,
            "target_rate": 3,
            "input": 2,
        }
        assert LEARNING_RATES == (3e-4, 4e-3)

    def test_the_front_holds_what_nothing_beats_in_both(self):
        trials = [trial(0, 0.8, 0.3), trial(1, 0.7, 0.1), trial(2, 0.6, 0.2), trial(3, 0.9, 0.4), trial(4, 0.8, 0.35)]
        assert [t.number for t in pareto_front(trials, "validation")] == [1, 0, 3]

    @given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
    def test_everything_off_the_front_is_beaten_by_something_on_it(self, places):
        trials = [trial(i, f1 / 10, firing / 10) for i, (f1, firing) in enumerate(places)]
        front = pareto_front(trials, "validation")

        def beats(a, b):
            better = a.macro_f1("validation") >= b.macro_f1("validation") and a.firing("validation") <= b.firing("validation")
            return better and (a.macro_f1("validation"), a.firing("validation")) != (
                b.macro_f1("validation"),
                b.firing("validation"),
            )

        assert not any(beats(a, b) for a in trials for b in front)
        assert all(any(beats(a, b) for a in front) for b in trials if b not in front)

    def test_the_efficient_point_gives_away_at_most_a_hundredth(self):
        trials = [trial(0, 0.90, 0.30), trial(1, 0.892, 0.20), trial(2, 0.889, 0.10), trial(3, 0.895, 0.25)]
        chosen = select(trials, "validation")
        assert (chosen.best.number, chosen.efficient.number) == (0, 1)

    def test_pruned_and_diverged_trials_are_never_selected(self):
        ended = [trial(0, 0.9, 0.1, state="pruned"), trial(1, 0.9, 0.1, state="diverged")]
        assert select([*ended, trial(2, 0.2, 0.5)], "validation").best.number == 2
        with pytest.raises(MstaskError, match="no trial of the study was trained to its end"):
            select(ended, "validation")

    def test_looking_at_the_test_set_selects_what_does_well_there_by_chance(self):
        trials = [trial(0, 0.90, 0.2, test=0.80), trial(1, 0.85, 0.2, test=0.88)]
        honest, peeking = select(trials, "validation").best, select(trials, "test").best
        assert (honest.test_macro_f1, peeking.test_macro_f1) == (0.80, 0.88)

    def test_a_trial_survives_its_document(self):
        for one in (trial(3, 0.5, 0.25), trial(4, 0, 0, state="diverged")):
            assert from_plain(json.loads(json.dumps(as_plain(one)))) == one

    def test_a_damaged_trial_is_named(self):
        with pytest.raises(results.ResultsError, match="a trial of a study is damaged"):
            from_plain({"number": 1, "configuration": {"widht": 96}})


def measured(claim):
    """An outcome that depends on the configuration alone."""
    c = claim.configuration
    score = (c.learning_rate * 1e5 % 97) / 100
    if c.width == 96:
        return Trial(claim.number, "pruned", c, 10, epochs=30)
    return Trial(claim.number, "complete", c, 10, 50, 40, score, c.target_rate, score / 2, c.target_rate)


class TestTrials:
    def test_a_suggestion_depends_on_seed_number_and_history_alone(self):
        assert suggest([], 42, 0, 5) == suggest([], 42, 0, 5)
        drawn = [suggest([], *key, 5)["learning_rate"] for key in ((42, 0), (42, 1), (43, 0))]
        assert len(set(drawn)) == 3
        assert all(LEARNING_RATES[0] <= rate <= LEARNING_RATES[1] for rate in drawn)

    def test_an_interrupted_study_ends_with_the_same_trials(self, tmp_path):
        whole = Trials(tmp_path / "whole", 4, 2, 42, "validation").run(measured)
        seen = []

        def interrupted(claim):
            seen.append(claim.number)
            if seen.count(claim.number) < 2:
                raise KeyboardInterrupt
            return measured(claim)

        for _ in range(4):
            with pytest.raises(KeyboardInterrupt):
                Trials(tmp_path / "stopped", 4, 2, 42, "validation").run(interrupted)
        assert Trials(tmp_path / "stopped", 4, 2, 42, "validation").run(interrupted) == whole
        assert [t.number for t in whole] == list(range(4))
        assert seen == sorted([*range(4), *range(4)])

    def test_an_extended_study_is_the_larger_study(self, tmp_path):
        for n_trials in (2, 4):
            extended = Trials(tmp_path / "extended", n_trials, 1, 42, "validation").run(measured)
        assert extended == Trials(tmp_path / "at once", 4, 1, 42, "validation").run(measured)
        assert Trials(tmp_path / "extended", 2, 1, 42, "validation").run(measured) == extended[:2]

    def test_the_sampler_learns_from_the_trials(self, tmp_path):
        trials = Trials(tmp_path, 6, 3, 42, "validation")
        done = trials.run(measured)
        blind = [Configuration(**suggest([], 42, number, 3)) for number in range(6)]
        assert [t.configuration for t in done[:3]] == blind[:3]
        assert [t.configuration for t in done[3:]] != blind[3:]

    def test_selecting_on_test_shows_the_sampler_the_test_scores(self, tmp_path):
        seen = {}
        for on in ("validation", "test"):
            trials = Trials(tmp_path / on, 4, 2, 42, on)
            done = trials.run(measured)
            seen[on] = [t.values for t in trials.study.trials if t.values]
            assert seen[on] == [[t.macro_f1(on), t.firing(on)] for t in done if t.state == "complete"]
        assert seen["validation"] != seen["test"]

    def test_a_trial_in_work_is_not_taken_by_another(self, tmp_path):
        first, second = (Trials(tmp_path, 2, 2, 42, "validation") for _ in range(2))
        claims = first.claim(), second.claim()
        assert [claim.number for claim in claims] == [0, 1]
        assert second.claim() is None
        claims[0].lock.release()
        assert second.claim().configuration == claims[0].configuration


WORKER = """
import sys, time
from pathlib import Path
from mstask.studies.tuning.search import Trial
from mstask.studies.tuning.trials import Trials
folder, name, hang = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def attempt(claim):
    with open(folder / "log", "a") as log:
        log.write(f"{claim.number} {name} {claim.configuration}\\n")
    if claim.number == hang:
        time.sleep(600)
    time.sleep(0.05)
    return Trial(claim.number, "complete", claim.configuration, 10, 50, 40, 0.5, 0.1, 0.5, 0.1)
Trials(folder, 8, 3, 42, "validation").run(attempt)
"""


def test_a_killed_worker_s_trial_is_taken_over_and_nothing_is_lost_or_done_twice(tmp_path):
    """Two processes on one study; kill -9 one in the middle of a trial, the other finishes all of them."""

    def start(name, hang):
        return subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), name, str(hang)], cwd=ROOT)

    def log():
        return [line.split(" ", 2) for line in path.read_text().splitlines()] if path.exists() else []

    path = tmp_path / "log"
    doomed = start("doomed", 2)
    try:
        wait_until(lambda: any(number == "2" for number, *_ in log()))
        other = start("other", -1)
        wait_until(lambda: len(log()) >= 5)
    finally:
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    assert other.wait(timeout=300) == 0
    attempts = log()
    assert sorted(int(number) for number, *_ in attempts) == [0, 1, 2, 2, 3, 4, 5, 6, 7]
    killed, taken_over = (attempt for attempt in attempts if attempt[0] == "2")
    assert (killed[1], taken_over[1]) == ("doomed", "other")
    assert killed[2] == taken_over[2]
    assert [t.number for t in Trials(tmp_path, 8, 3, 42, "validation").records()] == list(range(8))


class TestStudy:
    def test_a_stopped_study_is_bit_for_bit_the_uninterrupted_one(self, toy, tmp_path, monkeypatch):
        def run(folder, stops):
            monkeypatch.setenv("MSTASK_RESULTS", str(folder))
            epochs = []

            def on_epoch(history):
                epochs.append(1)
                if len(epochs) in stops:
                    raise KeyboardInterrupt

            while True:
                try:
                    return study.measure(job(toy, on_epoch=on_epoch, n_trials=2, max_epochs=3)).measures
                except KeyboardInterrupt:
                    continue

        whole = run(tmp_path / "whole", ())
        assert run(tmp_path / "stopped", (2, 4, 5)) == whole
        assert [t["state"] for t in whole.details["trials"]] == ["complete"] * 2
        assert not list(tmp_path.rglob("*.checkpoint.pt"))

    def test_who_joins_a_study_leaves_nothing_to_do(self, toy, results_folder, monkeypatch):
        monkeypatch.setattr(study, "load", lambda *arguments: toy)
        study.join("Vanilla-LIF", profile="smoke")
        monkeypatch.setattr(study, "attempt", None)
        assert len(study.measure(job(toy)).measures.details["trials"]) == 2

    def test_a_hopeless_trial_is_ended_at_the_pruning_epoch(self, toy, results_folder):
        done = study.measure(job(toy, n_trials=1, max_epochs=4, prune_epoch=2, prune_below=0.999)).measures
        (ended,) = done.details["trials"]
        assert (ended["state"], ended["epochs"]) == ("pruned", 2)
        assert "test_macro_f1" not in ended

    def test_only_the_pruning_epoch_decides(self):
        parameters = resolve("study", profile="smoke", prune_epoch=3)
        scores = {"low before": ([0.1, 0.2, 0.3], False), "low then": ([0.5, 0.4, 0.29], True), "early": ([0.1, 0.1], False)}
        for smoothed, pruned in scores.values():
            assert study.hopeless(History(smoothed=smoothed), parameters) is pruned

    @pytest.mark.parametrize(("method", "counted"), [("Vanilla-LIF", slice(None)), ("D2_concat", slice(2, None, 3))])
    def test_the_papers_firing_objective_is_that_of_the_calibration_examples(self, toy, results_folder, method, counted):
        """Scripts 03 and 04: mean over a stack's layers, over the last layers of a bank's paths, at the selected epoch."""
        measured = []

        def fit(*arguments, keep=tuned.fit):
            measured.append(keep(*arguments))
            return measured[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tuned, "fit", fit)
            one = dataclasses.replace(POINT, width=8)
            this = job(toy, method=method, calibration_examples=30)
            found = study.attempt(this, Claim(0, one, results_folder / "c.pt", None))
        rates = measured[0][0].firing_rates(toy.train.x[:30])[counted]
        assert len(rates) == (3 if method == "Vanilla-LIF" else 5)
        assert found.firing("test") == found.calibration_firing == pytest.approx(sum(rates) / len(rates))
        assert found.firing("validation") == found.validation_firing

    def test_a_trial_recorded_before_that_keeps_its_test_firing(self):
        assert trial(0, 0.5, 0.2).firing("test") == 0.2

    def test_a_diverging_trial_is_recorded_and_the_study_goes_on(self, toy, results_folder, monkeypatch):
        def diverge(*arguments):
            raise Diverged("training diverged")

        monkeypatch.setattr(tuned, "fit", diverge)
        done = study.measure(job(toy, n_trials=2)).measures
        assert [t["state"] for t in done.details["trials"]] == ["diverged"] * 2

    def test_the_papers_budget_is_a_matter_of_parameters(self):
        full = resolve("study", profile="paper", n_trials=55, startup_trials=10, max_epochs=200)
        assert resolve("study", profile="quick").prune_epoch == full.prune_epoch == 31
        assert (full.batch_size, full.patience, full.calibration_examples, full.prune_below) == (128, 20, 256, 0.3)
        assert resolve("study", profile="paper").select_on == "validation"


class TestTuned:
    def test_the_published_counts_are_points_of_the_space(self):
        published = {"Doppler-LIF": (384, 4, 475_398), "Vanilla-LIF": (256, 5, 281_350), "Parametric-LIF": (256, 5, 282_630)}
        for neuron, (width, n_layers, count) in published.items():
            configuration = dataclasses.replace(POINT, width=width, n_layers=n_layers)
            assert count_parameters(tuned.build(neuron, configuration, 64, 6)) == count
            rounded = results.load("search", "published").means[neuron].n_parameters
            assert round(count, -3) == rounded

    def test_the_banks_paths_are_as_wide_as_a_stack_and_keep_their_own_window(self):
        """As in scripts 03 and 04: no matched capacity, beta for every type, no other option."""
        bank = tuned.build("D2_concat", dataclasses.replace(POINT, width=128, n_layers=4, beta=0.9), 64, 6)
        assert [[layer.neuron.size for layer in path] for path in bank.chains] == [[128] * 4] * 5
        assert {layer.neuron.window_len for layer in bank.layers() if layer.neuron.name == "STFT-IF"} == {None}
        decays = [torch.as_tensor(layer.neuron.beta) for layer in bank.layers() if hasattr(layer.neuron, "beta")]
        assert decays and all(torch.allclose(decay, torch.tensor(0.9)) for decay in decays)

    def test_the_configuration_reaches_the_network(self, toy):
        configuration = dataclasses.replace(POINT, beta=0.85, surrogate_slope=50.0)
        model = tuned.build("Parametric-LIF", configuration, 5, 3)
        for layer in model.layers():
            assert torch.allclose(torch.sigmoid(layer.neuron.b), torch.tensor(0.85))
            assert layer.neuron.surrogate_slope == 50.0

    def test_log1p_is_taken_of_the_raw_values_and_standardised_again(self, toy):
        raw = np.log1p(np.maximum(toy.train.x.numpy() * 2.0 + 0.5, 0))
        compressed = tuned.prepared(toy, "log1p")
        assert np.allclose(compressed.train.x.numpy(), (raw - raw.mean()) / raw.std(), atol=1e-5)
        assert compressed.meta["fingerprint"] != toy.meta["fingerprint"]
        assert tuned.prepared(toy, "plain") is toy

    def test_an_untuned_architecture_is_an_error_that_says_what_to_run(self, toy, results_folder, monkeypatch):
        (results_folder / "embedded").mkdir(parents=True)
        with pytest.raises(MstaskError, match="run study --profile smoke --data embedded --methods Vanilla-LIF"):
            tuned.measure(job(toy, "search"))

    def test_the_table_trains_what_the_study_selected(self, toy, results_folder):
        trials = [trial(0, 0.90, 0.3), trial(1, 0.895, 0.2)]
        points = [dataclasses.replace(POINT, width=96), dataclasses.replace(POINT, width=128)]
        write_study([dataclasses.replace(t, configuration=c) for t, c in zip(trials, points, strict=True)])
        found = {}
        for method in ("Vanilla-LIF", "Vanilla-LIF.efficient"):
            done = found[method] = tuned.measure(job(toy, "search", method)).measures
            rate = sum(done.firing_rates) / len(done.firing_rates)
            assert done.energy_uJ == spiking_operations(FEATURES, 3, done.width, 3, STEPS, rate)["energy_uJ"]
        assert [done.width for done in found.values()] == [96, 128]
        assert [done.details["study"] for done in found.values()] == ["run", "run"]

    def test_a_run_s_own_study_counts_before_the_locked_one(self, results_folder):
        write_study([trial(0, 0.5, 0.1)])
        run = results.load("study", "run")
        locked = run.model_copy(update={"source": "embedded", "profile": "smoke"})
        results.write_document(results_folder / "embedded" / "study.json", locked)
        assert [search.studied("Vanilla-LIF", profile, "embedded")[1] for profile in ("smoke", "quick")] == ["run", "locked"]
        with pytest.raises(results.MissingResult, match="Vanilla-LIF has not been tuned on real data"):
            search.studied("Vanilla-LIF", "quick", "real")

    def test_a_tuned_cell_is_stale_once_its_study_selects_otherwise(self, results_folder):
        place, parameters = Place("Vanilla-LIF", None, 42), resolve("search", profile="smoke")
        write_study([trial(0, 0.5, 0.1)])
        made_by = of_cell(section("search"), place, parameters)
        made = results.provenance("a test", "cpu").model_copy(update={"inputs": made_by})
        about = {"profile": "smoke", "parameters": parameters.of_cell(), "provenance": made}
        cell = bare("search", "Vanilla-LIF", 42, {"macro_f1": 0.5}, **about)
        results.write_cell(path_of("search", place, parameters), cell)
        assert find("search", place, parameters).state == "done"
        write_study([trial(0, 0.5, 0.1), trial(1, 0.4, 0.1)])
        assert find("search", place, parameters).state == "done"
        write_study([dataclasses.replace(trial(0, 0.5, 0.1), configuration=dataclasses.replace(POINT, width=128))])
        assert find("search", place, parameters).changed == ("study",)

    def test_a_damaged_study_makes_its_networks_stale_and_stops_nobody(self, results_folder):
        write_study([trial(0, 0.5, 0.1)])
        (path,) = results_folder.rglob("Vanilla-LIF-42.json")
        path.write_text("{")
        assert search.read_from_study(Place("Vanilla-LIF", None, 42), resolve("search", profile="smoke")) == {}

    def test_a_dense_network_reads_no_study(self, results_folder):
        assert search.read_from_study(Place("SmallCNN", None, 42), resolve("search", profile="smoke")) == {}

    def test_a_summary_says_what_looking_at_the_test_set_adds(self, results_folder):
        trials = [trial(0, 0.9, 0.3, test=0.7), trial(1, 0.8, 0.2, test=0.75), trial(2, 0.1, 0.1, state="pruned")]
        write_study(trials)
        found = search.summary_of(results.load("study", "run"))["Vanilla-LIF"]
        assert (found.trials, found.complete) == (3, 2)
        assert found.best.number == 0
        assert (found.on_test.validation, found.on_test.test, found.on_test.gain) == (0.7, 0.75, pytest.approx(0.05))


def write_study(trials):
    """A study's cell of the smoke profile, written where a run would."""
    parameters = resolve("study", profile="smoke").of_cell()
    measures = {"details": {"trials": [as_plain(t) for t in trials]}}
    cell = bare("study", "Vanilla-LIF", 42, measures, profile="smoke", parameters=parameters)
    results.write_cell(results.cell_path("study", "smoke", "embedded", "Vanilla-LIF", 42), cell)
