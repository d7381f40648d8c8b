"""How often 95 % intervals over few seeds cover the truth, by simulation: this project's, and three that it doesn't use.

An experiment is the difference of two methods over n seeds that share their test examples, at the limit of many examples: each
seed errs by a normal error of its own, all seeds by one normal error in common, whose standard error is 1 and known. The truth
is 0. The ratio is the standard deviation over seeds in units of that standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from benchmarks import runner
from mstask.stats.intervals import LEVEL, coverage

SECTION = "benchmark-coverage"
SEEDS = (2, 3, 5, 10)
RATIOS = (0.0, 1.0, 2.5, 5.0, 20.0)
EXPERIMENTS, RESAMPLES = 1_000, 2_000
"""Experiments of a repeat, and resamples of the bootstrap in each."""

Covers = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
"""From the mean of each experiment, shape [E], and its seeds minus their mean, [E, n]: whether its interval covers 0."""


def main(arguments: list[str] | None = None) -> None:
    """Simulate, write the document, print it."""
    runner.main(__doc__, SECTION, "Coverage of intervals over few seeds", _measured, report, arguments)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    """Nothing is timed here, so it doesn't matter how busy the machine is."""
    experiments = 50 if options.tiny else EXPERIMENTS
    rows = [simulate(n, ratio, options.repeats, experiments) for n in SEEDS for ratio in RATIOS]
    return {"load": [], "level": LEVEL, "experiments": options.repeats * experiments, "coverage": rows}


def simulate(n: int, ratio: float, repeats: int, experiments: int = EXPERIMENTS) -> dict[str, Any]:
    """Return the share of experiments whose interval covers the truth, by method."""
    rng = np.random.default_rng([n, round(10 * ratio)])
    covered: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(repeats):
        values = ratio * rng.standard_normal((experiments, n)) + rng.standard_normal((experiments, 1))
        mean = values.mean(axis=1)
        for name, covers in METHODS.items():
            covered[name].append(float(covers(mean, values - mean[:, None]).mean()))
    return {"seeds": n, "ratio": ratio} | {name: float(np.mean(shares)) for name, shares in covered.items()}


def project(mean: NDArray[np.float64], centred: NDArray[np.float64]) -> NDArray[np.bool_]:
    """This project's interval: Student's error over seeds plus the normal one over examples (`mstask.stats.intervals`)."""
    n = centred.shape[1]
    return coverage(np.abs(mean), _seed_variance(centred), n - 1, np.ones_like(mean)) <= LEVEL


def student(mean: NDArray[np.float64], centred: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Student's t over seeds alone, which knows nothing of the error that seeds share."""
    return _within(mean, _seed_variance(centred), centred.shape[1] - 1)


def satterthwaite(mean: NDArray[np.float64], centred: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The sum of both variances, and Student's t with Satterthwaite's degrees of freedom for it."""
    seeds, n = _seed_variance(centred), centred.shape[1]
    free = (seeds + 1) ** 2 / np.maximum(seeds**2 / (n - 1), 1e-12)
    return _within(mean, seeds + 1, free)


def bootstrap(mean: NDArray[np.float64], centred: NDArray[np.float64], resamples: int = RESAMPLES) -> NDArray[np.bool_]:
    """The hierarchical bootstrap's percentiles: n - 1 of the n seeds with replacement (Rao & Wu 1988), and test examples.

    Resamples of many examples move all seeds by one normal error. The draws are the same for every experiment.
    """
    n, rng = centred.shape[1], np.random.default_rng(0)
    weights = rng.multinomial(n - 1, np.full(n, 1 / n), size=resamples) / (n - 1)
    drawn = weights @ centred.T + rng.standard_normal((resamples, 1)) + mean
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return (low <= 0) & (high >= 0)


METHODS: dict[str, Covers] = {
    "project": project,
    "student": student,
    "satterthwaite": satterthwaite,
    "bootstrap": bootstrap,
}


def _seed_variance(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """The variance of the mean that comes from seeds, s^2 / n."""
    n = centred.shape[1]
    return (centred**2).sum(axis=1) / (n - 1) / n


def _within(mean: NDArray[np.float64], variance: NDArray[np.float64], free: Any) -> NDArray[np.bool_]:
    """Whether Student's interval covers 0; without any spread it is a point."""
    t = np.abs(mean) / np.sqrt(np.maximum(variance, 1e-300))
    return 2 * stdtr(free, t) - 1 <= LEVEL


def report(document: Any) -> list[Any]:
    """The document as a table."""
    from mstask.studies.speed.exhibits_coverage import table_coverage

    return [table_coverage(document)]


if __name__ == "__main__":
    main()
