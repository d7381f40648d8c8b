"""A figure of one document: its voice stands above, rows of marks below, and where there is nothing it says so."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.results.documents import Document
from mstask.results.voices import VOICES, heading
from mstask.show.canvas import GREY, HOLLOW, Plot, draw_bands, draw_spread, drawing, explain, lanes_of
from mstask.show.marks import About
from mstask.show.scores import score
from mstask.summary.comparisons import spread


class Look(NamedTuple):
    """How what has one colour in a figure is drawn and called."""

    label: str
    colour: str
    marker: str
    line: str = ""

    @property
    def handle(self) -> Line2D:
        """Its entry in a legend."""
        return Line2D([], [], color=self.colour, marker=self.marker, linestyle=self.line, label=self.label, markersize=5.5)


@contextmanager
def sheet(document: Document, height: float) -> Iterator[Plot]:
    """Give an empty figure in the book's style, the document's voice above it."""
    with drawing(height) as figure:
        figure.document = document
        voice = document.source
        figure.suptitle(heading(voice, document), color=VOICES[voice].colour, weight="bold")
        yield figure


@contextmanager
def panels(document: Document, n: int, height: float, each: float) -> Iterator[tuple[Plot, list[Axes]]]:
    """Give a figure of n panels below one another; without any it says that there is nothing."""
    with sheet(document, height + each * max(n, 1)) as figure:
        grid = list(figure.subplots(max(n, 1), 1, sharex=True, sharey=True, squeeze=False)[:, 0])
        if not n:
            say_nothing(grid[0])
        yield figure, grid


def draw_rows(
    axes: Axes,
    rows: Mapping[str, Mapping[str, Iterable[float]]],
    looks: Mapping[str, Look],
    about: Callable[[str, str], About] | None = None,
    hollow: Container[tuple[str, str]] = (),
) -> Axes:
    """Draw values by row and look, a lane for each look: every value a tick, their mean a mark, its interval a line.

    `about` says of a row and a look what their mark answers to the pointer; by default a look is a method. Marks of the
    rows and looks in `hollow` are.
    """
    lanes = lanes_of(len(looks), 0.3)
    draw_bands(axes, [name.replace(", ", ",\n") for name in rows])
    for row, (of_row, found) in enumerate(rows.items()):
        for lane, (name, look) in zip(lanes, looks.items(), strict=True):
            point = {"color": look.colour, "marker": look.marker, "markersize": 5}
            point |= HOLLOW if (of_row, name) in hollow else {}
            told = about(of_row, name) if about else About(look.label if len(looks) > 1 else "", unit="")
            draw_spread(axes, row + lane, spread(found.get(name, ())), point, about=told)
    if not rows:
        say_nothing(axes)
    return axes


def legend(figure: Figure, looks: Iterable[Look], *more: Line2D) -> None:
    """Explain looks below a figure."""
    explain(figure, [*(look.handle for look in looks), *more], "lower")


def say_nothing(axes: Axes, text: str = "not in this run") -> None:
    """Say that a document has nothing for a panel."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", style="italic", color=GREY)


def plain(values: Iterable[float]) -> str:
    """Mean ± standard deviation, without the interval."""
    return score(spread(values) | {"low": None, "high": None})
