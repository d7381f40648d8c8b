"""Statistics of the book: scores, bootstraps, exact rank correlation, intervals, corrections, power.

Everything is deterministic: what is drawn by its seed, the permutation p-values because they are exact. Scores of
predictions stand in `scoring`, bootstraps in `resampling`, rankings in `ranks`, intervals of means over seeds in
`intervals`; all are used from here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv, ndtr, stdtrit

from mstask.stats.intervals import LEVEL, Estimate, Estimates, Pooled, apart, estimate, estimates, over_folds, pooled
from mstask.stats.ranks import LARGEST_EXACT, rank_correlation, rank_probabilities
from mstask.stats.resampling import example_bootstrap, paired_bootstrap
from mstask.stats.scoring import StatisticsError, accuracy, check_positive_integer, finite, macro_f1

__all__ = [
    "LARGEST_EXACT",
    "LEVEL",
    "Estimate",
    "Estimates",
    "Pooled",
    "StatisticsError",
    "accuracy",
    "apart",
    "estimate",
    "estimates",
    "example_bootstrap",
    "holm",
    "holm_levels",
    "macro_f1",
    "minimum_detectable_difference",
    "over_folds",
    "paired_bootstrap",
    "pooled",
    "rank_correlation",
    "rank_probabilities",
    "variance_components",
]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down adjusted p-values, in the order given (Holm 1979).

    Rejecting where they are below alpha keeps the chance of any false rejection in the family below alpha, however the
    tests depend on each other.
    """
    values = finite(p_values, "p_values")
    if values.min() < 0 or values.max() > 1:
        raise StatisticsError(f"p_values range from {values.min():g} to {values.max():g}, expected 0 to 1")
    order = np.argsort(values, kind="stable")
    stepped = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    adjusted = np.empty_like(stepped)
    adjusted[order] = stepped
    return adjusted.tolist()


def holm_levels(p_values: Sequence[float], alpha: float = 0.05) -> list[float]:
    """Return the coverage of each comparison's interval that agrees with Holm's test at `alpha`.

    The k-th smallest of m p-values is compared with alpha / (m - k + 1) until one is larger; all from that one on share its
    level. An interval of this coverage excludes 0 exactly where `holm` gives a p-value below alpha.
    """
    values, adjusted = finite(p_values, "p_values"), np.array(holm(p_values))
    rejected = int((adjusted < alpha).sum())
    order: NDArray[np.int64] = np.empty(len(values), dtype=np.int64)
    order[np.argsort(values, kind="stable")] = np.arange(len(values))
    return (1 - alpha / (len(values) - np.minimum(order, rejected))).tolist()


def minimum_detectable_difference(sd: float, n: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest true mean difference that a two-sided paired t test over n seeds finds with this power.

    Parameters
    ----------
    sd
        Standard deviation of the per-seed differences (divisor n - 1), not negative.
    n
        Number of seeds, at least 2.
    alpha, power
        Level of the test, and the chance of finding the difference; power above alpha.

    Returns
    -------
    float
        delta with P(abs(T) > t_crit) = power for T noncentral t with n - 1 degrees of freedom and noncentrality
        delta sqrt(n) / sd, in the unit of `sd`.
    """
    check_positive_integer(n, "n")
    if n < 2:
        raise StatisticsError("n is 1, a spread over seeds needs at least 2")
    if not (0 < alpha < power < 1):
        raise StatisticsError(f"alpha is {alpha!r} and power {power!r}, expected 0 < alpha < power < 1")
    if not (math.isfinite(sd) and sd >= 0):
        raise StatisticsError(f"sd is {sd!r}, expected a finite number that is not negative")
    return _noncentrality(n - 1, alpha, power) * sd / math.sqrt(n)


@lru_cache(maxsize=64)
def _noncentrality(free: int, alpha: float, power: float) -> float:
    """Return the noncentrality at which a two-sided t test has this power.

    The power is the mean of Phi(nc - c S) + Phi(-nc - c S) over S, the root of a chi-square over its degrees of freedom
    (SciPy's noncentral t is NaN for few degrees of freedom).
    """
    critical = stdtrit(free, 1 - alpha / 2)
    root, density = np.polynomial.legendre.leggauss(400)
    s = np.sqrt(2 * gammaincinv(free / 2, (root + 1) / 2) / free)

    def missing(noncentrality: float) -> float:
        found = ndtr(noncentrality - critical * s) + ndtr(-noncentrality - critical * s)
        return float(found @ density / 2) - power

    high = critical + 1.0
    while missing(high) < 0:
        high *= 2
    return scipy.optimize.brentq(missing, 0.0, high)


def variance_components(scores: ArrayLike) -> dict[str, float]:
    """Split the variance of scores into method, case, method x case and seed, by the method of moments.

    The model is score = mean + method + case + method x case + seed within each, all random and independent; with
    the mean squares of the balanced two-way table, var(seed) = MS_e, var(interaction) = (MS_mc - MS_e) / S,
    var(case) = (MS_c - MS_mc) / (M S), var(method) = (MS_m - MS_mc) / (C S).

    Parameters
    ----------
    scores
        Finite numbers, shape [M, C, S] with M, C, S >= 2: methods, cases, seeds.

    Returns
    -------
    dict
        method, case, interaction, seed
            Standard deviations; negative estimates of a variance are given as 0.
        p_interaction
            Of the F test "every case ranks the methods alike, up to chance over seeds".
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 3 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise StatisticsError(
            f"scores has shape {list(table.shape)}, expected finite numbers [methods, cases, seeds], at least 2 of each"
        )
    methods, cases, seeds = table.shape
    cell, by_method, by_case, mean = table.mean(2), table.mean((1, 2)), table.mean((0, 2)), table.mean()
    interaction = cell - by_method[:, None] - by_case[None] + mean
    free = (methods - 1) * (cases - 1), methods * cases * (seeds - 1)
    ms_method = cases * seeds * ((by_method - mean) ** 2).sum() / (methods - 1)
    ms_case = methods * seeds * ((by_case - mean) ** 2).sum() / (cases - 1)
    ms_interaction = seeds * (interaction**2).sum() / free[0]
    ms_seed = ((table - cell[..., None]) ** 2).sum() / free[1]
    ratio = ms_interaction / ms_seed if ms_seed > 0 else (math.inf if ms_interaction > 0 else 0.0)
    return dict(
        method=_root((ms_method - ms_interaction) / (cases * seeds)),
        case=_root((ms_case - ms_interaction) / (methods * seeds)),
        interaction=_root((ms_interaction - ms_seed) / seeds),
        seed=_root(ms_seed),
        p_interaction=float(scipy.stats.f.sf(ratio, *free)),
    )


def _root(variance: float) -> float:
    return math.sqrt(max(variance, 0.0))
