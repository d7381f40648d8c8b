"""How the batch engine scales: measured on one and two workers here, simulated on up to 256 for the paper's full grid."""

from __future__ import annotations

import argparse
import heapq
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from benchmarks import runner

SECTION = "benchmark-scaling"
WORKERS = tuple(2**power for power in range(9))
MEASURED = {"section": "ablation", "methods": ["D0_doppler", "D1_H1"], "seeds": [1, 2, 3, 4], "max_epochs": 20}


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print it."""
    runner.main(__doc__, SECTION, "Scaling of the batch engine", _measured, report, arguments)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    measured, cells = measure(options.repeats, options.tiny), recorded()
    overhead = median(run["overhead"] for run in measured if run["workers"] == 1)
    simulated = simulate([cell["seconds"] for cell in cells], overhead)
    return {"measured": measured, "cells": cells, "overhead": overhead, "simulated": simulated}


def measure(repeats: int, tiny: bool) -> list[dict[str, Any]]:
    """Run one small grid on one and on two workers in turn, each time from nothing.

    Each run says its wall time, the sum of its cells' own seconds, and per notebook execution the seconds beside them.
    """
    from mstask import data, section as sections
    from mstask.lab import batch
    from mstask.paths import results_in

    chosen = MEASURED | ({"methods": ["D0_doppler"], "seeds": [1, 2], "max_epochs": 1} if tiny else {})
    section = chosen.pop("section")
    parameters = sections.resolve(section, profile="smoke" if tiny else "quick", **chosen)
    data.load("radar", size=parameters.data_size)
    runs = []
    for workers in (1, 2) * repeats:
        with tempfile.TemporaryDirectory(prefix="mstask-scaling-") as folder, results_in(Path(folder)):
            started = time.perf_counter()
            outcomes = batch.run([(section, parameters)], workers)
            seconds = time.perf_counter() - started
        if failed := [outcome.error for outcome in outcomes if outcome.status != "done"]:
            raise SystemExit(f"a cell of the measured grid failed: {failed[0]}")
        tasks = len({outcome.notebook for outcome in outcomes})
        executions = tasks + (tasks > 1)  # a grid that several executions shared is read back once more, for its page
        own = sum(outcome.seconds for outcome in outcomes)
        overhead = max(0.0, (seconds * workers - own) / executions)
        runs.append({"workers": workers, "seconds": seconds, "cells": len(outcomes), "executions": executions})
        runs[-1] |= {"cell_seconds": own, "overhead": overhead}
    return runs


def recorded() -> list[dict[str, Any]]:
    """Every cell of the paper-profile grid with its seconds: its own in the locked document, else as estimated from others."""
    from mstask import results, section as sections
    from mstask.lab import estimates

    cells = []
    for section in sections.sections():
        parameters = sections.resolve(section, profile="paper")
        try:
            locked = results.load(section, "embedded").cells
        except results.ResultsError:
            locked = []
        known = {(c.method, c.case, c.seed): c.timing.seconds for c in locked if c.timing}
        expected = estimates.expected(section, parameters)
        for place in sections.grid(parameters):
            seconds = known.get(tuple(place))
            cell = {"section": section, "seconds": expected(place) if seconds is None else seconds}
            cells.append(cell | {"recorded": seconds is not None})
    return cells


def simulate(seconds: Sequence[float], overhead: float) -> list[dict[str, float]]:
    """For each number of workers: how long the grid takes, its efficiency against one worker, and what bounds it."""
    alone = makespan(seconds, 1, overhead)
    rows = []
    for workers in WORKERS:
        took = makespan(seconds, workers, overhead)
        row = {"workers": workers, "seconds": took, "efficiency": alone / (workers * took)}
        rows.append(row | {"longest_cell": max(seconds) + overhead})
    return rows


def makespan(seconds: Sequence[float], workers: int, overhead: float = 0.0) -> float:
    """Seconds until the last cell ends, when a free worker always takes the longest cell that is left."""
    free = [0.0] * workers
    for duration in sorted(seconds, reverse=True):
        heapq.heapreplace(free, free[0] + duration + overhead)
    return max(free)


def report(document: Any) -> list[str]:
    """Both parts as text."""
    values = document.values
    by = {w: [run["seconds"] for run in values["measured"] if run["workers"] == w] for w in (1, 2)}
    ratios = [one / (2 * two) for one, two in zip(by[1], by[2], strict=True)]
    known = sum(cell["recorded"] for cell in values["cells"])
    lines = [
        f"measured: one worker {median(by[1]):.1f} s, two {median(by[2]):.1f} s, efficiency {median(ratios):.2f}; "
        f"{values['overhead']:.1f} s per notebook execution beside its cells",
        f"simulated: the paper's grid of {len(values['cells'])} cells ({known} of them timed, the rest estimated)",
        "workers    hours  efficiency",
    ]
    rows = (f"{row['workers']:7d} {row['seconds'] / 3600:8.2f} {row['efficiency']:11.2f}" for row in values["simulated"])
    return ["\n".join([*lines, *rows])]


if __name__ == "__main__":
    main()
