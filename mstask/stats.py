"""Statistics of the book: macro-F1, paired bootstrap, exact rank correlation, intervals over seeds.

Everything is deterministic: the bootstrap by its seed, the permutation p-value because it is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as _scipy

from mstask.errors import MstaskError, nearest

LARGEST_EXACT = 12
"""Largest number of paired values for which `rank_correlation` counts every ordering."""


class StatisticsError(MstaskError, ValueError):
    """Input from which the asked statistic can't be computed."""


def macro_f1(pred: ArrayLike, true: ArrayLike, n_classes: int) -> tuple[float, list[float]]:
    """Return the unweighted mean of the per-class F1 scores, and those scores.

    Parameters
    ----------
    pred, true
        Class indices, shape [N], each in 0..n_classes-1.
    n_classes
        Number of classes C. A class that is neither present nor predicted scores 0, as does every 0/0.

    Returns
    -------
    (float, list of C floats)
        ``F1_c = 2 TP_c / (predicted_c + present_c)``.

    Raises
    ------
    StatisticsError
        Empty input, unequal lengths, labels that aren't integers or lie out of range.
    """
    pred, true = _paired_labels(n_classes, pred=pred, true=true)
    hits = np.bincount(true[pred == true], minlength=n_classes)
    total = np.bincount(pred, minlength=n_classes) + np.bincount(true, minlength=n_classes)
    scores = _f1(hits, total)
    return float(scores.mean()), scores.tolist()


def accuracy(pred: ArrayLike, true: ArrayLike, n_classes: int | None = None) -> float:
    """Return the share of equal entries of two label vectors of shape [N]."""
    pred, true = _paired_labels(n_classes, pred=pred, true=true)
    return float((pred == true).mean())


def paired_bootstrap(
    pred_a: ArrayLike,
    pred_b: ArrayLike,
    true: ArrayLike,
    n_classes: int,
    metric: str = "macro_f1",
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return metric(a) - metric(b) and its 95 % percentile interval under resampling of the test examples.

    Each resample draws N examples with replacement and scores both models on the same draw. Examples that
    share (true label, prediction of a, prediction of b) are interchangeable, so a resample is one
    multinomial draw of how often each distinct triple occurs: the same distribution as drawing N indices,
    at a cost that grows with the number of triples instead of N.

    Parameters
    ----------
    pred_a, pred_b, true
        Class indices, shape [N], each in 0..n_classes-1.
    metric
        "macro_f1" or "accuracy".
    resamples, seed
        Number of resamples, and the seed of their generator.

    Returns
    -------
    (difference, low, high)
        The difference on the test set itself, and the 2.5th and 97.5th percentiles over resamples.

    Raises
    ------
    StatisticsError
        Empty input, unequal lengths, labels out of range, unknown metric, or fewer than 1 resample.
    """
    if metric not in _METRICS:
        raise StatisticsError(f"unknown metric {metric!r}: {nearest(str(metric), _METRICS)}")
    _check_positive_integer(resamples, "resamples")
    pred_a, pred_b, true = _paired_labels(n_classes, pred_a=pred_a, pred_b=pred_b, true=true)
    triples, counts = np.unique(np.stack([true, pred_a, pred_b]), axis=1, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(true), counts / len(true), size=resamples)
    weights = np.concatenate([counts[None], draws]).astype(np.float64)
    score, (present, by_a, by_b) = _METRICS[metric], triples
    difference = score(weights, by_a, present, n_classes) - score(weights, by_b, present, n_classes)
    low, high = np.percentile(difference[1:], [2.5, 97.5])
    return float(difference[0]), float(low), float(high)


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
    a, b = _finite(a, "a"), _finite(b, "b")
    if len(a) != len(b):
        raise StatisticsError(f"a has {len(a)} values and b has {len(b)}, expected equally many")
    n = len(a)
    if not 2 <= n <= LARGEST_EXACT:
        raise StatisticsError(f"{n} pairs found, an exact rank correlation needs 2 to {LARGEST_EXACT}")
    rank_a, rank_b = (np.rint(2 * _scipy.rankdata(v)).astype(np.int64) for v in (a, b))
    offset = int(rank_a.sum() * rank_b.sum())
    spread = math.prod(int(n * (r * r).sum() - r.sum() ** 2) for r in (rank_a, rank_b))
    if spread == 0:
        raise StatisticsError("all values of one side are equal, so ranks carry no order")
    observed = n * int(rank_a @ rank_b) - offset
    orderings = _orderings_by_sum(rank_a.tolist(), rank_b.tolist())
    extreme = np.abs(n * np.arange(len(orderings)) - offset) >= abs(observed)
    return observed / math.sqrt(spread), int(orderings[extreme].sum()) / math.factorial(n)


def seed_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float | None, float | None]:
    """Return the mean over seeds and its Student-t interval; the bounds are None for a single value.

    Parameters
    ----------
    values
        One finite number per seed, shape [n].
    level
        Coverage of the interval, strictly between 0 and 1.
    """
    values = _finite(values, "values")
    if not 0 < level < 1:
        raise StatisticsError(f"level is {level!r}, expected a number strictly between 0 and 1")
    mean = float(values.mean())
    if len(values) < 2:
        return mean, None, None
    half = float(_scipy.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    return mean, mean - half, mean + half


def _orderings_by_sum(a: list[int], b: list[int]) -> NDArray[np.int64]:
    """Count the orderings p with ``sum(a[i] * b[p[i]]) == s`` for each s; shape [largest sum + 1]."""
    size = sum(x * y for x, y in zip(sorted(a), sorted(b), strict=True)) + 1
    start = np.zeros(size, np.int64)
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


def _f1(hits: NDArray, total: NDArray) -> NDArray[np.float64]:
    return np.divide(2.0 * hits, total, out=np.zeros(np.shape(total)), where=total > 0)


def _weighted_macro_f1(weights: NDArray, pred: NDArray, true: NDArray, n_classes: int) -> NDArray:
    """Macro-F1 under each row of example weights [R, K], for labels of shape [K]."""
    one_hot = np.eye(n_classes)
    hits = weights @ (one_hot[true] * (pred == true)[:, None])
    total = weights @ (one_hot[true] + one_hot[pred])
    return _f1(hits, total).mean(axis=1)


def _weighted_accuracy(weights: NDArray, pred: NDArray, true: NDArray, n_classes: int) -> NDArray:
    return weights @ (pred == true) / weights.sum(axis=1)


_METRICS: dict[str, Callable[..., NDArray]] = {"macro_f1": _weighted_macro_f1, "accuracy": _weighted_accuracy}


def _paired_labels(n_classes: int | None, **vectors: ArrayLike) -> list[NDArray[np.int64]]:
    """Check label vectors of one common length and return them as integers."""
    if n_classes is not None:
        _check_positive_integer(n_classes, "n_classes")
    labels = [_labels(vector, name, n_classes) for name, vector in vectors.items()]
    if len({len(v) for v in labels}) > 1:
        found = ", ".join(f"{name} has {len(v)}" for name, v in zip(vectors, labels, strict=True))
        raise StatisticsError(f"label vectors differ in length ({found}), expected one label per example")
    return labels


def _labels(vector: ArrayLike, name: str, n_classes: int | None) -> NDArray[np.int64]:
    values = _finite(vector, name)
    if (values != np.rint(values)).any():
        raise StatisticsError(f"{name} holds values that aren't integers, expected class indices")
    top = math.inf if n_classes is None else n_classes - 1
    if values.min() < 0 or values.max() > top:
        raise StatisticsError(f"{name} holds labels from {values.min():g} to {values.max():g}, expected 0 to {top:g}")
    return values.astype(np.int64)


def _check_positive_integer(value: int, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise StatisticsError(f"{name} is {value!r}, expected an integer of at least 1")


def _finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return a non-empty vector of finite numbers as float64."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise StatisticsError(f"{name} holds values that aren't numbers") from None
    if array.ndim != 1 or array.size == 0:
        raise StatisticsError(f"{name} has shape {list(array.shape)}, expected a non-empty vector")
    if not np.isfinite(array).all():
        raise StatisticsError(f"{name} holds NaN or infinite values, expected finite numbers")
    return array
