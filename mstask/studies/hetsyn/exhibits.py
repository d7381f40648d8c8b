"""HetSyn, the scores: tasks by network, the pattern, few neurons, disturbed input, and the published figures beside ours.

Plots show one document, whose voice stands above; each draws what the document has and says where that is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VOICES, by_voice, heading
from mstask.show import takes_voices
from mstask.show.canvas import BAND, GREY, WIDTH, Plot, styled
from mstask.show.scores import NBSP, Documents, score, voice_columns
from mstask.studies.hetsyn.facts import OWN, cases_with, facts, runs, series
from mstask.studies.hetsyn.names import METHODS, TITLES
from mstask.summary.comparisons import spread
from mstask.summary.details import measured

LOOKS = {
    "HomNeuLIF": ("#5d6d7e", "o", ":"),
    "HetNeuLIF": ("#0b62a4", "s", "--"),
    "HomNeuALIF": ("#a4243b", "^", "-."),
    "HetSynLIF": ("#6a3d9a", "D", "-"),
}
"""Colour, marker and line of each network."""

SERIES = ("match-small", "match-slow")
"""Cases whose cells hold several networks each."""

DISTURBANCES = {
    "spikes deleted": ("speech-bins", "deletion", "share", "accuracy"),
    "times stretched by": ("speech-bins", "warp", "factor", "accuracy"),
    "noise added, Hz": ("match-feedforward", "extra_noise", "hz", "accuracy"),
    "delay, ms": ("match-feedforward", "delay", "ms", "accuracy"),
    "spikes added": ("speech-bins", "addition", "share", "accuracy"),
    "noise in the pattern, Hz": ("pattern-feedforward", "noise", "hz", "mse"),
}
"""What is disturbed at test time: case, detail, and the keys of its levels and of what was measured at them."""

IN_BINS = "spoken digits in bins (published: best epoch on the test set)"
SUCCESS = 0.9
"""Accuracy from which the paper counts a network as successful on match-to-sample."""


def figure_hetsyn(document: Document) -> Figure:
    """Accuracy of the four networks on each task: seeds, their mean, its interval; a short dotted line is guessing."""
    cases = [case for case in cases_with(document) if case not in SERIES]
    with canvas(document, 1.3 + 0.62 * max(len(cases), 1)) as figure:
        axes = figure.add_subplot()
        for row, case in enumerate(cases):
            if row % 2:
                axes.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0)
            for lane, method in zip(np.linspace(-0.3, 0.3, len(METHODS)), METHODS, strict=True):
                _draw_spread(axes, row + lane, measured(document, case, method).values(), method)
            record = (document.cases or {}).get(case)
            if record:
                axes.plot([1 / len(record.class_names)] * 2, [row - 0.42, row + 0.42], color=GREY, linestyle=":", linewidth=1)
        axes.set(xlim=(0, 1.02), ylim=(max(len(cases), 1) - 0.5, -0.5), xlabel="accuracy on the test set")
        axes.set_yticks(range(len(cases)), [TITLES[case].replace(", ", ",\n") for case in cases])
        axes.tick_params(axis="y", length=0)
        if not cases:
            say_nothing(axes)
        legend(figure)
    return figure


def table_hetsyn(document: Document) -> pd.DataFrame:
    """Every task: accuracy of each network, and on the pattern its mean squared error, as mean ± standard deviation."""
    rows = []
    for case in cases_with(document):
        row = {"task": TITLES[case]}
        rows.append(row | {method: plain(spread(measured(document, case, method).values())) for method in METHODS})
    for case in cases_with(document, "mse"):
        row = {"task": f"{TITLES[case]}: error"}
        rows.append(row | {method: plain(spread(measured(document, case, method, "mse").values())) for method in METHODS})
    return pd.DataFrame(rows, columns=["task", *METHODS])


def data_hetsyn(document: Document) -> pd.DataFrame:
    """Every cell: accuracy, macro-F1, error of the pattern, numbers trained, and of these time constants."""
    rows = []
    for cell in document.cells:
        own = {"mse": None, "n_time_constants": None, "first_hit": None} | (cell.result.details or {})
        scores = cell.result.accuracy, cell.result.macro_f1, own["mse"], own["first_hit"]
        sizes = cell.result.n_parameters, own["n_time_constants"], cell.result.best_epoch
        rows.append((cell.case, cell.method, cell.seed, *scores, *sizes))
    names = ["case", "method", "seed", "accuracy", "macro_f1", "mse", "first_hit"]
    return pd.DataFrame(rows, columns=[*names, "n_parameters", "n_time_constants", "best_epoch"])


@takes_voices
def table_hetsyn_published(documents: Documents) -> pd.DataFrame:
    """The paper's figures of HetSynLIF, each beside what was measured here in its place."""
    heard = by_voice(documents)
    columns = {voice: _beside(document) if voice != "published" else _published(document) for voice, document in heard.items()}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    table = pd.DataFrame({"HetSynLIF": names})
    for voice, column in columns.items():
        table[heading(voice, heard[voice])] = [column.get(name, NOTHING) for name in names]
    return voice_columns(table, {voice: heading(voice, document) for voice, document in documents.items()})


def figure_hetsyn_pattern(document: Document, case: str = "pattern-feedforward") -> Figure:
    """What each network makes of the pattern: its output beside the target, in the first seed that was run."""
    traces = {name: next(iter(measured(document, case, name, "trace").values()), None) for name in METHODS}
    drawn = {name: trace for name, trace in traces.items() if trace}
    with canvas(document, 1.2 + 0.95 * max(len(drawn), 1)) as figure:
        panels = figure.subplots(max(len(drawn), 1), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (name, trace) in zip(panels, drawn.items(), strict=False):
            _draw_trace(axes, document, case, name, trace)
        if drawn:
            panels[-1].set_xlabel("time, s; shaded: the template is shown")
            handles = [Line2D([], [], color="black", linewidth=0.9, linestyle=":", label="target")]
            figure.legend(handles=handles, loc="outside lower center")
        else:
            say_nothing(panels[0])
    return figure


def data_hetsyn_pattern(document: Document) -> pd.DataFrame:
    """Errors of the pattern networks, their distances between repeats of the template, and their firing rates."""
    rows = []
    for cell in document.cells:
        own = cell.result.details or {}
        if "mse" in own:
            distances = own["repeat_distances"]
            rows.append((cell.case, cell.method, cell.seed, own["mse"], own["target_mean_square"], *distances, own["rate_hz"]))
    names = ["case", "method", "seed", "mse", "target_mean_square", "second_to_first", "third_to_second", "rate_hz"]
    return pd.DataFrame(rows, columns=names)


def table_hetsyn_pattern(document: Document) -> pd.DataFrame:
    """Error on the pattern, and how far apart the outputs to repeats of the template lie (1 as the target's, 0 the same)."""
    rows = []
    for case in cases_with(document, "mse"):
        for method in METHODS:
            errors = list(measured(document, case, method, "mse").values())
            if errors:
                distances = series(document, case, method, "repeat_distances")
                rows.append(
                    {
                        "task": TITLES[case],
                        "network": method,
                        "error": plain(spread(errors)),
                        "second to first": f"{distances[0]:.2f}",
                        "third to second": f"{distances[1]:.2f}",
                    }
                )
    return pd.DataFrame(rows, columns=["task", "network", "error", "second to first", "third to second"])


def figure_hetsyn_small(document: Document) -> Figure:
    """Match-to-sample with few neurons: every network, and the mean of each size; the dotted line is the paper's success."""
    found = {method: runs(document, "match-small", method) for method in METHODS}
    sizes = sorted({run["hidden"] for several in found.values() for run in several})
    with canvas(document, 3.3) as figure:
        axes = figure.add_subplot()
        for shift, (method, several) in zip(np.linspace(-0.12, 0.12, len(METHODS)), found.items(), strict=True):
            colour, marker, line = LOOKS[method]
            at = {size: [run["accuracy"] for run in several if run["hidden"] == size] for size in sizes}
            for x, size in enumerate(sizes):
                axes.plot([x + shift] * len(at[size]), at[size], color=colour, marker=marker, **_HOLLOW)
            means = [(x + shift, fmean(at[size])) for x, size in enumerate(sizes) if at[size]]
            axes.plot(*zip(*means, strict=True), color=colour, linestyle=line, linewidth=1.4) if means else None
        axes.axhline(SUCCESS, color=GREY, linestyle=":", linewidth=1)
        axes.set_xticks(range(len(sizes)), sizes)
        axes.set(xlabel="hidden neurons", ylabel="accuracy", ylim=(0, 1.03))
        if not sizes:
            say_nothing(axes)
        legend(figure)
    return figure


def data_hetsyn_small(document: Document) -> pd.DataFrame:
    """Every network of the few-neuron series."""
    rows = [
        (method, run["hidden"], run["seed"], run["repeat"], run["accuracy"], run["first_hit"])
        for method in METHODS
        for run in runs(document, "match-small", method)
    ]
    return pd.DataFrame(rows, columns=["method", "hidden", "seed", "repeat", "accuracy", "first_hit"])


def figure_hetsyn_robust(document: Document) -> Figure:
    """Accuracy against the strength of a disturbance at test time, means over seeds: spoken digits above, the delay below."""
    drawn = list(DISTURBANCES)[:4]
    with canvas(document, 4.9) as figure:
        for axes, what in zip(figure.subplots(2, 2, sharey=True).flat, drawn, strict=True):
            levels = _curves(document, what)
            for method, points in levels.items():
                colour, marker, line = LOOKS[method]
                values = list(points.values())
                axes.plot(range(len(values)), values, color=colour, marker=marker, linestyle=line, markersize=4, linewidth=1.3)
            ticks = next(iter(levels.values()), {})
            axes.set_xticks(range(len(ticks)), [f"{level:.2g}" if level < 100 else f"{level:.0f}" for level in ticks])
            axes.tick_params(axis="x", labelsize=7.5, rotation=45 if len(ticks) > 5 else 0)
            axes.set(xlabel=what, ylim=(0, 1.03))
            axes.set_title(TITLES[DISTURBANCES[what][0]], fontsize=8, loc="left", pad=3)
            if not levels:
                say_nothing(axes)
        figure.supylabel("accuracy", fontsize=9.5)
        legend(figure)
    return figure


def data_hetsyn_robust(document: Document) -> pd.DataFrame:
    """Every disturbance, level, network and seed; accuracy, for the pattern its mean squared error."""
    rows = []
    for what, (case, detail, key, value) in DISTURBANCES.items():
        for method in METHODS:
            for seed, found in measured(document, case, method, detail).items():
                rows += [(what, case, method, seed, *point) for point in zip(found[key], found[value], strict=True)]
    return pd.DataFrame(rows, columns=["disturbance", "case", "method", "seed", "level", "accuracy_or_mse"])


@contextmanager
def canvas(document: Document, height: float) -> Iterator[Plot]:
    """Give an empty figure in the book's style, the document's voice above it."""
    with styled():
        figure = Plot(figsize=(WIDTH, height), layout="constrained")
        voice = document.source
        figure.suptitle(heading(voice, document), color=VOICES[voice].colour, weight="bold", fontsize=9.5)
        yield figure


def legend(figure: Figure) -> None:
    """Name the four networks below a figure."""
    handles = [Line2D([], [], color=c, marker=m, linestyle=s, label=name) for name, (c, m, s) in LOOKS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=2.6)


def say_nothing(axes: Axes) -> None:
    """Say that a document has nothing for a panel."""
    axes.text(0.5, 0.5, "not in this run", transform=axes.transAxes, ha="center", style="italic", color=GREY)


_HOLLOW: dict[str, Any] = {"linestyle": "", "markersize": 4.5, "markerfacecolor": "white"}


def _draw_spread(axes: Axes, y: float, values: Any, method: str) -> None:
    found = spread(values)
    if found["mean"] is None:
        return
    colour, marker, _ = LOOKS[method]
    if found["low"] is not None:
        axes.plot([max(found["low"], 0), min(found["high"], 1)], [y, y], color=colour, linewidth=1.4, alpha=0.7)
    if found["n"] > 1:
        axes.plot(found["values"], [y] * found["n"], "|", color=colour, markersize=7)
    axes.plot(found["mean"], y, color=colour, marker=marker, markersize=5)


def _draw_trace(axes: Axes, document: Document, case: str, name: str, trace: Mapping[str, Any]) -> None:
    from mstask.studies.hetsyn.tasks import Pattern

    seconds = np.arange(len(trace["target"])) * trace["ms"] / 1000
    for start in Pattern.starts:
        axes.axvspan(start / 1000, start / 1000 + 0.5, color=BAND, linewidth=0)
    axes.plot(seconds, trace["target"], color="black", linewidth=0.9, linestyle=":")
    axes.plot(seconds, trace["output"], color=LOOKS[name][0], linewidth=1.4)
    error = fmean(measured(document, case, name, "mse").values())
    axes.set_title(f"{name}, error {error:.3f}", color=LOOKS[name][0], fontsize=8.5, loc="left", pad=2)
    axes.set_ylim(-1.6, 1.6)


def _curves(document: Document, what: str) -> dict[str, dict[float, float]]:
    """What was measured at each level, by network; those that have the same levels in every seed."""
    case, detail, key, value = DISTURBANCES[what]
    found = {}
    for method in METHODS:
        levels = list(measured(document, case, method, detail, key).values())
        values = series(document, case, method, detail, value)
        if values and all(row == levels[0] for row in levels):
            found[method] = dict(zip(levels[0], values, strict=True))
    return found


def plain(found: Mapping[str, Any]) -> str:
    """Mean ± standard deviation, without the interval."""
    return score({**found, "low": None, "high": None})


def _published(document: Document) -> dict[str, str]:
    values = document.values
    column = {
        IN_BINS: f"{values['accuracy']['SHD']:.3f}",
        "the same, after the last epoch": f"{values['shd_log']['last']:.3f}",
        "digits, pixel by pixel": f"{values['accuracy']['S-MNIST']:.3f}",
        "TiDigits": f"{values['accuracy']['TiDigits']:.3f}",
        "TI46-Alpha": f"{values['accuracy']['TI46-Alpha']:.3f}",
    }
    table = values["time_constants"]
    for mu, *row in zip(table["mu_ms"], *(table[k] for k in ("accuracy", "accuracy_reset", "share_above_700_ms")), strict=True):
        column |= _slow_rows(f"{mu:g}", *row)
    return column


def _beside(document: Document) -> dict[str, str]:
    def found(case: str) -> str:
        return plain(spread(measured(document, case, OWN).values()))

    column = {IN_BINS: found("speech-bins"), "digits, pixel by pixel": found("digits-pixels")}
    column |= {"TiDigits": "not in this book", "TI46-Alpha": "not in this book"}
    for tau, row in facts(document).get("slow", {}).items():
        column |= _slow_rows(tau, row["accuracy"], row["reset"], row["share"])
    return column


def _slow_rows(tau: str, accuracy: float, reset: float, share: float) -> dict[str, str]:
    return {
        f"match-to-sample, from {tau}{NBSP}ms": f"{accuracy:.3f}",
        f"above 700{NBSP}ms in the end, from {tau}{NBSP}ms": f"{share:.1%}",
        f"after resetting those, from {tau}{NBSP}ms": f"{reset:.3f}",
    }
