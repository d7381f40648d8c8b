"""How figures of claims are put in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from mstask.section import sections


def subject(name: str) -> str:
    """Return in words what the figures of a section ("ablation"), or of a case of one ("eventprop/speech"), are about."""
    section, _, case = name.partition("/")
    known = sections().get(section)
    told = known and (known.about_cases.get(case) if case else known.about)
    return told or f"section {name}"


def opening(text: str) -> str:
    """Return a text as the beginning of a sentence."""
    return text[0].upper() + text[1:]


def number(value: float, digits: int = 3) -> str:
    """Format a figure with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 3) -> str:
    """Format a difference with its sign, which one that rounds to zero has not."""
    text = f"{value:+.{digits}f}"
    return (text if float(text) else text[1:]).replace("-", "−")


def interval(bounds: Sequence[float], digits: int = 3) -> str:
    """Format an interval, given by its two ends."""
    return f"[{number(bounds[0], digits)}, {number(bounds[1], digits)}]"


def effect(estimand: str, estimate: float, bounds: Sequence[float] | None) -> str:
    """Say what was estimated, as "+0.020 [−0.013, 0.053] (A − B)"; a difference has a sign, a whole number no decimals."""
    values = (estimate, *(bounds or ()))
    digits = 0 if all(float(value).is_integer() for value in values) else 1 if max(map(abs, values)) >= 10 else 3
    shown = signed(estimate, digits) if "−" in estimand else number(estimate, digits)
    return f"{shown}{f' {interval(bounds, digits)}' if bounds else ''} ({estimand})"


def demand(region: Sequence[float], ranks: bool = False) -> str:
    """Say where an interval has to lie, as "to lie above 0.7" or "between 1 and 2"; empty where that is one side of zero.

    Of `ranks` a region's ends lie half a rank outside.
    """
    low, high = (region[0] + 0.5, region[1] - 0.5) if ranks else region
    if low == high:
        return f"to be {low:.3g}"
    told = f"between {low:.3g} and {high:.3g}"
    if math.isinf(low) or math.isinf(high):
        told = f"above {low:.3g}" if low and math.isinf(high) else f"below {high:.3g}" if high and math.isinf(low) else ""
    return f"to lie {told}".replace("-", "−") if told else ""


def p_value(p: float) -> str:
    """Format a p-value."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def count(n: int, what: str) -> str:
    """Format a number of things, such as "1 seed" and "3 seeds"."""
    return f"{n:,} {what if n == 1 else several(what)}"


def several(what: str) -> str:
    """Return the plural of a thing, or of two: "folds and seeds"."""
    return " and ".join(f"{one}s" for one in what.split(" and "))


def listed(names: Iterable[str], word: str = "and") -> str:
    """Join names as "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def why_open(n: int) -> str:
    """Say why a figure without a spread over seeds decides nothing."""
    return "a single seed" if n == 1 else "means only"


def no_spread(n: int) -> str:
    """Say what a verdict hangs on where figures of n seeds, none or a single one, have no spread."""
    return "There is a single seed." if n == 1 else "Only means are known, so the spread over seeds is not."


def seeds_told(needed: float, unit: str = "seed") -> str:
    """Say how many seeds, or what else a spread is over, would decide; infinity where no number does."""
    if needed == math.inf:
        rest = "the test examples leave" if unit == "seed" else "the seeds, which they share, leave"
        return f"More {several(unit)} alone can't decide it: {rest} more doubt than that."
    return f"At this spread about {needed:,.0f} {several(unit)} would decide it."


def cut_told(unit: str) -> str:
    """Say that more seeds wouldn't decide where they would go against the claim and networks were cut off."""
    return (
        f"More {several(unit)} wouldn't settle this: at this spread they would contradict the claim, but some of its networks "
        "were cut off in a run that isn't the paper's protocol in full, and such networks can't contradict."
    )


def spared(bounds: tuple[float, float]) -> str:
    """Say how large a lead could be required before its verdict changes."""
    edge = min(abs(bound) for bound in bounds)
    digits = max(3, math.ceil(-math.log10(edge))) if edge > 0 else 3
    return f"Requiring a lead of more than {number(edge, digits)} would leave it undecided."
