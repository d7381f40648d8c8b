"""Comparisons of methods by macro-F1, within a document and across two, and how sure they are.

The unit that a spread is taken over is the seed, or the case where a document has cases (runs on one case share its
data, so each case counts once, by the mean over its seeds). Where a document says which cases are folds of one data set
(`sets_of`), every set counts the same, and its folds and seeds both count as `mstask.stats.over_folds` has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mstask import stats
from mstask.results.documents import Cell, Document, Measures
from mstask.results.files import ResultsError
from mstask.summary.once import Same, once

Place = tuple[str | None, int]
"""Case and seed of a cell."""
BEST = "best homogeneous by validation"
"""Name of the method that `with_best` adds."""


@dataclass(frozen=True)
class Pair:
    """The difference at one seed, with the 95 % interval of the paired bootstrap over test examples, or the published one."""

    difference: float
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class Comparison:
    """Macro-F1 of method `a` minus that of method `b`.

    `difference` : mean over common seeds, or of published means. `low`, `high` : 95 % interval over seeds and test examples
    (`mstask.stats.intervals`), `p` two-sided; None where there is a single seed or only means are known. `estimate` : what
    they are computed from. `seeds` : per seed, or per "case/seed". `values`, `n` : differences per unit (seed, or case where
    there are cases), and their number. `detectable` : the smallest true difference that a paired t test over as many units of
    this spread finds with 80 % power.
    """

    a: str
    b: str
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    estimate: stats.Estimate | None = None
    seeds: Mapping[str, Pair] = field(default_factory=dict)
    values: list[float] = field(default_factory=list)
    n: int = 0
    detectable: float | None = None

    @property
    def consistent(self) -> bool | None:
        """Whether every seed's interval lies on the same side of 0, None without intervals."""
        intervals = [pair.interval for pair in self.seeds.values() if pair.interval]
        if not intervals or len(intervals) < len(self.seeds):
            return None
        return all(low > 0 for low, _ in intervals) or all(high < 0 for _, high in intervals)


@once
def compare(document: Document, a: str, b: str) -> Comparison:
    """Return how much higher method `a` scores than method `b`.

    Raises
    ------
    ResultsError
        A method has no macro-F1 in the document, or the two have no seed in common.
    """
    estimate = lead(document, a, b)
    if estimate is None:
        return Comparison(a, b, mean_score(document, a) - mean_score(document, b))
    pairs = _pairs(document, a, b)
    values = list(_by_unit({place: pair.difference for place, pair in pairs.items()}).values())
    low, high = estimate.interval() or (None, None)
    seeds = {_name(place): pair for place, pair in pairs.items()}
    n, p = len(values), p_of_lead(document, a, b)
    detectable = stats.minimum_detectable_difference(float(np.std(values, ddof=1)), n) if n > 1 else None
    return Comparison(a, b, estimate.value, low, high, p, estimate, seeds, values, n, detectable)


@once
def lead(document: Document, a: str, b: str) -> stats.Estimate | None:
    """Return the estimate of how much higher method `a` scores than method `b`; None where only means are known.

    Raises
    ------
    ResultsError
        The two have no seed in common.
    """
    if not (scored_cells(document, a) and scored_cells(document, b)):
        return None
    if not common_places(document, (a, b)):
        raise ResultsError(f"{a} and {b} have no seed in common in section {document.section!r}")
    estimate = combination(document, {a: 1.0, b: -1.0})
    if _published(document, a, b) and estimate.over_examples == 0:
        widths = [pair.interval[1] - pair.interval[0] for pair in _pairs(document, a, b).values() if pair.interval]
        estimate = replace(estimate, over_examples=fmean((width / 2 / ndtri(0.975)) ** 2 for width in widths))
    return estimate


@once
def p_of_lead(document: Document, a: str, b: str) -> float | None:
    """Return the two-sided p-value of "both methods score the same"; None for a single seed, or where only means are known."""
    estimate = lead(document, a, b)
    return estimate.p() if estimate else None


@once
def with_best(document: Document, candidates: Sequence[str]) -> Document | None:
    """Return the document with a method `BEST`: at each seed the candidate whose validation macro-F1 is highest.

    None where a candidate's validation score isn't recorded.
    """
    places = common_places(document, candidates)
    cells = [[scored_cells(document, name)[place] for name in candidates] for place in places]
    found = [[cell.result.series("smoothed") for cell in row] for row in cells]
    if not places or not all(history for row in found for history in row):
        return None
    chosen = [row[int(np.argmax([max(h) for h in histories]))] for row, histories in zip(cells, found, strict=True)]
    return document.model_copy(
        update={"cells": [*document.cells, *(cell.model_copy(update={"method": BEST}) for cell in chosen)]}
    )


def share_seeds(document: Document, a: str, b: str) -> bool:
    """Say whether `compare` can pair two scored methods: by seed, or by means where one has no cells."""
    places = [scored_cells(document, name).keys() for name in (a, b)]
    return not all(places) or bool(places[0] & places[1])


def common_places(document: Document, methods: Iterable[str]) -> list[Place]:
    """Return the cases and seeds that all of the methods have a score of."""
    found = [set(scored_cells(document, name)) for name in methods]
    return sorted(set.intersection(*found), key=lambda place: (place[0] or "", place[1])) if found else []


def in_common(document: Document, methods: Iterable[str], places: Iterable[Place] | None = None) -> Document:
    """Return the methods' cells at the given cases and seeds, by default those that all have; as it is where there are none."""
    methods = list(methods)
    kept = set(common_places(document, methods) if places is None else places)
    cells = [cell for cell in document.cells if cell.method in methods and (cell.case, cell.seed) in kept]
    return document.model_copy(update={"cells": cells}) if kept else document


def combination(document: Document, weights: Mapping[str, float]) -> stats.Estimate:
    """Return a weighted sum of methods' macro-F1 (a difference has the weights 1 and -1), over their common seeds.

    Several cases with two or more seeds each are data sets that were chosen: their estimates are pooled. Where one has a single
    seed, the cases themselves, each by the mean over its seeds, are what the spread is taken over.
    """
    places = common_places(document, weights)
    if sets_of(document):
        return together(document, weights, places).combined(list(weights.values()))
    by_case: dict[str | None, list[Place]] = {}
    for place in places:
        by_case.setdefault(place[0], []).append(place)
    if len(by_case) > 1 and min(map(len, by_case.values())) < 2:
        return stats.estimate(list(_by_unit(weighted_scores(document, weights)).values()))
    return stats.pooled([together(document, weights, own).combined(list(weights.values())) for own in by_case.values()])


def weighted_scores(document: Document, weights: Mapping[str, float]) -> dict[Place, float]:
    """Return a weighted sum of methods' macro-F1 at each case and seed that all of them have."""
    known = [(scored_cells(document, name), weight) for name, weight in weights.items()]
    return {place: sum(weight * cells[place].score for cells, weight in known) for place in common_places(document, weights)}


def together(document: Document, methods: Iterable[str], places: Sequence[Place]) -> stats.Estimates | stats.Pooled:
    """Return the mean macro-F1 of several methods over these places, with the errors that they share.

    Where several cases are mixed, test examples differ from place to place and only the spread over places counts; where they
    are folds of data sets, the sets are pooled.
    """
    methods, sets = list(methods), [[p for p in places if p[0] in cases] for cases in sets_of(document).values()]
    parts = [_over_set(document, methods, own) for own in sets if own]
    if len(parts) > 1:
        return stats.Pooled(tuple(parts))
    return parts[0] if parts else _over_places(document, methods, places)


def _over_set(document: Document, methods: Sequence[str], places: Sequence[Place]) -> stats.Estimates:
    """The same of one data set: over its folds, or over the seeds of the only one."""
    folds: dict[str | None, dict[int, list[float]]] = {}
    for place in places:
        scores = [scored_cells(document, name)[place].score for name in methods]
        folds.setdefault(place[0], {})[place[1]] = scores
    return stats.over_folds(list(folds.values())) if len(folds) > 1 else _over_places(document, methods, places)


def _over_places(document: Document, methods: Sequence[str], places: Sequence[Place]) -> stats.Estimates:
    chosen = [[scored_cells(document, name)[place] for place in places] for name in methods]
    scores = [[cell.score for cell in row] for row in chosen]
    if len({case for case, _ in places}) > 1 or not all(predicted(cell) for row in chosen for cell in row):
        return stats.estimates(scores)
    return stats.estimates(scores, [[example_draws(cell) for cell in row] for row in chosen])


def resampled(document: Document, methods: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the mean scores of methods under draws of both errors, shape [R, M]; None without two common seeds.

    The units are seeds, or the cases of a document that has cases, each by the mean over its seeds.
    """
    found: stats.Estimates | stats.Pooled | None = None
    if has_cases(document) and not sets_of(document):
        units = [unit_scores(document, name) for name in methods]
        if common := sorted(set.intersection(*map(set, units)), key=str):
            found = stats.estimates([[scores[unit] for unit in common] for scores in units])
    elif places := common_places(document, methods):
        found = together(document, methods, places)
    return None if found is None or found.n < 2 else found.values + found.errors(2_000)


def rank_stability(document: Document, methods: Sequence[str]) -> dict[str, Any] | None:
    """Return how often each method takes each rank under resampling, None where nothing can be resampled.

    `over` : what varies, "cases", "seeds", or "seeds and test examples" where predictions are known. `probabilities` : per
    method the share of resamples by rank.
    """
    draws = resampled(document, methods) if len(methods) > 1 and all(scored_cells(document, name) for name in methods) else None
    if draws is None:
        return None
    known = all(predicted(cell) for name in methods for cell in scored_cells(document, name).values())
    over = "cases" if has_cases(document) else "seeds and test examples" if known else "seeds"
    return {"over": over, "probabilities": dict(zip(methods, stats.rank_probabilities(draws).tolist(), strict=True))}


def sets_of(document: Document) -> Mapping[str, Sequence[str]]:
    """Return which cases of a document are folds of one data set, by its name; nothing where it doesn't say."""
    return document.values.get("sets", {})


def counted(document: Document, methods: Iterable[str]) -> tuple[int, str]:
    """Return how many units a spread of methods is over, and what they are: "seed" or "fold"."""
    methods = list(methods)
    places = common_places(document, methods)
    if not (places and sets_of(document)):
        return len(places), "seed"
    found = together(document, methods, places)
    return found.n, found.unit


def has_cases(document: Document) -> bool:
    """Say whether a document's cells belong to several data sets or splits."""
    return any(cell.case is not None for cell in document.cells)


@once
def scored_cells(document: Document, method: str) -> dict[Place, Cell]:
    """Return a method's cells that have a macro-F1, by case and seed."""
    cells = (cell for cell in document.cells if cell.method == method and cell.result.macro_f1 is not None)
    return {(cell.case, cell.seed): cell for cell in cells}


def leads_by_case(document: Document, a: str, b: str) -> dict[str, float]:
    """Return how much higher method `a` scores than `b` on each case, the mean over the seeds that both have there."""
    first, second = scored_cells(document, a), scored_cells(document, b)
    common = (place for place in common_places(document, (a, b)) if place[0] is not None)
    return _by_unit({place: first[place].score - second[place].score for place in common})


def unit_scores(document: Document, method: str) -> dict[Any, float]:
    """Return a method's macro-F1 by seed; by case where there are cases, each the mean over its seeds."""
    return _by_unit({place: cell.score for place, cell in scored_cells(document, method).items()})


def mean_score(document: Document, method: str) -> float:
    """Return a method's macro-F1, from its cells or else as published."""
    if units := unit_scores(document, method):
        return over_sets(document, units)
    mean = document.means.get(method)
    if mean is None or mean.macro_f1 is None:
        raise ResultsError(f"section {document.section!r} ({document.source}) has no macro-F1 of {method!r}")
    return mean.macro_f1


def over_sets(document: Document, by_case: Mapping[str, float]) -> float:
    """Return the mean of values by case (by seed where there are none): over the folds of each data set, then over sets."""
    sets = [found for cases in sets_of(document).values() if (found := [by_case[case] for case in cases if case in by_case])]
    return fmean(map(fmean, sets)) if sets else fmean(by_case.values())


def spread(values: Iterable[float]) -> dict[str, Any]:
    """Return mean, standard deviation, extremes and the interval over units, None where undefined."""
    values = list(values)
    if not values:
        return dict.fromkeys(("mean", "sd", "min", "max", "low", "high"), None) | {"values": [], "n": 0}
    found = stats.estimate(values)
    low, high = found.interval() or (None, None)
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    about = {"mean": found.value, "sd": sd, "min": min(values), "max": max(values)}
    return about | {"low": low, "high": high, "values": values, "n": len(values)}


def _by_unit(values: Mapping[Place, float]) -> dict[Any, float]:
    """Return values by seed, or their means by case where there are cases."""
    if not any(case is not None for case, _ in values):
        return {seed: value for (_, seed), value in sorted(values.items(), key=lambda item: item[0][1])}
    gathered: dict[str, list[float]] = {}
    for (case, _), value in values.items():
        gathered.setdefault(str(case), []).append(value)
    return {case: fmean(found) for case, found in sorted(gathered.items())}


def _pairs(document: Document, a: str, b: str) -> dict[Place, Pair]:
    """Compare two methods at each case and seed that both have."""
    first, second, published = scored_cells(document, a), scored_cells(document, b), _published(document, a, b)
    return {p: _pair(first[p], second[p], published.get(_name(p))) for p in common_places(document, (a, b))}


def _published(document: Document, a: str, b: str) -> Mapping[str, list[float]]:
    """The intervals of two methods' differences that were published, by seed."""
    return document.values.get("comparisons", {}).get(f"{a}-{b}", {}).get("intervals", {})


def _pair(a: Cell, b: Cell, published: list[float] | None) -> Pair:
    """Compare two cells of one case and seed, by the draws of `stats.example_bootstrap` where their predictions are known."""
    difference = a.score - b.score
    if predicted(a) and predicted(b):
        low, high = np.percentile(example_draws(a) - example_draws(b), [2.5, 97.5])
        return Pair(difference, float(low), float(high))
    return Pair(difference, *(published or ()))


def predicted(cell: Cell) -> bool:
    """Whether it is known what a network answered to each test example."""
    return cell.data is not None and cell.result.predictions is not None


def _name(place: Place) -> str:
    case, seed = place
    return str(seed) if case is None else f"{case}/{seed}"


def example_draws(cell: Cell) -> NDArray[np.float64]:
    """The macro-F1 of a cell under resampling of its test examples, once per process and result."""
    return _draws(cell.result, Same(cell.data))


@once
def _draws(result: Measures, data: Same) -> NDArray[np.float64]:
    return stats.example_bootstrap(result.predictions, data.value.test_labels, len(data.value.class_names))
