"""Recordings in the place of the sections that claims ask for: the voice "recorded" of the ledger.

A claim about radar or audio in general names a section of the paper. Its place is taken by what asks the same question of
recordings: the same networks, trained and selected alike, with a person, a round, a pass or a date held out. How many
examples calibrate a network and how long windows are is one for all recordings, that of the paper's ablation on radar.

    square, ablation   every set of radar recordings that was run; sets count the same, whatever their number of folds
    disjoint           speech with one speaker held out, six times
    mixed              the same speech dealt by chance
    rotation           the six of "disjoint" as rankings of their own

Claims about the paper's own numbers, and on networks that met no recordings, have no such place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mstask.data import recorded
from mstask.results.documents import Document

SECTION, SOURCE = "recordings", "recorded"
"""The section, and the voice that it speaks in."""
RADAR = {"RadHAR": tuple(recorded.RADHAR), "NeuroRadar": tuple(recorded.NEURORADAR), "Acconeer": tuple(recorded.ACCONEER)}
"""Sets of radar recordings by their names: folds that test each of its groups once, but for Acconeer's day 2022-07-14.

`recorded.DAYS` tests those of NeuroRadar again, but for the first day.
"""
SPEECH = {"Free Spoken Digits": tuple(recorded.SPEECH)}
MIXED = {"Free Spoken Digits, speakers mixed": (recorded.SPEECH_MIXED,)}
HOMOGENEOUS = {"Doppler-LIF": "D0_doppler", "STFT-IF": "D0_stft", "Chirp-LIF": "D0_chirp", "Dual-tau-LIF": "D0_dualtau"}
"""What the ablation calls networks of one neuron type; they have its layers and widths."""
Sets = Mapping[str, tuple[str, ...]]


def stand_ins(document: Document) -> dict[str, Document]:
    """Return what stands in for each section, made of the cells of the section on recordings; none where no cell fits."""
    found = {
        "square": view(document, "square", RADAR),
        "ablation": view(document, "ablation", RADAR, HOMOGENEOUS),
        "disjoint": view(document, "disjoint", SPEECH),
        "mixed": view(document, "mixed", MIXED),
        "rotation": view(document, "rotation", SPEECH).model_copy(update={"values": {}}),
    }
    return {section: made for section, made in found.items() if made.cells}


def view(document: Document, section: str, sets: Sets, names: Mapping[str, str] | None = None) -> Document:
    """Return the cells of some sets as a document of another section; `values` says in "sets" which cases are folds of which.

    With `names` only methods that it renames are kept. A score that has no spread, on one fold and with one seed only, would
    take it from those of other sets: where there are several sets it is left out.
    """
    cases = {case: name for name, own in sets.items() for case in own}
    renamed = names or {cell.method: cell.method for cell in document.cells}
    fitting = [cell for cell in document.cells if cell.case in cases and cell.method in renamed]
    runs = Counter((cases[cell.case], cell.method) for cell in fitting if cell.case)
    several = len({name for name, _ in runs}) > 1
    spread = [cell for cell in fitting if cell.case and runs[cases[cell.case], cell.method] > 1] if several else []
    cells = [cell.model_copy(update={"method": renamed[cell.method]}) for cell in spread or fitting]
    records = {case: record for case, record in (document.cases or {}).items() if case in cases}
    values = {"sets": {name: list(own) for name, own in sets.items()}}
    return document.model_copy(update={"section": section, "cells": cells, "data": None, "cases": records, "values": values})
