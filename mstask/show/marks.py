"""What a figure keeps of its marks, so that a page can say whose score a mark is, how sure it is and where it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mstask.claims.words import count, number, several
from mstask.results.documents import Document


@dataclass(frozen=True)
class About:
    """What a mark is about.

    method : the name that a reader sees for it, by which marks and rows of tables belong together; "" for that of its row.
    document, key : where it was read: `key` leads to it in `mstask.summary.summarise(document)`; "" where the figure derives
        it.
    what : what was measured; "" for the words at the axis.
    unit : what its interval is taken over; "" where that isn't told.
    """

    method: str = ""
    document: Document | None = None
    key: str = ""
    what: str = ""
    unit: str = "seed"


ANY = About(unit="")
"""What a mark answers of which nothing more is told."""


@dataclass(frozen=True)
class Mark:
    """One mark: what it is about, the `spread` that it shows, the artist drawn for it, and whether it stands in a named row."""

    about: About
    spread: Mapping[str, Any]
    artist: Line2D = field(repr=False)
    in_row: bool = False

    @property
    def place(self) -> tuple[float, float]:
        """Where it stands, as shares of the figure's width and height from the upper left corner; once it is drawn."""
        figure = self.artist.get_figure(root=True)
        x, y = figure.transFigure.inverted().transform(self.artist.get_transform().transform(self.artist.get_xydata()[-1]))
        return float(x), float(1 - y)

    @property
    def method(self) -> str:
        """Whose it is: as it was told, or the name of the row that it stands in."""
        return self.about.method or self.row

    @property
    def row(self) -> str:
        """The name of the row that it stands in, "" where rows have no names."""
        return _row(self.artist.axes, float(self.artist.get_ydata()[-1])) if self.in_row else ""

    @property
    def what(self) -> str:
        """What was measured: as it was told, or the words at the axis."""
        figure = self.artist.get_figure(root=True)
        return self.about.what or self.artist.axes.get_xlabel() or figure.get_supxlabel() or figure.axes[-1].get_xlabel()

    @property
    def panel(self) -> str:
        """The title of its panel, "" where there is none."""
        return next((title for side in ("center", "left") if (title := self.artist.axes.get_title(loc=side))), "")


@dataclass(frozen=True)
class Ruler:
    """A line across a panel, to be moved along its horizontal axis: where a sound is, or a handle.

    `name` is what moves it; `stops` are the places on the axis that it may take, for a sound its start and its end in seconds.
    """

    name: str
    axes: Axes = field(repr=False)
    stops: tuple[float, ...]

    @property
    def places(self) -> list[float]:
        """Its stops as shares of the figure's width, once it is drawn."""
        figure = self.axes.get_figure(root=True)
        across = [(self.axes.transData.transform((stop, 1.0)))[0] for stop in self.stops]
        return [float(figure.transFigure.inverted().transform((x, 0))[0]) for x in across]

    @property
    def ends(self) -> tuple[float, float]:
        """Its upper and its lower end as shares of the figure's height from above."""
        box = self.axes.get_position()
        return float(1 - box.y1), float(1 - box.y0)


def score_in_words(what: str, over: Mapping[str, Any], unit: str = "seed") -> str:
    """Say a `spread`: what was measured, its mean, its interval, and over how many units."""
    said = f"{what} {number(over['mean'])}"
    if over["low"] is not None:
        said += f", 95 % interval {number(over['low'])} to {number(over['high'])}"
    n = over["n"]
    counted = count(n, unit) if n else f"number of {several(unit)} not given"
    return f"{said}, {counted}" if unit else said


def _row(axes: Axes, y: float) -> str:
    """Return the name of the row nearest to a height, though panels beside each other show names at the first alone."""
    places = axes.get_yticks()
    names = axes.yaxis.get_major_formatter().format_ticks(places)
    return min(zip(places, names, strict=True), key=lambda row: abs(row[0] - y), default=(0.0, ""))[1].replace("\n", " ")
