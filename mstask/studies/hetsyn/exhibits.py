"""HetSyn, the scores: tasks by network, the pattern, few neurons, disturbed input, and the published figures beside ours.

Plots show one document, whose voice stands above; each draws what the document has and says where that is nothing.
"""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, by_voice, heading
from mstask.show import takes_voices
from mstask.show.canvas import AT_CHANCE, BAND, CHANCE, GREY, SMALL, draw_chance
from mstask.show.marks import About
from mstask.show.scores import NBSP, ByVoice, cell_table, voice_columns
from mstask.show.sheet import Look, draw_rows, legend, panels, plain, say_nothing, sheet
from mstask.studies.hetsyn.facts import OWN, cases_with, runs, series, slow
from mstask.studies.hetsyn.names import METHODS, SUCCESS, TITLES
from mstask.summary import at_chance, remark
from mstask.summary.details import measured

LOOKS = {
    "HomNeuLIF": Look("HomNeuLIF", "#5d6d7e", "o", ":"),
    "HetNeuLIF": Look("HetNeuLIF", "#0b62a4", "s", "--"),
    "HomNeuALIF": Look("HomNeuALIF", "#a4243b", "^", "-."),
    "HetSynLIF": Look("HetSynLIF", "#6a3d9a", "D", "-"),
}

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


def figure_hetsyn(document: Document) -> Figure:
    """Accuracy of the four networks on each task: seeds, their mean, its interval; a short dotted line is guessing.

    The mark is hollow where macro-F1 can't be told from what guessing scores.
    """
    cases = [case for case in cases_with(document) if case not in SERIES]
    rows = {TITLES[case]: {method: measured(document, case, method).values() for method in METHODS} for case in cases}
    with sheet(document, 1.3 + 0.62 * max(len(cases), 1)) as figure:
        learnt_nothing = {(TITLES[c], method) for c in cases for method in METHODS if at_chance(document, method, c)}
        keys = {TITLES[case]: f"cases.{case}.accuracy" for case in cases}
        told = (rows, LOOKS, lambda row, name: About(name, document, f"methods.{name}.{keys[row]}"), learnt_nothing)
        axes = draw_rows(figure.add_subplot(), *told)
        axes.set(xlim=(0, 1.02), xlabel="accuracy on the test set")
        for row, case in enumerate(cases):
            draw_chance(axes, (document.cases or {}).get(case), (row - 0.42, row + 0.42))
        legend(figure, LOOKS.values(), AT_CHANCE)
    return figure


def table_hetsyn(document: Document) -> pd.DataFrame:
    """Every task: accuracy of each network, and on the pattern its mean squared error, as mean ± standard deviation."""
    rows = []
    for path, what in (((), ""), (("mse",), ": error")):
        for case in cases_with(document, *path):
            scores = {
                method: plain(measured(document, case, method, *path).values()) + remark(document, method, case)
                for method in METHODS
            }
            rows.append({"task": f"{TITLES[case]}{what}"} | scores)
    return pd.DataFrame(rows, columns=["task", *METHODS])


def data_hetsyn(document: Document) -> pd.DataFrame:
    """Every cell: accuracy, macro-F1, error of the pattern, numbers trained, and of these time constants."""
    measures = ("accuracy", "macro_f1", "mse", "first_hit", "n_parameters", "n_time_constants", "best_epoch")
    return cell_table(document, "case", "method", "seed", *measures)


@takes_voices
def table_hetsyn_published(documents: ByVoice) -> pd.DataFrame:
    """The paper's figures of HetSynLIF, each beside what was measured here in its place."""
    heard = by_voice(documents)
    columns = {voice: _beside(document) if voice != "published" else _published(document) for voice, document in heard.items()}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    table = pd.DataFrame({"what": names})
    for voice, column in columns.items():
        table[heading(voice, heard[voice])] = [column.get(name, NOTHING) for name in names]
    return voice_columns(table, documents)


def figure_hetsyn_pattern(document: Document) -> Figure:
    """What each network makes of the pattern: its output beside the target, in the seed of the smallest number."""
    from mstask.studies.hetsyn.tasks import Pattern

    traces = {name: measured(document, "pattern-feedforward", name, "trace") for name in METHODS}
    drawn = {name: next(iter(found.values())) for name, found in traces.items() if found}
    with panels(document, len(drawn), 1.2, 0.95) as (figure, grid):
        for axes, (name, trace) in zip(grid, drawn.items(), strict=False):
            seconds = np.arange(len(trace["target"])) * trace["ms"] / 1000
            for start in Pattern.starts:
                axes.axvspan(start / 1000, start / 1000 + 0.5, color=BAND, linewidth=0)
            axes.plot(seconds, trace["target"], color="black", linewidth=0.9, linestyle=":")
            axes.plot(seconds, trace["output"], color=LOOKS[name].colour, linewidth=1.4)
            error = fmean(measured(document, "pattern-feedforward", name, "mse").values())
            axes.set_title(f"{name}, mean error {error:.3f}", color=LOOKS[name].colour, fontsize=SMALL, loc="left", pad=2)
            axes.set_ylim(-1.6, 1.6)
        grid[-1].set_xlabel("time, s; shaded: the template is shown")
        legend(figure, [Look("target", "black", "", ":")])
    return figure


def data_hetsyn_pattern(document: Document) -> pd.DataFrame:
    """Errors of the pattern networks, their distances between repeats of the template, and their firing rates."""
    known = [(cell, cell.result.details) for cell in document.cells if "mse" in (cell.result.details or {})]
    rows = [
        (cell.case, cell.method, cell.seed, own["mse"], own["target_mean_square"], *own["repeat_distances"], own["rate_hz"])
        for cell, own in known
    ]
    names = ["case", "method", "seed", "mse", "target_mean_square", "second_to_first", "third_to_second", "rate_hz"]
    return pd.DataFrame(rows, columns=names)


def table_hetsyn_pattern(document: Document) -> pd.DataFrame:
    """Error on the pattern, and how far apart the outputs to repeats of the template lie (1 as the target's, 0 the same)."""
    rows = [
        (TITLES[case], method, plain(errors), *(f"{d:.2f}" for d in series(document, case, method, "repeat_distances")))
        for case in cases_with(document, "mse")
        for method in METHODS
        if (errors := measured(document, case, method, "mse").values())
    ]
    return pd.DataFrame(rows, columns=["task", "network", "error", "second to first", "third to second"])


def figure_hetsyn_small(document: Document) -> Figure:
    """Match-to-sample with few neurons: every network, and the mean of each size; the dotted line is the paper's success."""
    data = data_hetsyn_small(document)
    sizes = sorted(data["hidden"].unique())
    with sheet(document, 3.3) as figure:
        axes = figure.add_subplot(xlabel="hidden neurons", ylabel="accuracy", ylim=(0, 1.03))
        for shift, (method, look) in zip(np.linspace(-0.12, 0.12, len(LOOKS)), LOOKS.items(), strict=True):
            own = data[data["method"] == method]
            x = own["hidden"].map(sizes.index) + shift
            axes.plot(x, own["accuracy"], look.marker, color=look.colour, markersize=4.5, alpha=0.45)
            means = own["accuracy"].groupby(x).mean()
            axes.plot(means.index, means, color=look.colour, linestyle=look.line, linewidth=1.4)
        axes.axhline(SUCCESS, color=GREY, linestyle=":", linewidth=1)
        axes.set_xticks(range(len(sizes)), sizes)
        if not sizes:
            say_nothing(axes)
        legend(figure, LOOKS.values())
    return figure


def data_hetsyn_small(document: Document) -> pd.DataFrame:
    """Every network of the few-neuron series."""
    rows = [run | {"method": method} for method in METHODS for run in runs(document, "match-small", method)]
    return pd.DataFrame(rows, columns=["method", "hidden", "seed", "repeat", "accuracy", "first_hit"])


def figure_hetsyn_robust(document: Document) -> Figure:
    """Accuracy against the strength of a disturbance at test time, means over seeds: spoken digits above, the delay below."""
    data = data_hetsyn_robust(document)
    with sheet(document, 4.9) as figure:
        for axes, (what, (case, *_)) in zip(figure.subplots(2, 2, sharey=True).flat, DISTURBANCES.items(), strict=False):
            own = data[data["disturbance"] == what].pivot_table("accuracy_or_mse", "level", "method")
            for method in own:
                look = LOOKS[method]
                axes.plot(
                    range(len(own)), own[method], color=look.colour, marker=look.marker, linestyle=look.line, markersize=4
                )
            shown = range(0, len(own), 2 if len(own) > 5 else 1)
            levels = [own.index[place] for place in shown]
            axes.set_xticks(shown, [f"{level:.2g}" if level < 100 else f"{level:.0f}" for level in levels], fontsize=SMALL)
            if record := (document.cases or {}).get(case):
                axes.axhline(record.chance, **CHANCE)
            axes.set(xlabel=what, ylim=(0, 1.03))
            axes.set_title(TITLES[case].replace(", ", ",\n"), fontsize=SMALL, loc="left", pad=3)
            if own.empty:
                say_nothing(axes)
        figure.supylabel("accuracy")
        legend(figure, LOOKS.values())
    return figure


def data_hetsyn_robust(document: Document) -> pd.DataFrame:
    """Every disturbance, level, network and seed; accuracy, for the pattern its mean squared error."""
    rows = [
        (what, case, method, seed, *point)
        for what, (case, detail, key, value) in DISTURBANCES.items()
        for method in METHODS
        for seed, found in measured(document, case, method, detail).items()
        for point in zip(found[key], found[value], strict=True)
    ]
    return pd.DataFrame(rows, columns=["disturbance", "case", "method", "seed", "level", "accuracy_or_mse"])


def _published(document: Document) -> dict[str, str]:
    values, table = document.values, document.values["time_constants"]
    column = {
        IN_BINS: f"{values['accuracy']['SHD']:.3f}",
        "the same, after the last epoch": f"{values['shd_log']['last']:.3f}",
        "digits, pixel by pixel": f"{values['accuracy']['S-MNIST']:.3f}",
        "TiDigits": f"{values['accuracy']['TiDigits']:.3f}",
        "TI46-Alpha": f"{values['accuracy']['TI46-Alpha']:.3f}",
    }
    for mu, *row in zip(table["mu_ms"], *(table[k] for k in ("accuracy", "accuracy_reset", "share_above_700_ms")), strict=True):
        column |= _slow_rows(mu, *row)
    return column


def _beside(document: Document) -> dict[str, str]:
    column = {IN_BINS: plain(measured(document, "speech-bins", OWN).values())}
    column["digits, pixel by pixel"] = plain(measured(document, "digits-pixels", OWN).values())
    column |= {"TiDigits": "not in this book", "TI46-Alpha": "not in this book"}
    for tau, row in slow(document).items():
        column |= _slow_rows(tau, row["accuracy"], row["reset"], row["share"])
    return column


def _slow_rows(tau: float, accuracy: float, reset: float, share: float) -> dict[str, str]:
    start = f"from {tau:g}{NBSP}ms"
    return {
        f"match-to-sample, {start}": f"{accuracy:.3f}",
        f"above 700{NBSP}ms in the end, {start}": f"{share:.1%}",
        f"after resetting those, {start}": f"{reset:.3f}",
    }
