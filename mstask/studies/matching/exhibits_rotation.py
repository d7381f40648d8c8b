"""The rotation of held-out speakers, as plots, tables and plain data: how much a ranking owes to who is held out.

A document's cases are the held-out pairs. A pair's score of a neuron type is the mean over its seeds.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask import stats
from mstask.claims.words import p_value
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, label
from mstask.show.canvas import CHANCE, GREY, draw_bands, drawing, explain
from mstask.show.scores import case_order, cell_table, score
from mstask.studies.matching import declare
from mstask.summary import remark, summarise

FOCUS = {"CrossInhib-LIF": ("#0b62a4", "o", "-"), "Doppler-LIF": ("#a4243b", "s", "--")}
"""Colour, marker and line of the two types that the paper contrasts."""
OTHER_MARKERS = ("^", "v", "D", "P", "X", "*", "<", ">")
PAIRS: dict[str, Any] = {"color": "#00796b", "marker": "o", "linestyle": "", "markersize": 5.5, "markerfacecolor": "white"}
SEEDS: dict[str, Any] = {"color": "#c75b12", "marker": "|", "linestyle": "", "markersize": 9, "markeredgewidth": 1.6}
SOURCES = {
    "method": ("neuron type", "some types are better, whoever is held out"),
    "case": ("pair of speakers", "some pairs are harder, whatever the type"),
    "interaction": ("type and pair together", "leads of types differ between pairs"),
    "seed": ("seed", "the same type on the same pair, trained again"),
}


def figure_rotation(document: Document) -> Figure:
    """Rank of each neuron type for each held-out pair; the two types that the paper contrasts stand out."""
    summary = summarise(document)
    cases = case_order([document], declare.PAIRS)
    names = summary["ranking"]
    with drawing(1.2 + 0.3 * len(names)) as figure:
        axes = figure.add_subplot()
        for name, (colour, marker, line) in looks(names).items():
            ranks = [summary["cases"][case]["rank"].get(name, np.nan) for case in cases]
            focus = name in FOCUS
            size = {"linewidth": 2.2, "markersize": 7, "zorder": 3} if focus else {"linewidth": 1, "markersize": 5, "zorder": 2}
            axes.plot(range(len(cases)), ranks, color=colour, marker=marker, linestyle=line, clip_on=False, **size)
            last = max((i for i, rank in enumerate(ranks) if not np.isnan(rank)), default=None)
            if last is not None:
                text = {"color": colour, "weight": "bold" if focus else "normal", "fontsize": 8.5, "va": "center"}
                axes.annotate(label(name), (last, ranks[last]), (8, 0), textcoords="offset points", **text)
        axes.set_xticks(range(len(cases)), [pair(case) for case in cases])
        axes.set_yticks(range(1, len(names) + 1))
        axes.set(xlabel="speakers held out", ylabel="rank", ylim=(len(names) + 0.4, 0.6))
        axes.set_xlim(-0.3, len(cases) - 0.7)
    return figure


def figure_rotation_spread(document: Document) -> Figure:
    """Two kinds of spread, for each neuron type: over pairs (means over seeds) and over seeds (means over pairs)."""
    summary, grids = summarise(document), grids_of(document)
    names = summary["ranking"]
    with drawing(1.2 + 0.45 * len(names)) as figure:
        axes = figure.add_subplot()
        draw_bands(axes, [label(name) for name in names])
        for row, name in enumerate(names):
            for lane, look, values in ((-0.17, PAIRS, grids[name].mean(axis=1)), (0.17, SEEDS, over_pairs(grids[name]))):
                if len(values):
                    axes.plot([min(values), max(values)], [row + lane] * 2, color=look["color"], linewidth=1.2)
                    axes.plot(values, [row + lane] * len(values), **look)
        for n_classes in {len(record.class_names) for record in (document.cases or {}).values()}:
            axes.axvline(1 / n_classes, **CHANCE)
        axes.set_xlim(0, 1)
        figure.supxlabel("macro-F1 on the words of the held-out speakers")
        handles = [
            Line2D([], [], label="one pair, all seeds", **PAIRS),
            Line2D([], [], label="one seed, all pairs", **SEEDS),
        ]
        explain(figure, handles, "upper")
    return figure


def table_rotation(document: Document) -> pd.DataFrame:
    """Neuron types by their mean over the held-out pairs: lowest and highest pair, spread over seeds, and ranks."""
    summary, grids = summarise(document), grids_of(document)
    rows = []
    for name in summary["ranking"]:
        means = grids[name].mean(axis=1)
        ranks = [found["rank"][name] for found in summary["cases"].values() if name in found["rank"]]
        over_seeds = grids[name].var(axis=1).mean() ** 0.5
        rows.append(
            {
                "neuron": label(name),
                "mean over pairs ± sd [95 % interval]": score(summary["methods"][name]["macro_f1"]) + remark(document, name),
                "lowest (pair)": _extreme(means, means.idxmin()),
                "highest (pair)": _extreme(means, means.idxmax()),
                "sd over seeds": NOTHING if pd.isna(over_seeds) else f"{over_seeds:.3f}",
                "ranks": f"{min(ranks)}" if min(ranks) == max(ranks) else f"{min(ranks)}–{max(ranks)}",
            }
        )
    return pd.DataFrame(rows)


def table_rotation_components(document: Document) -> pd.DataFrame:
    """What the scores' spread comes from: components of variance, as standard deviations, of a whole grid of scores."""
    components = components_of(document)
    rows = []
    for source, (name, meaning) in SOURCES.items():
        sd = NOTHING if components is None else f"{components[source]:.3f}"
        if components is not None and source == "interaction":
            meaning += f" (F test: {p_value(components['p_interaction'])})"
        rows.append({"source": name, "standard deviation": sd, "what it means": meaning})
    return pd.DataFrame(rows)


def data_rotation(document: Document) -> pd.DataFrame:
    """Every score of the rotation: one row per neuron type, held-out pair and seed."""
    return cell_table(document, "method", "case", "seed", "macro_f1", "accuracy")


def data_rotation_spread(document: Document) -> pd.DataFrame:
    """The points of `figure_rotation_spread`: each pair's mean over seeds and each seed's mean over pairs."""
    rows = []
    for name, grid in grids_of(document).items():
        rows += [(name, "pair", case, mean) for case, mean in grid.mean(axis=1).items()]
        rows += [(name, "seed", str(seed), mean) for seed, mean in over_pairs(grid).items()]
    return pd.DataFrame(rows, columns=["method", "unit", "which", "macro_f1"])


def grids_of(document: Document) -> dict[str, pd.DataFrame]:
    """Return the macro-F1 of each neuron type: a row per pair, a column per seed."""
    scores = data_rotation(document).dropna(subset=["case", "macro_f1"])
    return {
        name: own.pivot(index="case", columns="seed", values="macro_f1") for name, own in scores.groupby("method", sort=False)
    }


def over_pairs(grid: pd.DataFrame) -> pd.Series:
    """Return the mean over pairs of each seed that every pair has."""
    return grid.dropna(axis=1).mean()


def components_of(document: Document) -> dict[str, float] | None:
    """Return the components of variance, None unless at least two types, pairs and seeds form a whole grid."""
    grids = grids_of(document)
    if len(grids) < 2:
        return None
    grid = pd.concat(grids)
    shape = *grid.index.levshape, len(grid.columns)
    if min(shape) < 2 or grid.size < prod(shape) or grid.isna().any(axis=None):
        return None
    return stats.variance_components(grid.to_numpy().reshape(shape))


def looks(names: list[str]) -> dict[str, tuple[str, str, str]]:
    """Return colour, marker and line of each neuron type: the contrasted two stand out, the others are grey."""
    others = [name for name in names if name not in FOCUS]
    return {name: (GREY, marker, ":") for name, marker in zip(others, OTHER_MARKERS * 2, strict=False)} | {
        name: look for name, look in FOCUS.items() if name in names
    }


def pair(case: str) -> str:
    """Return the speakers of a case as a reader sees them."""
    return "+".join(part for part in case.split("-") if part.isdigit()) or case


def _extreme(means: pd.Series, case: str) -> str:
    return f"{means[case]:.3f} ({pair(case)})"
