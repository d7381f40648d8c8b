"""The figures that claims are judged by, taken from result documents with the errors that they share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mstask import stats, summary
from mstask.claims.words import listed, subject
from mstask.results.documents import Cell, Document
from mstask.results.voices import label
from mstask.summary.comparisons import (
    combination,
    common_places,
    in_common,
    lead,
    p_of_lead,
    scored_cells,
    sets_of,
    share_seeds,
    weighted_scores,
)
from mstask.summary.once import once

Documents = Mapping[str, Document | None]
Family = Sequence[tuple[str, str]]
Weights = Mapping[str, float]
"""By method, the weight of its score in a sum."""


class NotTestable(Exception):
    """A document or figure that a statement needs is missing."""


def results_of(documents: Documents, section: str) -> Document:
    """Return a section's document."""
    document = documents.get(section)
    if document is None:
        raise NotTestable(f"There are no results for {subject(section)}.")
    return document


def of_case(document: Document, case: str, title: str) -> Document:
    """Return the part of a document that is of one case, known to readers by a title."""
    found = document.of_case(case)
    if not found.cells:
        raise NotTestable(f"There is no figure for {title} ({absence(document)}).")
    return found


def scores(documents: Documents, section: str, *needed: str) -> tuple[Document, dict[str, Any]]:
    """Return a section's document and its `standings`, in which the needed methods have a macro-F1."""
    document = results_of(documents, section)
    found = summary.standings(document)
    if missing := [name for name in needed if name not in found["rank"]]:
        raise NotTestable(f"There is no figure of {listed(map(label, missing))} for {subject(section)} ({absence(document)}).")
    return document, found


def absence(document: Document) -> str:
    """Return why a document lacks a figure."""
    return "not published" if document.source == "published" else "not run"


@once
def tested(document: Document, a: str, b: str, family: Family) -> tuple[stats.Estimate | None, list[float]]:
    """The lead of a method over another, with the p-values of its family, its own first; none where no spread is known."""
    if (p := p_of_lead(document, a, b)) is None:
        return None, []
    known = set(summary.standings(document)["rank"])
    others = dict.fromkeys(m for m in map(frozenset, family) if m <= known and m != {a, b})
    found = (p_of_lead(document, *sorted(m)) for m in others if share_seeds(document, *m))
    return lead(document, a, b), [p, *(value for value in found if value is not None)]


@lru_cache(maxsize=4096)
def spanned(estimate: stats.Estimate, level: float) -> tuple[float, float] | None:
    """The interval of an estimate, worked out once."""
    return estimate.interval(level)


def leads(found: stats.Estimates | stats.Pooled) -> NDArray[np.float64]:
    """The weights of the leads of the first of several means over each of the others, one row each."""
    others = len(found.values) - 1
    return np.hstack([np.ones((others, 1)), -np.eye(others)])


def pooled_over_cases(values: Mapping[Any, float]) -> stats.Estimate:
    """The mean of values by seed, or by (case, seed): over the cases, each by its own seeds."""
    by_case: dict[Any, list[float]] = {}
    for key, value in values.items():
        by_case.setdefault(key[0] if isinstance(key, tuple) else None, []).append(value)
    return stats.pooled([stats.estimate(own) for own in by_case.values()])


def paired(chosen: Sequence[tuple[Document, Weights]]) -> list[tuple[Document, Weights]]:
    """Return two sections' documents at the seeds that both have of all their methods; as they are where they share none."""
    if any(sets_of(document) for document, _ in chosen):
        return list(chosen)
    common = set.intersection(*(set(common_places(document, weights)) for document, weights in chosen))
    return [(in_common(document, weights, common), weights) for document, weights in chosen]


def between(chosen: Sequence[tuple[Document, Weights]]) -> stats.Estimate:
    """The difference of two weighted sums of scores, paired by seed, and by example if they have the same.

    Folds of data sets have nothing to be paired by: the two are independent.
    """
    (first, weights), (second, others) = chosen
    sums = [weighted_scores(document, own) for document, own in chosen]
    if not all(sums):
        raise NotTestable("What is compared has no seed in common.")
    if sets_of(first) or sets_of(second):
        return stats.apart(combination(first, weights), combination(second, others))
    common = sorted(sums[0].keys() & sums[1].keys(), key=str)
    if not common:
        raise NotTestable("The two have no seed in common.")
    if first.data and second.data and first.data.fingerprint == second.data.fingerprint:
        both: list[Cell] = []
        signed: dict[str, float] = {}
        for side, sign, (document, own) in zip(("first", "second"), (1, -1), chosen, strict=True):
            signed |= {f"{side} {name}": sign * w for name, w in own.items()}
            judged = (cell for cell in document.cells if cell.method in own)
            both += [cell.model_copy(update={"method": f"{side} {cell.method}"}) for cell in judged]
        return combination(first.model_copy(update={"cells": both}), signed)
    examples = sum(combination(document, own).over_examples for document, own in chosen)
    return dataclasses.replace(stats.estimate([sums[0][p] - sums[1][p] for p in common]), over_examples=examples)


def scored(document: Document, methods: Iterable[str]) -> bool:
    return all(scored_cells(document, name) for name in methods)


def mean_rho(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's rho averaged over pairs of rankings, from scores of shape [R, rankings, methods]."""
    ranks = rankdata(table, axis=2)
    ranks -= ranks.mean(axis=2, keepdims=True)
    ranks /= np.maximum(np.linalg.norm(ranks, axis=2, keepdims=True), 1e-12)
    pairs = list(combinations(range(table.shape[1]), 2))
    return np.mean([(ranks[:, i] * ranks[:, j]).sum(axis=1) for i, j in pairs], axis=0)


def both_ways(drawn: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
    """Draws [2, R] of a rank correlation whose value is `rho`: as they are, and reflected at it.

    Errors that are drawn come on top of those that the scores hold already, which lowers the correlation of rankings that are
    alike: by themselves the draws lie low, reflected they lie high. An interval that holds both misses the true correlation
    seldom where the draws alone miss it mostly.
    """
    return np.stack([drawn, np.clip(2 * rho - drawn, -1, 1)])
