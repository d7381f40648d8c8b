"""How far a finding is from another verdict: the distance of an estimate or an interval to the border of what is claimed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mstask import stats

Region = tuple[float, float]
"""Where a claim says that an estimand lies."""


def distance(value: float, region: Region, smallest: float) -> float:
    """How wide an interval around `value` may be to either side and still decide."""
    to_border = min(abs(value - edge) for edge in region if math.isfinite(edge))
    return max(to_border, smallest - abs(value)) if 0.0 in region else to_border


def seeds_for_lead(lead: stats.Estimate, low: float, region: Region, smallest: float) -> float:
    """How many seeds would decide a lead, at the level at which its own interval reaches as low as the simultaneous one."""
    level = 1 - (lead.p(low) or 0.0)
    return seeds_needed(lead, distance(lead.value, region, smallest), level)


def seeds_needed(estimate: stats.Estimate, half: float, level: float = stats.LEVEL) -> float:
    """How many seeds of this spread an interval of this half-width takes, infinity where no number does."""
    return estimate.seeds_needed(half, level) or math.inf


def nearness(bounds: Sequence[float], region: Region) -> float:
    """How near an interval comes to another verdict: from an edge of the region; none is nearer than a missing one."""
    edges = [edge for edge in region if math.isfinite(edge)]
    return min((abs(bound - edge) for bound in bounds for edge in edges), default=-math.inf)
