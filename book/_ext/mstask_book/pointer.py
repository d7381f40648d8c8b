"""Figures that answer the pointer: a layer over a picture that holds a mark for each score, with its value and its source.

The picture below stays as it is, for print and where no script runs. `figures.js` in the book's static files, part of this
project, shows what a mark says and lights up what belongs to the same method.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from docutils import nodes

from mstask.results.voices import VOICES
from mstask.show.canvas import Plot
from mstask.show.marks import Mark

from .elements import pictured
from .sources import Reference

POINTS = 72
RADIUS = 6


def answering(image: nodes.image, figure: Plot, references: Sequence[Reference]) -> nodes.Element:
    """Return a figure's picture below the layer of its marks; the picture alone where it has none."""
    if not figure.marks:
        return image
    layer = nodes.raw("", marks_layer(figure, references), format="html")
    return pictured("", image, layer)


def marks_layer(figure: Plot, references: Sequence[Reference]) -> str:
    """Return the layer as SVG of the picture's size, which was drawn; arrow keys go from the first mark to the others."""
    width, height = (round(POINTS * inches, 2) for inches in figure.get_size_inches())
    marks = "".join(_circle(mark, references, width, height, number) for number, mark in enumerate(figure.marks))
    return (
        f'<svg class="mstask-marks" viewBox="0 0 {width:g} {height:g}" role="group" '
        f'aria-label="Scores in this figure; arrow keys go from one to the next">{marks}</svg>'
    )


def told(mark: Mark, references: Sequence[Reference]) -> list[str]:
    """Return what a mark says: whose score it is, the score with its interval and number of seeds, and where it was read."""
    about, over = mark.about, mark.spread
    voice = about.document and VOICES[about.document.source].label
    score = f"{mark.what} {_number(over['mean'])}"
    if over["low"] is not None:
        score += f", 95 % interval {_number(over['low'])} to {_number(over['high'])}"
    score += f", {_count(over['n'], about.unit)}" if over["n"] else f", number of {about.unit}s not given"
    return [", ".join(filter(None, (mark.method, voice, mark.panel))), score, origin(mark, references)]


def origin(mark: Mark, references: Sequence[Reference]) -> str:
    """Return the document, or the documents of the figure, that a mark was read from, and the key of its mean."""
    document, key = mark.about.document, mark.about.key
    files = [Reference.parse(f"{document.source}/{document.section}")] if document else references
    return ", ".join(dict.fromkeys(file.shown for file in files)) + (f": {key}" if key else "")


def _circle(mark: Mark, references: Sequence[Reference], width: float, height: float, number: int) -> str:
    x, y = mark.place
    over, document = mark.spread, mark.about.document
    values = {name: over[name] for name in ("mean", "low", "high", "n") if over[name] is not None}
    given: dict[str, Any] = {
        "cx": f"{width * x:.1f}",
        "cy": f"{height * y:.1f}",
        "r": RADIUS,
        "role": "img",
        "tabindex": -1 if number else 0,
        "aria-label": "\n".join(told(mark, references)),
        "data-method": mark.method,
        **{f"data-{name}": repr(value) for name, value in values.items()},
    }
    if document:
        given |= {"data-document": f"{document.source}/{document.section}", "data-key": mark.about.key}
    written = " ".join(f'{name}="{html.escape(str(value))}"' for name, value in given.items())
    return f"<circle {written}></circle>"


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _count(n: int, unit: str) -> str:
    return f"{n} {unit}{'s' * (n != 1)}"
