"""Intervals of means over few seeds, where every seed is tested on the same examples.

The mean of n seeds errs in two independent ways. Seeds: whose variance s^2 / n is known from n values alone, so that their
error is Student's t with n - 1 degrees of freedom. Test examples: an error that all seeds share and that more seeds can't
take away; its variance is known well, from hundreds of examples, so it is normal. The error of the mean is taken to be
their sum (the fiducial solution of the Behrens-Fisher problem, Fisher 1935). Over 3 to 10 seeds it keeps its level whatever
the ratio of the two, which Satterthwaite's degrees of freedom and a bootstrap of seeds don't: `benchmarks/coverage.py`.
Over several data sets (`pooled`) it is the other way round: a fiducial sum of a Student's t for each would nearly never
reject, Satterthwaite's degrees of freedom for their sum come near their level.

Of recordings it is folds (people, passes) that stand where seeds stand here; see `over_folds`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, gammaincinv, ndtr, ndtri, stdtr, stdtrit

from mstask.stats.scoring import StatisticsError, finite

LEVEL = 0.95
MANY = 10_000
"""Number of seeds from which none is asked for."""
DRAWS = 6_000
"""Sets of scores that are drawn to find simultaneous intervals."""

_ROOT, _WEIGHT = np.polynomial.legendre.leggauss(48)
# Quantile levels of a chi-square, those of a beta distribution (5, 2): crowded where it is near 0, since there lie the tails
# of Student's t, and where it is large.
_LEVELS, _DENSITY = betainc(5, 2, (_ROOT + 1) / 2), 30 * ((_ROOT + 1) / 2) ** 4 * (1 - _ROOT) / 2 * _WEIGHT / 2


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with the variances of its two errors.

    `over_seeds` is the variance that comes from seeds, s^2 / n, with `free` degrees of freedom, None for a single seed;
    `over_examples` the variance that all seeds share; `n` the number of seeds, or of what else the spread is over: the `unit`.
    """

    value: float
    over_seeds: float | None
    free: float
    over_examples: float
    n: int
    unit: str = "seed"

    @property
    def error(self) -> float | None:
        """Standard error of the mean, None for a single seed."""
        return None if self.over_seeds is None else math.sqrt(self.over_seeds + self.over_examples)

    def interval(self, level: float = LEVEL) -> tuple[float, float] | None:
        """Return the interval of this coverage, None for a single seed."""
        if not 0 < level < 1:
            raise StatisticsError(f"level is {level!r}, expected a number strictly between 0 and 1")
        if self.over_seeds is None:
            return None
        half = self._half(level)
        return self.value - half, self.value + half

    def p(self, at: float = 0.0) -> float | None:
        """Return the two-sided p-value of "the mean is `at`": 1 minus the coverage of the interval that ends there."""
        if self.over_seeds is None:
            return None
        return min(1 - self._coverage(abs(self.value - at)), 1.0) if self.error else float(self.value == at)

    def seeds_needed(self, half: float, level: float = LEVEL) -> int | None:
        """Return how many seeds of this spread an interval that reaches `half` to either side takes, None if no number does."""
        if self.over_seeds is None or not half > math.sqrt(self.over_examples) * ndtri((1 + level) / 2):
            return None
        spread = self.over_seeds * self.n
        if spread == 0:
            return 2
        lost = int(self.unit == "seed")  # degrees of freedom grow with n - 1 for seeds, with n for folds
        degrees = self.free / (self.n - lost)

        def covered(n: int) -> NDArray[np.float64]:
            return coverage(half, spread / n, degrees * (n - lost), self.over_examples)

        found = bisect_left(range(2, MANY), level, key=covered)
        return found + 2 if found + 2 < MANY else None

    def _half(self, level: float) -> float:
        student, normal = (float(t) * s for t, s in self._parts(level))
        if not student or not normal:
            return student + normal
        if self._coverage(student + normal) <= level:  # one of the two is no larger than rounding
            return student + normal
        return scipy.optimize.brentq(lambda half: self._coverage(half) - level, max(student, normal) / 2, student + normal)

    def _parts(self, level: float) -> list[tuple[float, float]]:
        high = (1 + level) / 2
        return [(stdtrit(self.free, high), math.sqrt(self.over_seeds or 0.0)), (ndtri(high), math.sqrt(self.over_examples))]

    def _coverage(self, half: float) -> float:
        """Return P(|error| <= half)."""
        return float(coverage(half, self.over_seeds, self.free, self.over_examples))


def coverage(half: ArrayLike, seeds: ArrayLike, free: float, examples: ArrayLike) -> NDArray[np.float64]:
    """Return P(|error| <= half) for errors with these variances over seeds and examples, of one shape, and `free` degrees.

    Given the chi-square that scales the seeds' part, the whole is normal: the probability is a mean over that chi-square.
    """
    half, seeds, examples = (np.asarray(v, dtype=np.float64)[..., None] for v in (half, seeds, examples))
    with np.errstate(divide="ignore", invalid="ignore"):
        student = 1 - 2 * stdtr(free, -half / np.sqrt(seeds))[..., 0]
        if not examples.any():
            return np.asarray(student)
        inside = 1 - 2 * ndtr(-half / np.sqrt(seeds / _scale(free) + examples)) @ _DENSITY
    return np.where(examples[..., 0] == 0, student, inside)


@lru_cache(maxsize=4096)
def _scale(free: float) -> NDArray[np.float64]:
    """Quantiles of a chi-square over its degrees of freedom."""
    return 2 * gammaincinv(free / 2, _LEVELS) / free


@dataclass(frozen=True)
class Estimates:
    """Several means over the same seeds and test examples, shape [K], with the covariances of their two errors.

    `centred` are the values of each seed minus their mean, shape [K, n]; `over_examples` the covariance that seeds
    share, [K, K]; `unit` is what stands where seeds do.
    """

    values: NDArray[np.float64]
    centred: NDArray[np.float64]
    over_examples: NDArray[np.float64]
    unit: str = "seed"

    @property
    def n(self) -> int:
        """The number of seeds."""
        return self.centred.shape[1]

    def __getitem__(self, k: int) -> Estimate:
        n = self.n
        seeds = float((self.centred[k] ** 2).sum() / (n - 1) / n) if n > 1 else None
        return Estimate(float(self.values[k]), seeds, n - 1, float(self.over_examples[k, k]), n, self.unit)

    def combined(self, weights: ArrayLike) -> Estimate:
        """Return the estimate of a weighted sum of the means, weights of shape [K]."""
        w = np.asarray(weights, dtype=np.float64)
        examples = max(w @ self.over_examples @ w, 0.0)
        return Estimates((w @ self.values)[None], (w @ self.centred)[None], np.array([[examples]]), self.unit)[0]

    def errors(self, draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
        """Draw the errors of all means together, shape [draws, K]: multivariate t over seeds plus normal over examples."""
        n = self._several()
        rng = np.random.default_rng(seed)
        scale = np.sqrt(n * rng.chisquare(n - 1, (draws, 1)))
        return rng.standard_normal((draws, n)) / scale @ self.centred.T + self._errors_over_examples(rng, draws)

    def simultaneous(self, weights: ArrayLike, level: float = LEVEL) -> tuple[NDArray[np.float64], ...]:
        """Return low and high ends of several weighted sums that hold for all of them at once, and p-values likewise.

        Sets of scores without any difference are drawn (seeds independently for each mean, with the spread it has; test
        examples with their covariance) and every sum is tested in each. The level of each interval is raised until all of a
        set hold at the level asked for (the smallest p-value's distribution, Westfall & Young 1993).

        Parameters
        ----------
        weights
            One row per sum, shape [C, K].

        Returns
        -------
        low, high, p
            Shape [C] each.
        """
        weights = np.asarray(weights, dtype=np.float64)
        n, parts = self._several(), [self.combined(row) for row in weights]
        own = np.array([part.p() for part in parts])
        raised, p = level, own
        if len(parts) > 1:
            smallest = self._smallest_p(weights, n)
            raised = max(level, 1 - max(float(np.quantile(smallest, 1 - level, method="inverted_cdf")), 1e-9))
            p = np.maximum(own, ((smallest[:, None] <= own).sum(axis=0) + 1) / (len(smallest) + 1))
        low, high = np.array([part.interval(raised) for part in parts]).T
        return low, high, p

    def _smallest_p(self, weights: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        """Return the smallest p-value of all sums in each of many sets of scores that don't differ, shape [DRAWS]."""
        rng = np.random.default_rng(0)
        sd = self.centred.std(axis=1, ddof=1)
        sums = (rng.standard_normal((DRAWS, n, len(sd))) * sd) @ weights.T
        mean = sums.mean(axis=1) + self._errors_over_examples(rng, DRAWS) @ weights.T
        shared = np.broadcast_to(np.einsum("ck,kl,cl->c", weights, self.over_examples, weights), mean.shape)
        p = 1 - coverage(np.abs(mean), sums.var(axis=1, ddof=1) / n, n - 1, np.maximum(shared, 0.0))
        return np.where(mean == 0, 1.0, p).min(axis=1)

    def _errors_over_examples(self, rng: np.random.Generator, draws: int) -> NDArray[np.float64]:
        normal = scipy.stats.multivariate_normal(cov=self.over_examples, allow_singular=True)
        return normal.rvs(draws, random_state=rng).reshape(draws, -1)

    def _several(self) -> int:
        if self.n < 2:
            raise StatisticsError("one seed found, a spread over seeds needs at least 2")
        return self.n


@dataclass(frozen=True)
class Pooled:
    """The means of several `Estimates` of the same K quantities, over data sets that were chosen: see `pooled`."""

    parts: tuple[Estimates, ...]

    @property
    def values(self) -> NDArray[np.float64]:
        """The means, shape [K]."""
        return np.mean([part.values for part in self.parts], axis=0)

    @property
    def n(self) -> int:
        """The number of seeds or folds, as `pooled` counts them; 1 where a set has a single one and so no spread."""
        return count_of(self.parts) if min(part.n for part in self.parts) > 1 else 1

    @property
    def unit(self) -> str:
        """What stands where seeds do."""
        return unit_of(self.parts)

    def combined(self, weights: ArrayLike) -> Estimate:
        """Return the estimate of a weighted sum of the means, weights of shape [K]."""
        return pooled([part.combined(weights) for part in self.parts])

    def errors(self, draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
        """Draw the errors of all means together, shape [draws, K]; those of different sets are independent."""
        return np.mean([part.errors(draws, seed + number) for number, part in enumerate(self.parts)], axis=0)

    def simultaneous(self, weights: ArrayLike, level: float = LEVEL) -> tuple[NDArray[np.float64], ...]:
        """Return low and high ends that hold for all of several weighted sums at once, and p-values: by Bonferroni's rule."""
        parts = [self.combined(row) for row in np.asarray(weights, dtype=np.float64)]
        raised = 1 - (1 - level) / len(parts)
        low, high = np.array([part.interval(raised) for part in parts]).T
        return low, high, np.minimum(np.array([part.p() for part in parts]) * len(parts), 1.0)


def estimates(values: ArrayLike, draws: ArrayLike | None = None) -> Estimates:
    """Return the means of K quantities over n seeds.

    Parameters
    ----------
    values
        Finite numbers, shape [K, n].
    draws
        The same under R resamples of the test examples, the same ones for every quantity and seed, shape [K, n, R]; None
        where they are not known: the error then is that of the seeds alone.

    Raises
    ------
    StatisticsError
        Wrong shapes, NaN or infinite entries.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise StatisticsError(f"values has shape {list(table.shape)}, expected finite numbers [quantities, seeds]")
    shared = np.zeros((len(table), len(table)))
    if draws is not None:
        drawn = np.asarray(draws, dtype=np.float64)
        if drawn.shape[:2] != table.shape or drawn.ndim != 3:
            raise StatisticsError(f"draws has shape {list(drawn.shape)}, expected {list(table.shape)} and the resamples")
        shared = _shared_covariance(drawn)
    mean = table.mean(axis=1)
    return Estimates(mean, table - mean[:, None], shared)


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of one quantity over seeds, `values` of shape [n]."""
    return estimates(finite(values, "values")[None])[0]


def pooled(parts: Sequence[Estimate]) -> Estimate:
    """Return the mean over data sets that were chosen, not drawn: each counts the same, and their errors are independent.

    `n` is the number of seeds in the set that has the fewest; of folds the number of all.
    The degrees of freedom of the seeds' part are Satterthwaite's (1946): at 5 % they erred in 3 to 7 % of simulated means over
    two to five sets of three seeds, most where one set spreads far more than the others.
    """
    if not parts:
        raise StatisticsError("no estimates found, expected at least one")
    k, unit, n = len(parts), unit_of(parts), count_of(parts)
    value, examples = sum(part.value for part in parts) / k, sum(part.over_examples for part in parts) / k**2
    known = [(part.over_seeds, part.free) for part in parts if part.over_seeds is not None]
    if len(known) < k:
        return Estimate(value, None, 0, examples, n, unit)
    total = sum(seeds for seeds, _ in known)
    free = total**2 / sum(seeds**2 / f for seeds, f in known) if total else sum(f for _, f in known)
    return Estimate(value, total / k**2, free, examples, n, unit)


def apart(first: Estimate, second: Estimate) -> Estimate:
    """The first mean minus the second, whose errors are independent of its own; degrees of freedom as for `pooled`."""
    half = pooled([first, replace(second, value=-second.value)])
    over_seeds = None if half.over_seeds is None else 4 * half.over_seeds
    return replace(half, value=2 * half.value, over_seeds=over_seeds, over_examples=4 * half.over_examples)


def unit_of(parts: Sequence[Estimate | Estimates]) -> str:
    """What the spread of several estimates is over."""
    units = {part.unit for part in parts}
    return units.pop() if len(units) == 1 else "fold and seed"


def count_of(parts: Sequence[Estimate | Estimates]) -> int:
    """How many units several estimates rest on: of seeds, those of the set that has the fewest; of folds all."""
    n = [part.n for part in parts]
    return min(n) if unit_of(parts) == "seed" else sum(n)


def over_folds(folds: Sequence[Mapping[int, Sequence[float]]]) -> Estimates:
    """Return the means of K quantities over the folds of a data set, each by the mean over its seeds.

    A fold holds out another person, pass or date, and a claim about such recordings must hold for the next one: so the spread
    is taken over folds, Student's t with one degree less than there are folds. Seeds count twice. The mean of a fold varies
    with the luck of its seeds, so their spread within a fold is part of that over folds. What a seed does to every fold alike
    (its initial weights) doesn't show there: the covariance of the means by seed over the folds, of seeds that all folds have,
    is added as an error that folds share, as wide at its 95 % as Student's t makes the few seeds that it is known from. What
    seed and fold do together is in both, which errs on the safe side; at levels beyond 95 % the added part is narrower than
    Student's t.
    Folds share most of what they train on; for that no correction is known that would be exact, and none is made.

    Parameters
    ----------
    folds
        For each fold, at least two, K finite numbers by seed.
    """
    by_fold = np.array([np.mean(list(fold.values()), axis=0) for fold in folds])
    mean = by_fold.mean(axis=0)
    common = sorted(set.intersection(*(set(fold) for fold in folds)))
    shared = np.zeros((len(mean), len(mean)))
    if len(common) > 1:
        by_seed = np.array([np.mean([fold[seed] for fold in folds], axis=0) for seed in common])
        wider = stdtrit(len(common) - 1, (1 + LEVEL) / 2) / ndtri((1 + LEVEL) / 2)
        shared = wider**2 * np.cov(by_seed.T).reshape(shared.shape) / len(common)
    return Estimates(mean, (by_fold - mean).T, shared, "fold")


def _shared_covariance(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance over resamples that different seeds share, [K, K]; of a single seed, all there is."""
    k, n, _ = draws.shape
    covariance = np.cov(draws.mean(axis=1)).reshape(k, k)
    if n > 1:
        own = sum(np.cov(draws[:, seed]).reshape(k, k) for seed in range(n))
        covariance = (n**2 * covariance - own) / (n * (n - 1))
    root, vectors = np.linalg.eigh(covariance)
    return (vectors * np.maximum(root, 0.0)) @ vectors.T
