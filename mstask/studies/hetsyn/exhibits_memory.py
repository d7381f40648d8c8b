"""HetSyn, the time constants: how they are spread, which of them carry the memory, and what the optimiser does to them."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mstask.results.documents import Document
from mstask.show.canvas import GREY, SMALL, draw_chance
from mstask.show.marks import About
from mstask.show.scores import NBSP
from mstask.show.sheet import Look, draw_rows, legend, panels, plain, sheet
from mstask.studies.hetsyn.exhibits import LOOKS
from mstask.studies.hetsyn.facts import OWN, cases_with, shortening, slow
from mstask.studies.hetsyn.names import EDGES, METHODS, STEP_MS, TITLES
from mstask.summary.details import detail, measured

SHOWN = ("match-feedforward", "pattern-feedforward", "speech-bins", "radar")
"""Cases whose time constants are drawn."""

INPUTS = "layers.0.inputs"
RESETS = {
    "intact": Look("as trained", "#1b1b1b", "o"),
    "random": Look("as many others reset", "#0b62a4", "s"),
    "short": Look("all the others reset", "#5d6d7e", "^"),
    "long": Look("the long ones reset", "#a4243b", "X"),
}
"""What is reset in a knock-out."""

ARMS = {
    "before": Look("before training", "#5d6d7e", "D"),
    "without": Look("no weight decay on decays", "#0b62a4", "o"),
    "with": Look("weight decay on decays", "#a4243b", "s"),
}
"""The trial on weight decay."""


def figure_hetsyn_times(document: Document) -> Figure:
    """Time constants of HetSynLIF's input synapses before and after training, all seeds together, on a logarithmic scale."""
    cases = [case for case in SHOWN if measured(document, case, OWN, "time_constants", "after", INPUTS)]
    with panels(document, len(cases), 1.2, 1.25) as (figure, grid):
        for axes, case in zip(grid, cases, strict=False):
            _draw_histograms(axes, document, case)
        grid[-1].set_xlabel("time constant, steps")
        figure.supylabel("share of the synapses")
        after = Look("after", LOOKS[OWN].colour, "", "-")
        legend(
            figure,
            [Look("before training", GREY, "", "-"), after, Look("counted as long from here", "#a4243b", "", ":")],
        )
    return figure


def data_hetsyn_times(document: Document) -> pd.DataFrame:
    """Histograms of every set of trained time constants before and after training; None is the border of an open bin."""
    rows = [
        (cell.case, cell.method, cell.seed, when, synapses, *bin_)
        for cell in document.cells
        for when in ("before", "after")
        for synapses, found in (detail(cell, "time_constants", when) or {}).items()
        for bin_ in zip((None, *EDGES), (*EDGES, None), found["histogram"], strict=True)
    ]
    return pd.DataFrame(rows, columns=["case", "method", "seed", "when", "synapses", "from_steps", "to_steps", "count"])


def figure_hetsyn_knock_out(document: Document) -> Figure:
    """Accuracy of HetSynLIF with some of its time constants reset to where they started, on each task: seeds and means."""
    data = data_hetsyn_knock_out(document)
    by_case = data[data["method"] == OWN].groupby("case", sort=False)
    rows = {TITLES[case]: {which: found[f"accuracy_{which}"] for which in RESETS} for case, found in by_case}
    with sheet(document, 1.4 + 0.5 * max(len(rows), 1)) as figure:
        keys = {TITLES[case]: f"facts.knock_out.{case}.{OWN}" for case, _ in by_case}
        axes = draw_rows(
            figure.add_subplot(), rows, RESETS, lambda row, key: About(RESETS[key].label, document, f"{keys[row]}.{key}")
        )
        axes.set(xlim=(0, 1.02), xlabel="accuracy on the test set")
        for row, (case, _) in enumerate(by_case):
            draw_chance(axes, (document.cases or {}).get(str(case)), (row - 0.42, row + 0.42))
        legend(figure, RESETS.values())
    return figure


def table_hetsyn_knock_out(document: Document) -> pd.DataFrame:
    """Accuracy after each reset, and how many of the hidden layers' time constants were long, as means over seeds."""
    rows = []
    for (case, method), found in data_hetsyn_knock_out(document).groupby(["case", "method"], sort=False):
        long = f"{fmean(found['n_long']):,.0f} of {fmean(found['n']):,.0f}"
        rows.append((TITLES[case], method, long, *(f"{fmean(found[f'accuracy_{which}']):.3f}" for which in RESETS)))
    return pd.DataFrame(rows, columns=["task", "network", "long", *(look.label for look in RESETS.values())])


def data_hetsyn_knock_out(document: Document) -> pd.DataFrame:
    """Every knock-out of a network on one task."""
    rows = [
        (case, method, seed, one["n_long"], one["n"], *(one[which] for which in RESETS))
        for case in cases_with(document, "knock_out")
        for method in METHODS
        for seed, one in measured(document, case, method, "knock_out").items()
    ]
    return pd.DataFrame(rows, columns=["case", "method", "seed", "n_long", "n", *(f"accuracy_{which}" for which in RESETS)])


def table_hetsyn_slow(document: Document) -> pd.DataFrame:
    """Match-to-sample from long initial time constants: accuracy, share that ends long, what their reset does, and means."""
    step = STEP_MS["match-slow"]
    rows = []
    for tau, row in slow(document).items():
        means = (f"{row[channels] * step:,.0f}" for channels in ("cue", "noise"))
        rows.append((f"{tau:g}", f"{row['accuracy']:.3f}", f"{row['share']:.1%}", f"{row['reset']:.3f}", *means))
    names = ["from, ms", "accuracy", "long", "after their reset", "mean, cue channels, ms", "mean, noise channels, ms"]
    return pd.DataFrame(rows, columns=names)


def figure_hetsyn_decay(document: Document) -> Figure:
    """Median time constant of each set of synapses after training with and without weight decay on the synaptic decays."""
    trials = measured(document, "speech-bins", OWN, "weight_decay").values()
    arms = {arm: [trial["arms"][arm]["time_constants"] for trial in trials] for arm in ("without", "with")}
    arms["before"] = list(measured(document, "speech-bins", OWN, "time_constants", "before").values())

    def medians(arm: str, name: str) -> list[float]:
        return [median for found in arms[arm] if (median := found.get(name, {}).get("median")) is not None]

    rows = {_words(name): {arm: medians(arm, name) for arm in ARMS} for name in (arms["with"] or [{}])[0]}
    with sheet(document, 1.4 + 0.38 * max(len(rows), 1)) as figure:
        axes = draw_rows(figure.add_subplot(), rows, ARMS, lambda _, arm: About(ARMS[arm].label, document))
        axes.set(xlim=(0, None), xlabel="median time constant, steps")
        legend(figure, ARMS.values())
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
    rows = []
    if trials:
        first, ratios = trials[0], [ratio for trial in trials if (ratio := shortening(trial)) is not None]
        for tau, after in sorted(zip(first["tau"], first["tau_after"], strict=True)):
            rows.append((f"a time constant of {tau:g} steps, by weight decay alone", f"{after:.1f} steps"))
        rows.append(("factor on every decay, the paper's training", f"{first['factor']:.3f}"))
        rows.append(("the same, the trial's", f"{first['factor_here']:.3f}"))
        rows.append(("time constants without over with weight decay, in the trial", plain(ratios)))
        for arm in ("without", "with"):
            rows.append((f"accuracy, {ARMS[arm].label}", plain(trial["arms"][arm]["accuracy"] for trial in trials)))
    return pd.DataFrame(rows, columns=["what", "value"])


def _words(synapses: str) -> str:
    """Return a set of synapses as a reader knows it."""
    if synapses == "readout":
        return synapses
    _, layer, kind = synapses.split(".")
    return f"layer{NBSP}{int(layer) + 1}, {kind}"


def _draw_histograms(axes: Axes, document: Document, case: str) -> None:
    from mstask.studies.hetsyn.settings import SETTINGS

    shares = {when: _shares(document, case, when) for when in ("before", "after")}
    borders = np.array([EDGES[0] / 2**0.5, *EDGES, EDGES[-1] * 2**0.5])
    axes.stairs(shares["after"], borders, color=LOOKS[OWN].colour, fill=True, alpha=0.5)
    axes.stairs(shares["before"], borders, color=GREY, linewidth=1.4)
    axes.axvline(SETTINGS[case].limit, color="#a4243b", linestyle=":", linewidth=1.2)
    axes.set(xscale="log", yscale="log", ylim=(1e-4, 1.5))
    axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
    axes.set_yticks([1e-4, 1e-2, 1], ["0.01%", "1%", "100%"])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    unit = f" (a step is {STEP_MS[case]:g} ms)" if case in STEP_MS else ""
    axes.set_title(TITLES[case] + unit, fontsize=SMALL, loc="left", pad=3)


def _shares(document: Document, case: str, when: str) -> np.ndarray:
    """Share of the input synapses in each bin, all seeds together."""
    counts = np.sum([f["histogram"] for f in measured(document, case, OWN, "time_constants", when, INPUTS).values()], axis=0)
    return counts / counts.sum()
