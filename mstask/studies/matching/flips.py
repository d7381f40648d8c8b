"""Which pairs of neuron types change order between radar and speech, and which of them surely."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from mstask import stats
from mstask.results.documents import Document
from mstask.summary.comparisons import lead, mean_score, share_seeds

ALPHA = 0.05


class Pair(NamedTuple):
    """Two neuron types with the lead of the first over the second on radar and on speech, at the seeds that the two share.

    `estimates` are the same leads with their errors; None where only means are known.
    """

    a: str
    b: str
    radar: float
    speech: float
    estimates: tuple[stats.Estimate | None, stats.Estimate | None]

    @property
    def differs(self) -> bool:
        """Whether another of the two is ahead on speech than on radar."""
        return self.radar * self.speech < 0

    @property
    def winners(self) -> tuple[str, str]:
        """Who is ahead on radar, and who on speech."""
        return (self.a if self.radar > 0 else self.b), (self.a if self.speech > 0 else self.b)

    @property
    def p(self) -> float | None:
        """The p-value of "this pair doesn't flip"; None where its spread isn't known.

        A pair flips only if both leads are real, so its p-value is the larger of theirs; 1 where the order is the same.
        """
        known = [p for estimate in self.estimates if estimate and (p := estimate.p()) is not None]
        if len(known) < 2:
            return None
        return max(known) if self.differs else 1.0

    def turned(self, level: float) -> tuple[float, float]:
        """The interval of this coverage for the smaller of two leads: of one type on radar, of the other on speech.

        Which is which, is chosen as more favourable to a flip. Positive throughout, it says that the pair surely flips.
        """
        (low, high), (least, most) = (estimate.interval(level) for estimate in self.estimates)
        return max(min(low, -most), min(-high, least)), max(min(high, -least), min(-low, most))

    @property
    def flip(self) -> float:
        """The smaller of the two leads, positive where the order differs."""
        return max(min(self.radar, -self.speech), min(-self.radar, self.speech))


def pairs_of(radar: Document, speech: Document, types: Sequence[str]) -> list[Pair]:
    """Return each pair of these types, which both documents must know, that shares a seed in both."""
    found = []
    for a, b in combinations(types, 2):
        if not (share_seeds(radar, a, b) and share_seeds(speech, a, b)):
            continue
        estimates = lead(radar, a, b), lead(speech, a, b)
        means = [mean_score(document, a) - mean_score(document, b) for document in (radar, speech)]
        on_radar, on_speech = (e.value if e else mean for e, mean in zip(estimates, means, strict=True))
        found.append(Pair(a, b, on_radar, on_speech, estimates))
    return found


def firm(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that surely flip, corrected for all of them by Holm's method; none where a spread isn't known."""
    p = [pair.p for pair in pairs]
    known = [value for value in p if value is not None]
    adjusted = stats.holm(known) if known and len(known) == len(p) else []
    return [pair for pair, value in zip(pairs, adjusted, strict=False) if value < ALPHA]
