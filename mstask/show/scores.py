"""Macro-F1 of each method in each voice, as plot, table and plain data: what every section that ranks methods shows.

`documents` is a dictionary from voice (a key of `VOICES`) to document; a missing one is `None`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mstask.claims.words import signed
from mstask.results.documents import Document
from mstask.results.voices import LABELS, NOTHING, VOICES, by_voice, heading, label
from mstask.show.canvas import GREY, SMALL, draw_bands, draw_spread, drawing, explain_voices, lanes_of, mark
from mstask.show.marks import About
from mstask.summary import remark, standings

ByVoice = Mapping[str, Document | None]
BySection = Mapping[str, ByVoice]
"""By section, then by voice, as exhibits that are marked by `takes_sections` get them."""

NBSP = "\N{NO-BREAK SPACE}"


def scores_figure(documents: ByVoice, methods: Sequence[str]) -> Figure:
    """Draw macro-F1 of each method as a row with one lane per voice: every seed, their mean, its 95 % interval.

    A dotted line marks what guessing would score, where the number of classes is known.
    """
    found = {voice: standings(document) for voice, document in by_voice(documents).items()}
    guesses = {document.data.chance for document in by_voice(documents).values() if document.data}
    lanes = lanes_of(len(found), 0.27)
    with drawing(1.1 + (0.26 + 0.12 * len(found)) * len(methods)) as figure:
        axes = figure.add_subplot()
        draw_bands(axes, [label(name) for name in methods])
        for row, name in enumerate(methods):
            for lane, (voice, standing) in zip(lanes, found.items(), strict=True):
                about = About(label(name), documents[voice], f"methods.{name}.macro_f1")
                _draw_score(axes, row + lane, standing["methods"].get(name), voice, about, max(guesses, default=0))
        for guess in guesses:
            axes.axvline(guess, color=GREY, linestyle=":", linewidth=1)
        axes.set(xlim=(0, 1), xlabel="macro-F1 on the test set")
        explain_voices(figure, documents)
    return figure


def scores_table(documents: ByVoice, methods: Sequence[str], what: str) -> pd.DataFrame:
    """Return macro-F1 by method (rows, indexed by id, named in the column `what`) and voice (columns)."""
    table = pd.DataFrame({what: [label(name) for name in methods]}, index=list(methods))
    for voice, document in by_voice(documents).items():
        found = standings(document)["methods"]
        table[heading(voice, document)] = [
            score(found[name]["macro_f1"]) + remark(document, name) if name in found else VOICES[voice].absent
            for name in methods
        ]
    return voice_columns(table, documents)


def scores_data(documents: ByVoice) -> pd.DataFrame:
    """Every score behind a comparison of methods: one row per voice, method and seed, or per published mean."""
    return every_score(documents, "macro_f1", "accuracy", "n_parameters")


def every_score(documents: ByVoice, *columns: str) -> pd.DataFrame:
    """Return a row for every cell of each voice, and for every published mean of a method without cells."""
    rows: list[tuple[Any, ...]] = []
    for voice, document in by_voice(documents).items():
        cells = cell_table(document, "method", "seed", *columns).astype({"seed": str})
        rows += [(voice, *row) for row in cells.itertuples(index=False)]
        others = {name: mean for name, mean in document.means.items() if name not in set(cells["method"])}
        rows += [(voice, name, "mean", *(getattr(mean, field, None) for field in columns)) for name, mean in others.items()]
    return pd.DataFrame(rows, columns=["voice", "method", "seed", *columns])


def cell_table(document: Document, *columns: str) -> pd.DataFrame:
    """Every cell, a row each; a column is a field of the cell, one of its details or of its measures, None where unknown."""
    known = [dict(cell.result) | (cell.result.details or {}) | dict(cell) for cell in document.cells]
    return pd.DataFrame([[found.get(name) for name in columns] for found in known], columns=list(columns))


def case_order(documents: Iterable[Document], order: Iterable[str]) -> list[str]:
    """Return the cases that any document has cells of: in a given order, others after them."""
    run = {cell.case for document in documents for cell in document.cells if cell.case is not None}
    return [case for case in order if case in run] + sorted(run - set(order))


def score_table(document: Document | None, measure: str = "macro_f1") -> dict[str, dict[str | None, dict[int, float]]]:
    """Return a measure by method, case and seed."""
    table: dict[str, dict[str | None, dict[int, float]]] = {}
    for cell in document.cells if document else ():
        if (value := getattr(cell.result, measure)) is not None:
            table.setdefault(cell.method, {}).setdefault(cell.case, {})[cell.seed] = value
    return table


def voices_of(studies: BySection) -> list[str]:
    """Return the voices that any section was asked for."""
    return [voice for voice in VOICES if any(voice in documents for documents in studies.values())]


def of_voice(studies: BySection, voice: str) -> dict[str, Document | None]:
    """Return what one voice has, by section."""
    return {section: documents.get(voice) for section, documents in studies.items()}


def method_order(documents: Iterable[Document]) -> list[str]:
    """Return all methods that the documents speak of: in the order of `LABELS`, then by name."""
    names: set[str] = set()
    for document in documents:
        names |= {cell.method for cell in document.cells} | set(document.means) | set(document.not_published)
    known = [name for name in LABELS if name in names]
    return known + sorted(names - set(known))


def ranked(documents: ByVoice) -> list[str]:
    """Return all methods: those that the first voice with figures ranks, best first, then the others."""
    heard = list(by_voice(documents).values())
    ranking: list[str] = next((found for document in heard if (found := standings(document)["ranking"])), [])
    return ranking + [name for name in method_order(heard) if name not in ranking]


def told(value: float | None, form: str = ".3f", absent: str = NOTHING) -> str:
    """Format a number, or say what stands for one that isn't known."""
    return absent if value is None or pd.isna(value) else format(value, form)


def score(spread: Mapping[str, Any]) -> str:
    """Return "mean ± standard deviation [interval]" of a summary's score, as far as each is known.

    A line may break only before the interval.
    """
    if spread["mean"] is None:
        return NOTHING
    text = f"{spread['mean']:.3f}"
    if spread["sd"] is not None:
        text += f"{NBSP}±{NBSP}{spread['sd']:.3f}"
    text += f" [{spread['low']:.2f},{NBSP}{spread['high']:.2f}]" if spread["low"] is not None else ""
    return text.replace("-", "−")


def ordinal(place: int) -> str:
    """Return a rank as a word: 1st, 2nd, 3rd, 4th."""
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def difference(value: float, low: float | None, high: float | None) -> str:
    """Return "difference [interval]", the interval where it is known."""
    return signed(value) if low is None or high is None else f"{signed(value)} [{signed(low)},{NBSP}{signed(high)}]"


def neurons_of(architecture: Any) -> str:
    """Describe the neuron types of an `Architecture`: a stack by arrows, a bank by strokes."""
    if architecture is None:
        return NOTHING
    types = architecture.types
    if len(set(types)) == 1:
        return f"{types[0]} in all {len(types)} layers"
    return " ∥ ".join(types) if architecture.bank else " → ".join(types)


def voice_columns(table: pd.DataFrame, documents: ByVoice) -> pd.DataFrame:
    """Return the table with a column for every voice that was asked for, in their order, the silent ones too."""
    table = table.copy()
    for voice in (voice for voice in VOICES if voice in documents):
        name = heading(voice, documents[voice])
        table[name] = table.pop(name) if name in table else VOICES[voice].absent
    return table.fillna(NOTHING)


def _draw_score(axes: Axes, y: float, method: dict[str, Any] | None, voice: str, about: About, guess: float) -> None:
    """Draw a score, or say beside the line of what guessing scores that there is none."""
    look = VOICES[voice]
    spread = method["macro_f1"] if method else None
    if method is None or not spread or spread["mean"] is None:
        axes.text(guess + 0.015, y, look.absent, va="center", fontsize=SMALL, style="italic", color=look.colour)
        return
    draw_spread(axes, y, spread, mark(voice), (0, 1), about)
    said = ["at chance"] * bool(method["at_chance"]) + [f"{method['collapsed']} collapsed"] * bool(method["collapsed"])
    if said:
        right = max([guess, spread["mean"], *spread["values"], spread["high"] or 0])
        axes.text(min(right, 1) + 0.015, y, ", ".join(said), va="center", fontsize=SMALL, style="italic", color=look.colour)
