"""What a figure keeps of its marks, so that a page can say whose score a mark is, how sure it is and where it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mstask.results.documents import Document


@dataclass(frozen=True)
class About:
    """What a mark is about.

    method : the name that a reader sees for it, by which marks and rows of tables belong together; "" for that of its row.
    document, key : where it was read: `key` leads to it in `mstask.summary.summarise(document)`; "" where the figure derives
        it.
    what : what was measured; "" for the words at the axis.
    unit : what its interval is taken over.
    """

    method: str = ""
    document: Document | None = None
    key: str = ""
    what: str = ""
    unit: str = "seed"


ANY = About()
"""What a mark answers of which nothing more is told."""


@dataclass(frozen=True)
class Mark:
    """One mark: what it is about, the `spread` that it shows, and the artist that was drawn for it."""

    about: About
    spread: Mapping[str, Any]
    artist: Line2D = field(repr=False)

    @property
    def place(self) -> tuple[float, float]:
        """Where it stands, as shares of the figure's width and height from the upper left corner; once it is drawn."""
        figure = self.artist.get_figure(root=True)
        x, y = figure.transFigure.inverted().transform(self.artist.get_transform().transform(self.artist.get_xydata()[-1]))
        return float(x), float(1 - y)

    @property
    def method(self) -> str:
        """Whose it is: as it was told, or the name of the row that it stands in."""
        return self.about.method or _row(self.artist.axes, float(self.artist.get_ydata()[-1]))

    @property
    def what(self) -> str:
        """What was measured: as it was told, or the words at the axis."""
        figure = self.artist.get_figure(root=True)
        return self.about.what or self.artist.axes.get_xlabel() or figure.get_supxlabel() or figure.axes[-1].get_xlabel()

    @property
    def panel(self) -> str:
        """The title of its panel, "" where there is none."""
        return next((title for side in ("center", "left") if (title := self.artist.axes.get_title(loc=side))), "")


def _row(axes: Axes, y: float) -> str:
    """Return the name of the row nearest to a height, though panels beside each other show names at the first alone."""
    ticks = zip(axes.get_yticks(), axes.yaxis.get_major_ticks(), strict=True)
    labels = {place: tick.label1.get_text().replace("\n", " ") for place, tick in ticks}
    return min(labels.items(), key=lambda item: abs(item[0] - y), default=(0.0, ""))[1]
