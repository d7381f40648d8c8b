"""Where a training epoch's time goes, fused and by the plain loop, and how a step's cost grows with the network's size.

The epoch is the real one, `mstask.training.train` on the embedded radar data; hooks read the clock between its parts. All
times are CPU time on one thread.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from benchmarks import runner

SECTION = "benchmark-epoch"
CELLS = tuple(f"{group} {neuron}" for neuron in ("Vanilla-LIF", "Doppler-LIF") for group in ("fused", "reference"))
GROWING = ("floor", "fused Vanilla-LIF", "fused Doppler-LIF", "reference Vanilla-LIF")
SIZES = {"steps": (16, 32, 64, 128), "width": (32, 64, 128, 256), "batch": (16, 32, 64, 128, 256), "layers": (1, 2, 4, 8)}
AXES = {"steps": "time steps", "width": "neurons per layer", "batch": "batch", "layers": "layers"}
TINY_SIZES = {"steps": (4, 8), "width": (4, 8), "batch": (2, 4), "layers": (1, 2)}


class Stopwatch:
    """Adds the CPU time since the last mark to a named part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self.epochs: list[dict[str, float]] = []
        self._since = time.process_time()

    def mark(self, part: str) -> None:
        now = time.process_time()
        self.parts[part] = self.parts.get(part, 0.0) + now - self._since
        self._since = now

    def epoch(self) -> None:
        self.epochs.append(self.parts)
        self.parts = {}
        self._since = time.process_time()


@contextmanager
def watched(model: Any) -> Iterator[Stopwatch]:
    """Attach a stopwatch to a model's training: hooks at forward and optimiser, a wrapper around the checkpoint."""
    from unittest.mock import patch

    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    from mstask import training

    watch = Stopwatch()
    save = training.save_checkpoint

    def timed_save(*arguments: Any) -> None:
        watch.mark("evaluation")
        save(*arguments)
        watch.mark("checkpoint")

    hooks = [
        model.register_forward_pre_hook(lambda *_: watch.mark("data")),
        model.register_forward_hook(lambda *_: watch.mark("forward")),
        register_optimizer_step_pre_hook(lambda *_: watch.mark("backward")),
        register_optimizer_step_post_hook(lambda *_: watch.mark("optimiser")),
    ]
    try:
        with patch.object(training, "save_checkpoint", timed_save):
            yield watch
    finally:
        for hook in hooks:
            hook.remove()


def measure_epochs(threads: int, repeats: int, tiny: bool) -> dict[str, list[dict[str, float]]]:
    """Train each cell for two epochs per repeat, cells interleaved; the parts of the second epoch in seconds."""
    import torch

    from mstask import data
    from mstask.calibration import calibrate_thresholds
    from mstask.networks import VerticalNet
    from mstask.protocol import PROTOCOL
    from mstask.training import Recipe, train

    torch.set_num_threads(threads)
    splits = data.load("radar", size="small" if tiny else "paper")
    width = 8 if tiny else PROTOCOL.width
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CELLS}
    for repeat in range(repeats):
        for name in CELLS:
            backend, neuron = name.split()
            torch.manual_seed(PROTOCOL.seeds[0])
            model = VerticalNet(splits.train.x.shape[-1], splits.n_classes, [neuron] * PROTOCOL.n_layers, width)
            calibrate_thresholds(model, splits.train.x[: PROTOCOL.calibration_examples], PROTOCOL.target_rate)
            for layer in model.layers():
                layer.neuron.backend = backend
            with tempfile.TemporaryDirectory() as folder, watched(model) as watch:
                checkpoint = Path(folder) / "checkpoint.pt"
                train(model, splits, Recipe(max_epochs=2), PROTOCOL.seeds[0], checkpoint, lambda _, w=watch: w.epoch())
            found[name].append(watch.epochs[1])
        print(f"epochs: repeat {repeat + 1} of {repeats}", file=sys.stderr)
    return found


def measure_growth(threads: int, repeats: int, tiny: bool) -> dict[str, list[dict[str, Any]]]:
    """A step's seconds at several values of each size, all others those of workload A."""
    import torch

    from benchmarks.contenders import TINY, WORKLOADS, contenders, training_step
    from benchmarks.timing import interleaved

    torch.set_num_threads(threads)
    base = (TINY if tiny else WORKLOADS)["A"]
    known = contenders()
    growth: dict[str, list[dict[str, Any]]] = {}
    for axis, values in (TINY_SIZES if tiny else SIZES).items():
        steps = {}
        for value in values:
            work = replace(base, **{axis: value})
            x, y = work.data()
            for name in GROWING:
                net, given = known[name].network(work, x)
                steps[f"{value} {name}"] = training_step(net, given, y)
        seconds = interleaved(steps, "cpu", repeats, timed=2)
        growth[axis] = [{"value": v, "seconds": {name: seconds[f"{v} {name}"] for name in GROWING}} for v in values]
        print(f"growth with {axis}: done", file=sys.stderr)
    return growth


def table_growth(document: Any) -> Any:
    """A step's CPU time at several sizes as a multiple of the same contender's at the smallest, median [quartiles]."""
    import pandas as pd

    from mstask.studies.speed.exhibits import Spread

    rows = []
    for axis, points in document.values["growth"].items():
        first = points[0]["seconds"]
        for point in points:
            row = {"size": AXES[axis], "value": str(point["value"])}
            for name, seconds in point["seconds"].items():
                row[name] = str(Spread.of([a / b for a, b in zip(seconds, first[name], strict=True)]))
            rows.append(row)
    return pd.DataFrame(rows)


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print it."""
    runner.main(__doc__, SECTION, "Where the time of a training epoch goes", _measured, _report, arguments)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    given = {"repeats": options.repeats, "tiny": options.tiny}
    return {
        "cells": runner.fresh("benchmarks.epoch:measure_epochs", 1, **given),
        "growth": runner.fresh("benchmarks.epoch:measure_growth", 1, **given),
    }


def _report(document: Any) -> Iterator[Any]:
    from mstask.studies.speed import exhibits as speed

    yield from (speed.table_epoch(document), table_growth(document))


if __name__ == "__main__":
    main()
