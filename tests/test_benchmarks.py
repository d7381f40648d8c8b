"""The benchmarks run, say what they compared, and their documents can be read; how fast anything is, is never tested."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from benchmarks import cochlea, contenders, epoch, gpu, ideas, ncg, runner, scaling, step, timing
from benchmarks.peers import Peer
from mstask import neurons, results
from mstask.lab import batch
from mstask.results import documents, locks
from mstask.section import grid
from mstask.studies.speed import exhibits as speed

REPEATS = 3


def step_document(**seconds):
    """A document in which each named contender took the given seconds per repeat on workload A."""
    names = {"floor": "floor", "lif": "fused Vanilla-LIF", "plain": "reference Vanilla-LIF", "peer": "norse LIFBox"}
    about = {}
    for name in names.values():
        group = "peer" if name == "norse LIFBox" else name.split()[0]
        about[name] = {"group": group, "neuron": "Vanilla-LIF", "installed": True, "version": None, "agreement": None}
    about["norse LIFBox"] |= {"installed": "peer" in seconds, "version": "1.1.0" if "peer" in seconds else None}
    about["fused Vanilla-LIF"]["agreement"] = {"differing_spikes": 0.0, "gradient_error": 3e-16}
    timed = {names[key]: values for key, values in seconds.items()}
    values = {
        "contenders": about,
        "workloads": {"A": {"title": "radar"}},
        "runs": [{"clock": "cpu", "threads": 1, "seconds": {"A": timed}}],
    }
    return documents.Document(section="benchmark-step", source="run", profile="paper", title="T", reference="R", values=values)


class TestTiming:
    def test_every_contender_has_its_turn_in_every_repeat(self, in_process):
        turns = []
        steps = {name: (lambda name=name: turns.append(name)) for name in "abc"}
        seconds = timing.interleaved(steps, "cpu", REPEATS, timed=2, settling=1)
        assert {name: len(values) for name, values in seconds.items()} == dict.fromkeys("abc", REPEATS)
        assert turns[:3] == ["a", "b", "c"]
        for repeat in range(REPEATS):
            within = turns[3 + 9 * repeat : 12 + 9 * repeat]
            assert sorted(within) == sorted("abc" * 3)
            assert within[0] == within[1] == within[2]


class TestStep:
    def test_makes_a_valid_document(self, in_process, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(step, "TIMED", 1)
        monkeypatch.setattr(step, "SETTLING", 0)
        path = tmp_path / "benchmark-step.json"
        step.main(["--tiny", "--repeats", str(REPEATS), "--out", str(path)])
        document = results.read_document(path)
        assert (document.section, document.source, document.profile) == ("benchmark-step", "run", "smoke")
        about = document.values["contenders"]
        timed = {name for name, a in about.items() if a["installed"]}
        assert {f"{group} {name}" for group in ("fused", "reference") for name in neurons.names()} < timed
        assert [(run["clock"], run["threads"]) for run in document.values["runs"]] == [("cpu", 1), ("wall", 1)]
        for run in document.values["runs"]:
            for part in ("A", "A, forward"):
                assert set(run["seconds"][part]) == timed
                assert all(len(values) == REPEATS and min(values) > 0 for values in run["seconds"][part].values())
            assert all(0 < rate < 1 for rates in run["firing_rates"]["A"].values() for rate in rates)
        assert torch.__version__.startswith(document.values["provenance"]["versions"]["torch"])
        assert "compiled loop, Doppler-LIF" in capsys.readouterr().out

    def test_fused_layers_agree_and_a_wrong_surrogate_is_noticed(self):
        known = contenders.contenders()
        for name in neurons.names():
            found = contenders.agreement(known[f"fused {name}"])
            assert found["differing_spikes"] == 0 and found["gradient_error"] < 1e-10, name
        flat = contenders.agreement(contenders.Contender("peer", layer=FlatSurrogate))
        assert flat["differing_spikes"] == 0 and flat["gradient_error"] > 0.1

    def test_another_librarys_layer_is_calibrated_and_trained(self):
        work = contenders.TINY["A"]
        ready = contenders.Contender("peer", layer=FlatSurrogate).prepared(work, *work.data())
        before = ready.forward()
        ready.step()
        assert all(0.10 < rate < 0.20 for rate in ready.rates) and not torch.equal(before, ready.forward())

    @pytest.mark.parametrize("name", [n for n, c in contenders.contenders().items() if c.group == "peer"])
    def test_peers_fire_at_the_calibrated_rate(self, name):
        contender = contenders.contenders()[name]
        if contender.version is None:
            pytest.skip(f"{contender.package} is not installed")
        work = contenders.TINY["A"]
        assert all(0.10 < rate < 0.20 for rate in contender.prepared(work, *work.data()).rates)


class FlatSurrogate(Peer):
    """A LIF with this project's spikes and another surrogate gradient."""

    def _set(self, threshold):
        pass

    def forward(self, x):
        membrane, spikes = torch.zeros_like(x[0]), []
        for current in x:
            u = self.beta * membrane + current
            spike = (u >= self.threshold).to(u.dtype) + 0.1 * (u - u.detach())
            membrane = u * (1 - spike)
            spikes.append(spike)
        return torch.stack(spikes), None


class TestReading:
    def test_ratios_are_formed_within_a_repeat(self):
        load = [1.0, 7.0, 3.0]
        document = step_document(floor=[2 * a for a in load], lif=[3 * a for a in load])
        assert vars(speed.ratio(document, "cpu", "A", "fused Vanilla-LIF", "floor")) == {"median": 1.5, "low": 1.5, "high": 1.5}

    def test_median_and_quartiles(self):
        document = step_document(floor=[1.0] * 5, lif=[1.0, 2.0, 3.0, 4.0, 5.0])
        table = speed.table_step(document).set_index("step")
        assert table.loc["compiled loop, Vanilla-LIF", "A"] == "3.00 [2.00,\N{NO-BREAK SPACE}4.00]"
        assert table.loc["compiled loop, Vanilla-LIF", "same spikes"] == "yes"

    def test_a_missing_library_is_named(self):
        table = speed.table_step(step_document(floor=[1.0], lif=[1.0])).set_index("step")
        assert table.loc["norse LIFBox", "A"] == "not installed"

    @pytest.mark.parametrize(("factor", "reached"), [(0.75, "yes"), (0.76, "no")])
    def test_goals_bound_the_step_from_above(self, factor, reached):
        goals = speed.table_goals(step_document(floor=[1.0] * 3, lif=[factor] * 3))
        assert goals.set_index("goal").loc["A: LIF / floor", "reached"] == reached

    @pytest.mark.parametrize(("factor", "reached"), [(1.5, "yes"), (1.4, "no")])
    def test_goals_bound_the_speed_up_from_below(self, factor, reached):
        goals = speed.table_goals(step_document(floor=[1.0] * 3, lif=[1.0] * 3, peer=[factor] * 3))
        row = goals.set_index("goal").loc["A: fastest other library / compiled LIF"]
        assert (row["reached"], row["by"]) == (reached, "norse LIFBox")

    def test_speed_up_is_against_the_same_neuron(self):
        table = speed.table_speedup(step_document(floor=[1.0] * 3, lif=[2.0] * 3, plain=[5.0] * 3)).set_index("step")
        assert table.loc["plain loop, Vanilla-LIF"].iloc[0].startswith("2.50 ")

    def test_the_figure_has_a_row_for_every_neuron_and_library(self):
        figure = speed.figure_step(step_document(floor=[1.0] * 3, lif=[1.2] * 3, plain=[3.0] * 3, peer=[4.0] * 3))
        assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["Vanilla-LIF", "norse LIFBox"]

    def test_data_holds_every_timing(self):
        data = speed.data_step(step_document(floor=[1.0, 2.0], lif=[3.0, 4.0]))
        assert data.query("contender == 'fused Vanilla-LIF'")["multiple_of_floor"].tolist() == [3.0, 2.0]


class TestEpoch:
    def test_makes_a_valid_document(self, in_process, tmp_path):
        path = tmp_path / "benchmark-epoch.json"
        epoch.main(["--tiny", "--repeats", str(REPEATS), "--out", str(path)])
        document = results.read_document(path)
        for repeats in document.values["cells"].values():
            assert len(repeats) == REPEATS
            assert all(set(parts) == set(speed.PARTS) and min(parts.values()) >= 0 for parts in repeats)
        assert set(document.values["growth"]) == set(epoch.AXES)
        assert len(speed.table_epoch(document)) == len(epoch.CELLS)
        assert isinstance(speed.data_epoch(document), pd.DataFrame)
        assert len(epoch.table_growth(document)) == sum(map(len, epoch.TINY_SIZES.values()))


class TestRunner:
    def test_a_fresh_process_answers(self):
        assert runner.fresh("builtins:dict", 2, answer=42) == {"threads": 2, "answer": 42}

    def test_too_few_repeats_are_bad_use(self, capsys):
        with pytest.raises(SystemExit) as stop:
            step.main(["--repeats", "1"])
        assert stop.value.code == 2
        assert "expected at least 3" in capsys.readouterr().err

    def test_locking_keeps_the_measured_document(self, results_folder):
        path = runner.place("benchmark-step", None)
        results.write_document(path, step_document(floor=[1.0], lif=[1.0]))
        kept = runner.lock(path)
        assert kept == results_folder / "embedded" / "benchmark-step.json"
        assert results.read_document(kept).source == "embedded"
        assert locks.verify(results_folder) == []

    @pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is present")
    def test_without_a_card_the_gpu_benchmark_says_so(self):
        with pytest.raises(SystemExit, match="no CUDA device is present"):
            gpu.main([])

    def test_what_a_card_took_is_shown_though_no_processor_time_was_taken(self):
        document = step_document(floor=[1.0], lif=[2.0])
        document.values["runs"] = [run | {"clock": "wall"} for run in document.values["runs"][:1]]
        (table,) = gpu._report(document)
        assert any("2.00" in str(cell) for cell in table.to_numpy().ravel())


def test_every_idea_is_measured(in_process):
    found = ideas.measure(threads=1, repeats=1, tiny=True)
    assert {"A: Beam-IF, data steered", "A: dense products", "A: floor"} <= set(found)


def test_the_ear_models_benchmark_writes_a_document_that_can_be_read(monkeypatch, tmp_path, capsys):
    """The measurement itself needs lauscher; what is made of it doesn't."""
    words = {"zwei by speaker 2": {"spikes": {"fast": [3], "lauscher": [3]}, "correlation": {"channels": [1.0]}}}
    found = {"recording_seconds": 0.8, "ratio": {"cpu": 700.0, "wall": 650.0}, "words": words}
    monkeypatch.setattr(runner, "fresh", lambda target, threads, **options: found)
    path = tmp_path / "benchmark-cochlea.json"
    cochlea.main(["--tiny", "--out", str(path)])
    document = results.read_document(path)
    assert document.values["ratio"] == found["ratio"]
    assert document.values["provenance"]["command"].startswith("python benchmarks/cochlea.py")
    assert "700 times lauscher by CPU time" in capsys.readouterr().out


class TestCompetingReadouts:
    def test_makes_a_valid_document_and_names_the_yardstick(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(ncg, "YARDSTICK", {name: ncg.YARDSTICK[name] for name in ("S2-M1", "R-M5")})
        ncg.main(["--tiny", "--repeats", "3", "--out", str(tmp_path / "benchmark-ncg.json")])
        values = results.read_document(tmp_path / "benchmark-ncg.json").values
        for timing_of_events in ncg.TIMINGS:
            assert all(0.5 < found["accuracy"] <= 1 for found in values[timing_of_events].values())
        assert "reference S2-M1" in (said := capsys.readouterr().out) and "(yardstick 0.8983)" in said


class TestScaling:
    def test_makes_a_valid_document_of_measured_recorded_and_simulated_seconds(self, locked, tmp_path, capsys, monkeypatch):
        def run(requests, workers):
            places = grid(requests[0][1])
            return [batch.Outcome("ablation", *place, "done", 8.0, notebook=f"{place}.ipynb") for place in places]

        monkeypatch.setattr(batch, "run", run)
        scaling.main(["--tiny", "--repeats", "3", "--out", str(tmp_path / "benchmark-scaling.json")])
        values = results.read_document(tmp_path / "benchmark-scaling.json").values
        assert [one["workers"] for one in values["measured"]] == [1, 2] * 3
        assert {one["cell_seconds"] for one in values["measured"]} == {16.0}
        assert {cell["section"] for cell in values["cells"] if cell["recorded"]} == {"ablation"}
        assert [row["workers"] for row in values["simulated"]] == list(scaling.WORKERS)
        assert "efficiency" in capsys.readouterr().out
