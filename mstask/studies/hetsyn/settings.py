"""What the paper states of each task's network: sizes, time constants, surrogate, readout (HetSyn, appendices B to E).

How the networks are trained, the section's parameters say.

For digits, radar and the twelve-frame speech the paper gives no time constants or none at all; they take SHD's, in steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mstask.studies.hetsyn.networks import Network, Times
from mstask.studies.hetsyn.tasks import MatchToSample, Pattern

MATCH_TIMES = Times(fixed=8, drawn=(8, 0.8), uniform=False, reset=8, adaptation=160, strength=0.15)
PATTERN_TIMES = Times(fixed=20, drawn=(20, 5), uniform=False, reset=20, adaptation=500, strength=0.01)
SPEECH_TIMES = Times(fixed=20, drawn=(5, 20), uniform=True, reset=20, adaptation=100, strength=0.05)


@dataclass(frozen=True)
class Setting:
    """How a case's network is built; `limit` is the time constant, in steps, above which one counts as long."""

    hidden: tuple[int, ...]
    recurrent: bool
    times: Times
    limit: float
    surrogate: str = "triangle"
    score: str = "last"

    def network(self, method: str, inputs: int, outputs: int, dropout: float = 0.0, threshold: float = 1.0) -> Network:
        """Draw a network from torch's global generator."""
        sizes = (inputs, *self.hidden, outputs)
        return Network(method, sizes, self.recurrent, self.times, self.surrogate, self.score, dropout, threshold)


_MATCH = Setting((100,), False, MATCH_TIMES, limit=700 / MatchToSample.dt_ms)
_PATTERN = Setting((100,), False, PATTERN_TIMES, limit=250 / Pattern.dt_ms)
_SPEECH = Setting((128, 64), True, SPEECH_TIMES, 20, "multi-gaussian", "softmax")
_DIGITS = Setting((64, 64), True, SPEECH_TIMES, 20, "multi-gaussian", "count")

SETTINGS = {
    "match-feedforward": _MATCH,
    "match-recurrent": replace(_MATCH, recurrent=True),
    "match-small": replace(_MATCH, recurrent=True),
    "match-slow": _MATCH,
    "pattern-feedforward": _PATTERN,
    "pattern-recurrent": replace(_PATTERN, recurrent=True),
    "digits-rows": _DIGITS,
    "digits-pixels": _DIGITS,
    "speech-bins": _SPEECH,
    "speech": _SPEECH,
    "radar": _SPEECH,
}


def starting_from(setting: Setting, tau: float) -> Setting:
    """The setting with initial time constants N(tau, 0.1 tau), tau in steps (the paper's Table 4)."""
    return replace(setting, times=replace(setting.times, fixed=tau, drawn=(tau, 0.1 * tau)))
