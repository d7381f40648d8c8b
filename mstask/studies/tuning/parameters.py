"""What may be set in the study, and in the networks that it tuned."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mstask.parameters import Count, Fraction, NotNegative, Parameters, Positive, Share


class StudyParameters(Parameters):
    """A multi-objective study; its trials' learning rate, network and schedule come from the search space."""

    batch_size: Count = Field(description="training examples per step")
    max_epochs: Count = Field(description="upper limit of a trial")
    patience: Count = Field(description="epochs without a better validation score")
    calibration_examples: Count = Field(description="examples for the thresholds")
    dense_above: Share = Field(description="share of nonzero inputs above which products are dense")
    n_trials: Count = Field(description="trials of each architecture")
    startup_trials: Count = Field(description="of these, drawn at random first")
    prune_epoch: Count = Field(description="epochs after which a hopeless trial ends")
    prune_below: Fraction = Field(description="smoothed validation macro-F1 then")
    select_on: Literal["validation", "test"] = Field(description="validation, or test as in the paper")


class TunedParameters(Parameters):
    """Networks whose learning rate and schedule the study found, and dense networks with a recipe of their own."""

    batch_size: Count = Field(description="training examples per step")
    max_epochs: Count = Field(description="upper limit, spiking networks")
    patience: Count = Field(description="epochs without a better validation score")
    calibration_examples: Count = Field(description="examples for the thresholds")
    dense_above: Share = Field(description="share of nonzero inputs above which products are dense")
    cnn_epochs: Count = Field(description="upper limit, CNNs; their cosine ends here")
    cnn_learning_rate: Positive = Field(description="of Adam, CNNs")
    cnn_weight_decay: NotNegative = Field(description="of Adam, CNNs")
