"""What may be set in the runs of HetSyn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mstask.parameters import BelowOne, Count, Fraction, NotNegative, Positive, Share, TrainingParameters

Factor = Annotated[float, Field(gt=0, le=4)]


class EpochParameters(TrainingParameters):
    """The paper's recipe for speech: training by epochs, by AdamW."""

    learning_rate: Positive = Field(2e-3, description="of AdamW, highest")
    weight_decay: NotNegative = Field(4e-3, description="of AdamW, on weights and decays")
    decay_rate: Positive = Field(2.0, description="times faster than weights decays learn")
    warm_up: Fraction = Field(0.05, description="share of the cosine in which the rate rises")
    cosine_epochs: Annotated[int, Field(ge=0)] = Field(40, description="length of rise and cosine; 0: constant rate")
    plateau: BelowOne = Field(0.05, description="share of the cosine, its end, in which the rate stays")
    clip_gradient: NotNegative = Field(0.0, description="largest norm of the gradient; 0: any")
    dropout: BelowOne = Field(0.2, description="share of spikes lost between layers, in training")
    threshold: Positive = Field(1.0, description="of every neuron")


class HetSynParameters(EpochParameters):
    """Synthetic tasks train for `iterations` on fresh trials, by Adam; the others by epochs, by AdamW.

    What begins with `digits_` is the paper's recipe for sequences of pixels.
    """

    digits_learning_rate: Positive = Field(1e-3, description="of AdamW on the digits, highest")
    digits_batch_size: Count = Field(256, description="training examples per step on the digits")
    digits_weight_decay: NotNegative = Field(0.0, description="of AdamW on the digits")
    digits_dropout: BelowOne = Field(0.0, description="share of spikes lost on the digits")
    match_learning_rate: Positive = Field(5e-3, description="of Adam on match-to-sample")
    pattern_learning_rate: Positive = Field(1e-3, description="of Adam on the pattern")
    digits_epochs: Count = Field(description="upper limit on the digits, which are few and small")
    iterations: Count = Field(description="optimiser steps on each synthetic task")
    hidden: Count = Field(100, description="hidden neurons of the synthetic tasks")
    test_trials: Annotated[int, Field(ge=2)] = Field(description="match-to-sample trials to test on")
    small_hidden: Annotated[list[Count], Field(min_length=1)] = Field(description="sizes of the few-neuron networks")
    small_repeats: Count = Field(description="few-neuron networks of each size")
    slow_tau_ms: Annotated[list[Positive], Field(min_length=1)] = Field(
        [100.0, 200.0, 400.0], description="initial time constants, ms"
    )
    task_seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(description="of the pattern and its target")
    bins_size: Literal["small", "medium", "paper"] = Field(description="size of the speech in 4 ms bins")
    deletions: list[Share] = Field(description="shares of spikes removed at test time")
    additions: list[Share] = Field(description="shares of bins filled at test time")
    warps: list[Factor] = Field(description="factors that stretch test words")
    decay_steps: Annotated[int, Field(ge=0)] = Field(description="steps of the weight-decay trial; 0: none")
