"""What the documents say of a claim, and the one decision: an interval compared with the region that the claim names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mstask import stats
from mstask.claims.figures import NotTestable
from mstask.claims.words import number

WORST_FIRST = ("contradicted", "not testable", "undecided", "supported")
"""From the one that decides a claim of several statements to the one that needs all of them."""

Region = tuple[float, float]
"""Where a claim says that an estimand lies."""
POSITIVE = (0.0, math.inf)
NEGATIVE = (-math.inf, 0.0)


@dataclass(frozen=True)
class Finding:
    """What the documents say of one claim.

    `estimand` in words with its `estimate`, `bounds` (the interval that was compared with the region), `p` (two-sided,
    corrected like the interval), the `region` that the claim names, the `smallest` effect that matters, the `rule` by name and
    the number of `seeds`, or, of recordings, of folds; `parts` are the statements that a claim is made of. `remark` says what
    the verdict hangs on, and of an undecided one `needed`, how many seeds (the `unit`) of this spread would decide it, infinity
    where no number does.
    """

    verdict: str
    evidence: str
    remark: str = ""
    rule: str = ""
    estimand: str = ""
    estimate: float | None = None
    bounds: tuple[float, float] | None = None
    p: float | None = None
    smallest: float | None = None
    seeds: int = 0
    region: Region = POSITIVE
    parts: tuple[Finding, ...] = ()
    needed: float | None = None
    unit: str = "seed"

    @property
    def against(self) -> bool:
        """Whether more seeds of this spread would contradict the claim: the estimate lies outside, or nearer to no effect."""
        if self.estimate is None:
            return False
        inside = self.region[0] < self.estimate < self.region[1]
        absent = 0.0 in self.region and (self.smallest or 0.0) > 2 * abs(self.estimate)
        return not inside or absent


def decide(bounds: tuple[float, float], region: Region = POSITIVE, smallest: float = 0.0) -> tuple[str, str]:
    """Compare an interval with the region where a claim says the estimand lies: the verdict, and why in words."""
    (low, high), (least, most) = bounds, region
    if low > least and high < most:
        return "supported", ""
    if high < least or low > most:
        return "contradicted", "The whole interval lies on the other side."
    if 0.0 in (least, most) and -smallest < low and high < smallest:
        return "contradicted", f"The whole interval lies within ±{number(smallest)}: the effect is shown to be absent."
    return "undecided", ""


def find(test: Callable[..., Finding], *arguments: Any, **options: Any) -> Finding:
    """Return what `test` finds, or that it can't be tested."""
    try:
        return test(*arguments, **options)
    except NotTestable as missing:
        return Finding("not testable", str(missing), "No verdict until that is known.")


def distance(value: float, region: Region, smallest: float) -> float:
    """How wide an interval around `value` may be to either side and still decide."""
    to_border = min(abs(value - edge) for edge in region if math.isfinite(edge))
    return max(to_border, smallest - abs(value)) if 0.0 in region else to_border


def seeds_needed(estimate: stats.Estimate, half: float, level: float = stats.LEVEL) -> float:
    """How many seeds of this spread an interval of this half-width takes, infinity where no number does."""
    return estimate.seeds_needed(half, level) or math.inf


def nearness(bounds: Sequence[float], region: Region) -> float:
    """How near an interval comes to another verdict: from an edge of the region; none is nearer than a missing one."""
    edges = [edge for edge in region if math.isfinite(edge)]
    return min((abs(bound - edge) for bound in bounds for edge in edges), default=-math.inf)


def every(*findings: Finding) -> Finding:
    """Combine statements that must all hold; estimand and remark are those of the statement that decides."""
    verdict = min((finding.verdict for finding in findings), key=WORST_FIRST.index)
    deciding = min(
        (f for f in findings if f.verdict == verdict), key=lambda finding: nearness(finding.bounds or (), finding.region)
    )
    evidence = " ".join(dict.fromkeys(finding.evidence for finding in findings))
    open_parts = [finding.needed for finding in findings if finding.verdict == verdict and finding.needed is not None]
    needed = max(open_parts, default=None)
    return replace(deciding, evidence=evidence, parts=findings, needed=needed) if len(findings) > 1 else deciding
