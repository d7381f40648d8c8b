"""How firm a ranking is over resamples of seeds and test examples, or of cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mstask import stats
from mstask.results.documents import Document
from mstask.summary.comparisons import has_cases, resampled, scored_cells


@dataclass(frozen=True)
class Stability:
    """How often each method takes each rank: per method a list, first entry the share of resamples in which it is best.

    `over` is what varies: "seeds and test examples", or "cases".
    """

    over: str
    probabilities: dict[str, list[float]]


def rank_stability(document: Document, methods: Sequence[str]) -> Stability | None:
    """Return how often each method takes each rank under resampling, None where nothing can be resampled."""
    draws = resampled(document, methods) if len(methods) > 1 and all(scored_cells(document, name) for name in methods) else None
    if draws is None:
        return None
    over = "cases" if has_cases(document) else "seeds and test examples"
    probabilities = stats.rank_probabilities(draws)
    return Stability(over, dict(zip(methods, probabilities.tolist(), strict=True)))
