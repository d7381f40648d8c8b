"""How often intervals over few seeds cover the truth, as plot and table of the document that benchmarks/coverage.py writes."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mstask.results.documents import Document
from mstask.show.canvas import BAND, GREY, drawing, explain

METHODS = {
    "project": ("this book's", "#00796b", "o"),
    "student": ("Student's t over seeds", "#c75b12", "s"),
    "satterthwaite": ("Satterthwaite", "#6a3d9a", "D"),
    "bootstrap": ("hierarchical bootstrap", "#a4243b", "^"),
}
"""Heading, colour and mark of each kind of interval."""
RATIO = "seed spread ÷ examples' error"
KEPT = (0.93, 0.97)
"""Coverage that counts as that of a 95 % interval."""


def data_coverage(document: Document) -> pd.DataFrame:
    """The share of simulated experiments covered, by seeds, ratio and kind of interval."""
    return pd.DataFrame(document.values["coverage"])


def table_coverage(document: Document) -> pd.DataFrame:
    """The same in figures."""
    rows = []
    for row in document.values["coverage"]:
        shares = {METHODS[name][0]: f"{row[name]:.1%}" for name in METHODS}
        rows.append({"seeds": str(row["seeds"]), RATIO: f"{row['ratio']:g}"} | shares)
    return pd.DataFrame(rows)


def figure_coverage(document: Document) -> Figure:
    """Coverage against the ratio of the two errors, a panel per number of seeds; the band is what a 95 % interval may have."""
    table = data_coverage(document)
    sizes = table["seeds"].unique()
    with drawing(3.6) as figure:
        panels = figure.subplots(2, -(-len(sizes) // 2), sharex=True, sharey=True, squeeze=False).ravel()
        for axes, n in zip(panels, sizes, strict=False):
            rows = table[table["seeds"] == n]
            places = range(len(rows))
            axes.axhspan(*KEPT, color=BAND)
            axes.axhline(document.values["level"], color=GREY, linestyle=":", linewidth=1)
            for name, (title, colour, marker) in METHODS.items():
                axes.plot(places, rows[name], color=colour, marker=marker, markersize=4, linewidth=1.2, label=title)
            axes.set_title(f"{n} seeds")
            axes.set_xticks(places, [f"{ratio:g}" for ratio in rows["ratio"]])
            axes.set_ylim(0.5, 1.02)
        figure.supxlabel(RATIO)
        figure.supylabel("share of intervals that cover the truth")
        explain(figure, panels[0].get_legend_handles_labels()[0], "upper")
    return figure
