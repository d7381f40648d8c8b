"""What section 5.3 measures beyond scores: who wins within the groups, what each ingredient adds, what the code does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np

from mstask import stats
from mstask.claims.figures import pooled_over_cases
from mstask.results.documents import Cell, Document
from mstask.studies.ncg.declare import CASES
from mstask.summary.comparisons import common_places, compare, example_draws, leads_by_case, predicted
from mstask.summary.endings import collapsed

SINGLE, GROUPS = "S2-M1", "S2-M5-CR2-L"
SSTDP_SINGLE, SSTDP_GROUPS = "SSTDP-M1", "SSTDP-M5-CR2"
UNREGULATED, ONE_THRESHOLD, TWO_THRESHOLDS = "S2-M5", "S2-M5-CR1", "S2-M5-CR2"
PAIRS = {
    "groups": (GROUPS, SINGLE),
    "groups_sstdp": (SSTDP_GROUPS, SSTDP_SINGLE),
    "regulation": (TWO_THRESHOLDS, UNREGULATED),
    "labels": (GROUPS, TWO_THRESHOLDS),
}
"""What is compared: each ingredient with a pair of methods that differ in it."""
CHANGES = ("code", "readout")
CODES = (("digits", "digits-features"), ("speech", "speech-onsets"))
"""Cases that show the same examples in two input codes."""
ONE_CODE = tuple(case for case in CASES if case not in {second for _, second in CODES})
"""Every set of examples once, in the first of its codes: what a mean over data sets is taken over."""
DATA = {
    "digits": "digits",
    "digits-features": "digits (learnt code)",
    "speech": "spoken digits",
    "speech-onsets": "spoken digits (onsets)",
    "radar": "radar",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
}
"""Data sets by case, as a reader sees them."""
EXTRACTORS = {"stdp-csnn": "STDP convolution", "softhebb-cnn": "SoftHebb convolution"}
"""Learnt features of the published figures, as a reader sees them."""

Values = dict[tuple[str | None, int], float]
"""A number for each case and seed."""


def facts(document: Document) -> dict[str, Any]:
    """Return numbers for sentences, as far as a document knows them.

    `differences` by ingredient: "mean" of macro-F1 over data sets, and "cases". `winner_share` by method: the mean share of its
    own samples that a class's most frequent winner takes. `code` and `readout`: how far macro-F1 moves when only that changes;
    `steady_code` and `steady_readout`: the same without runs that fell apart.
    """
    coded = document.of_cases(ONE_CODE)
    differences = {
        name: {"mean": compare(coded, *pair).difference, "cases": leads_by_case(document, *pair)}
        for name, pair in PAIRS.items()
        if common_places(coded, pair)
    }
    methods = dict.fromkeys(cell.method for cell in coded.cells)
    shares = {name: pooled_over_cases(found).value for name in methods if (found := winner_shares(coded, name))}
    moved = {}
    for prefix, both in ("", code_and_readout(document)), ("steady_", code_and_readout(_steady(document))):
        moved |= {f"{prefix}{name}": both[i].value for i, name in enumerate(CHANGES) if both}
    return {"differences": differences, "winner_share": shares} | moved


def _steady(document: Document) -> Document:
    """The document without the runs that fell apart."""
    fallen = {(name, run.case, run.seed) for name in {c.method for c in document.cells} for run in collapsed(document, name)}
    return document.model_copy(update={"cells": [c for c in document.cells if (c.method, c.case, c.seed) not in fallen]})


def winner_share(cell: Cell) -> float | None:
    """The share of a class's own samples that its most frequent winner won in the last epoch, mean over classes."""
    shares = (cell.result.details or {}).get("most_frequent_winner")
    return fmean(shares) if shares else None


def winner_shares(document: Document, method: str) -> Values:
    """The share of the most frequent winner in every cell of a method."""
    cells = (cell for cell in document.cells if cell.method == method)
    return {(cell.case, cell.seed): share for cell in cells if (share := winner_share(cell)) is not None}


def code_and_readout(document: Document) -> stats.Estimates | None:
    """How far macro-F1 moves when only the input code changes, and when only the readout changes; None where neither is known.

    Both are mean absolute differences over the readouts that were run on both codes of the same examples, and over their pairs:
    on the first data set that has them. Test examples are resampled where their answers are known.
    """
    for codes in CODES:
        cells: dict[int, tuple[dict[str, Cell], dict[str, Cell]]] = {}
        for cell in document.cells:
            if cell.case in codes and cell.result.macro_f1 is not None:
                cells.setdefault(cell.seed, ({}, {}))[codes.index(cell.case)][cell.method] = cell
        own = [by_code for _, by_code in sorted(cells.items()) if len(by_code[0].keys() & by_code[1].keys()) > 1]
        if own:
            scores = [_moved(by_code, lambda cell: np.float64(cell.score)) for by_code in own]
            known = all(predicted(cell) for pair in own for one in pair for cell in one.values())
            draws = [_moved(by_code, example_draws) for by_code in own] if known else None
            return stats.estimates(np.moveaxis(scores, 1, 0), None if draws is None else np.moveaxis(draws, 1, 0))
    return None


def _moved(by_code: tuple[dict[str, Cell], dict[str, Cell]], score: Callable[[Cell], Any]) -> tuple[Any, Any]:
    """What a change of the code alone and of the readout alone moves, by scores of any shape."""
    first, second = ({name: score(cell) for name, cell in own.items()} for own in by_code)
    common = sorted(first.keys() & second.keys())
    code = [abs(first[name] - second[name]) for name in common]
    readout = [abs(own[a] - own[b]) for own in (first, second) for a, b in combinations(common, 2)]
    return sum(code) / len(code), sum(readout) / len(readout)
