"""The sections that run HetSyn: four networks on synthetic tasks, digits, speech and radar; and two networks of one size."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import Field

from mstask.parameters import PROFILES, Count, Fraction, Positive, TrainingParameters
from mstask.protocol import FIVE_SEEDS, TEN_SEEDS, THREE_SEEDS
from mstask.section import Section
from mstask.studies.hetsyn.names import CASES, EQUAL_CASES, EQUAL_METHODS, METHODS

Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(gt=0, le=4)]
NotNegative = Annotated[float, Field(ge=0)]
Dropped = Annotated[float, Field(ge=0, lt=1)]


class EpochParameters(TrainingParameters):
    """The paper's recipe for speech: training by epochs, by AdamW."""

    learning_rate: Positive = Field(description="of AdamW, highest")
    weight_decay: NotNegative = Field(description="of AdamW, on weights and decays")
    decay_rate: Positive = Field(description="times faster than weights decays learn")
    warm_up: Fraction = Field(description="share of the cosine in which the rate rises")
    cosine_epochs: Annotated[int, Field(ge=0)] = Field(description="length of rise and cosine; 0: constant rate")
    plateau: Dropped = Field(description="share of the cosine, its end, in which the rate stays")
    clip_gradient: NotNegative = Field(description="largest norm of the gradient; 0: any")
    dropout: Dropped = Field(description="share of spikes lost between layers, in training")
    threshold: Positive = Field(description="of every neuron")


class HetSynParameters(EpochParameters):
    """Synthetic tasks train for `iterations` on fresh trials, by Adam; the others by epochs, by AdamW.

    What begins with `digits_` is the paper's recipe for sequences of pixels.
    """

    digits_learning_rate: Positive = Field(description="of AdamW on the digits, highest")
    digits_batch_size: Count = Field(description="training examples per step on the digits")
    digits_weight_decay: NotNegative = Field(description="of AdamW on the digits")
    digits_dropout: Dropped = Field(description="share of spikes lost on the digits")
    match_learning_rate: Positive = Field(description="of Adam on match-to-sample")
    pattern_learning_rate: Positive = Field(description="of Adam on the pattern")
    digits_epochs: Count = Field(description="upper limit on the digits, which are few and small")
    iterations: Count = Field(description="optimiser steps on each synthetic task")
    hidden: Count = Field(description="hidden neurons of the synthetic tasks")
    test_trials: Annotated[int, Field(ge=2)] = Field(description="match-to-sample trials to test on")
    small_hidden: Annotated[list[Count], Field(min_length=1)] = Field(description="sizes of the few-neuron networks")
    small_repeats: Count = Field(description="few-neuron networks of each size")
    slow_tau_ms: Annotated[list[Positive], Field(min_length=1)] = Field(description="initial time constants, ms")
    task_seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(description="of the pattern and its target")
    bins_size: Literal["small", "medium", "paper"] = Field(description="size of the speech in 4 ms bins")
    deletions: list[Share] = Field(description="shares of spikes removed at test time")
    additions: list[Share] = Field(description="shares of bins filled at test time")
    warps: list[Factor] = Field(description="factors that stretch test words")
    decay_steps: Annotated[int, Field(ge=0)] = Field(description="steps of the weight-decay trial; 0: none")


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
    "seeds": ([42], [42], THREE_SEEDS, TEN_SEEDS),
    "cases": (SMOKE_CASES, ["match-feedforward", "pattern-feedforward"], None, None),
    "max_epochs": (1, 10, 12, 100),
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

BY_EPOCHS = {
    "learning_rate": 2e-3,
    "batch_size": 32,
    "patience": 150,
    "weight_decay": 4e-3,
    "decay_rate": 2.0,
    "warm_up": 0.05,
    "cosine_epochs": 40,
    "plateau": 0.05,
    "clip_gradient": 0.0,
    "dropout": 0.2,
    "threshold": 1.0,
}

SECTION = Section(
    id="hetsyn",
    number="5.1",
    title="HetSyn: time constants in the synapse",
    data="speech",
    methods=METHODS,
    parameters=HetSynParameters,
    protocol=BY_EPOCHS
    | {
        "digits_learning_rate": 1e-3,
        "digits_batch_size": 256,
        "digits_weight_decay": 0.0,
        "digits_dropout": 0.0,
        "match_learning_rate": 5e-3,
        "pattern_learning_rate": 1e-3,
        "hidden": 100,
        "slow_tau_ms": [100.0, 200.0, 400.0],
        "task_seed": TASK_SEED,
    },
    profiles={
        profile: {name: values[k] for name, values in SIZES.items() if values[k] is not None}
        for k, profile in enumerate(PROFILES)
    },
    departures={
        "runs": "No task has more runs than seeds, few-neuron networks apart, where the paper has up to fifty",
        "warps": "Twenty speeds at even distances, where the paper draws them at random",
        "data": "Scikit-learn's digits stand for S-MNIST; the paper's TiDigits and TI46 are licensed and left out",
        "selection": "An epoch is chosen by its validation score, where the paper's code reports the best test score",
    },
    experiment=_measure,
    cases=CASES,
)
EQUAL_SECTION = Section(
    id="equal-synapse",
    number="5.1",
    title="HetSyn against a homogeneous network of equal size",
    data="speech",
    methods=EQUAL_METHODS,
    cases=EQUAL_CASES,
    parameters=EpochParameters,
    protocol=BY_EPOCHS,
    profiles={
        "smoke": {"data_size": "small", "seeds": [42], "max_epochs": 1, "cases": ["radar"]},
        "quick": {"data_size": "small", "seeds": [42], "max_epochs": 10, "cases": ["radar"]},
        "afternoon": {"data_size": "medium", "seeds": FIVE_SEEDS, "max_epochs": 32},
        "paper": {"data_size": "paper", "seeds": FIVE_SEEDS, "max_epochs": 100},
    },
    departures={"comparison": "The paper compares networks with equally many neurons only, one with twice the learnt values"},
    experiment=_equal,
)

SECTIONS = (SECTION, EQUAL_SECTION)
