"""Every contender's training step and forward pass, interleaved: CPU time on one thread, wall time on two; a result document.

A step is forward, cross-entropy, backward and Adam in float32, thresholds calibrated to the protocol's firing rate. Ratios are
formed within a repeat when the document is read (`mstask.studies.speed.exhibits`), so the document holds seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from benchmarks import runner

SECTION = "benchmark-step"
RUNS = {"cpu": 1, "wall": 2}
"""Clocks and the threads they are read with."""

TIMED, SETTLING = 3, 1


def measure(threads: int, clock: str, repeats: int, tiny: bool) -> dict[str, Any]:
    """Time every contender on every workload; called in a process of its own."""
    import torch

    from benchmarks.contenders import TINY, WORKLOADS, contenders
    from benchmarks.timing import interleaved

    torch.set_num_threads(threads)
    found: dict[str, Any] = {
        "clock": clock,
        "threads": threads,
        "load": runner.load(),
        "seconds": {},
        "firing_rates": {},
        "compiled": {},
    }
    present = {name: c for name, c in contenders().items() if c.package is None or c.version}
    for key, work in (TINY if tiny else WORKLOADS).items():
        x, y = work.data()
        ready = {name: contender.prepared(work, x, y) for name, contender in present.items()}
        parts = {
            key: {name: one.step for name, one in ready.items()},
            f"{key}, forward": {n: r.forward for n, r in ready.items()},
        }
        turns = {(part, name): call for part, calls in parts.items() for name, call in calls.items()}
        seconds = interleaved(turns, clock, repeats, TIMED, SETTLING)
        found["seconds"] |= {part: {name: seconds[part, name] for name in calls} for part, calls in parts.items()}
        found["firing_rates"][key] = {name: one.rates for name, one in ready.items() if one.rates}
        found["compiled"][key] = {name: one.compiled for name, one in ready.items() if one.compiled}
        print(f"{clock}, {threads} threads, workload {key}: done", file=sys.stderr)
    return found


def describe(threads: int, tiny: bool) -> dict[str, Any]:
    """What the contenders are, and whether their spikes and gradients are those of the reference."""
    from dataclasses import asdict

    from benchmarks.contenders import SEED, TINY, WORKLOADS, agreement, contenders

    about = {}
    for name, contender in contenders().items():
        version = contender.version
        installed = contender.package is None or version is not None
        about[name] = {
            "group": contender.group,
            "neuron": contender.neuron,
            "installed": installed,
            "version": version,
            "agreement": agreement(contender) if installed else None,
        }
    workloads = {key: asdict(work) for key, work in (TINY if tiny else WORKLOADS).items()}
    return {"contenders": about, "workloads": workloads, "seed": SEED}


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print it."""
    title = "One training step against its floor and other libraries"
    runner.main(__doc__, SECTION, title, _measured, _report, arguments)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    values = runner.fresh("benchmarks.step:describe", 1, tiny=options.tiny)
    if absent := [name for name, about in values["contenders"].items() if not about["installed"]]:
        print(f"Not installed, so left out: {', '.join(absent)}. benchmarks/README.md says how to add them.", file=sys.stderr)
    runs = [
        runner.fresh("benchmarks.step:measure", threads, clock=clock, repeats=options.repeats, tiny=options.tiny)
        for clock, threads in RUNS.items()
    ]
    return values | {"runs": runs, "timed_steps": TIMED, "settling_steps": SETTLING}


def _report(document: Any) -> Iterator[Any]:
    from mstask.studies.speed import exhibits as speed

    yield from (table(document) for table in (speed.table_step, speed.table_wall, speed.table_speedup, speed.table_goals))
    yield ", ".join(f"{name} {version}" for name, version in document.values["provenance"]["versions"].items())


if __name__ == "__main__":
    main()
