"""The probe by accuracy, as the paper's script reports it: best of all epochs on the test set, and paired differences."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import numpy as np

from mstask import stats
from mstask.results.documents import Cell, Document
from mstask.summary.comparisons import Comparison, Pair

RESAMPLES = 5000
BEST = "best"
PAIRS = (("D1_H1", BEST), ("D2_concat", BEST), ("D1_rev", BEST), ("D2_concat", "D1_H1"), ("D1_H1", "D1_rev"))
"""What the paper's script compares; "best" stands for the homogeneous network of the highest mean accuracy."""


def facts(document: Document) -> dict[str, Any]:
    """Return numbers for sentences on the probe, as far as a document knows them; nothing of other sections.

    `gain`: how much higher test accuracy is at its best epoch than at the selected one, as the mean over all cells and as the
    "most" for one; `resamples` of a bootstrap.
    """
    if document.section != "probe":
        return {}
    chosen, best = by_method(document), by_method(document, best=True)
    gains = [best[name][seed] - chosen[name][seed] for name in best for seed in best[name]]
    return {"resamples": RESAMPLES, "gain": {"mean": fmean(gains), "most": max(gains)} if gains else None}


def by_method(document: Document, best: bool = False) -> dict[str, dict[int, float]]:
    """Return test accuracy by method and seed: at the selected epoch, or the best of all epochs where those were noted."""
    found: dict[str, dict[int, float]] = {}
    for cell in document.cells:
        value = max(cell.result.series("test_accuracy"), default=None) if best else cell.result.accuracy
        if value is not None:
            found.setdefault(cell.method, {})[cell.seed] = value
    return found


def differences(document: Document) -> list[Comparison]:
    """Return the differences in accuracy at the selected epoch that the paper's script tests, of the pairs that were run.

    A seed's interval is that of a paired bootstrap of 5,000 resamples, by a generator seeded with that seed.
    """
    accuracy = by_method(document)
    homogeneous = [name for name in accuracy if name.startswith("D0_")]
    best = max(homogeneous, key=lambda name: fmean(accuracy[name].values()), default=None)
    pairs = [(a, best if b == BEST else b) for a, b in PAIRS]
    return [found for a, b in pairs if {a, b} <= accuracy.keys() and (found := _compared(document, a, b))]


def _compared(document: Document, a: str, b: str) -> Comparison | None:
    cells = {(c.method, c.seed): c for c in document.cells if c.data and c.result.predictions is not None}
    common = sorted(seed for method, seed in cells if method == a and (b, seed) in cells)
    seeds = {str(seed): _pair(cells[a, seed], cells[b, seed]) for seed in common}
    return Comparison(a, b, fmean(pair.difference for pair in seeds.values()), seeds=seeds) if seeds else None


def _pair(a: Cell, b: Cell) -> Pair:
    ours, theirs = (np.asarray(cell.result.predictions) for cell in (a, b))
    true, n_classes = np.asarray(a.data.test_labels), len(a.data.class_names)
    return Pair(*stats.paired_bootstrap(ours, theirs, true, n_classes, "accuracy", RESAMPLES, a.seed))
