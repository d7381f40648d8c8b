"""Who wins the samples of a class within a group of competing readout neurons, epoch by epoch."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mstask.results.documents import Cell, Document
from mstask.show.canvas import drawing, explain, in_pairs, pair_rows
from mstask.show.sheet import say_nothing
from mstask.studies.ncg.exhibits import FIVES, UNLABELLED, cases_of

MEMBERS = ("#00352f", "#00796b", "#4aa89b", "#9fd0c9", "#d9ece9")
LABELLED = "#c9ced3"


def figure_ncg_winners(document: Document) -> Figure:
    """Who wins the samples of one class, epoch by epoch, in groups of five: one band for each neuron of the group.

    Of the first data set, the seed of the smallest number; the first neuron of a group with labels is the non-target one.
    """
    watched = _watched(document)
    with drawing(1.0 + 1.3 * pair_rows(len(watched))) as figure:
        grid = in_pairs(figure, len(watched), sharex=True, sharey=True)
        for axes, cell in zip(grid, watched, strict=False):
            wins = np.asarray((cell.result.details or {})["watched_wins"], float)
            shares = (wins / np.maximum(wins.sum(axis=1, keepdims=True), 1)).T
            bands = [LABELLED, *MEMBERS[: len(shares) - 1]] if cell.method.endswith("-L") else MEMBERS[: len(shares)]
            epochs = np.arange(1, shares.shape[1] + 1)
            axes.stackplot(epochs, shares, colors=bands, edgecolor="white", linewidth=0.6, step=None)
            axes.set_title(FIVES[cell.method])
            axes.set(ylim=(0, 1))
        if not watched:
            say_nothing(grid[0])
        figure.supxlabel("epoch")
        figure.supylabel("share of the class's samples won")
        handles = [Patch(color=UNLABELLED, label="one band, one neuron"), Patch(color=LABELLED, label="labelled non-target")]
        explain(figure, handles, "upper")
    return figure


def data_ncg_winners(document: Document) -> pd.DataFrame:
    """The bands of `figure_ncg_winners`: one row for each method, epoch and neuron."""
    rows = [
        (cell.method, cell.case, cell.seed, (cell.result.details or {}).get("watched_class"), epoch, neuron, wins)
        for cell in _watched(document)
        for epoch, of_epoch in enumerate((cell.result.details or {})["watched_wins"], start=1)
        for neuron, wins in enumerate(of_epoch)
    ]
    return pd.DataFrame(rows, columns=["method", "case", "seed", "class", "epoch", "neuron", "wins"])


def _watched(document: Document) -> list[Cell]:
    """The cells whose winners were recorded epoch by epoch: groups of five, first data set, smallest seed."""
    recorded = [c for c in document.cells if c.method in FIVES and (c.result.details or {}).get("watched_wins")]
    for case in cases_of(document):
        if own := [cell for cell in recorded if cell.case == case]:
            seed = min(cell.seed for cell in own)
            return sorted((c for c in own if c.seed == seed), key=lambda c: list(FIVES).index(c.method))
    return []
