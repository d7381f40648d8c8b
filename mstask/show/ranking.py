"""How firm a ranking is, as a plot: how often each method takes each rank when seeds and test examples are drawn anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mstask.errors import MstaskError
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.show.canvas import SMALL, answer, drawing
from mstask.show.marks import About
from mstask.summary import standings
from mstask.summary.comparisons import rank_stability, spread

WRITTEN_FROM = 0.05
"""Shares below this are drawn without their figure."""


def figure_rank_stability(document: Document) -> Figure:
    """Share of resamples in which each method takes each rank: a clear ranking is one dark diagonal."""
    ranking, stability = _stability(document)
    shares = np.array([stability["probabilities"][name] for name in ranking])
    with drawing(1.1 + 0.34 * len(ranking)) as figure:
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Greens", vmin=0, vmax=1, aspect="auto")
        for (row, column), share in np.ndenumerate(shares):
            if share >= WRITTEN_FROM:
                colour = "white" if share > 0.55 else "black"
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=SMALL, color=colour)
            if share:
                key, what = f"rank_stability.probabilities.{ranking[row]}.{column}", f"rank {column + 1}, share of draws"
                about = About(label(ranking[row]), document, key, what, unit="")
                (place,) = axes.plot(column, row, linestyle="")
                answer(place, about, spread([share]))
        axes.set_xticks(range(len(ranking)), range(1, len(ranking) + 1))
        axes.set_yticks(range(len(ranking)), [label(name) for name in ranking])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.supxlabel(f"rank, in % of draws over {stability['over']}")
    return figure


def data_rank_stability(document: Document) -> pd.DataFrame:
    """The shares of `figure_rank_stability`: one row per method, one column per rank."""
    ranking, stability = _stability(document)
    columns = [f"rank_{place}" for place in range(1, len(ranking) + 1)]
    shares = [stability["probabilities"][name] for name in ranking]
    return pd.DataFrame(shares, ranking, columns).rename_axis("method").reset_index()


def _stability(document: Document) -> tuple[list[str], dict[str, Any]]:
    ranking = standings(document)["ranking"]
    stability = rank_stability(document, ranking)
    if stability is None:
        raise MstaskError(f"the ranking of {document.section} rests on too little to resample; run it with more seeds")
    return ranking, stability
