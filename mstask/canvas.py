"""What every plot has in common: width, style, and that a notebook can show it."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

WIDTH = 4.6
GREY = "#5d6d7e"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9.5,
    "figure.facecolor": "white",
    "legend.frameon": False,
}


class Plot(Figure):
    """A figure that a notebook shows as the value of a cell, whichever backend is in use."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=120)
        return buffer.getvalue()
