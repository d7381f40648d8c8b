"""What networks, cases and bins are called: all that book, claims and parameters need to know without loading PyTorch."""

from __future__ import annotations

METHODS = ("HomNeuLIF", "HetNeuLIF", "HomNeuALIF", "HetSynLIF")
"""From no trained time constant to one for each synapse."""

WIDE = "HomNeuLIF-wide"
EQUAL_METHODS = ("HetSynLIF", WIDE)
EQUAL_CASES = ("speech", "radar")
"""What the section `equal-synapse` compares, and on which tasks."""

SUCCESS = 0.9
"""Accuracy from which the paper counts a network as successful on match-to-sample."""

EDGES = tuple(2.0 ** (k / 2) for k in range(-2, 25))
"""Borders of the histogram of time constants, in steps: half octaves from 1/2 to 4096."""

TITLES = {
    "match-feedforward": "match-to-sample, feedforward",
    "match-recurrent": "match-to-sample, recurrent",
    "match-small": "match-to-sample, few neurons",
    "match-slow": "match-to-sample, slow from the start",
    "pattern-feedforward": "pattern, feedforward",
    "pattern-recurrent": "pattern, recurrent",
    "digits-rows": "digits, row by row",
    "digits-pixels": "digits, pixel by pixel",
    "speech-bins": "spoken digits, 4 ms bins",
    "speech": "spoken digits, 12 frames",
    "radar": "radar",
}

CASES = tuple(TITLES)

STEP_MS = {
    case: ms
    for case in CASES
    for prefix, ms in (("match", 5.0), ("pattern", 1.0), ("speech-bins", 4.0))
    if case.startswith(prefix)
}
"""How long a step lasts, ms, where it is a time."""
