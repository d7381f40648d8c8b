"""The rotation of held-out speakers, as plots, tables and plain data: how much a ranking owes to who is held out.

A document's cases are the held-out pairs. A pair's score of a neuron type is the mean over its seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from statistics import fmean, variance
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
from mstask.show.scores import cell_table, score, score_table
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
    cases = case_order(summary["cases"])
    names = summary["ranking"]
    with drawing(1.2 + 0.3 * len(names)) as figure:
        axes = figure.add_subplot()
        for name, (colour, marker, line) in looks(names).items():
            ranks = [summary["cases"][case]["rank"].get(name, np.nan) for case in cases]
            focus = name in FOCUS
            axes.plot(
                range(len(cases)),
                ranks,
                color=colour,
                marker=marker,
                linestyle=line,
                linewidth=2.2 if focus else 1,
                markersize=7 if focus else 5,
                zorder=3 if focus else 2,
                clip_on=False,
            )
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
    summary, table = summarise(document), score_table(document)
    names = summary["ranking"]
    with drawing(1.2 + 0.45 * len(names)) as figure:
        axes = figure.add_subplot()
        draw_bands(axes, [label(name) for name in names])
        for row, name in enumerate(names):
            for lane, look, values in (
                (-0.17, PAIRS, [fmean(seeds.values()) for seeds in table[name].values()]),
                (0.17, SEEDS, list(over_pairs(table[name]).values())),
            ):
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
    summary, table = summarise(document), score_table(document)
    rows = []
    for name in summary["ranking"]:
        means = {case: fmean(seeds.values()) for case, seeds in table[name].items()}
        ranks = [found["rank"][name] for found in summary["cases"].values() if name in found["rank"]]
        over_seeds = within_pairs(table[name])
        rows.append(
            {
                "neuron": label(name),
                "mean over pairs ± sd [95 % interval]": score(summary["methods"][name]["macro_f1"]) + remark(document, name),
                "lowest (pair)": _extreme(means, min),
                "highest (pair)": _extreme(means, max),
                "sd over seeds": NOTHING if over_seeds is None else f"{over_seeds:.3f}",
                "ranks": f"{min(ranks)}" if min(ranks) == max(ranks) else f"{min(ranks)}–{max(ranks)}",
            }
        )
    return pd.DataFrame(rows)


def table_rotation_components(document: Document) -> pd.DataFrame:
    """What the scores' spread comes from: components of variance, as standard deviations, of a whole grid of scores."""
    components = components_of(document)
    rows = []
    for source, (name, meaning) in SOURCES.items():
        sd = NOTHING if components is None else f"{getattr(components, source):.3f}"
        if components is not None and source == "interaction":
            meaning += f" (F test: {p_value(components.p_interaction)})"
        rows.append({"source": name, "standard deviation": sd, "what it means": meaning})
    return pd.DataFrame(rows)


def data_rotation(document: Document) -> pd.DataFrame:
    """Every score of the rotation: one row per neuron type, held-out pair and seed."""
    return cell_table(document, "method", "case", "seed", "macro_f1", "accuracy")


def data_rotation_spread(document: Document) -> pd.DataFrame:
    """The points of `figure_rotation_spread`: each pair's mean over seeds and each seed's mean over pairs."""
    rows = []
    for name, by_case in score_table(document).items():
        rows += [(name, "pair", case, fmean(seeds.values())) for case, seeds in by_case.items()]
        rows += [(name, "seed", str(seed), mean) for seed, mean in over_pairs(by_case).items()]
    return pd.DataFrame(rows, columns=["method", "unit", "which", "macro_f1"])


def over_pairs(by_case: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """Return the mean over pairs of each seed that every pair has."""
    common = set.intersection(*(set(seeds) for seeds in by_case.values()))
    return {seed: fmean(seeds[seed] for seeds in by_case.values()) for seed in sorted(common)}


def within_pairs(by_case: Mapping[str, Mapping[int, float]]) -> float | None:
    """Return the standard deviation over seeds within a pair, pooled over pairs; None where each pair has one seed."""
    variances = [variance(seeds.values()) for seeds in by_case.values() if len(seeds) > 1]
    return sqrt(fmean(variances)) if variances else None


def components_of(document: Document) -> stats.Components | None:
    """Return the components of variance, None unless at least two types, pairs and seeds form a whole grid."""
    table = score_table(document)
    cases = {case for by_case in table.values() for case in by_case}
    seeds = {seed for by_case in table.values() for by_seed in by_case.values() for seed in by_seed}
    whole = all(set(by_case) == cases and all(set(s) == seeds for s in by_case.values()) for by_case in table.values())
    if not whole or min(len(table), len(cases), len(seeds)) < 2:
        return None
    grid = [[[by_case[case][seed] for seed in sorted(seeds)] for case in sorted(cases)] for by_case in table.values()]
    return stats.variance_components(grid)


def looks(names: list[str]) -> dict[str, tuple[str, str, str]]:
    """Return colour, marker and line of each neuron type: the contrasted two stand out, the others are grey."""
    others = [name for name in names if name not in FOCUS]
    return {name: (GREY, marker, ":") for name, marker in zip(others, OTHER_MARKERS * 2, strict=False)} | {
        name: look for name, look in FOCUS.items() if name in names
    }


def case_order(cases: Mapping[str, Any]) -> list[str]:
    """Return pairs by the number of their first speaker."""
    return sorted(cases, key=lambda case: [int(part) if part.isdigit() else 0 for part in case.split("-")])


def pair(case: str) -> str:
    """Return the speakers of a case as a reader sees them."""
    return "+".join(part for part in case.split("-") if part.isdigit()) or case


def _extreme(means: Mapping[str, float], pick: Any) -> str:
    case = pick(means, key=means.__getitem__)
    return f"{means[case]:.3f} ({pair(case)})"
