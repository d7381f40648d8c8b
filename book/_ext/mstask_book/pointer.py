"""Figures that answer the pointer: a layer over a picture that holds a mark for each score, with its value and its source.

The picture below stays as it is, for print and where no script runs. `figures.js` in the book's static files, part of this
project, shows what a mark says and lights up what belongs to the same method.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

from docutils import nodes

from mstask.results.documents import Document
from mstask.results.voices import VOICES
from mstask.show.canvas import Plot
from mstask.show.marks import Mark, Ruler, score_in_words

from .elements import pictured
from .sources import Reference

POINTS = 72
RADIUS = 6
HEARD = "Scores in this figure; arrow keys go from one to the next"


def answering(image: nodes.image, figure: Plot, references: Sequence[Reference]) -> nodes.Element:
    """Return a figure's picture below the layer of its marks; the picture alone where it has none."""
    if not (figure.marks or figure.rulers):
        return image
    layer = nodes.raw("", marks_layer(figure, references), format="html")
    return pictured("", image, layer)


def playing(topic: str, data: dict[str, Any]) -> nodes.raw:
    """Return the place where a script lets a reader play with a figure, with the data that it needs; hidden without it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    script = f'<script type="application/json">{text}</script>'
    return nodes.raw("", f'<div class="mstask-play" data-play="{topic}" hidden>{script}</div>', format="html")


def marks_layer(figure: Plot, references: Sequence[Reference]) -> str:
    """Return the layer as SVG of the picture's size, which was drawn; arrow keys go from the first mark to the others."""
    width, height = (round(POINTS * inches, 2) for inches in figure.get_size_inches())
    marks = "".join(_circle(mark, figure, references, width, height, number) for number, mark in enumerate(figure.marks))
    rulers = "".join(_line(ruler, width, height) for ruler in figure.rulers)
    heard = f'role="group" aria-label="{HEARD}"' if marks else 'aria-hidden="true"'
    return f'<svg class="mstask-marks" viewBox="0 0 {width:g} {height:g}" {heard}>{marks}{rulers}</svg>'


def told(mark: Mark, document: Document | None, references: Sequence[Reference]) -> list[str]:
    """Return what a mark says: whose score it is, the score with its interval and number of seeds, and where it was read."""
    about, over = mark.about, mark.spread
    voice = document and VOICES[document.source].label
    row = mark.row if mark.row != mark.method else ""
    score = score_in_words(mark.what, over, about.unit)
    files = [Reference.parse(f"{document.source}/{document.section}")] if document else references
    origin = ", ".join(dict.fromkeys(file.shown for file in files)) + (f": {about.key}" if about.key else "")
    return [", ".join(dict.fromkeys(filter(None, (mark.method, row, mark.panel, voice)))), score, origin]


def _circle(mark: Mark, figure: Plot, references: Sequence[Reference], width: float, height: float, number: int) -> str:
    x, y = mark.place
    over, document = mark.spread, mark.about.document or figure.document
    values = {name: over[name] for name in ("mean", "low", "high", "n") if over[name] is not None}
    given: dict[str, Any] = {
        "cx": f"{width * x:.1f}",
        "cy": f"{height * y:.1f}",
        "r": RADIUS,
        "role": "img",
        "tabindex": -1 if number else 0,
        "aria-label": "\n".join(told(mark, document, references)),
        "data-method": mark.method,
        **{f"data-{name}": repr(value) for name, value in values.items()},
    }
    if document:
        given |= {"data-document": f"{document.source}/{document.section}", "data-key": mark.about.key}
    written = " ".join(f'{name}="{html.escape(str(value))}"' for name, value in given.items())
    return f"<circle {written}></circle>"


def _line(ruler: Ruler, width: float, height: float) -> str:
    top, bottom = (f"{height * end:.1f}" for end in ruler.ends)
    stops = " ".join(f"{width * place:.1f}" for place in ruler.places)
    ends = f"{ruler.stops[0]:g} {ruler.stops[-1]:g}"
    name = html.escape(ruler.name)
    return f'<line class="ruler" y1="{top}" y2="{bottom}" data-ruler="{name}" data-stops="{stops}" data-ends="{ends}"></line>'
