"""HetSyn, the time constants: how they are spread, which of them carry the memory, and what the optimiser does to them."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from mstask.results.documents import Document
from mstask.results.voices import NOTHING
from mstask.show.canvas import BAND, GREY
from mstask.show.scores import NBSP
from mstask.studies.hetsyn.exhibits import LOOKS, canvas, plain, say_nothing
from mstask.studies.hetsyn.facts import OWN, cases_with, facts, shortening
from mstask.studies.hetsyn.names import EDGES, METHODS, STEP_MS, TITLES
from mstask.summary.comparisons import spread
from mstask.summary.details import detail, measured

SHOWN = ("match-feedforward", "pattern-feedforward", "speech-bins", "radar")
"""Cases whose time constants are drawn."""

INPUTS = "layers.0.inputs"
RESETS = {
    "intact": ("as trained", "o", "#1b1b1b"),
    "random": ("as many others reset", "s", "#0b62a4"),
    "short": ("all the others reset", "^", "#5d6d7e"),
    "long": ("the long ones reset", "X", "#a4243b"),
}
"""What is reset in a knock-out: words, marker, colour."""

ARMS = {
    "before": ("before training", "|", "#5d6d7e"),
    "without": ("no weight decay on decays", "o", "#0b62a4"),
    "with": ("weight decay on decays", "s", "#a4243b"),
}
"""The trial on weight decay: words, marker, colour."""


def figure_hetsyn_times(document: Document) -> Figure:
    """Time constants of HetSynLIF's input synapses before and after training, all seeds together, on a logarithmic scale."""
    cases = [case for case in SHOWN if measured(document, case, OWN, "time_constants", "after", INPUTS)]
    with canvas(document, 1.2 + 1.25 * max(len(cases), 1)) as figure:
        panels = figure.subplots(max(len(cases), 1), 1, squeeze=False, sharex=True)[:, 0]
        for axes, case in zip(panels, cases, strict=False):
            _draw_histograms(axes, document, case)
        if cases:
            panels[-1].set_xlabel("time constant, steps")
            figure.supylabel("share of the synapses", fontsize=9.5)
            handles = [
                Line2D([], [], color=GREY, linewidth=1.4, label="before training"),
                Line2D([], [], color=LOOKS[OWN][0], linewidth=5, alpha=0.5, label="after"),
                Line2D([], [], color="#a4243b", linestyle=":", label="counted as long from here"),
            ]
            figure.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1, handlelength=1.4, fontsize=8.5)
        else:
            say_nothing(panels[0])
    return figure


def data_hetsyn_times(document: Document) -> pd.DataFrame:
    """Histograms of every set of trained time constants before and after training; None is the border of an open bin."""
    lows, highs = (None, *EDGES), (*EDGES, None)
    rows = []
    for cell in document.cells:
        for when in ("before", "after"):
            for synapses, found in (detail(cell, "time_constants", when) or {}).items():
                place = cell.case, cell.method, cell.seed, when, synapses
                rows += [(*place, *bounds) for bounds in zip(lows, highs, found["histogram"], strict=True)]
    return pd.DataFrame(rows, columns=["case", "method", "seed", "when", "synapses", "from_steps", "to_steps", "count"])


def figure_hetsyn_knock_out(document: Document) -> Figure:
    """Accuracy of HetSynLIF with some of its time constants reset to where they started, on each task: seeds and means."""
    cases = [case for case in cases_with_knock_out(document) if measured(document, case, OWN, "knock_out")]
    with canvas(document, 1.4 + 0.5 * max(len(cases), 1)) as figure:
        axes = figure.add_subplot()
        for row, case in enumerate(cases):
            if row % 2:
                axes.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0)
            found = measured(document, case, OWN, "knock_out").values()
            for lane, (which, (_, marker, colour)) in zip(np.linspace(-0.27, 0.27, len(RESETS)), RESETS.items(), strict=True):
                values = [one[which] for one in found]
                axes.plot(values, [row + lane] * len(values), "|", color=colour, markersize=7)
                axes.plot(fmean(values), row + lane, marker=marker, color=colour, markersize=5.5)
        axes.set(xlim=(0, 1.02), ylim=(max(len(cases), 1) - 0.5, -0.5), xlabel="accuracy on the test set")
        axes.set_yticks(range(len(cases)), [TITLES[case].replace(", ", ",\n") for case in cases])
        axes.tick_params(axis="y", length=0)
        if not cases:
            say_nothing(axes)
        _explain(figure, RESETS)
    return figure


def table_hetsyn_knock_out(document: Document) -> pd.DataFrame:
    """Accuracy after each reset, and how many of the hidden layers' time constants were long, as means over seeds."""
    rows = []
    for case in cases_with_knock_out(document):
        for method in METHODS:
            found = list(measured(document, case, method, "knock_out").values())
            if found:
                long, whole = (fmean(one[key] for one in found) for key in ("n_long", "n"))
                row = {"task": TITLES[case], "network": method, "long": f"{long:,.0f} of {whole:,.0f}"}
                rows.append(row | {text: f"{fmean(one[w] for one in found):.3f}" for w, (text, *_) in RESETS.items()})
    return pd.DataFrame(rows, columns=["task", "network", "long", *(text for text, *_ in RESETS.values())])


def data_hetsyn_knock_out(document: Document) -> pd.DataFrame:
    """Every knock-out of a network on one task."""
    rows = [
        (case, method, seed, one["n_long"], one["n"], *(one[which] for which in RESETS))
        for case in cases_with_knock_out(document)
        for method in METHODS
        for seed, one in measured(document, case, method, "knock_out").items()
    ]
    return pd.DataFrame(rows, columns=["case", "method", "seed", "n_long", "n", *(f"accuracy_{which}" for which in RESETS)])


def cases_with_knock_out(document: Document) -> list[str]:
    """Tasks on which a knock-out was made."""
    return cases_with(document, "knock_out")


def table_hetsyn_slow(document: Document) -> pd.DataFrame:
    """Match-to-sample from long initial time constants: accuracy, share that ends long, what their reset does, and means."""
    step = STEP_MS["match-slow"]
    rows = []
    for tau, row in facts(document).get("slow", {}).items():
        means = (f"{row[channels] * step:,.0f}" for channels in ("cue", "noise"))
        rows.append((tau, f"{row['accuracy']:.3f}", f"{row['share']:.1%}", f"{row['reset']:.3f}", *means))
    names = ["from, ms", "accuracy", "long", "after their reset", "mean, cue channels, ms", "mean, noise channels, ms"]
    return pd.DataFrame(rows, columns=names)


def figure_hetsyn_decay(document: Document) -> Figure:
    """Median time constant of each set of synapses after training with and without weight decay on the synaptic decays."""
    trials = list(measured(document, "speech-bins", OWN, "weight_decay").values())
    starts = list(measured(document, "speech-bins", OWN, "time_constants", "before").values())
    names = list(trials[0]["arms"]["with"]["time_constants"]) if trials else []
    with canvas(document, 1.4 + 0.38 * max(len(names), 1)) as figure:
        axes = figure.add_subplot()
        for row, name in enumerate(names):
            medians = {"before": [start.get(name, {}).get("median") for start in starts]}
            medians |= {arm: [t["arms"][arm]["time_constants"][name]["median"] for t in trials] for arm in ("without", "with")}
            for arm, values in medians.items():
                _, marker, colour = ARMS[arm]
                known = [value for value in values if value is not None]
                axes.plot(known, [row] * len(known), marker, color=colour, markersize=10 if arm == "before" else 6, alpha=0.8)
        axes.set_yticks(range(len(names)), [synapses(name) for name in names])
        axes.set(ylim=(max(len(names), 1) - 0.5, -0.5), xlim=(0, None), xlabel="median time constant, steps")
        if not names:
            say_nothing(axes)
        _explain(figure, ARMS)
    return figure


def data_hetsyn_decay(document: Document) -> pd.DataFrame:
    """Every set of synapses of both arms of the trial: median and mean of its time constants, in steps; accuracy."""
    rows = [
        (seed, arm, name, found["median"], found["mean_finite"], one["accuracy"])
        for seed, trial in measured(document, "speech-bins", OWN, "weight_decay").items()
        for arm, one in trial["arms"].items()
        for name, found in one["time_constants"].items()
    ]
    return pd.DataFrame(rows, columns=["seed", "weight_decay", "synapses", "median", "mean_finite", "accuracy"])


def table_hetsyn_decay(document: Document) -> pd.DataFrame:
    """What weight decay alone makes of a time constant over the paper's training, by arithmetic; and the trial beside it."""
    trials = list(measured(document, "speech-bins", OWN, "weight_decay").values())
    if not trials:
        return pd.DataFrame(columns=["what", "value"])
    first = trials[0]
    rows = [
        (f"a time constant of {tau:g} steps, by weight decay alone", f"{after:.1f} steps")
        for tau, after in sorted(zip(first["tau"], first["tau_after"], strict=True))
    ]
    rows += [("factor on every decay, the paper's training", f"{first['factor']:.3f}")]
    rows += [("the same, the trial's", f"{first['factor_here']:.3f}")]
    ratios = [ratio for trial in trials if (ratio := shortening(trial)) is not None]
    rows += [("time constants without over with weight decay, in the trial", plain(spread(ratios)) if ratios else NOTHING)]
    for arm in ("without", "with"):
        accuracies = [trial["arms"][arm]["accuracy"] for trial in trials]
        rows.append((f"accuracy, {ARMS[arm][0]}", plain(spread(accuracies))))
    return pd.DataFrame(rows, columns=["what", "value"])


def synapses(name: str) -> str:
    """Return a set of synapses as a reader knows it."""
    if name == "readout":
        return name
    _, layer, kind = name.split(".")
    return f"layer{NBSP}{int(layer) + 1}, {kind}"


def _draw_histograms(axes: Axes, document: Document, case: str) -> None:
    from mstask.studies.hetsyn.settings import SETTINGS

    shares = {when: _shares(document, case, when) for when in ("before", "after")}
    borders = np.array([EDGES[0] / 2**0.5, *EDGES, EDGES[-1] * 2**0.5])
    axes.stairs(shares["after"], borders, color=LOOKS[OWN][0], fill=True, alpha=0.5)
    axes.stairs(shares["before"], borders, color=GREY, linewidth=1.4)
    axes.axvline(SETTINGS[case].limit, color="#a4243b", linestyle=":", linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 1.5)
    ticks = [1, 10, 100, 1000]
    axes.set_xticks(ticks, [f"{tick}" for tick in ticks])
    axes.set_yticks([1e-4, 1e-2, 1])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}" if value >= 0.01 else f"{value:.2%}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    unit = f" (a step is {STEP_MS[case]:g} ms)" if case in STEP_MS else ""
    axes.set_title(TITLES[case] + unit, fontsize=8.5, loc="left", pad=3)


def _shares(document: Document, case: str, when: str) -> np.ndarray:
    """Share of the input synapses in each bin, all seeds together."""
    counts = np.sum([f["histogram"] for f in measured(document, case, OWN, "time_constants", when, INPUTS).values()], axis=0)
    return counts / counts.sum()


def _explain(figure: Figure, looks: Mapping[str, tuple[str, str, str]]) -> None:
    style: dict[str, Any] = {"linestyle": "", "markersize": 6}
    handles = [Line2D([], [], color=colour, marker=marker, label=text, **style) for text, marker, colour in looks.values()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, handletextpad=0.3, fontsize=8.5)
