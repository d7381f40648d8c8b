"""Training a readout: epochs, early stopping, checkpoints; the accuracy reported is that of the last epoch."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from mstask.studies.ncg import spikes as spike_files
from mstask.studies.ncg.config import Config
from mstask.studies.ncg.readout import Readout
from mstask.studies.ncg.spikes import SpikeError, SpikeList

log = logging.getLogger(__name__)
FIRST_STOP_EPOCH = 3
"""Epochs that a run gets before `gridsearch_stop_acc` may end it."""
CHECKPOINT_SECONDS = 5.0


@dataclass
class History:
    """Per epoch: accuracies while learning, on validation and on test data; wins [N] and updates [N, 2] of each neuron."""

    train_accuracy: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    wins: list[list[int]] = field(default_factory=list)
    updates: list[list[list[int]]] = field(default_factory=list)


@dataclass(frozen=True)
class Fit:
    """A trained readout; `stopped` is "epochs", "early_stopping" or "gridsearch_stop_acc"; seconds by part."""

    readout: Readout
    history: History
    stopped: str
    seconds: dict[str, float]


def fit(
    config: Config,
    train: SpikeList,
    validation: SpikeList | None = None,
    test: SpikeList | None = None,
    seed: int = 0,
    n_classes: int | None = None,
    checkpoint: Path | None = None,
    on_epoch: Callable[[History], None] | None = None,
    trace: Path | None = None,
) -> Fit:
    """Train a readout on spike lists whose labels are 0..C-1.

    Parameters
    ----------
    validation : decides on early stopping; without it training ends after `epochs`. Weights are never rolled back.
    test : measured after every epoch, and never looked at.
    n_classes : by default one more than the largest label of the training set.
    checkpoint : file from which a run of the same configuration, data and seed continues, ending with the same numbers as an
        uninterrupted one.
    trace : folder for one file per epoch, epoch-1.npz and so on: the arrays of `readout.Trace`, each neuron's `precision` [N],
        and `weights` [D, N] and `adaptive` thresholds [N] after it.

    Raises
    ------
    MstaskError : a training sample without spikes; a configuration that doesn't fit the data.
    """
    spike_files.require_spikes(train, "the training set")
    n_classes = n_classes or int(train.labels.max()) + 1
    readout, history = Readout.create(config, train.n_inputs, n_classes, seed, train.max_time), History()
    key = _key(config, seed, train, validation, test) if checkpoint else ""
    if saved := _load(checkpoint, key):
        readout, history = saved
    seconds = {"train": 0.0, "evaluation": 0.0}
    last_saved = time.monotonic()
    while (stopped := reason_to_stop(config, history)) is None:
        clock = time.perf_counter()
        record = readout.train_epoch(train, traced=trace is not None)
        seconds["train"] += time.perf_counter() - clock
        clock = time.perf_counter()
        if record.trace:
            kept = asdict(record.trace) | {"precision": record.trace.precision(train.labels)}
            kept |= {"weights": readout.weights, "adaptive": readout.adaptive}
            spike_files.write_npz(trace / f"epoch-{readout.epochs}.npz", kept)
        history.train_accuracy.append(record.accuracy)
        history.wins.append(record.wins.tolist())
        history.updates.append(record.updates.tolist())
        for accuracies, part in ((history.validation_accuracy, validation), (history.test_accuracy, test)):
            if part is not None:
                accuracies.append(readout.accuracy(part))
        seconds["evaluation"] += time.perf_counter() - clock
        if checkpoint and time.monotonic() - last_saved >= CHECKPOINT_SECONDS:
            _save(checkpoint, key, readout, history)
            last_saved = time.monotonic()
        if on_epoch:
            on_epoch(history)
    return Fit(readout, history, stopped, seconds)


def reason_to_stop(config: Config, history: History) -> str | None:
    """Why training ends after the epochs so far, or None: patience used up, accuracy hopeless, or all epochs done."""
    trainer, done = config.trainer, len(history.train_accuracy)
    validation = history.validation_accuracy
    if trainer.early_stopping and validation and epochs_waited(validation) >= trainer.early_stopping:
        return "early_stopping"
    if done > FIRST_STOP_EPOCH and trainer.gridsearch_stop_acc:
        latest = [accuracies[-1] for accuracies in (history.train_accuracy, validation) if accuracies]
        if min(latest) < trainer.gridsearch_stop_acc:
            return "gridsearch_stop_acc"
    return "epochs" if done >= trainer.epochs else None


def epochs_waited(accuracies: list[float]) -> int:
    """Epochs since the first one that reached the best accuracy so far (only a strict improvement counts)."""
    return len(accuracies) - 1 - int(np.argmax(accuracies))


def most_frequent_winner(wins: list[int] | np.ndarray, n_classes: int) -> list[float]:
    """For each class, the share of its own samples that its most frequent winner won; 1 / M means even use."""
    groups = np.asarray(wins, float).reshape(n_classes, -1)
    return (groups.max(axis=1) / np.maximum(groups.sum(axis=1), 1)).tolist()


def _key(config: Config, seed: int, *parts: SpikeList | None) -> str:
    about = [config.model_dump(), seed, [part.fingerprint if part is not None else None for part in parts]]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _save(path: Path, key: str, readout: Readout, history: History) -> None:
    kept = {"history": np.array(json.dumps(asdict(history))), "key": np.array(key)}
    spike_files.write_npz(path, readout.state() | kept)


def _load(path: Path | None, key: str) -> tuple[Readout, History] | None:
    """The readout and history of a checkpoint of the same run; a damaged or foreign one is ignored, with a warning."""
    if path is None or not path.exists():
        return None
    try:
        arrays = spike_files.read_npz(path, ("key", "history"))
        if str(arrays["key"]) != key:
            raise SpikeError(f"{path} belongs to another configuration, data set or seed")
        return Readout.load(path), History(**json.loads(str(arrays["history"])))
    except (SpikeError, ValueError, TypeError) as error:
        log.warning("%s: starting anew", error)
        return None
