"""How firm a ranking is: over resamples of seeds and test examples, and over the cases of a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mstask import stats
from mstask.results.documents import Document
from mstask.summary.comparisons import has_cases, resampled, scored_cells


@dataclass(frozen=True)
class Stability:
    """How often each method takes each rank: per method a list, first entry the share of resamples in which it is best.

    `over` is what varies: "seeds and test examples", or "cases".
    """

    over: str
    probabilities: dict[str, list[float]]


@dataclass(frozen=True)
class LeastAlike:
    """The two cases whose rankings agree least, and Spearman's rho of them."""

    rho: float
    first: str
    second: str


@dataclass(frozen=True)
class Agreement:
    """How alike cases rank methods, over the `cases` and `seeds` that all methods have.

    `w`, `p` : Kendall's W of the rankings by mean over seeds, and Friedman's p. `best` : the best method per case.
    `w_seeds` : W over seeds within a case, averaged over cases. Both that and `components` are None with a single seed.
    """

    cases: list[str]
    seeds: list[int]
    w: float
    p: float
    best: dict[str, str]
    least: LeastAlike
    w_seeds: float | None
    components: stats.Components | None


def rank_stability(document: Document, methods: Sequence[str]) -> Stability | None:
    """Return how often each method takes each rank under resampling, None where nothing can be resampled."""
    draws = resampled(document, methods) if len(methods) > 1 and all(scored_cells(document, name) for name in methods) else None
    if draws is None:
        return None
    over = "cases" if has_cases(document) else "seeds and test examples"
    probabilities = stats.rank_probabilities(draws)
    return Stability(over, dict(zip(methods, probabilities.tolist(), strict=True)))


def balanced(document: Document, methods: Sequence[str]) -> tuple[list[str], list[int], NDArray[np.float64]]:
    """Return the cases and seeds that all methods have, and macro-F1 of shape [methods, cases, seeds].

    Cases that lack a method are left out, then seeds that are missing anywhere.
    """
    found = {name: {place: c.result.macro_f1 for place, c in scored_cells(document, name).items()} for name in methods}
    cases = sorted(set.intersection(*({case for case, _ in places if case} for places in found.values())))
    runs = [{seed for case, seed in places if case == wanted} for places in found.values() for wanted in cases]
    seeds = sorted(set.intersection(*runs)) if runs else []
    table = [[[found[name][case, seed] for seed in seeds] for case in cases] for name in methods]
    return cases, seeds, np.array(table, dtype=np.float64)


def over_cases(document: Document, methods: Sequence[str]) -> Agreement | None:
    """Return how alike the cases of a document rank the methods, beside the spread that seeds alone make.

    None for fewer than two cases or three methods, or where all scores are equal.
    """
    if len(methods) < 3:
        return None
    cases, seeds, table = balanced(document, methods)
    if len(cases) < 2 or not seeds or np.ptp(table, axis=0).min() == 0:
        return None
    by_case = table.mean(axis=2).T
    w, p = stats.concordance(by_case)
    ranks = rankdata(by_case, axis=1)
    pairs = list(combinations(range(len(cases)), 2))
    rho = [float(np.corrcoef(ranks[i], ranks[j])[0, 1]) for i, j in pairs]
    first, second = pairs[int(np.argmin(rho))]
    several = len(seeds) > 1
    return Agreement(
        cases=cases,
        seeds=seeds,
        w=w,
        p=p,
        best={case: methods[i] for case, i in zip(cases, by_case.argmax(axis=1), strict=True)},
        least=LeastAlike(min(rho), cases[first], cases[second]),
        w_seeds=fmean(stats.concordance(table[:, i].T)[0] for i in range(len(cases))) if several else None,
        components=stats.variance_components(table) if several else None,
    )
