"""Training a readout: epochs, early stopping, checkpoints; the accuracy reported is that of the last epoch."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from mstask.loop import Loop
from mstask.studies.ncg import spikes as spike_files
from mstask.studies.ncg.config import Config
from mstask.studies.ncg.readout import Readout
from mstask.studies.ncg.spikes import SpikeError, SpikeList

log = logging.getLogger(__name__)
FIRST_STOP_EPOCH = 3
"""Epochs after which `gridsearch_stop_acc` can't end a run yet; from the next one on it may."""
CHECKPOINT_SECONDS = 5.0
Parts = tuple[SpikeList, SpikeList | None, SpikeList | None]
"""For training, validation and test."""


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
    training = Training(config, (train, validation, test), seed, n_classes or int(train.labels.max()) + 1, trace)
    stopped = training.run(checkpoint, on_epoch)
    return Fit(training.readout, training.history, stopped, training.seconds)


class Training(Loop):
    """Supervised STDP on the first of three parts, validated and tested after every epoch; see `fit`."""

    def __init__(self, config: Config, parts: Parts, seed: int, n_classes: int, trace: Path | None) -> None:
        self.config, self.parts, self.seed, self.trace = config, parts, seed, trace
        train = parts[0]
        self.readout, self.history = Readout.create(config, train.n_inputs, n_classes, seed, train.max_time), History()
        self.saved = time.monotonic()

    @cached_property
    def key(self) -> str:
        """What must agree before a checkpoint may be continued."""
        prints = [part.fingerprint if part is not None else None for part in self.parts]
        about = [self.config.model_dump(), self.seed, prints]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    def stopped(self) -> str | None:
        return reason_to_stop(self.config, self.history)

    def learn(self) -> None:
        record = self.readout.train_epoch(self.parts[0], traced=self.trace is not None)
        self.history.train_accuracy.append(record.accuracy)
        self.history.wins.append(record.wins.tolist())
        self.history.updates.append(record.updates.tolist())
        if self.trace is not None and record.trace is not None:
            kept = asdict(record.trace) | {"precision": record.trace.precision(self.parts[0].labels)}
            kept |= {"weights": self.readout.weights, "adaptive": self.readout.adaptive}
            spike_files.write_npz(self.trace / f"epoch-{self.readout.epochs}.npz", kept)

    def evaluate(self) -> None:
        accuracies = (self.history.validation_accuracy, self.history.test_accuracy)
        for own, part in zip(accuracies, self.parts[1:], strict=True):
            if part is not None:
                own.append(self.readout.accuracy(part))

    def save(self, checkpoint: Path) -> None:
        """Write the readout and its history, unless that was done a moment ago: an epoch can take milliseconds."""
        if time.monotonic() - self.saved < CHECKPOINT_SECONDS:
            return
        kept = {"history": np.array(json.dumps(asdict(self.history))), "key": np.array(self.key)}
        spike_files.write_npz(checkpoint, self.readout.state() | kept)
        self.saved = time.monotonic()

    def resume(self, checkpoint: Path) -> None:
        """Take up a checkpoint of the same training; a damaged or foreign one is ignored, with a warning."""
        if not checkpoint.exists():
            return
        try:
            arrays = spike_files.read_npz(checkpoint, ("key", "history"))
            if str(arrays["key"]) != self.key:
                raise SpikeError(f"{checkpoint} belongs to another configuration, data set or seed")
            self.readout, self.history = Readout.load(checkpoint), History(**json.loads(str(arrays["history"])))
        except (SpikeError, ValueError, TypeError) as error:
            log.warning("%s: starting anew", error)


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
