"""Agreement of rankings, with exact permutation p-values."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mstask.stats.scoring import StatisticsError, finite, matrix

LARGEST_EXACT = 12
"""Largest number of paired values for which every ordering is counted."""


def rank_correlation(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """Return Spearman's rho and its exact two-sided permutation p-value.

    Ties get the mean of their ranks. The p-value is the share of all n! pairings of `a` with `b` whose rho is
    at least as far from 0 as the observed one. Rho depends on a pairing only through the sum of
    products of the (doubled, hence integer) ranks; the orderings that give each sum are counted by dynamic
    programming over subsets, in integers, so neither rounding nor sampling enters.

    Parameters
    ----------
    a, b
        Finite numbers, shape [n], 2 <= n <= 12, neither constant.

    Raises
    ------
    StatisticsError
        Unequal lengths, NaN or infinite entries, n out of range, or all entries of one side equal.
    """
    a, b = _pairs(a, b)
    n = len(a)
    rank_a, rank_b = (np.rint(2 * scipy.stats.rankdata(v)).astype(np.int64) for v in (a, b))
    offset = int(rank_a.sum() * rank_b.sum())
    spread = math.prod(int(n * (r * r).sum() - r.sum() ** 2) for r in (rank_a, rank_b))
    observed = n * int(rank_a @ rank_b) - offset
    orderings = _orderings_by_sum(tuple(rank_a.tolist()), tuple(rank_b.tolist()))
    extreme = np.abs(n * np.arange(len(orderings)) - offset) >= abs(observed)
    return observed / math.sqrt(spread), int(orderings[extreme].sum()) / math.factorial(n)


def rank_probabilities(scores: ArrayLike) -> NDArray[np.float64]:
    """Return how often each method takes each rank over resamples of its score.

    Parameters
    ----------
    scores
        One row of method scores per resample, shape [R, M]; higher is better, ties share the better rank.

    Returns
    -------
    array of shape [M, M]
        Entry [m, k] is the share of resamples in which method m has rank k + 1.
    """
    scores = matrix(scores, "scores")
    ranks = np.rint(scipy.stats.rankdata(-scores, method="min", axis=1)).astype(int) - 1
    return np.stack([np.bincount(column, minlength=scores.shape[1]) for column in ranks.T]) / len(scores)


def _pairs(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check two vectors of equally many values, few enough for an exact p-value and neither constant."""
    a, b = finite(a, "a"), finite(b, "b")
    if len(a) != len(b):
        raise StatisticsError(f"a has {len(a)} values and b has {len(b)}, expected equally many")
    if not 2 <= len(a) <= LARGEST_EXACT:
        raise StatisticsError(f"{len(a)} pairs found, an exact rank correlation needs 2 to {LARGEST_EXACT}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        raise StatisticsError("all values of one side are equal, so ranks carry no order")
    return a, b


@lru_cache(maxsize=256)
def _orderings_by_sum(a: tuple[int, ...], b: tuple[int, ...]) -> NDArray[np.int64]:
    """Count the orderings p with ``sum(a[i] * b[p[i]]) == s`` for each s; shape [largest sum + 1]."""
    size = sum(x * y for x, y in zip(sorted(a), sorted(b), strict=True)) + 1
    start: NDArray[np.int64] = np.zeros(size, np.int64)
    start[0] = 1
    by_used = {0: start}
    for x in a:
        longer: dict[int, NDArray[np.int64]] = {}
        for used, counts in by_used.items():
            for j, y in enumerate(b):
                if used >> j & 1:
                    continue
                target = longer.setdefault(used | 1 << j, np.zeros(size, np.int64))
                target[x * y :] += counts[: size - x * y]
        by_used = longer
    return by_used[(1 << len(b)) - 1]
