"""What the section compares, and on which data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """A wiring; `p_inter` and `scope` where they aren't the section's parameters.

    `matched`: dense, as wide as gives it the number of parameters that the grouped networks are expected to have.
    `rewired`: with Dynamic Sparse Training.
    """

    model: str
    p_inter: float | None = None
    matched: bool = False
    rewired: bool = False
    scope: str | None = None


GROUPS = 8
"""Of neurons, in every grouped layer."""

METHODS = {
    "dense": Method("dense"),
    "dense-matched": Method("dense", matched=True),
    "er": Method("er"),
    "index": Method("index"),
    "random": Method("random"),
    "mixer": Method("mixer"),
    "er-p0": Method("er", p_inter=0.0),
    "index-p0": Method("index", p_inter=0.0),
    "random-p0": Method("random", p_inter=0.0),
    "mixer-p0": Method("mixer", p_inter=0.0),
    "er-dst": Method("er", rewired=True),
    "index-dst": Method("index", rewired=True),
    "random-dst": Method("random", rewired=True),
    "mixer-dst": Method("mixer", rewired=True),
    "index-dst-class": Method("index", rewired=True, scope="class"),
}
"""By name: the wiring at the section's p_inter, its p_inter = 0 ("p0": an "er" of the same density), moving connections
("dst"), and moving ones that keep the group structure ("class")."""

FOLDS = 5
PICTURES = ("fashion-mnist", "mnist", "cifar-10", "cifar-100")
OWN_FEATURES = "own-features"
STILL = ("digits", *PICTURES, OWN_FEATURES)
"""Data whose examples are held as a constant input; the others are sequences."""

EMBEDDED = ("digits", "radar", "speech", "digits-features", *(f"digits-fold-{number}" for number in range(1, FOLDS + 1)))
REAL = ("radar", "speech", *PICTURES, *(f"{name}-features" for name in PICTURES), OWN_FEATURES)
CASES = tuple(dict.fromkeys(EMBEDDED + REAL))
CASE_SOURCES = {
    case: tuple(source for source, cases in (("embedded", EMBEDDED), ("real", REAL)) if case in cases) for case in CASES
}
