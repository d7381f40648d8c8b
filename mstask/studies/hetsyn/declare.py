"""The sections that run HetSyn: four networks on synthetic tasks, digits, speech and radar; and two networks of one size."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

from mstask.parameters import PROFILES
from mstask.protocol import FIVE_SEEDS, TEN_SEEDS
from mstask.section import Section
from mstask.studies.hetsyn.names import CASES, EQUAL_CASES, EQUAL_METHODS, METHODS
from mstask.studies.hetsyn.parameters import EpochParameters, HetSynParameters

TASK_SEED = 7
"""The first pattern whose target differs clearly between all three showings of the template (mean square above 0.5)."""


def _measure() -> ModuleType:
    """What one cell does."""
    from mstask.studies.hetsyn import measure

    return measure


def _equal() -> ModuleType:
    """What one cell of networks of equal size does."""
    from mstask.studies.hetsyn import equal

    return equal


SMOKE_CASES = ["match-feedforward", "match-small", "match-slow", "pattern-recurrent", "digits-rows"]
SIZES: dict[str, tuple[Any, ...]] = {
    "data_size": ("small", "medium", "paper", "paper"),
    "seeds": ([42], [42], FIVE_SEEDS, TEN_SEEDS),
    "cases": (SMOKE_CASES, ["match-feedforward", "pattern-feedforward"], None, None),
    "max_epochs": (1, 10, 40, 100),
    "digits_epochs": (1, 20, 150, 150),
    "iterations": (2, 150, 500, 1000),
    "hidden": (10, None, None, None),
    "test_trials": (64, 512, 2048, 2048),
    "small_hidden": ([5], [5, 20], [5, 20, 50], [5, 20, 50, 100]),
    "small_repeats": (1, 1, 2, 5),
    "slow_tau_ms": ([100.0], None, None, None),
    "bins_size": ("small", "small", "medium", "paper"),
    "deletions": ([0.0], [0.0, 0.16, 0.64], *[[0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64]] * 2),
    "additions": ([0.0], [0.01], *[[0.01, 0.02, 0.04]] * 2),
    "warps": (
        [1.0],
        [0.5**0.5, 1.0, 2**0.5],
        [2**-0.5, 2**-0.25, 1.0, 2**0.25, 2**0.5],
        [2 ** (k / 19 - 0.5) for k in range(20)],
    ),
    "decay_steps": (0, 20, 80, 80),
}
"""By profile, from small to large; None: the protocol's value, or every case."""

TRAINING = {"batch_size": 32, "patience": 150}

HetSynSection = partial(Section, number="5.1", data="speech", on_processor=True)

SECTION = HetSynSection(
    id="hetsyn",
    title="HetSyn: time constants in the synapse",
    about="HetSyn's tasks",
    methods=METHODS,
    parameters=HetSynParameters,
    protocol=HetSynParameters.defaults() | TRAINING | {"task_seed": TASK_SEED},
    profiles={
        profile: {name: values[k] for name, values in SIZES.items() if values[k] is not None}
        for k, profile in enumerate(PROFILES)
    },
    departures={
        "runs": "No task has more runs than seeds, few-neuron networks apart, where the paper has up to fifty",
        "pattern": "One pattern for all runs, chosen for needing a memory; the paper doesn't say whether each run has its own",
        "warps": "Speeds at even distances, where the paper draws them at random",
        "data": "Scikit-learn's digits stand for S-MNIST; the paper's TiDigits and TI46 are licensed and left out",
        "selection": "An epoch is chosen by its validation score, where the paper's code reports the best test score",
    },
    experiment=_measure,
    cases=CASES,
)
EQUAL_SECTION = HetSynSection(
    id="equal-synapse",
    title="HetSyn against a homogeneous network of equal size",
    methods=EQUAL_METHODS,
    cases=EQUAL_CASES,
    parameters=EpochParameters,
    protocol=EpochParameters.defaults() | TRAINING,
    profiles={
        "smoke": {"data_size": "small", "seeds": [42], "max_epochs": 1, "cases": ["radar"]},
        "quick": {"data_size": "small", "seeds": [42], "max_epochs": 8, "cases": ["radar"]},
        "afternoon": {"data_size": "paper", "seeds": FIVE_SEEDS, "max_epochs": 40},
        "paper": {"data_size": "paper", "seeds": FIVE_SEEDS, "max_epochs": 100},
    },
    departures={"comparison": "The paper compares networks with equally many neurons only, one with twice the learnt values"},
    experiment=_equal,
)

SECTIONS = (SECTION, EQUAL_SECTION)
