"""Tables, plots and plain data of the speed benchmarks, as pure functions of their result documents.

A benchmark's document holds seconds per step for each of several interleaved repeats. Everything shown is a ratio of two
contenders, formed within each repeat; its median and quartiles over the repeats are computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import NullFormatter

from mstask.results.documents import Document
from mstask.results.voices import NOTHING
from mstask.show.canvas import drawing, explain
from mstask.show.scores import NBSP
from mstask.show.sheet import Look

FLOOR, FUSED_LIF, REFERENCE_LIF = "floor", "fused Vanilla-LIF", "reference Vanilla-LIF"
CLOCKS = {"cpu": "CPU time", "wall": "wall time"}
GROUPS = {
    "floor": Look("floor: matrix products only", "#5d6d7e", "", ":"),
    "fused": Look("compiled loop", "#00796b", "o"),
    "reference": Look("plain loop", "#c75b12", "s"),
    "peer": Look("other library", "#6a3d9a", "D"),
}
PARTS = ("data", "forward", "backward", "optimiser", "evaluation", "checkpoint")


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of a ratio over the repeats."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
        return cls(median, low, high)

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f},{NBSP}{self.high:.2f}]"


@dataclass(frozen=True)
class Goal:
    """An aim of the fused loop: a bound on a ratio for CPU time on one thread, and one for wall time on two.

    `over` and `under` are contenders. `over` may be a group instead: of it the slowest counts where the bound is "at most", and
    else the fastest.
    """

    title: str
    workload: str
    bounds: Mapping[str, float]
    over: str
    under: str
    at_most: bool


GOALS = (
    Goal("LIF / floor", "A", {"cpu": 0.75, "wall": 0.75}, FUSED_LIF, FLOOR, True),
    Goal("any neuron / floor", "A", {"cpu": 1.10, "wall": 1.10}, "fused", FLOOR, True),
    Goal("LIF / floor", "B", {"cpu": 0.90, "wall": 0.90}, FUSED_LIF, FLOOR, True),
    Goal("plain loop / compiled, LIF", "A", {"cpu": 2.2, "wall": 3.5}, REFERENCE_LIF, FUSED_LIF, False),
    Goal("fastest other library / compiled LIF", "A", {"cpu": 1.5, "wall": 1.5}, "peer", FUSED_LIF, False),
    Goal("fastest other library / compiled LIF", "B", {"cpu": 1.2, "wall": 1.2}, "peer", FUSED_LIF, False),
)
"""Bounds on CPU time hold on any machine, those on wall time on one that does nothing else."""


def ratio(document: Document, clock: str, workload: str, over: str, under: str) -> Spread | None:
    """The ratio of two contenders' seconds within each repeat; None where either was not timed."""
    seconds = _run(document, clock).get("seconds", {}).get(workload, {})
    if over not in seconds or under not in seconds:
        return None
    return Spread.of([a / b for a, b in zip(seconds[over], seconds[under], strict=True)])


def table_step(document: Document) -> pd.DataFrame:
    """CPU time of every contender as a multiple of the floor's: median [quartiles]; and whether it computes the same."""
    compiles = any(by for run in document.values["runs"] for by in run.get("compiled", {}).values())
    rows = []
    for name, about in _contenders(document).items():
        row = {"step": _label(name, about)} | _multiples(document, "cpu", name, about)
        compiled = [f"{by[name]:.0f}" for by in document.values["runs"][0].get("compiled", {}).values() if name in by]
        row |= {"compiled in, s (A, B)": ", ".join(compiled) or NOTHING} if compiles else {}
        error = f"{about['agreement']['gradient_error']:.1g}" if about["agreement"] else NOTHING
        rows.append(row | {"same spikes": _same_spikes(about), "gradient error": error})
    return pd.DataFrame(rows)


def table_wall(document: Document) -> pd.DataFrame:
    """Wall time of every contender, on as many threads as that run has, as a multiple of the floor's: median [quartiles]."""
    rows = [{"step": _label(n, about)} | _multiples(document, "wall", n, about) for n, about in _contenders(document).items()]
    return pd.DataFrame(rows)


def table_speedup(document: Document) -> pd.DataFrame:
    """How many times the fused loop's CPU time the plain loop takes, per neuron, and other libraries against fused LIF."""
    rows = []
    for name, about in _contenders(document).items():
        if about["group"] not in ("reference", "peer"):
            continue
        against = f"fused {about['neuron']}"
        spreads = {workload: ratio(document, "cpu", workload, name, against) for workload in _workloads(document, "cpu")}
        rows.append({"step": _label(name, about)} | {title: str(s) if s else NOTHING for title, s in spreads.items()})
    return pd.DataFrame(rows)


def table_goals(document: Document) -> pd.DataFrame:
    """Each aim, its bound, what was measured, and whether that reaches it."""
    rows = []
    for goal in GOALS:
        for clock, bound in goal.bounds.items():
            found = _measured(document, goal, clock)
            if found is None:
                continue
            name, spread = found
            met = spread.median <= bound if goal.at_most else spread.median >= bound
            asked = f"{'at most' if goal.at_most else 'at least'} {bound:.2f}"
            said = f"{goal.workload}: {goal.title}", _clock_title(document, clock), asked
            rows.append((*said, str(spread), name, "yes" if met else "no"))
    return pd.DataFrame(rows, columns=["goal", "clock", "bound", "measured", "by", "reached"])


def data_step(document: Document) -> pd.DataFrame:
    """Every timing: seconds per step, and as a multiple of the floor's in the same repeat."""
    rows = [
        (workload, run["clock"], run["threads"], name, repeat, value, value / seconds[FLOOR][repeat])
        for run in document.values["runs"]
        for workload, seconds in run["seconds"].items()
        for name, values in seconds.items()
        for repeat, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["workload", "clock", "threads", "contender", "repeat", "seconds", "multiple_of_floor"])


def figure_step(document: Document) -> Any:
    """Every step as a multiple of the floor, one panel per workload: median and quartiles; the dotted line is the floor."""
    about = _contenders(document)
    rows = list(dict.fromkeys(a["neuron"] if a["group"] != "peer" else n for n, a in about.items() if a["group"] != "floor"))
    workloads = [name for name in _run(document, "cpu")["seconds"] if name in document.values["workloads"]]
    with drawing(1.1 + 0.27 * len(rows)) as figure:
        panels = figure.subplots(1, len(workloads), sharey=True, squeeze=False)[0]
        for axes, workload in zip(panels, workloads, strict=True):
            for name, a in about.items():
                spread = ratio(document, "cpu", workload, name, FLOOR)
                if spread and a["group"] != "floor":
                    _draw(axes, spread, rows.index(a["neuron"] if a["group"] != "peer" else name), a["group"])
            axes.axvline(1, color=GROUPS["floor"].colour, linestyle=":", linewidth=1)
            axes.set_title(f"{workload}: {document.values['workloads'][workload]['title']}")
            axes.set(xscale="log", ylim=(len(rows) - 0.5, -0.5))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xticks([0.5, 1, 2, 5, 10])
            axes.tick_params(axis="y", length=0)
        panels[0].set_yticks(range(len(rows)), rows)
        figure.supxlabel(f"a training step's {_clock_title(document, 'cpu')},\nas a multiple of the floor")
        handles = [look.handle for group, look in GROUPS.items() if group in {a["group"] for a in about.values()}]
        explain(figure, handles, "upper")
    return figure


def table_epoch(document: Document) -> pd.DataFrame:
    """A training epoch's parts in milliseconds of CPU time (medians), their sum, and its ratio to the fused loop's."""
    cells = document.values["cells"]
    rows = []
    for name, repeats in cells.items():
        medians = {part: f"{1000 * np.median([r[part] for r in repeats]):.1f}" for part in PARTS}
        totals = [sum(r.values()) for r in repeats]
        fused = [sum(r.values()) for r in cells[name.replace("reference ", "fused ")]]
        spread = Spread.of([a / b for a, b in zip(totals, fused, strict=True)])
        total = f"{1000 * np.median(totals):.0f}"
        rows.append({"cell": name} | medians | {"epoch": total, "× compiled": str(spread) if "reference" in name else NOTHING})
    return pd.DataFrame(rows)


def data_epoch(document: Document) -> pd.DataFrame:
    """Every timing of an epoch's part, in seconds of CPU time."""
    rows = [
        (name, repeat, part, seconds)
        for name, repeats in document.values["cells"].items()
        for repeat, parts in enumerate(repeats)
        for part, seconds in parts.items()
    ]
    return pd.DataFrame(rows, columns=["cell", "repeat", "part", "seconds"])


def _contenders(document: Document) -> dict[str, dict[str, Any]]:
    """What is known of each contender: by group, and within it the fastest first."""
    groups = list(GROUPS)

    def place(item: tuple[str, dict[str, Any]]) -> tuple[int, float]:
        name, about = item
        clock = document.values["runs"][0]["clock"]
        spread = ratio(document, clock, _workloads(document, clock)[0], name, FLOOR)
        return groups.index(about["group"]), spread.median if spread else float("inf")

    return dict(sorted(document.values["contenders"].items(), key=place))


def _run(document: Document, clock: str) -> dict[str, Any]:
    return next((run for run in document.values["runs"] if run["clock"] == clock), {})


def _clock_title(document: Document, clock: str) -> str:
    threads = _run(document, clock).get("threads")
    return f"{CLOCKS[clock]}, {threads} thread{'s' if threads != 1 else ''}"


def _workloads(document: Document, clock: str) -> list[str]:
    """What was timed by a clock: whole steps, and forward passes alone."""
    return list(_run(document, clock).get("seconds", {}))


def _multiples(document: Document, clock: str, name: str, about: Mapping[str, Any]) -> dict[str, str]:
    absent = NOTHING if about["installed"] else "not installed"
    spreads = {workload: ratio(document, clock, workload, name, FLOOR) for workload in _workloads(document, clock)}
    return {workload: str(spread) if spread else absent for workload, spread in spreads.items()}


def _measured(document: Document, goal: Goal, clock: str) -> tuple[str, Spread] | None:
    """The contender that decides about a goal (the slowest, or the fastest other library), and its ratio."""
    over = [name for name, about in document.values["contenders"].items() if goal.over in (name, about["group"])]
    spreads = {name: ratio(document, clock, goal.workload, name, goal.under) for name in over}
    known = {name: spread for name, spread in spreads.items() if spread}
    if not known:
        return None
    name = (max if goal.at_most else min)(known, key=lambda n: known[n].median)
    return name, known[name]


def _label(name: str, about: Mapping[str, Any]) -> str:
    if about["group"] == "peer":
        return f"{name}{NBSP}{about['version']}" if about["version"] else name
    return GROUPS["floor"].label if name == FLOOR else f"{GROUPS[about['group']].label}, {about['neuron']}"


def _same_spikes(about: Mapping[str, Any]) -> str:
    if about["agreement"] is None:
        return "reference" if about["group"] == "reference" else NOTHING
    share = about["agreement"]["differing_spikes"]
    return "yes" if share == 0 else f"{share:.1%} differ"


def _draw(axes: Any, spread: Spread, row: int, group: str) -> None:
    look = GROUPS[group]
    axes.plot([spread.low, spread.high], [row, row], color=look.colour, linewidth=1.6, alpha=0.7)
    axes.plot(spread.median, row, color=look.colour, marker=look.marker, markersize=5)
