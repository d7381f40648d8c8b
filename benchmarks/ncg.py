"""Competing-neuron readouts on the digits: accuracy by the yardstick's protocol, and samples per second.

    python benchmarks/ncg.py [--tiny] [--out FILE]

The yardstick is the published implementation, run unchanged on the same pictures, code, folds and settings: its accuracies and
rates were measured once, on one thread of a server CPU (NumPy 2.4, Numba 0.68), and stand below. Rates depend on the machine,
so only the order of magnitude of a ratio counts. Both count training and test samples; here per second of process CPU time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from benchmarks import runner
from mstask.data import images
from mstask.studies.ncg.config import Config
from mstask.studies.ncg.inputs import SMALL_FILTER, contrast_latency
from mstask.studies.ncg.methods import METHODS, Method, Schedule, Settings, configuration
from mstask.studies.ncg.readout import Readout
from mstask.studies.ncg.spikes import SpikeList, from_dense
from mstask.studies.ncg.training import most_frequent_winner

SECTION = "benchmark-ncg"
EPOCHS, FOLDS = 15, 5
TIMINGS = ("reference", "intended")
"""The order of events at a spike: the published code's, and the one described."""
DRIVE_PER_INPUT = 128
"""The yardstick's thresholds are shares of the initial weight times this number of inputs."""

YARDSTICK = {
    "S2-M1": {"accuracy": 0.8983, "sd": 0.0103, "samples_per_second": 9480},
    "S2-M5-CR2-L": {"accuracy": 0.9278, "sd": 0.0101, "samples_per_second": 5090, "most_frequent_winner": 0.46},
    "S2-M5": {"accuracy": 0.9106, "sd": 0.0077, "samples_per_second": 5280, "most_frequent_winner": 0.96},
    "R-M5": {"accuracy": 0.8911, "sd": 0.0089, "samples_per_second": 22700},
}
GROUPS = Settings(0.4, 0.1, -0.1, 0.03, 0.3 / 15.36, 0.5)
SETTINGS = {
    "S2-M1": Settings(0.4, 0.1, -0.05, 0.06),
    "S2-M5-CR2-L": GROUPS,
    "S2-M5": GROUPS,
    "R-M5": Settings(0.18, 0.02, -0.0004, dropout_out=0.15),
}


def folds(n: int = FOLDS) -> list[tuple[SpikeList, SpikeList]]:
    """Training and test part of each fold, coded as the yardstick's."""
    made = []
    for fold in range(n):
        splits = images.digits_fold(fold, FOLDS)
        times = contrast_latency([splits.train.x.numpy(), splits.test.x.numpy()], SMALL_FILTER)
        made.append((from_dense(times[0], splits.train.y.numpy()), from_dense(times[1], splits.test.y.numpy())))
    return made


def config(name: str, reference: bool) -> Config:
    """The yardstick's configuration of a method."""
    method: Method = METHODS[name]
    return configuration(method, SETTINGS[name], Schedule(EPOCHS, 0, reference_timing=reference), 10, DRIVE_PER_INPUT)


def measure(name: str, parts: list[tuple[SpikeList, SpikeList]], epochs: int, reference: bool) -> dict[str, Any]:
    """Test accuracy after the last epoch over the folds, balance of the competition, and samples per CPU second."""
    accuracies, shares, rates = [], [], []
    for fold, (train, test) in enumerate(parts):
        readout = Readout.create(config(name, reference), train.n_inputs, 10, fold)
        started = time.process_time()
        for _ in range(epochs):
            record, accuracy = readout.train_epoch(train), readout.accuracy(test)
        rates.append(epochs * (len(train) + len(test)) / (time.process_time() - started))
        accuracies.append(accuracy)
        shares.append(float(np.mean(most_frequent_winner(record.wins, 10))))
    return {
        "accuracies": accuracies,
        "accuracy": float(np.mean(accuracies)),
        "sd": float(np.std(accuracies)),
        "most_frequent_winner": float(np.mean(shares)),
        "samples_per_second": float(np.median(rates)),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print it."""
    runner.main(__doc__, SECTION, "Competing-neuron readouts against their yardstick", _measured, _report, arguments)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    values: dict[str, Any] = {"yardstick": YARDSTICK, "epochs": EPOCHS, "folds": FOLDS}
    parts = folds(1 if options.tiny else FOLDS)
    epochs = 2 if options.tiny else EPOCHS
    for timing in TIMINGS:
        values[timing] = {}
        for name, known in YARDSTICK.items():
            measure(name, parts[:1], 1, timing == "reference")
            found = measure(name, parts, epochs, timing == "reference")
            found["speed_ratio"] = found["samples_per_second"] / known["samples_per_second"]
            values[timing][name] = found
    return values


def _report(document: Any) -> Iterator[str]:
    for timing in TIMINGS:
        for name, known in YARDSTICK.items():
            found = document.values[timing][name]
            yield (
                f"{timing} {name}: {found['accuracy']:.4f} ± {found['sd']:.4f} (yardstick {known['accuracy']:.4f}), most "
                f"frequent winner {found['most_frequent_winner']:.2f}, {found['samples_per_second']:,.0f} samples/s "
                f"({found['speed_ratio']:.1f} times)"
            )


if __name__ == "__main__":
    main()
