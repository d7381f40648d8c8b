"""Training with exact gradients: it learns, resumes bit for bit, follows its schedule, and shows what the loss decides."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from making import Killed, killing

from mstask import section as sections
from mstask.data import Split, Splits
from mstask.errors import MstaskError
from mstask.job import Job
from mstask.studies.eventprop import measure as experiment
from mstask.studies.eventprop.declare import SECTION, YIN_YANG_SECTION
from mstask.studies.eventprop.events import EventpropError
from mstask.studies.eventprop.methods import VARIANTS, Initial
from mstask.studies.eventprop.networks import Architecture, EventpropNet
from mstask.studies.eventprop.recording import Recording, membrane_trace
from mstask.studies.eventprop.training import Rate, Recipe, Regularisation, Rewiring, Schedule, choose_trainable, train
from mstask.studies.eventprop.yin_yang import spike_splits

SMALL = Architecture(5, 3, 60.0, (40,), readout_step=1.0)


@pytest.fixture(scope="module")
def published():
    return spike_splits("paper")


def first(splits, n):
    """The same set with n training trials, and as many of the other parts at most."""
    rows = [np.arange(min(n, len(part.y))) for part in (splits.train, splits.validation, splits.test)]
    parts = [Split(p.x.take(r), p.y[r]) for p, r in zip((splits.train, splits.validation, splits.test), rows, strict=True)]
    return Splits(*parts, splits.n_classes, splits.meta | {"fingerprint": f"first {n}"})


def test_the_published_setting_learns_yin_yang_in_three_epochs(published):
    architecture = Architecture(5, 3, 60.0, readout="LIF", output_weights=Initial(0.93, 0.1))
    recipe = Recipe("first-spike-exp", max_epochs=3, schedule=Schedule(decay=0.95))
    outcome = train(EventpropNet(architecture, 0), published, recipe, seed=0)
    assert outcome.last.accuracy(published.test.y) >= 0.92
    assert outcome.history.hidden_spikes[0] > 1.3 * outcome.history.hidden_spikes[-1]


def test_on_long_trials_a_falling_weight_teaches_the_hidden_layer_and_a_constant_one_does_not(published):
    splits = first(published, 1200)
    architecture = Architecture(5, 3, 400.0, (100,), readout_step=1.0)

    def accuracy(loss, trains=("hidden", "readout")):
        recipe = Recipe(loss, learning_rate=0.02, max_epochs=8, schedule=Schedule(decay=0.95), trains=trains)
        return train(EventpropNet(architecture, 0), splits, recipe, seed=0).last.accuracy(splits.test.y)

    shaped, constant, frozen = accuracy("exp"), accuracy("sum"), accuracy("sum", ("readout",))
    assert shaped > constant + 0.1
    assert shaped > frozen
    assert constant <= frozen


def test_an_interrupted_training_ends_with_the_same_numbers(yin_yang, tmp_path):
    recipe = Recipe("exp", max_epochs=4, schedule=Schedule(decay=0.9, ease_in=1.2), rewiring=Rewiring(Initial(1.5, 0.78)))
    whole = train(EventpropNet(SMALL, 5), yin_yang, recipe, seed=5, checkpoint=tmp_path / "whole.pt")

    path = tmp_path / "killed.pt"
    with pytest.raises(Killed):
        train(EventpropNet(SMALL, 5), yin_yang, recipe, seed=5, checkpoint=path, on_epoch=killing(2))
    torch.manual_seed(0)
    resumed = train(EventpropNet(SMALL, 5), yin_yang, recipe, seed=5, checkpoint=path)
    assert resumed.history == whole.history and resumed.best_epoch == whole.best_epoch
    assert (resumed.test.predictions == whole.test.predictions).all() and resumed.test.loss == whole.test.loss


def test_training_ends_once_the_score_has_not_risen_for_as_long_as_patience_lasts(yin_yang):
    still = Recipe("exp", learning_rate=1e-12, max_epochs=6, patience=2)
    outcome = train(EventpropNet(SMALL, 5), first(yin_yang, 64), still, seed=5)
    assert (outcome.best_epoch, len(outcome.history.train_loss), outcome.stopped) == (1, 3, "patience")
    endless = train(EventpropNet(SMALL, 5), first(yin_yang, 64), replace(still, patience=0), seed=5)
    assert (len(endless.history.train_loss), endless.stopped) == (6, "max_epochs")


def test_another_seeds_checkpoint_is_set_aside(yin_yang, tmp_path):
    path, recipe = tmp_path / "cell.pt", Recipe("exp", max_epochs=1)
    train(EventpropNet(SMALL, 1), yin_yang, recipe, seed=1, checkpoint=path)
    train(EventpropNet(SMALL, 2), yin_yang, recipe, seed=2, checkpoint=path)
    assert path.with_name("cell.pt.set-aside").exists()


def test_ease_in_reaches_the_full_rate_at_batch_142():
    schedule = Schedule(ease_in=1.05)
    rate = Rate.begin(1e-3, schedule)
    assert rate.value == pytest.approx(1e-6)
    reached = []
    for _ in range(150):
        reached.append(rate.value == 1e-3)
        rate.after_batch(schedule)
    assert reached.index(True) == 142


def test_a_plateau_halves_the_rate_once_and_then_waits():
    schedule = Schedule(fast=0.8, slow=0.95, plateau_factor=0.5, wait=10)
    rate, rates = Rate.begin(1.0, schedule), []
    for epoch in range(60):
        rate.after_epoch(schedule, 0.8 if epoch < 15 else 0.4)
        rates.append(rate.full)
    drops = [k for k in range(1, 60) if rates[k] < rates[k - 1]]
    assert len(drops) >= 2 and drops[0] > 15 and min(np.diff(drops)) == 11


def test_only_rewiring_revives_silent_neurons(yin_yang):
    weak = replace(SMALL, input_weights=Initial(0.45, 0.1))
    rewiring = Rewiring(Initial(1.5, 0.78))
    regularisation = Regularisation(too_few=1e-2, target=2.0)
    recipe = Recipe("exp", max_epochs=2)
    push = train(EventpropNet(weak, 0), yin_yang, replace(recipe, regularisation=regularisation), 0).history.silent_neurons
    redraw = train(EventpropNet(weak, 0), yin_yang, replace(recipe, rewiring=rewiring), 0).history.silent_neurons
    lift = train(EventpropNet(weak, 0), yin_yang, replace(recipe, rewiring=replace(rewiring, lift=1.0)), 0).history
    assert push == [40, 40]
    assert redraw[0] == 40 and redraw[1] < 20
    assert lift.silent_neurons[1] < 5 and lift.rewired[0] == 40


def test_regularisation_brings_the_counts_of_overactive_neurons_towards_the_target(yin_yang):
    loud = replace(SMALL, input_weights=Initial(4.0, 1.0))
    recipe = Recipe("exp", max_epochs=3, learning_rate=0.02)
    free = train(EventpropNet(loud, 0), yin_yang, recipe, 0).history.hidden_spikes
    term = Regularisation(too_many=1e-2, target=1.0)
    held = train(EventpropNet(loud, 0), yin_yang, replace(recipe, regularisation=term), 0).history.hidden_spikes
    assert 40 < held[-1] < 0.8 * free[-1]


def test_the_regularisations_terms_are_as_defined():
    counts = np.array([[1, 5], [3, 9]])
    plain = Regularisation(too_many=0.1, too_few=1.0, target=4.0)
    np.testing.assert_allclose(plain.push(counts), [[1.5, -0.05], [0.5, -0.25]])
    np.testing.assert_allclose(replace(plain, batch_mean=True).push(counts), [[1.0, -0.15]] * 2)
    whole = Regularisation(layer_strength=0.1, layer_target=10.0)
    np.testing.assert_allclose(whole.push(counts), [[0.0, 0.0], [-0.05, -0.05]])


def test_trained_time_constants_move_and_stay_above_their_clamps(yin_yang):
    architecture = replace(SMALL, neuron="hetLIF", readout="hetLI", shortest_membrane=8.0, shortest_synapse=2.0)
    recipe = Recipe("exp", learning_rate=0.2, max_epochs=2, trains=("taus", "readout taus"))
    net = EventpropNet(architecture, 0)
    before = net.hidden[0].tau_m.detach().clone()
    train(net, yin_yang, recipe, 0)
    assert (net.hidden[0].tau_m - before).abs().max() > 0.1
    for layer in (net.hidden[0], net.readout):
        assert layer.tau_m.min() >= 8.0 and layer.tau_s.min() >= 2.0


def test_a_recording_holds_what_was_asked_for_and_the_trace_meets_the_threshold(yin_yang, tmp_path):
    recording = Recording(tmp_path, when=((1, 0), (0, 3)), what=("spikes", "parameters"))
    train(EventpropNet(SMALL, 0), yin_yang, Recipe("exp", max_epochs=2), 0, recording=recording)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch-0000-batch-00003.npz", "epoch-0001-batch-00000.npz"]
    with np.load(tmp_path / "epoch-0001-batch-00000.npz", allow_pickle=False) as saved:
        assert saved["hidden.0.weights"].shape == (5, 40) and len(saved["hidden.0.times"]) == len(saved["hidden.0.ids"])
        assert "output" not in saved
    net, inputs = EventpropNet(replace(SMALL, recurrent=True), 0), yin_yang.train.x.take([0])
    _, fired = net(inputs)
    t, neuron = fired[0].spikes.times[-1], fired[0].spikes.ids[-1]
    voltage, _ = membrane_trace(net.hidden[0], inputs, fired[0], 0, int(neuron), np.array([t - 1e-9, t]))
    assert voltage[0] == pytest.approx(1.0, abs=1e-6) and voltage[1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("section", "method"), [(s, m) for s in (SECTION, YIN_YANG_SECTION) for m in s.methods])
def test_every_method_runs_as_a_cell(section, method, monkeypatch, tmp_path):
    monkeypatch.setattr(sections, "section", lambda name: section)
    parameters = sections.resolve(section.id, profile="smoke", methods=[method], cases=["yin-yang"], max_epochs=1)
    splits = experiment.load(section, parameters, "yin-yang")
    job = Job(section, method, "yin-yang", 42, parameters, splits, "cpu", tmp_path / "cell.pt")
    measures = experiment.measure(job).measures
    assert len(measures.predictions) == len(splits.test.y) and measures.epochs == 1
    answers = np.sum(measures.details["confusion"], axis=1)
    assert answers.tolist() == np.bincount(measures.predictions, minlength=splits.n_classes).tolist()


OPTIONS = {
    "shift": {"shift": 2.0},
    "dilate": {"dilate": [0.5, 2.0]},
    "jitter": {"jitter": 1.0},
    "dropped hidden spikes": {"drop_hidden": 0.3},
    "blend": {"blend": [0.5, 0.5], "blend_factor": 1.5},
    "delay line": {"delay_copies": 2, "delay_ms": 5.0, "input_scale": 0.5},
    "redrawn weights": {"rewire": True, "input_scale": 0.3},
    "lifted weights": {"rewire": True, "lift": 1.0, "input_scale": 0.3},
    "averaged spike sums": {"too_many": 1e-2, "spikes_target": 0.5, "batch_mean": True},
    "a limit on the layer": {"layer_strength": 1e-2, "layer_target": 5.0},
    "ease-in": {"ease_in": 1.5},
    "averages": {"ema_fast": 0.9, "ema_slow": 0.1, "plateau_factor": 0.5, "plateau_wait": 1},
    "averages of training": {"select": "training", "ema_fast": 0.95, "ema_slow": 0.0, "plateau_factor": 0.1, "plateau_wait": 1},
}


class TestOptions:
    """Each of the reference implementation's options is a parameter of the sections, and changes what a cell does."""

    @staticmethod
    def cell(folder, case, **changes):
        smoke = {"profile": "smoke", "methods": ["exp"], "cases": [case], "max_epochs": 4}
        parameters = sections.resolve("eventprop", **smoke | changes)
        splits = experiment.load(SECTION, parameters, case)
        return splits, experiment.measure(Job(SECTION, "exp", case, 42, parameters, splits, "cpu", folder / "exp-42.pt"))

    @pytest.fixture(scope="class")
    @classmethod
    def plain(cls, tmp_path_factory):
        return cls.cell(tmp_path_factory.mktemp("plain"), "yin-yang")

    @pytest.mark.parametrize("changes", OPTIONS.values(), ids=OPTIONS)
    def test_each_changes_a_smoke_cell(self, plain, tmp_path, changes):
        splits, done = self.cell(tmp_path, "yin-yang", **changes)
        told, before = done.measures.history, plain[1].measures.history
        assert told["train_loss"] != before["train_loss"] and np.isfinite(told["train_loss"]).all()
        assert (splits.meta["fingerprint"] != plain[0].meta["fingerprint"]) == ("blend" in changes)
        if changes.get("rewire"):
            assert told["rewired"][0] > 0
        if "blend" in changes:
            assert splits.meta["counts"]["train"] == len(splits.train.y) == 600

    def test_a_recording_lies_beside_the_document(self, plain, tmp_path):
        _, done = self.cell(tmp_path, "yin-yang", record=["spikes"], record_at=[[0, 1], [3, 0]])
        assert done.measures == plain[1].measures
        names = sorted(path.name for path in (tmp_path / "exp-42.recording").iterdir())
        assert names == ["epoch-0000-batch-00001.npz", "epoch-0003-batch-00000.npz"]

    def test_speakers_left_out_are_those_that_validate_and_all_words_have_as_many_spikes(self):
        chosen = {"cases": ["speech"], "speakers_left": [0, 3], "equal_spikes": True}
        splits = experiment.load(SECTION, sections.resolve("eventprop", profile="smoke", **chosen), "speech")
        counts = np.concatenate([np.diff(part.x.starts) for part in (splits.train, splits.validation, splits.test)])
        assert len(set(counts.tolist())) == 1 and counts[0] > 0
        assert set(splits.meta["speakers"]["validation"]) == set(splits.meta["held_out"]) == {0, 3}
        assert not {0, 3} & set(splits.meta["speakers"]["train"])

    def test_together_they_train_on_speech_whose_channels_are_small_integers(self, tmp_path):
        given = {"shift": 40.0, "jitter": 5.0, "blend": [0.5, 0.5], "delay_copies": 3, "input_scale": 0.3}
        splits, done = self.cell(tmp_path, "speech", max_epochs=1, **given)
        assert splits.train.x.ids.max() < 700 and np.isfinite(done.measures.history["train_loss"]).all()

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"dilate": [2.0, 0.5]}, "expected the lower factor first"),
            ({"dilate": [1.0]}, "parameter dilate"),
            ({"blend": [0.5]}, "expected the shares of at least two trials"),
            ({"record": ["spikes"]}, "expected both or neither"),
            ({"record": ["spike"], "record_at": [[0, 0]]}, "parameter record"),
            ({"record": ["spikes"], "record_at": [[0]]}, "parameter record_at"),
            ({"speakers_left": [0]}, "yin-yang names no speakers"),
            ({"speakers_left": [99], "cases": ["speech"]}, "speaker 99 has no training word"),
        ],
    )
    def test_what_cannot_be_is_refused(self, changes, said):
        with pytest.raises(MstaskError, match=said):
            parameters = sections.resolve("eventprop", **{"profile": "smoke", "cases": ["yin-yang"]} | changes)
            experiment.load(SECTION, parameters, parameters.cases[0])


def test_a_network_with_delays_learns_them_besides_its_weights():
    settings = SECTION.protocol | SECTION.profiles["smoke"] | {"profile": "smoke", "data_source": "embedded"}
    parameters = SECTION.parameters(**settings)
    architecture, recipe = experiment.plan(VARIANTS["trained-delays"], "yin-yang", 3, parameters)
    net = EventpropNet(architecture, 0)
    assert len(choose_trainable(net, recipe)) == 3
    delays = net.hidden[0].delays
    assert delays.min() >= 0.0 and delays.max() <= 10.0 and delays.max() > delays.min()


def test_wrong_settings_are_refused(yin_yang):
    with pytest.raises(EventpropError, match="did you mean 'sigmoid'"):
        Recipe("sigmoyd")
    with pytest.raises(EventpropError, match="can't judge a readout of LI neurons"):
        train(EventpropNet(SMALL, 0), yin_yang, Recipe("first-spike"), 0)
    with pytest.raises(EventpropError, match="can't be trained"):
        Recipe("exp", trains=("threshold",))
    with pytest.raises(EventpropError, match="nothing to train"):
        train(EventpropNet(SMALL, 0), yin_yang, Recipe("exp", trains=("delays",)), 0)
