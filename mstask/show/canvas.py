"""What every plot has in common: width, style, the marks of the voices, and that a notebook can show it."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.results.documents import Document
from mstask.results.voices import VOICES, heading

WIDTH = 4.6
GREY = "#5d6d7e"
BAND = "#eef2f4"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9.5,
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
    """A figure that a notebook shows as the value of a cell, whichever backend is in use; drawn by `STYLE` to the last tick."""

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Save as `Figure` does."""
        with styled():
            super().savefig(*arguments, **options)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=120)
        return buffer.getvalue()


def mark(voice: str) -> dict[str, Any]:
    """Return how matplotlib draws a point of a voice: published ones are hollow."""
    look = VOICES[voice]
    filled = look.colour if voice != "published" else "white"
    return {"color": look.colour, "marker": look.marker, "linestyle": "", "markerfacecolor": filled}


def handle(voice: str, document: Document | None) -> Line2D:
    """Return a voice's entry in a legend, which says so where it has no document."""
    text = heading(voice, document) if document is not None else f"{VOICES[voice].label}: {VOICES[voice].absent}"
    return Line2D([], [], label=text, **mark(voice))
