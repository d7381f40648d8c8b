"""What every plot has in common: width, style, the marks of the voices, and that a notebook can show it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.results.documents import DataRecord, Document
from mstask.results.voices import VOICES, heading
from mstask.show.marks import ANY, About, Mark, Ruler

WIDTH = 3.8
SMALL = 8.5
"""Width in inches, and the smallest text in points: 11 pixels high where a telephone shows a figure 360 pixels wide."""
LEGEND = 57
LEGEND_STYLE = {"handlelength": 1.9, "handletextpad": 0.4, "columnspacing": 1.0}
"""How many characters of small text go into a figure's width, and how legends are set."""
GREY = "#5d6d7e"
BAND = "#eef2f4"
CHANCE = {"color": GREY, "linestyle": ":", "linewidth": 1}
"""The line of what guessing scores."""
HOLLOW = {"markerfacecolor": "white", "markeredgewidth": 1.3}
AT_CHANCE = Line2D([], [], color=GREY, marker="o", linestyle="", label="hollow: at chance", **HOLLOW)
"""In figures of one voice: the look of a mean whose interval touches what guessing scores, and its entry in a legend."""
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9.5,
    "figure.labelsize": 9.5,
    "figure.titlesize": 9.5,
    "figure.facecolor": "white",
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "mstask",
}
"""What differs from matplotlib's defaults."""


def styled() -> AbstractContextManager:
    """Draw within this context by `STYLE` and matplotlib's defaults, whatever the reader's matplotlibrc says."""
    return style.context(["default", STYLE])


class Plot(Figure):
    """A figure that a notebook shows as the value of a cell, whichever backend is in use; drawn by `STYLE` to the last tick.

    `marks` are those of its marks that answer a reader's pointer on a page of the book, `rulers` the lines that move there;
    `document` is the one that all of it shows, if there is one.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.marks: list[Mark] = []
        self.rulers: list[Ruler] = []
        self.document: Document | None = None

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Save as `Figure` does."""
        with styled():
            super().savefig(*arguments, **options)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=120)
        return buffer.getvalue()


@contextmanager
def drawing(height: float, **options: Any) -> Iterator[Plot]:
    """Give an empty figure of the book's width and style, `height` in inches; what is drawn within is styled too."""
    with styled():
        yield Plot(figsize=(WIDTH, height), layout="constrained", **options)


def in_pairs(figure: Figure, n: int, **shared: bool) -> list[Axes]:
    """Give a figure n panels, at least one, two beside each other."""
    grid = figure.subplots(pair_rows(n), min(2, max(1, n)), squeeze=False, **shared).ravel()
    for axes in grid[max(1, n) :]:
        axes.set_axis_off()
    return list(grid[: max(1, n)])


def pair_rows(n: int) -> int:
    """Return how many rows n panels take two by two, at least one."""
    return max(1, -(-n // 2))


def mark(voice: str) -> dict[str, Any]:
    """Return how matplotlib draws a point of a voice: published ones are hollow."""
    look = VOICES[voice]
    filled = look.colour if voice != "published" else "white"
    return {"color": look.colour, "marker": look.marker, "linestyle": "", "markeredgewidth": 1.5, "markerfacecolor": filled}


def draw_spread(
    axes: Axes,
    y: float,
    over: Mapping[str, Any],
    point: Mapping[str, Any],
    within: tuple[float, float] = (-np.inf, np.inf),
    about: About = ANY,
) -> None:
    """Draw a spread at a height: its values as ticks, its mean as a point, its interval, cut to `within`, as a line.

    `over` is a `spread`, of which nothing is drawn where it is empty; `point` says how matplotlib draws the mean, and `about`
    what the point says when it is pointed at.
    """
    if over["mean"] is None:
        return
    if over["low"] is not None:
        interval = np.clip([over["low"], over["high"]], *within)
        axes.plot(interval, [y, y], color=point["color"], linewidth=1.5, alpha=0.7)
    if len(over["values"]) > 1:
        axes.plot(over["values"], [y] * len(over["values"]), "|", color=point["color"], markersize=7)
    (drawn,) = axes.plot(over["mean"], y, **point)
    answer(drawn, about, over, in_row=True)


def answer(artist: Line2D, about: About, over: Mapping[str, Any], in_row: bool = False) -> None:
    """Let a mark that was drawn for a `spread` answer the pointer; `in_row` where the words at its height name it."""
    if isinstance(figure := artist.get_figure(root=True), Plot):
        figure.marks.append(Mark(about, over, artist, in_row))


def draw_chance(axes: Axes, record: DataRecord | None, across: tuple[float, float] | None = None) -> None:
    """Draw what guessing scores as a dotted line at its value on the x axis, through all rows or from one height to another."""
    if record and across:
        axes.plot([record.chance] * 2, across, **CHANCE)
    elif record:
        axes.axvline(record.chance, **CHANCE)


def lanes_of(n: int, reach: float) -> list[float]:
    """Where in a row n marks stand: spread over `reach` to either side of its middle, a single one at it."""
    return np.linspace(-reach, reach, n).tolist() if n > 1 else [0.0] * n


def draw_bands(axes: Axes, names: Sequence[str], size: float | None = None) -> None:
    """Make a row for each name from the top down, every second one shaded."""
    for row in range(1, len(names), 2):
        axes.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.tick_params(axis="y", length=0)


def explain_voices(figure: Figure, documents: Mapping[str, Document | None], *more: Line2D) -> None:
    """Explain the voices above a figure, and what more there is."""
    explain(figure, [*(handle(voice, document) for voice, document in documents.items()), *more], "upper")


def explain(figure: Figure, handles: Sequence[Any], side: str) -> None:
    """Explain marks above ("upper") or below ("lower") a figure, in as many columns as there is room for."""
    characters = max((len(handle.get_label()) for handle in handles), default=0)
    columns = max(1, min(int(LEGEND / (characters + 6)), len(handles)))
    if sum(len(handle.get_label()) + 6 for handle in handles) <= LEGEND:
        columns = len(handles)
    figure.legend(handles=handles, loc=f"outside {side} center", ncols=columns, fontsize=SMALL, **LEGEND_STYLE)


def handle(voice: str, document: Document | None) -> Line2D:
    """Return a voice's entry in a legend, which says so where it has no document."""
    text = heading(voice, document) if document is not None else f"{VOICES[voice].label}: {VOICES[voice].absent}"
    return Line2D([], [], label=text, **mark(voice))
