"""Folders of runs: k-fold and grid search are the same on any number of workers, resume, and report what fails."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mstask.errors import MstaskError
from mstask.studies.ncg import config, drivers, spikes, training
from mstask.studies.ncg.__main__ import main
from mstask.studies.ncg.readout import Readout
from mstask.studies.ncg.spikes import from_dense

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


KILLED_AT_CHECKPOINT_5 = """
import os, signal, sys
from mstask.studies.ncg import __main__, training

def save(*arguments, real=training.Training.save, seen=[]):
    real(*arguments)
    seen.append(1)
    if len(seen) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

training.Training.save, training.CHECKPOINT_SECONDS = save, 0.0
sys.exit(__main__.main(sys.argv[1:]))
"""


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
    def test_without_other_examples_the_training_score_is_told_and_nothing_ranked(self, tmp_path, grid, capsys):
        alone = write(tmp_path / "alone", 0, ["trainset"])
        (tmp_path / "c.json").write_text(json.dumps(PLAIN))
        assert main(["run", str(alone), str(tmp_path / "out"), str(tmp_path / "c.json")]) == 0
        told = capsys.readouterr()
        assert "training accuracy 0." in told.out or "training accuracy 1." in told.out
        assert "chance" not in told.err
        with pytest.raises(MstaskError, match=r"neither valset\.npz nor testset\.npz, expected one to rank the runs by"):
            drivers.grid_search(alone, tmp_path / "grid", grid)

    def test_a_trace_leaves_no_epoch_out_that_an_interrupted_run_without_one_had_done(self, data, tmp_path, monkeypatch):
        evaluate = training.Training.evaluate

        def interrupted(self):
            evaluate(self)
            if self.trace is None and len(self.history.train_accuracy) == 2:
                raise KeyboardInterrupt

        monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
        monkeypatch.setattr(training.Training, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            drivers.run(data, tmp_path / "out", config.parse(PLAIN))
        assert (tmp_path / "out" / "checkpoint.npz").exists()
        result = drivers.run(data, tmp_path / "out", config.parse(PLAIN), trace=True)
        assert len(list((tmp_path / "out" / "trace").glob("epoch-*.npz"))) == result.epochs == 3
        assert not list((tmp_path / "out").glob("checkpoint*"))

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

    def test_a_trace_records_every_sample_of_every_epoch(self, data, tmp_path):
        values = PLAIN | {"regularizer": {"thr_lr": 0.1, "thr_anneal": 0.5}}
        plain = drivers.run(data, tmp_path / "plain", config.parse(values))
        traced = drivers.run(data, tmp_path / "out", config.parse(values), trace=True)
        assert replace(traced, name="plain") == plain
        history = json.loads((tmp_path / "out" / "result.json").read_text())["history"]
        labels = drivers.read_folder(data)["trainset"].labels
        for epoch, updates in enumerate(history["updates"]):
            with np.load(tmp_path / "out" / "trace" / f"epoch-{epoch + 1}.npz", allow_pickle=False) as file:
                trace = {name: file[name] for name in file.files}
            own = np.arange(6) // 2 == labels[:, None]
            pushed = trace["changed"] != 0
            assert np.stack([(pushed & own).sum(0), (pushed & ~own).sum(0)], axis=1).tolist() == updates
            assert np.mean(trace["decided"] // 2 == labels) == history["train_accuracy"][epoch]
            right = [(labels[trace["decided"] == j] == j // 2).mean() for j in np.unique(trace["decided"])]
            np.testing.assert_array_equal(trace["precision"][np.unique(trace["decided"])], right)
            last = {label: trace["thresholds"][labels == label][-1] for label in range(3)}
            np.testing.assert_array_equal(trace["adaptive"].reshape(3, 2), [last[label] for label in range(3)])
            assert trace["thresholds"].min() >= 1.0 and trace["weights"].shape == (9, 6)

    def test_an_update_has_its_direction(self):
        sample = from_dense([[0.1, 0.3, 1.0], [0.1, 0.2, 0.9]], [0, 1])
        rule = {"method": "rstdp", "ap": 0.1, "am": -0.1, "annealing": 1.0}
        readout = Readout.create(config.parse(PLAIN | {"optimizer": rule}), 3, 3, seed=0)
        readout.weights[:], readout.base[:] = 0.0, 0.5
        readout.weights[0, 2] = 1.0
        trace = readout.train_epoch(sample, traced=True).trace
        assert trace.decided.tolist() == [2, 2]
        assert trace.changed.tolist() == [[0, 0, -1, 0, 0, 0], [0, 0, 1, 0, 0, 0]]

    def test_a_readout_at_chance_is_told_where_to_look(self, data, tmp_path, capsys):
        (tmp_path / "c.json").write_text(json.dumps(PLAIN))
        arguments = ["run", str(data), str(tmp_path / "out"), str(tmp_path / "c.json")]
        assert main([*arguments, "--set", "network.firing_threshold=50", "--set", "optimizer.ap=0"]) == 0
        assert "is close to chance (0.33). The firing threshold 50 is" in capsys.readouterr().err
        assert main(arguments) == 0
        assert capsys.readouterr().err == ""

    def test_the_advice_knows_the_weights_that_are_drawn(self, data, tmp_path, capsys):
        layer = PLAIN["network"][0] | {"w_init_normal": False, "w_init_mean": 0.0, "firing_threshold": 50}
        (tmp_path / "c.json").write_text(json.dumps(PLAIN | {"network": [layer]}))
        arguments = ["run", str(data), str(tmp_path / "out"), str(tmp_path / "c.json"), "--set", "optimizer.ap=0"]
        for lowest, advised in ((0.0, True), (-1.0, False)):
            assert main([*arguments, "--set", f"network.w_min={lowest}"]) == 0
            assert ("is close to chance" in capsys.readouterr().err) == advised

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

    def test_two_workers_give_what_one_gives(self, folds, tmp_path, capsys):
        one = drivers.k_fold(folds, tmp_path / "one", config.parse(PLAIN))
        two = drivers.k_fold(folds, tmp_path / "two", config.parse(PLAIN), workers=2)
        assert one == two
        for k in range(3):
            assert (tmp_path / "one" / f"{k}" / "result.json").read_bytes() == (
                tmp_path / "two" / f"{k}" / "result.json"
            ).read_bytes()
        assert [result.seed for result in one] == [0, 1, 2]
        (tmp_path / "c.json").write_text(json.dumps(PLAIN))
        assert main(["kfold", str(folds), str(tmp_path / "one"), str(tmp_path / "c.json")]) == 0
        scores = [result.test_accuracy for result in one]
        told = f"test accuracy {np.mean(scores):.4f} ± {np.std(scores):.4f} over 3 folds, 3.0 epochs"
        assert capsys.readouterr().out.splitlines()[-1] == told

    def test_two_divisions_of_data_are_never_mixed(self, data, folds):
        lists = tuple(drivers.read_folder(data).values())
        with pytest.raises(MstaskError, match=r"holds another division of data \(2\); choose an empty folder"):
            drivers.write_folder(lists, folds, folds=2)
        with pytest.raises(MstaskError, match=r"another division of data \(trainset.npz\)"):
            drivers.write_folder(lists, data, folds=2)
        with pytest.raises(MstaskError, match=r"another division of data \(0\)"):
            drivers.write_folder(lists, folds)
        drivers.write_folder(lists, folds, folds=3)

    def test_a_fold_that_cannot_be_run_is_named(self, folds, tmp_path):
        (folds / "1" / "trainset.npz").write_bytes(b"")
        with pytest.raises(MstaskError, match=r"1 of 3 folds failed, the first is fold 1: .*no intact"):
            drivers.k_fold(folds, tmp_path / "out", config.parse(PLAIN))

    def test_every_fold_needs_a_test_set(self, folds, tmp_path):
        (folds / "2" / "testset.npz").unlink()
        with pytest.raises(MstaskError, match=r"fold 2 .* no testset"):
            drivers.k_fold(folds, tmp_path / "out", config.parse(PLAIN))
        with pytest.raises(MstaskError, match="no folder 0"):
            drivers.k_fold(tmp_path / "none", tmp_path, config.parse(PLAIN))


class TestGridSearch:
    def test_ranked_by_validation_accuracy(self, data, tmp_path, grid):
        results = drivers.grid_search(data, tmp_path / "out", grid)
        scores = [result.validation_accuracy for result in results]
        assert len(results) == 4 and scores == sorted(scores, reverse=True)
        assert results[0].spread is not None and drivers.table(results).startswith(f"run {results[0].name}: accuracy")

    def test_every_row_names_the_fields_in_which_the_runs_differ(self, data, tmp_path, grid):
        grid["trainer"]["epochs"] = 1
        lines = drivers.table(drivers.grid_search(data, tmp_path / "out", grid)).splitlines()
        ends = {line.partition(" ")[2].partition(":")[0]: line.rpartition("; ")[2] for line in lines}
        assert ends == {
            str(i): f"network.firing_threshold={threshold}, optimizer.ap={ap}"
            for i, (threshold, ap) in enumerate([(0.6, 0.05), (0.6, 0.1), (1.0, 0.05), (1.0, 0.1)])
        }

    def test_a_killed_search_finishes_with_the_same_table_and_repeats_nothing(self, data, tmp_path, grid, capsys, monkeypatch):
        whole = drivers.grid_search(data, tmp_path / "whole", grid)
        (tmp_path / "g.json").write_text(json.dumps(grid))
        arguments = ["grid", str(data), str(tmp_path / "out"), str(tmp_path / "g.json")]
        done = subprocess.run([sys.executable, "-c", KILLED_AT_CHECKPOINT_5, *arguments], capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        first = tmp_path / "out" / "0" / "result.json"
        assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["checkpoint.npz", "result.json"]
        before = os.stat(first).st_mtime_ns

        learnt, real = [], Readout.train_epoch
        monkeypatch.setattr(Readout, "train_epoch", lambda *a, **k: learnt.append(1) or real(*a, **k))
        assert main(arguments) == 0
        assert capsys.readouterr().out.strip() == drivers.table(whole)
        assert os.stat(first).st_mtime_ns == before and len(learnt) == 4 * 3 - 5

    def test_a_result_of_other_data_or_settings_is_not_reused(self, data, tmp_path, grid):
        drivers.grid_search(data, tmp_path / "out", grid)
        grid["trainer"]["epochs"] = 2
        results = drivers.grid_search(data, tmp_path / "out", grid)
        assert {result.epochs for result in results} == {2}

    def test_a_failing_run_is_reported_and_the_others_go_on(self, data, tmp_path, grid, capsys):
        grid["optimizer"]["ap"] = ["much", 0.1]
        grid["network"][0]["n_neurons"] = [6, 7]
        (tmp_path / "g.json").write_text(json.dumps(grid))
        assert main(["grid", str(data), str(tmp_path / "out"), str(tmp_path / "g.json")]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert sum("accuracy" in line for line in lines) == 2 and sum("failed" in line for line in lines) == 6
        assert any("optimizer.ap" in line for line in lines) and any("7 neurons can't be shared" in line for line in lines)

    def test_an_unexpected_error_is_reported_too(self, data, tmp_path, grid, monkeypatch):
        monkeypatch.setattr(drivers, "run", lambda *arguments, **options: 1 / 0)
        results = drivers.grid_search(data, tmp_path / "out", grid)
        assert {result.error for result in results} == {"ZeroDivisionError: division by zero"}
