"""Claims about the training loop: what it selects, when it stops, and that it resumes bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from making import same

from mstask import data, results
from mstask.cell import run_cell
from mstask.data import Split, Splits
from mstask.errors import MstaskError
from mstask.networks import SmallCNN, VerticalNet
from mstask.paths import ROOT
from mstask.section import Place, resolve
from mstask.stats import macro_f1
from mstask.training import Recipe, predict, train


@pytest.fixture
def toy():
    """Sixty trials of two classes that differ in where the input is strong."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 2
    x = torch.randn(60, 8, 6, generator=g) + y[:, None, None] * torch.tensor([1.0, 1, 1, -1, -1, -1])
    parts = [Split(x[a:b], y[a:b]) for a, b in ((0, 30), (30, 45), (45, 60))]
    return Splits(*parts, 2, {"fingerprint": "toy"})


def net(seed=0):
    torch.manual_seed(seed)
    return VerticalNet(6, 2, ["Parametric-LIF", "Doppler-LIF"], 5)


SHORT = Recipe(batch_size=8, max_epochs=6, patience=20, learning_rate=5e-3)


def test_selection_smooths_and_reports_the_best_epoch(toy):
    model = net()
    outcome = train(model, toy, replace(SHORT, max_epochs=12, smoothing=3), seed=1)
    f1, smoothed = outcome.history.validation_macro_f1, outcome.history.smoothed
    assert smoothed == pytest.approx([sum(f1[max(0, i - 2) : i + 1]) / min(i + 1, 3) for i in range(12)])
    best, score = 0, float("-inf")
    for i, value in enumerate(smoothed):
        if value > score + 1e-4:
            best, score = i + 1, value
    assert outcome.best_epoch == best
    predictions, rates = predict(model, toy.test.x)
    assert (predictions.tolist(), rates) == (outcome.predictions, outcome.firing_rates)
    assert (outcome.macro_f1, outcome.per_class_f1) == macro_f1(outcome.predictions, toy.test.y.tolist(), 2)


def test_patience_counts_epochs_since_the_best(toy):
    outcome = train(net(), toy, replace(SHORT, learning_rate=1e-9, patience=4, max_epochs=50), seed=1)
    assert (outcome.stopped, outcome.best_epoch, outcome.epochs) == ("patience", 1, 5)


def test_the_same_seed_gives_the_same_outcome_and_another_does_not(toy):
    first, again, other = (train(net(), toy, SHORT, seed=s) for s in (1, 1, 2))
    assert same(first) == same(again)
    assert first.history.train_loss != other.history.train_loss


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_a_run_stopped_after_any_epoch_resumes_to_the_same_outcome(toy, tmp_path, stop):
    whole = train(net(), toy, SHORT, seed=1)
    checkpoint = tmp_path / "cell.pt"
    train(net(), toy, replace(SHORT, max_epochs=stop), 1, checkpoint)
    torch.rand(7)
    assert same(train(net(), toy, SHORT, 1, checkpoint)) == same(whole)


@pytest.mark.parametrize("kind", ["truncated", "foreign", "pickle", "other seed"])
def test_a_corrupt_or_foreign_checkpoint_is_set_aside_and_named(toy, tmp_path, caplog, kind):
    checkpoint = tmp_path / "cell.pt"
    train(net(), toy, replace(SHORT, max_epochs=2), 2 if kind == "other seed" else 1, checkpoint)
    if kind == "truncated":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    elif kind == "foreign":
        torch.save({"weights": torch.ones(3)}, checkpoint)
    elif kind == "pickle":
        torch.save(os.system, checkpoint)
    assert same(train(net(), toy, SHORT, 1, checkpoint)) == same(train(net(), toy, SHORT, 1))
    assert "cell.pt" in caplog.text and "set aside" in caplog.text
    assert (tmp_path / "cell.pt.set-aside").exists()


def test_a_full_disk_names_the_checkpoint_and_leaves_nothing(toy, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MstaskError, match=r"cell\.pt could not be written: No space left on device"):
        train(net(), toy, SHORT, 1, tmp_path / "cell.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_diverging_run_stops_with_a_sentence(toy):
    toy.train.x[0, 0, 0] = float("nan")
    with pytest.raises(MstaskError, match="training diverged"):
        train(SmallCNN(2, (2,)), toy, replace(SHORT, batch_size=30), 1)


CELL = """
import sys, time
from mstask import data
from mstask.cell import run_cell
from mstask.section import Place, resolve
settings = resolve("ablation", profile="smoke", max_epochs=6)
slow = (lambda history: time.sleep(float(sys.argv[1])))
run_cell("ablation", Place("D0_doppler", None, 42), settings, data.load("radar", size="small"), slow)
"""


def cell_files(folder):
    return sorted(path for path in folder.rglob("D0_doppler-42*") if path.suffix in (".json", ".pt"))


def test_a_cell_killed_in_training_ends_with_the_same_document(tmp_path, monkeypatch):
    """kill -9 between two epochs; the second start, in another process, continues from the checkpoint."""
    splits = data.load("radar", size="small")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen([sys.executable, "-c", CELL, "60"], cwd=ROOT, env=os.environ | {"MSTASK_RESULTS": str(killed)})
    deadline = time.monotonic() + 120
    while not cell_files(killed) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.suffix for path in cell_files(killed)] == [".pt"]
    documents, epochs = [], []
    for folder in (killed, whole):
        monkeypatch.setenv("MSTASK_RESULTS", str(folder))
        seen = []
        settings = resolve("ablation", profile="smoke", max_epochs=6)
        run_cell("ablation", Place("D0_doppler", None, 42), settings, splits, seen.append)
        (path,) = cell_files(folder)
        documents.append(json.dumps(results.comparable(results.read_cell(path)), sort_keys=True))
        epochs.append(len(seen))
    assert documents[0] == documents[1] and epochs[0] < epochs[1]
