"""Comparisons of methods by macro-F1, within a document and across two, and how sure they are.

The unit that a spread is taken over is the seed, or the case where a document has cases (runs on one case share its
data, so each case counts once, by the mean over its seeds).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mstask import stats
from mstask.results.documents import Cell, Document
from mstask.results.files import ResultsError

Place = tuple[str | None, int]
"""Case and seed of a cell."""


def compare(document: Document, a: str, b: str) -> dict[str, Any]:
    """Return macro-F1 of method `a` minus that of method `b`.

    Returns
    -------
    dict
        a, b; difference (mean over common units, or of published means); low and high (95 % Student-t
        interval of the differences per unit), sd, n, values; seeds: per seed, or per "case/seed", {difference, low,
        high} where low and high are the paired bootstrap's 95 % interval, or the published one; basis:
        "predictions", "published intervals", "seeds" or "means", the most detailed there is for every seed;
        consistent: whether every seed's interval lies on the same side of 0, None without intervals.

    Raises
    ------
    ResultsError
        A method has no macro-F1 in the document, or the two have no seed in common.
    """
    scores = {name: scored_cells(document, name) for name in (a, b)}
    if not scores[a] or not scores[b]:
        means = [mean_score(document, name) for name in (a, b)]
        return _comparison(a, b, {}, means[0] - means[1])
    common = sorted(scores[a].keys() & scores[b].keys(), key=_order)
    if not common:
        raise ResultsError(f"{a} and {b} have no seed in common in section {document.section!r}")
    published = document.values.get("comparisons", {}).get(f"{a}-{b}", {}).get("intervals", {})
    return _comparison(a, b, {p: _pair(scores[a][p], scores[b][p], published.get(_name(p))) for p in common})


def share_seeds(document: Document, a: str, b: str) -> bool:
    """Say whether `compare` can pair two scored methods: by seed, or by means where one has no cells."""
    places = [scored_cells(document, name).keys() for name in (a, b)]
    return not all(places) or bool(places[0] & places[1])


def contrast(first: Mapping[str, Any], second: Mapping[str, Any], names: tuple[str, str]) -> dict[str, Any]:
    """Return how much larger the difference `first` is than `second`, both from `compare` on different test sets.

    The same keys as `compare`, with `names` for a and b. Seeds are paired where both have them, which costs degrees
    of freedom but assumes nothing; there is no bootstrap interval per seed.
    """
    seeds = [seed for seed in first["seeds"] if seed in second["seeds"]]
    gap = {seed: first["seeds"][seed]["difference"] - second["seeds"][seed]["difference"] for seed in seeds}
    pairs = {(None, int(s)): {"difference": g, "low": None, "high": None, "basis": "seeds"} for s, g in gap.items()}
    return _comparison(*names, pairs, first["difference"] - second["difference"])


@dataclass(frozen=True)
class Interval:
    """The two ends of an interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Inference:
    """How sure and how large the difference of two methods is.

    p (two-sided) : by `p_basis`, "hierarchical bootstrap" over seeds and test examples where predictions are known, else
        "t test over seeds" (or cases), else None.
    p_error : standard error of p that comes from the finite number of resamples.
    hierarchical : the bootstrap's 95 % interval, or None.
    detectable : the smallest true difference that a paired t test over as many seeds of this spread finds with 80 % power.
    """

    p: float | None
    p_basis: str | None
    p_error: float | None
    hierarchical: Interval | None
    effect: stats.Effect | None = None
    detectable: float | None = None


def inference(document: Document, a: str, b: str) -> Inference:
    """Return how sure and how large the difference of two methods is."""
    found = compare(document, a, b)
    several = found["n"] >= 2
    drawn = resampled(document, (a, b))
    draws = None if drawn is None else drawn[:, 0] - drawn[:, 1]
    return replace(
        _test(draws, found["values"], "cases" if has_cases(document) else "seeds"),
        effect=_effect(document, a, b) if several else None,
        detectable=stats.minimum_detectable_difference(found["sd"], found["n"]) if several else None,
    )


def contrast_inference(first: tuple[Document, str, str], second: tuple[Document, str, str]) -> Inference:
    """Return how sure the `contrast` of two comparisons is, without effect and detectable difference.

    The two test sets are resampled independently.
    """
    drawn = [resampled(document, pair, seed) for seed, (document, *pair) in enumerate((first, second))]
    values = contrast(compare(*first), compare(*second), ("first", "second"))["values"]
    known = all(d is not None for d in drawn)
    return _test((drawn[0] - drawn[1]) @ (1, -1) if known else None, values, "seeds")


def resampled(document: Document, methods: Sequence[str], seed: int = 0) -> NDArray[np.float64] | None:
    """Return `stats.hierarchical_bootstrap` of methods over the seeds that all of them have, shape [R, M].

    None where predictions are missing, there is no common seed, or the document has cases. Computed once per
    process and cell.
    """
    if has_cases(document):
        return None
    cells = [scored_cells(document, name) for name in methods]
    common = sorted(set.intersection(*(set(found) for found in cells)), key=_order)
    chosen = [[found[place] for place in common] for found in cells]
    if not common or not all(c.data and c.result.predictions is not None for row in chosen for c in row):
        return None
    draws = np.array([[_example_draws(cell, seed) for cell in row] for row in chosen])
    return np.einsum("msr,rs->rm", draws, stats.unit_weights(len(common), draws.shape[2], seed))


def has_cases(document: Document) -> bool:
    """Say whether a document's cells belong to several data sets or splits."""
    return any(cell.case is not None for cell in document.cells)


def scored_cells(document: Document, method: str) -> dict[Place, Cell]:
    """Return a method's cells that have a macro-F1, by case and seed."""
    cells = (cell for cell in document.cells if cell.method == method and cell.result.macro_f1 is not None)
    return {(cell.case, cell.seed): cell for cell in cells}


def unit_scores(document: Document, method: str) -> dict[Any, float]:
    """Return a method's macro-F1 by seed; by case where there are cases, each the mean over its seeds."""
    return _by_unit({place: cell.result.macro_f1 for place, cell in scored_cells(document, method).items()})


def mean_score(document: Document, method: str) -> float:
    """Return a method's macro-F1, from its cells or else as published."""
    if units := unit_scores(document, method):
        return fmean(units.values())
    if method not in document.means or document.means[method].macro_f1 is None:
        raise ResultsError(f"section {document.section!r} ({document.source}) has no macro-F1 of {method!r}")
    return document.means[method].macro_f1


def spread(values: Iterable[float]) -> dict[str, Any]:
    """Return mean, standard deviation, extremes and the interval over units, None where undefined."""
    values = list(values)
    if not values:
        return dict.fromkeys(("mean", "sd", "min", "max", "low", "high"), None) | {"values": [], "n": 0}
    mean, low, high = stats.seed_interval(values)
    return {
        "mean": mean,
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "min": min(values),
        "max": max(values),
        "low": low,
        "high": high,
        "values": values,
        "n": len(values),
    }


def _by_unit(values: Mapping[Place, float]) -> dict[Any, float]:
    """Return values by seed, or their means by case where there are cases."""
    if not any(case is not None for case, _ in values):
        return {seed: value for (_, seed), value in sorted(values.items(), key=lambda item: item[0][1])}
    gathered: dict[str, list[float]] = {}
    for (case, _), value in values.items():
        gathered.setdefault(str(case), []).append(value)
    return {case: fmean(found) for case, found in sorted(gathered.items())}


def _comparison(a: str, b: str, pairs: dict[Place, dict[str, Any]], difference: float | None = None) -> dict[str, Any]:
    over = spread(_by_unit({place: pair["difference"] for place, pair in pairs.items()}).values())
    bounds = [(pair["low"], pair["high"]) for pair in pairs.values()]
    known = bool(bounds) and all(low is not None for low, _ in bounds)
    bases = {pair["basis"] for pair in pairs.values()}
    return {
        "a": a,
        "b": b,
        "difference": over["mean"] if pairs else difference,
        **{name: over[name] for name in ("low", "high", "sd", "n", "values")},
        "seeds": {_name(place): {k: pair[k] for k in ("difference", "low", "high")} for place, pair in pairs.items()},
        "basis": bases.pop() if len(bases) == 1 else ("seeds" if bases else "means"),
        "consistent": (all(low > 0 for low, _ in bounds) or all(high < 0 for _, high in bounds)) if known else None,
    }


def _pair(a: Cell, b: Cell, published: list[float] | None) -> dict[str, Any]:
    """Compare two cells of one case and seed, by `stats.paired_bootstrap` where their predictions are known."""
    difference = a.result.macro_f1 - b.result.macro_f1
    if a.data and b.data and a.result.predictions is not None and b.result.predictions is not None:
        low, high = np.percentile(_example_draws(a, 0) - _example_draws(b, 0), [2.5, 97.5])
        return {"difference": difference, "low": float(low), "high": float(high), "basis": "predictions"}
    if published is not None:
        return {"difference": difference, "low": published[0], "high": published[1], "basis": "published intervals"}
    return {"difference": difference, "low": None, "high": None, "basis": "seeds"}


def _effect(document: Document, a: str, b: str) -> stats.Effect:
    units = [unit_scores(document, name) for name in (a, b)]
    common = [unit for unit in units[0] if unit in units[1]]
    return stats.effect_size(*([found[unit] for unit in common] for found in units))


def _order(place: Place) -> tuple[str, int]:
    case, seed = place
    return case or "", seed


def _test(draws: NDArray | None, values: Sequence[float], units: str) -> Inference:
    """Return the p-value of a difference from its resamples, else from its values per unit."""
    if draws is not None:
        p = stats.bootstrap_p(draws)
        low, high = np.percentile(draws, [2.5, 97.5])
        error = math.sqrt(p * (2 - p) / len(draws))
        return Inference(p, "hierarchical bootstrap", error, Interval(float(low), float(high)))
    if len(values) > 1:
        return Inference(stats.paired_t(values), f"t test over {units}", 0.0, None)
    return Inference(None, None, None, None)


def _name(place: Place) -> str:
    case, seed = place
    return str(seed) if case is None else f"{case}/{seed}"


def _bytes(labels: Sequence[int]) -> bytes:
    return np.asarray(labels, np.int64).tobytes()


def _example_draws(cell: Cell, seed: int) -> NDArray[np.float64]:
    return _example_bootstrap(_bytes(cell.result.predictions), _bytes(cell.data.test_labels), len(cell.data.class_names), seed)


@lru_cache(maxsize=1024)
def _example_bootstrap(pred: bytes, true: bytes, n_classes: int, seed: int) -> NDArray[np.float64]:
    """Bootstrap label vectors given as the bytes of int64 arrays, once per process."""
    return stats.example_bootstrap(*(np.frombuffer(v, np.int64) for v in (pred, true)), n_classes, seed=seed)
