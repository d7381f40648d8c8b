"""One training step of every neuron on an NVIDIA card, as wall time: the plain loop, and the fused one where it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

import torch

from benchmarks import runner
from benchmarks.contenders import SEED, TINY, WORKLOADS, contenders, training_step
from benchmarks.timing import interleaved
from mstask.errors import MstaskError
from mstask.studies.speed import exhibits as speed

SECTION = "benchmark-gpu"


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print it; without a card, say so."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    runner.main(__doc__, SECTION, "One training step on a GPU", _measured, _report, arguments, device)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    if not torch.cuda.is_available():
        raise SystemExit("benchmarks/gpu.py measures on an NVIDIA card, and no CUDA device is present on this machine.")
    workloads = TINY if options.tiny else WORKLOADS
    about, seconds = {}, {}
    for key, work in workloads.items():
        x, y = (tensor.cuda() for tensor in work.data())
        steps = {}
        for name, contender in contenders().items():
            if contender.group == "peer":
                continue
            net, given = contender.network(work, x)
            try:
                net(given)
            except MstaskError as reason:
                print(f"{name}: {reason}", file=sys.stderr)
            else:
                steps[name] = synchronised(training_step(net, given, y))
            about[name] = {"group": contender.group, "neuron": contender.neuron, "installed": True}
            about[name] |= {"version": None, "agreement": None}
        seconds[key] = interleaved(steps, "wall", options.repeats, timed=3)
    return {
        "contenders": about,
        "workloads": {key: asdict(work) for key, work in workloads.items()},
        "runs": [{"clock": "wall", "threads": torch.get_num_threads(), "seconds": seconds}],
        "seed": SEED,
    }


def _report(document: Any) -> Iterator[Any]:
    yield speed.table_wall(document)


def synchronised(step):
    """The step, waiting for the card."""

    def wait() -> None:
        step()
        torch.cuda.synchronize()

    return wait


if __name__ == "__main__":
    main()
