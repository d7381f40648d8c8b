"""Bootstraps over test examples and seeds. Each is deterministic by its seed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mstask.errors import nearest
from mstask.stats.scoring import (
    METRICS,
    StatisticsError,
    check_positive_integer,
    finite,
    matrix,
    paired_labels,
    weighted_macro_f1,
)


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

    Each resample draws N examples with replacement and scores both models on the same draw; the draws depend on N and
    the seed alone, as in `example_bootstrap`.

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
    if metric not in METRICS:
        raise StatisticsError(f"unknown metric {metric!r}: {nearest(str(metric), METRICS)}")
    check_positive_integer(resamples, "resamples")
    pred_a, pred_b, true = paired_labels(n_classes, pred_a=pred_a, pred_b=pred_b, true=true)
    score, every, draws = METRICS[metric], np.ones((1, len(true))), _example_weights(len(true), resamples, seed)
    observed, drawn = (score(w, pred_a, true, n_classes) - score(w, pred_b, true, n_classes) for w in (every, draws))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(observed[0]), float(low), float(high)


def hierarchical_bootstrap(
    predictions: ArrayLike, true: ArrayLike, n_classes: int, resamples: int = 2000, seed: int = 0
) -> NDArray[np.float64]:
    """Return the macro-F1 of several methods, averaged over seeds, under resampling of seeds and test examples.

    Every resample draws N test examples, the same for every method and seed, and S - 1 of the S seeds, the same for
    every method; both with replacement. Drawing S - 1 seeds gives the mean over seeds its unbiased variance s^2 / S
    (Rao & Wu 1988), where S draws would give a third less at S = 3. A single seed is always drawn, so that
    only the test examples vary. Crossing both levels errs on the wide side (Owen 2007).

    Parameters
    ----------
    predictions
        Class indices, shape [M, S, N]: M methods, S seeds, N test examples.
    true
        Class indices, shape [N].
    resamples, seed
        Number R of resamples, and the seed of their generator.

    Returns
    -------
    array of shape [R, M]

    Raises
    ------
    StatisticsError
        Empty input, unequal lengths, labels out of range, or fewer than 1 resample.
    """
    predictions = np.asarray(predictions)
    if predictions.ndim != 3:
        raise StatisticsError(f"predictions has shape {list(predictions.shape)}, expected [methods, seeds, examples]")
    scores = [[example_bootstrap(cell, true, n_classes, resamples, seed) for cell in method] for method in predictions]
    return np.einsum("msr,rs->rm", np.array(scores), unit_weights(predictions.shape[1], resamples, seed))


def example_bootstrap(
    pred: ArrayLike, true: ArrayLike, n_classes: int, resamples: int = 2000, seed: int = 0
) -> NDArray[np.float64]:
    """Return the macro-F1 of one model under resampling of the N test examples, shape [R].

    The examples that a resample draws depend on N and the seed alone, so models that were tested on the same examples
    can be compared resample by resample.
    """
    check_positive_integer(resamples, "resamples")
    pred, true = paired_labels(n_classes, pred=pred, true=true)
    return weighted_macro_f1(_example_weights(len(true), resamples, seed), pred, true, n_classes)


def unit_bootstrap(scores: ArrayLike, resamples: int = 2000, seed: int = 0) -> NDArray[np.float64]:
    """Return mean scores of several methods under resampling of the units they were scored on: seeds, or cases.

    As `hierarchical_bootstrap`, where no predictions are known: K - 1 of the K units are drawn, the same for
    every method.

    Parameters
    ----------
    scores
        Finite numbers, shape [M, K].

    Returns
    -------
    array of shape [R, M]
    """
    check_positive_integer(resamples, "resamples")
    scores = matrix(scores, "scores")
    return unit_weights(scores.shape[1], resamples, seed) @ scores.T


def bootstrap_p(draws: ArrayLike) -> float:
    """Return the two-sided p-value of "the difference is 0" from its resamples, shape [R].

    Twice the smaller share of resamples on one side of 0, counting the sample itself (Davison & Hinkley 1997), so
    that p is never below 2 / (R + 1).
    """
    draws = finite(draws, "draws")
    smaller = min((draws <= 0).sum(), (draws >= 0).sum())
    return min(1.0, 2.0 * float(smaller + 1) / (len(draws) + 1))


@lru_cache(maxsize=16)
def unit_weights(units: int, resamples: int = 2000, seed: int = 0) -> NDArray[np.float64]:
    """Return the weight of each unit in the mean of each resample, shape [R, units]; rows sum to 1."""
    draws = max(units - 1, 1)
    rng = np.random.default_rng([seed, units])
    weights = rng.multinomial(draws, np.full(units, 1 / units), size=resamples) / draws
    weights.flags.writeable = False
    return weights


@lru_cache(maxsize=4)
def _example_weights(examples: int, resamples: int, seed: int) -> NDArray[np.float32]:
    """Return how often each resample draws each example, shape [R, examples]; small integers, exact in float32."""
    drawn = np.random.default_rng(seed).integers(0, examples, (resamples, examples))
    drawn += examples * np.arange(resamples)[:, None]
    weights = np.bincount(drawn.ravel(), minlength=resamples * examples).astype(np.float32)
    return weights.reshape(resamples, examples)
