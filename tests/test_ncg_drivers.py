"""Folders of runs: k-fold and grid search are the same on any number of workers, resume, and report what fails."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from mstask.errors import MstaskError
from mstask.neighbours.ncg import config, drivers, from_dense, spikes
from mstask.neighbours.ncg.__main__ import main

PLAIN = {
    "network": [
        {
            "n_neurons": 6,
            "firing_threshold": 1.0,
            "w_init_normal": True,
            "w_init_mean": 0.3,
            "w_init_std": 0.05,
            "w_norm": True,
            "w_min": 0.0,
            "w_max": 1.0,
        }
    ],
    "optimizer": {"method": "s2stdp", "t_gap": 0.1, "ap": 0.1, "am": -0.05, "class_inhib": True, "annealing": 0.98},
    "trainer": {"epochs": 3, "early_stopping": 0},
}


def write(folder, seed, parts=drivers.PARTS):
    """A data folder with three classes, labelled 2, 5 and 9."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for part in parts:
        kind = np.arange(30) % 3
        times = np.where(np.arange(9) // 3 == kind[:, None], rng.uniform(0, 0.4, (30, 9)), rng.uniform(0.3, 1.3, (30, 9)))
        spikes.save(folder / f"{part}.npz", from_dense(times, np.array([2, 5, 9])[kind]))
    return folder


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "data", 0)


@pytest.fixture
def grid():
    values = copy.deepcopy(PLAIN)
    values["network"][0]["firing_threshold"] = [0.6, 1.0]
    values["optimizer"]["ap"] = [0.05, 0.1]
    return values


class TestRun:
    def test_results_are_written_whole(self, data, tmp_path):
        result = drivers.run(data, tmp_path / "out", config.parse(PLAIN))
        kept = json.loads((tmp_path / "out" / "result.json").read_text())
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["readout.npz", "result.json"]
        assert kept["result"]["test_accuracy"] == result.test_accuracy == kept["history"]["test_accuracy"][-1]
        assert len(kept["history"]["wins"]) == 3 and result.stopped == "epochs"

    def test_changed_files_are_read_anew(self, data, tmp_path):
        before = drivers.read_folder(data)["trainset"].fingerprint
        spikes.save(data / "trainset.npz", from_dense(np.full((4, 9), 0.5), [2, 5, 9, 9]))
        assert drivers.read_folder(data)["trainset"].fingerprint != before

    def test_what_does_not_fit_the_training_set_is_named(self, data):
        spikes.save(data / "valset.npz", from_dense(np.full((1, 9), 0.5), [3]))
        with pytest.raises(MstaskError, match=r"valset\.npz has the label 3"):
            drivers.read_folder(data)
        spikes.save(data / "valset.npz", from_dense(np.full((1, 8), 0.5), [2]))
        with pytest.raises(MstaskError, match="8 inputs"):
            drivers.read_folder(data)
        (data / "trainset.npz").unlink()
        with pytest.raises(MstaskError, match=r"trainset\.npz does not exist"):
            drivers.read_folder(data)

    def test_from_the_command_line(self, data, tmp_path, capsys):
        (tmp_path / "c.json").write_text(json.dumps(PLAIN))
        assert main(["run", str(data), str(tmp_path / "out"), str(tmp_path / "c.json"), "--seed", "1"]) == 0
        assert "3 epochs, epochs" in capsys.readouterr().out
        assert main(["run", str(data / "none"), str(tmp_path / "out"), str(tmp_path / "c.json")]) == 1
        assert "does not exist" in capsys.readouterr().err


class TestKFold:
    @pytest.fixture
    def folds(self, tmp_path):
        for k in range(3):
            write(tmp_path / "folds" / str(k), k)
        return tmp_path / "folds"

    def test_two_workers_give_what_one_gives(self, folds, tmp_path):
        one = drivers.k_fold(folds, tmp_path / "one", config.parse(PLAIN), progress=False)
        two = drivers.k_fold(folds, tmp_path / "two", config.parse(PLAIN), workers=2, progress=False)
        assert one == two
        for k in range(3):
            assert (tmp_path / "one" / f"{k}" / "result.json").read_bytes() == (
                tmp_path / "two" / f"{k}" / "result.json"
            ).read_bytes()
        scores = [result.test_accuracy for result in one.results]
        assert one.mean == np.mean(scores) and one.sd == np.std(scores) and [r.seed for r in one.results] == [0, 1, 2]

    def test_a_fold_that_cannot_be_run_is_named(self, folds, tmp_path):
        (folds / "1" / "trainset.npz").write_bytes(b"")
        with pytest.raises(MstaskError, match=r"1 of 3 folds failed, the first is fold 1: .*not an intact"):
            drivers.k_fold(folds, tmp_path / "out", config.parse(PLAIN), progress=False)

    def test_every_fold_needs_a_test_set(self, folds, tmp_path):
        (folds / "2" / "testset.npz").unlink()
        with pytest.raises(MstaskError, match=r"fold 2 .* no testset"):
            drivers.k_fold(folds, tmp_path / "out", config.parse(PLAIN), progress=False)
        with pytest.raises(MstaskError, match="no folder 0"):
            drivers.k_fold(tmp_path / "none", tmp_path, config.parse(PLAIN))


class TestGridSearch:
    def test_ranked_by_validation_accuracy(self, data, tmp_path, grid):
        results = drivers.grid_search(data, tmp_path / "out", grid, progress=False)
        scores = [result.validation_accuracy for result in results]
        assert len(results) == 4 and scores == sorted(scores, reverse=True)
        assert results[0].spread is not None and drivers.table(results).startswith(f"run {results[0].name}: accuracy")

    def test_a_killed_search_finishes_with_the_same_table_and_repeats_nothing(self, data, tmp_path, grid, monkeypatch):
        whole = drivers.grid_search(data, tmp_path / "whole", grid, progress=False)
        real_run, ran = drivers.run, []

        def counted(data, out, *arguments, **options):
            if len(ran) == 2:
                raise KeyboardInterrupt
            ran.append(out)
            return real_run(data, out, *arguments, **options)

        monkeypatch.setattr(drivers, "run", counted)
        with pytest.raises(KeyboardInterrupt):
            drivers.grid_search(data, tmp_path / "out", grid, progress=False)
        before = {i: (tmp_path / "out" / str(i) / "result.json").stat().st_mtime_ns for i in range(2)}
        monkeypatch.setattr(drivers, "run", real_run)
        resumed = drivers.grid_search(data, tmp_path / "out", grid, progress=False)
        assert drivers.table(resumed) == drivers.table(whole)
        assert [result.name for result in resumed if result.reused] == [r.name for r in resumed if r.name in ("0", "1")]
        assert {i: (tmp_path / "out" / str(i) / "result.json").stat().st_mtime_ns for i in before} == before

    def test_a_result_of_other_data_or_settings_is_not_reused(self, data, tmp_path, grid):
        drivers.grid_search(data, tmp_path / "out", grid, progress=False)
        grid["trainer"]["epochs"] = 2
        results = drivers.grid_search(data, tmp_path / "out", grid, progress=False)
        assert not any(result.reused for result in results) and {result.epochs for result in results} == {2}

    def test_a_failing_run_is_reported_and_the_others_go_on(self, data, tmp_path, grid, capsys):
        grid["optimizer"]["ap"] = [-0.05, 0.1]
        grid["network"][0]["n_neurons"] = [6, 7]
        (tmp_path / "g.json").write_text(json.dumps(grid))
        assert main(["grid", str(data), str(tmp_path / "out"), str(tmp_path / "g.json")]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert sum("accuracy" in line for line in lines) == 2 and sum("failed" in line for line in lines) == 6
        assert any("optimizer.ap" in line for line in lines) and any("7 neurons can't be shared" in line for line in lines)

    def test_an_unexpected_error_is_reported_too(self, data, tmp_path, grid, monkeypatch):
        monkeypatch.setattr(drivers, "run", lambda *arguments, **options: 1 / 0)
        results = drivers.grid_search(data, tmp_path / "out", grid, progress=False)
        assert {result.error for result in results} == {"ZeroDivisionError: division by zero"}
