"""What stands where in a figure once it is drawn: its texts, and what they collide with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from unittest.mock import patch

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from mstask.show.canvas import styled

DPI = 144
SLACK = 0.6
"""Points by which boxes may overlap: a line's box holds room for accents and descenders that it may not have."""


def drawn(figure: Figure) -> set[str]:
    """Every text that a figure holds."""
    return {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}


def texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Return every text that is drawn, of ticks only those in view, with its box in pixels."""
    found: dict[Text, Bbox] = {}
    draw = Text.draw

    def noted(text: Text, renderer, *arguments, **options):
        if text.get_visible() and text.get_text().strip():
            found[text] = text.get_window_extent(renderer)
        return draw(text, renderer, *arguments, **options)

    figure.set_dpi(DPI)
    with styled(), patch.object(Text, "draw", noted):
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
    return list(found.items())


def faults(figure: Figure, found: list[tuple[Text, Bbox]] | None = None) -> list[str]:
    """Return each text that another text, a line, a mark or the edge of the figure runs into; rotated ones by their boxes.

    `found` is what `texts` says, where it was asked already.
    """
    drawn = [(text, box.padded(-SLACK * DPI / 72)) for text, box in found or texts(figure)]
    said = [f"{shown(a)} runs into {shown(b)}" for (a, one), (b, other) in combinations(drawn, 2) if one.overlaps(other)]
    for text, box in drawn:
        if not (box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1):
            said.append(f"{shown(text)} leaves the figure")
        said += [f"{shown(text)} runs into {what}" for what, path in strokes(figure, text) if path.intersects_bbox(box, False)]
    return said


def strokes(figure: Figure, text: Text) -> Iterator[tuple[str, Path]]:
    """Yield what a text must not touch, in pixels: spines of all axes and, if it stands among data, lines and marks."""
    for axes in figure.axes:
        for side, spine in axes.spines.items():
            if axes.axison and spine.get_visible():
                yield f"the {side} spine", spine.get_path().transformed(spine.get_transform())
        if text not in axes.texts:
            continue
        for line in axes.lines:
            path = line.get_path().transformed(line.get_transform())
            if line.get_linestyle() != "None":
                yield "a line", path
            if line.get_marker() not in ("None", None, ""):
                yield from (("a mark", mark) for mark in squares(path.vertices, line.get_markersize()))
        for dots in axes.collections:
            if hasattr(dots, "get_sizes") and len(dots.get_sizes()):
                yield from (
                    ("a mark", mark)
                    for mark in squares(
                        dots.get_offset_transform().transform(dots.get_offsets()), dots.get_sizes().max() ** 0.5
                    )
                )


def squares(centres: np.ndarray, size: float) -> Iterator[Path]:
    """Yield a square of a size in points around each centre, a bit smaller than the mark."""
    half = 0.35 * size * DPI / 72
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) * half
    return (Path(centre + corners) for centre in np.asarray(centres) if np.isfinite(centre).all())


def shown(text: Text) -> str:
    return repr(" ".join(text.get_text().split()))
