"""Bootstraps over test examples. Each is deterministic by its seed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mstask.errors import nearest
from mstask.stats.scoring import (
    METRICS,
    StatisticsError,
    check_positive_integer,
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


@lru_cache(maxsize=4)
def _example_weights(examples: int, resamples: int, seed: int) -> NDArray[np.float32]:
    """Return how often each resample draws each example, shape [R, examples]; small integers, exact in float32."""
    drawn = np.random.default_rng(seed).integers(0, examples, (resamples, examples))
    drawn += examples * np.arange(resamples)[:, None]
    weights = np.bincount(drawn.ravel(), minlength=resamples * examples).astype(np.float32)
    return weights.reshape(resamples, examples)
