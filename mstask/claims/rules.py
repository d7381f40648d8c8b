"""The judge: one decision, and the six rules that bring a claim to it.

A claim states an *estimand* (a difference of macro-F1, a rank, a rank correlation, a ratio), the *region* where it says the
estimand lies, and the *smallest* effect that matters. A rule estimates the estimand and its 95 % interval from result
documents; `decide` compares that interval with the region, and nothing else is compared anywhere:

- *supported*: the whole interval lies in the region;
- *contradicted*: the whole interval lies outside it; or, for a claim that something is larger, within +- smallest, where the
  effect is shown to be absent;
- *undecided*: neither. Only means are known, there is a single seed, or the interval is too wide: then it is said how many
  seeds of this spread would decide;
- *not testable*: a figure that the claim needs doesn't exist.

Intervals are those of `mstask.stats.intervals`, over seeds and test examples. A claim that belongs to a family of comparisons
is judged by the interval that agrees with Holm's correction over it. Of several statements that must all hold the worst
counts: contradicted, then not testable, then undecided.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from mstask import stats
from mstask.claims.figures import (
    Documents,
    Family,
    NotTestable,
    Weights,
    between,
    both_ways,
    leads,
    mean_rho,
    paired,
    pooled_over_cases,
    scored,
    scores,
    spanned,
    tested,
)
from mstask.claims.findings import NEGATIVE, POSITIVE, Finding, Region, decide, distance, find, seeds_needed
from mstask.claims.words import (
    count,
    interval,
    listed,
    no_spread,
    number,
    opening,
    p_value,
    signed,
    spared,
    subject,
    why_open,
)
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.summary.comparisons import (
    common_places,
    compare,
    counted,
    in_common,
    leads_by_case,
    mean_score,
    resampled,
    scored_cells,
    share_seeds,
    together,
)

Values = Mapping[str, Mapping[Any, float]]
"""By name and seed."""

SMALLEST = 0.01
"""The smallest difference of macro-F1, or of accuracy, that matters."""
SAME_ORDER = 0.7
"""Rank correlation from which two rankings count as the same: about half of their variance is shared."""
CAPACITY_TOLERANCE = 0.1
"""How far parameter counts may differ, as a share of the smaller one, for capacities to count as matched."""
RULES: dict[str, Callable[..., Finding]] = {}
"""The rules by name; their docstrings stand on the page of the ledger."""


def rule(judge: Callable[..., Finding]) -> Callable[..., Finding]:
    """Register a rule; what it needs and doesn't find makes a claim not testable."""

    @wraps(judge)
    def judged(*arguments: Any, **options: Any) -> Finding:
        return find(judge, *arguments, **options)

    RULES[judge.__name__] = judged
    return judged


@rule
def difference(documents: Documents, section: str, a: str, b: str, family: Family = (), matched: bool = False) -> Finding:
    """One figure is higher than another.

    The estimand is the mean over seeds of the difference, paired by seed and test example; over several data sets their mean,
    each counting the same. Its interval is corrected by Holm's method over the family of all comparisons that claims make in
    that section, on the data that the claim speaks of. A claim at matched capacity isn't testable where parameter counts
    differ by more than a tenth.
    """
    document, standing = scores(documents, section, a, b)
    if not share_seeds(document, a, b):
        raise NotTestable(f"{label(a)} and {label(b)} have no seed in common for {subject(section)}.")
    if matched:
        _refuse_unequal(document, standing, a, b)
    estimate, tests = tested(document, a, b, tuple(family))
    shared = in_common(document, (a, b))
    score_a, score_b = (number(mean_score(shared, name)) for name in (a, b))
    told = f"{opening(label(a))} {score_a}, {label(b)} {score_b} macro-F1 for {subject(section)}"
    estimand = f"macro-F1 for {subject(section)}, {label(a)} − {label(b)}"
    if estimate is None:
        known = compare(document, a, b)
        return _open("difference", estimand, known.difference, told, known.n)
    return _directional("difference", estimand, estimate, told, tests)


def _refuse_unequal(document: Document, standing: dict[str, Any], a: str, b: str) -> None:
    """Refuse two methods whose networks, of one case and seed or as published, differ in size."""
    cells = [scored_cells(document, name) for name in (a, b)]
    sizes = [[own[place].result.n_parameters for own in cells] for place in common_places(document, (a, b))]
    for first, second in sizes or [[standing["methods"][name]["n_parameters"] for name in (a, b)]]:
        if first and second and (ratio := max(first, second) / min(first, second)) > 1 + CAPACITY_TOLERANCE:
            raise NotTestable(f"Capacities aren't matched: {first:,} against {second:,} parameters ({ratio:.2f} times).")


@rule
def best(documents: Documents, section: str, winner: str, field: Iterable[str], region: Region = POSITIVE) -> Finding:
    """One method is the best of several.

    The estimand is its lead over the best of the others, all compared at once: scores without any difference are drawn,
    over seeds and test examples together, and the level of each lead's interval is raised until all of a draw hold as often
    as one should (Westfall and Young's smallest p-value). No rival is picked by the figures it is judged by. The same
    serves "the best of these is ahead of that one", with the sign turned.
    """
    rivals = [name for name in field if name != winner]
    document, _ = scores(documents, section, winner, *rivals)
    document = in_common(document, (winner, *rivals))
    means = {name: mean_score(document, name) for name in (winner, *rivals)}
    if not scored(document, means) or not common_places(document, means):
        closest = max(rivals, key=means.__getitem__)
        told = f"{label(winner)} {number(means[winner])}, {label(closest)} {number(means[closest])} macro-F1"
        return _open("best", f"macro-F1, {label(winner)} − best other", means[winner] - means[closest], told, 0)
    found = together(document, means, common_places(document, means))
    return _lead("macro-F1", means, found, region, SMALLEST)


@rule
def place(documents: Documents, section: str, method: str, field: Sequence[str], places: Sequence[int]) -> Finding:
    """A method takes one of certain places among several.

    The estimand is its rank. By the simultaneous intervals of its leads over the others (as for the best of several) it stands
    behind those that are surely ahead of it and before those that are surely behind: its interval is the ranks between.
    """
    document, _ = scores(documents, section, *field)
    rivals = [name for name in field if name != method]
    document = in_common(document, field)
    means = {name: mean_score(document, name) for name in field}
    rank = 1 + sum(means[name] > means[method] for name in rivals)
    told = f"{label(method)} has rank {rank} of {len(field)} for {subject(section)}"
    finding = partial(Finding, rule="place", estimand=f"rank of {label(method)} among {len(field)}", estimate=float(rank))
    shared = common_places(document, field) if scored(document, field) else []
    found = together(document, (method, *rivals), shared) if shared else None
    n = found.n if found else 0
    if found is None or n < 2:
        return finding("undecided", f"{told} ({why_open(n)}).", "The spread over seeds isn't known.", seeds=n)
    low, high, _ = found.simultaneous(leads(found))
    region = min(places) - 0.5, max(places) + 0.5
    first, last = 1 + int((high < 0).sum()), len(field) - int((low > 0).sum())
    verdict, why = decide((first, last), region)
    within = f"to lie within {min(places)} to {max(places)}" if len(places) > 1 else f"to be {min(places)} alone"
    told = f"{told}; simultaneous 95 % interval of ranks {first} to {last}, {within}"
    evidence = f"{told} ({count(n, found.unit)})."
    unsure = [label(name) for name, a, b in zip(rivals, low, high, strict=True) if a <= 0 <= b]
    if not why and unsure:
        why = f"It can't be told from {listed(unsure)}."
    return finding(verdict, evidence, why, bounds=(float(first), float(last)), seeds=n, region=region)


@rule
def contrast(
    documents: Documents,
    first: tuple[str, Weights],
    second: tuple[str, Weights],
    words: str,
    region: Region = POSITIVE,
) -> Finding:
    """A figure of one section is larger than one of another, or the same.

    Each is a weighted sum of scores, such as the lead of one method over another. The difference is paired by seed, and by test
    example where both sections have the same ones; else the variances over examples add. "The same" is shown by equivalence:
    the whole interval must lie within +- the smallest effect that matters.
    """
    chosen = paired([(scores(documents, section, *weights)[0], weights) for section, weights in (first, second)])
    means = [sum(w * mean_score(document, name) for name, w in weights.items()) for document, weights in chosen]
    names = [subject(section) for section, _ in (first, second)]
    said = signed if min(min(weights.values()) for _, weights in chosen) < 0 else number
    told = f"{opening(words)}: {said(means[0])} for {names[0]}, {said(means[1])} for {names[1]}"
    estimand = f"{words}, {names[0]} − {names[1]}"
    if not all(scored(document, weights) for document, weights in chosen):
        return _open("contrast", estimand, means[0] - means[1], told, 0)
    estimate = between(chosen)
    found = _directional("contrast", estimand, estimate, told, region=region)
    if region[0] == -region[1] and found.verdict == "supported":
        return dataclasses.replace(found, remark=f"The whole interval lies within ±{number(SMALLEST)}.")
    return found


@rule
def agreement(rankings: Sequence[tuple[Document, Sequence[str]]], words: str, bound: float = SAME_ORDER) -> Finding:
    """Rankings are the same.

    The estimand is Spearman's rho, averaged over pairs of rankings where there are more than two. Its interval comes from
    drawing the errors of all scores over seeds and test examples, and reaches over the draws as they are and reflected at rho,
    see `both_ways`. "The same" is shown by equivalence: the whole interval must lie above the bound; that rho isn't 0 proves
    nothing.
    """
    rankings = [(in_common(document, methods), methods) for document, methods in rankings]
    means = [[mean_score(document, name) for name in methods] for document, methods in rankings]
    if any(len(set(scores)) == 1 for scores in means):
        raise NotTestable("All scores of one ranking are equal.")
    rho = mean_rho(np.array(means)[None])[0]
    drawn = [resampled(document, methods) for document, methods in rankings if scored(document, methods)]
    known = [draws for draws in drawn if draws is not None]
    exact = f", exact permutation {p_value(stats.rank_correlation(*means)[1])} against no relation" if len(means) == 2 else ""
    told = f"Spearman's rho of {words} is {signed(rho)}{exact}"
    finding = partial(Finding, rule="agreement", estimand=f"Spearman's rho of {words}", estimate=float(rho))
    if len(known) < len(rankings):
        n = 1 if len(drawn) == len(rankings) else 0
        return finding("undecided", f"{told} ({why_open(n)}).", no_spread(n), seeds=n)
    rng = np.random.default_rng(0)
    rhos = mean_rho(np.stack([draws[rng.permutation(len(draws))] for draws in known], axis=1))
    either = both_ways(rhos, rho)
    lows, highs = np.quantile(either, [0.025, 0.975], axis=1)
    low, high = float(lows.min()), float(highs.max())
    region = bound, math.inf
    verdict, why = decide((low, high), region)
    several = sorted({counted(document, methods) for document, methods in rankings})
    n = several[0][0]
    over = listed(count(*one) for one in several)
    evidence = f"{told}; 95 % interval {interval((low, high))}, all to lie above {number(bound, 1)} ({over})."
    beyond = min(side.sum(axis=1).max() for side in (either <= bound, either >= bound))
    p = min(1.0, 2 * (float(beyond) + 1) / (either.shape[1] + 1))
    return finding(verdict, evidence, why, bounds=(low, high), p=p, smallest=bound, seeds=n, region=region)


class Drawn(NamedTuple):
    """A figure that is no mean, its interval by drawing (None where nothing could be drawn), and the number of seeds."""

    value: float
    bounds: tuple[float, float] | None
    n: int


@rule
def quantity(
    estimand: str,
    values: Sequence[float] | Drawn,
    region: Region,
    told: str,
    digits: int = 3,
    unit: str = "seed",
) -> Finding:
    """A measured quantity lies in a stated range.

    The estimand is its mean over seeds (or networks) with the interval over them; for a figure that is no mean, such as a ratio
    of costs, the interval comes from drawing the errors of the scores that it depends on, and for the largest of several from
    intervals that hold for all of them at once.
    """
    if isinstance(values, Drawn):
        estimate, (value, bounds, n) = None, values
    else:
        estimate = stats.estimate(values)
        value, bounds, n = estimate.value, estimate.interval(), estimate.n
    finding = partial(Finding, rule="quantity", estimand=estimand, estimate=value, seeds=n, region=region)
    if bounds is None:
        return finding("undecided", f"{told} ({why_open(n)}).")
    verdict, why = decide(bounds, region)
    evidence = f"{told}: {estimand} {number(value, digits)}, 95 % interval {interval(bounds, digits)} ({count(n, unit)})."
    border = min((edge for edge in region if math.isfinite(edge)), key=lambda edge: abs(edge - value))
    if verdict == "undecided" and estimate:
        return finding(verdict, evidence, bounds=bounds, needed=seeds_needed(estimate, distance(value, region, 0.0)), unit=unit)
    return finding(verdict, evidence, why or f"Its border is {number(border, digits)}.", bounds=bounds)


def difference_of(what: str, values: Values, smaller: bool = False) -> Finding:
    """Judge "the first of two has the higher values", or the smaller ones, of any quantity; `values` holds both by name."""
    (a, first), (b, second) = values.items()
    common = [seed for seed in first if seed in second]
    if not common:
        missing = [name for name, known in values.items() if not known] or [a, b]
        return Finding("not testable", f"There is no {what} of {listed(map(label, missing))} at a common seed (not run).")
    sign = -1 if smaller else 1
    estimate = pooled_over_cases({seed: sign * (first[seed] - second[seed]) for seed in common})
    return _of_two(what, (a, b), [fmean(known[seed] for seed in common) for known in (first, second)], estimate, smaller)


def difference_of_two(what: str, names: tuple[str, str], found: stats.Estimates) -> Finding:
    """Judge "the first of two has the higher value" where the errors of both are known."""
    return _of_two(what, names, [found[i].value for i in range(2)], found.combined([1.0, -1.0]))


def _of_two(what: str, names: Sequence[str], means: Sequence[float], estimate: stats.Estimate, less: bool = False) -> Finding:
    a, b = map(label, names)
    told = f"{opening(what)}: {a} {number(means[0])}, {b} {number(means[1])}"
    return _directional("difference", f"{what}, {f'{b} − {a}' if less else f'{a} − {b}'}", estimate, told)


def best_of(what: str, winner: str, values: Values, smaller: bool = False, smallest: float = SMALLEST) -> Finding:
    """Judge "one is ahead of each of the others" in any quantity, as `best` does in macro-F1."""
    rivals = [name for name in values if name != winner]
    common = sorted(set.intersection(*(set(known) for known in values.values())))
    if not common:
        missing = [name for name, known in values.items() if not known] or list(values)
        return Finding("not testable", f"There is no {what} of {listed(map(label, missing))} at a common seed (not run).")
    sign, names = -1 if smaller else 1, [winner, *rivals]
    found = stats.estimates([[sign * values[name][seed] for seed in common] for name in names])
    means = {name: fmean(values[name][seed] for seed in common) for name in names}
    return _lead(what, means, found, POSITIVE, smallest, smaller)


def with_leads(found: Finding, document: Document, a: str, b: str, title: Callable[[str], str]) -> Finding:
    """Tell beside a difference what it is on each of several data sets."""
    leads = leads_by_case(document, a, b) if found.rule else {}
    if len(leads) < 2:
        return found
    told = listed(f"{title(case)} {signed(lead)}" for case, lead in leads.items())
    return dataclasses.replace(found, evidence=f"{found.evidence} By data set: {told}.")


def _directional(
    rule: str, estimand: str, estimate: stats.Estimate, told: str, tests: Sequence[float] = (), region: Region = POSITIVE
) -> Finding:
    """Judge "the estimand is positive" by its interval, corrected for a family whose p-values `tests` are, its own first."""
    level = stats.holm_levels(tests)[0] if tests else stats.LEVEL
    bounds, p = spanned(estimate, level), stats.holm(tests)[0] if tests else estimate.p()
    if bounds is None or p is None:
        return _open(rule, estimand, estimate.value, told, estimate.n)
    verdict, why = decide(bounds, region, SMALLEST)
    evidence = f"{told}: difference {signed(estimate.value)}, "
    if not estimate.error:
        p, evidence = None, f"{evidence}the same at all {count(estimate.n, estimate.unit)}."
    elif region[0] == -region[1]:
        p, within = None, f"to lie within ±{number(SMALLEST)}"
        evidence += f"95 % interval {interval(bounds)}, {within} ({count(estimate.n, estimate.unit)})."
    else:
        corrected = f" after Holm's correction over {len(tests)} comparisons" if len(tests) > 1 else ""
        evidence += f"95 % interval {interval(bounds)} and {p_value(p)}{corrected} ({count(estimate.n, estimate.unit)})."
    if verdict == "supported":
        why = spared(bounds)
        if max(map(abs, bounds)) < SMALLEST:
            why += f" The whole interval lies within ±{number(SMALLEST)}: the lead is real, but too small to matter."
    half = distance(estimate.value, region, SMALLEST)
    needed = seeds_needed(estimate, half, level) if verdict == "undecided" else None
    value, n, unit = estimate.value, estimate.n, estimate.unit
    return Finding(verdict, evidence, why, rule, estimand, value, bounds, p, SMALLEST, n, region, needed=needed, unit=unit)


def _lead(
    what: str, means: Weights, found: stats.Estimates | stats.Pooled, region: Region, smallest: float, smaller: bool = False
) -> Finding:
    """Judge the lead of the first of several over the best of the others; `means` as they are told, in the same order.

    With `smaller` the smallest is ahead, and `found` has the other sign. Where the best of the others is claimed to be ahead
    (a `region` below 0), the finding tells its lead, so that what the claim says is above 0 in any case.
    """
    winner, *rivals = means
    ahead = leads(found)
    values, n = ahead @ found.values, found.n
    closest = int(np.argmin(values))
    value = float(values[closest])
    told = (
        f"{opening(what)}: {label(winner)} {number(means[winner])}, the best of {len(rivals)} others "
        f"{label(rivals[closest])} {number(means[rivals[closest]])}"
    )
    others_ahead = region == NEGATIVE
    sign, whose = (-1, "lead of that one") if others_ahead else (1, "lead")
    pair = [label(winner), "best of the others"]
    estimand = f"{what}, {' − '.join(reversed(pair) if smaller != others_ahead else pair)}"
    value *= sign
    if n < 2:
        return _open("best", estimand, value, told, n, smallest)
    low, high, every_p = found.simultaneous(ahead)
    p = float(every_p.max() if values[closest] > 0 else every_p[values <= 0].min())  # of "ahead of all", or "behind some"
    bounds = float(low.min()), float(high.min())
    verdict, why = decide(bounds, region, smallest)
    bounds = min(sign * bound for bound in bounds), max(sign * bound for bound in bounds)
    evidence = (
        f"{told}: {whose} {signed(value)}, simultaneous 95 % interval {interval(bounds)}, {p_value(p)} "
        f"({count(n, found.unit)})."
    )
    needed = None
    if verdict == "undecided":
        unsure = [k for k in range(len(rivals)) if low[k] <= 0]
        behind = values[closest] < 0  # to be surely behind one rival would decide it
        asked = [k for k in unsure if values[k] < 0 or not behind]
        parts = [found.combined(ahead[k]) for k in asked]
        levels = [1 - (part.p(float(low[k])) or 0.0) for part, k in zip(parts, asked, strict=True)]
        halves = [distance(part.value, region, smallest) for part in parts]
        needed = (min if behind else max)(map(seeds_needed, parts, halves, levels), default=math.inf)
        why = opening(listed(label(rivals[k]) for k in unsure)) + " may be ahead." if unsure else ""
    elif verdict == "supported":
        why = spared(bounds)
    region = POSITIVE if others_ahead else region
    return Finding(
        verdict, evidence, why, "best", estimand, value, bounds, p, smallest, n, region, needed=needed, unit=found.unit
    )


def _open(rule: str, estimand: str, value: float, told: str, n: int, smallest: float = SMALLEST) -> Finding:
    """A difference without a spread over seeds: undecided whatever it is."""
    evidence = f"{told}: difference {signed(value)} ({why_open(n)})."
    return Finding("undecided", evidence, no_spread(n), rule, estimand, value, None, None, smallest, n)
