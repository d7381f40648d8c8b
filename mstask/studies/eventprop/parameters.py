"""What may be set in the runs on Eventprop."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mstask.parameters import BelowOne, Count, NotNegative, Parameters, Positive

AtLeastOne = Annotated[float, Field(ge=1)]


class GradientParameters(Parameters):
    """What is measured about gradients; the networks are drawn by the seed."""

    entries: Count = Field(description="weights of each network that are checked, per kind")
    grid_steps: Annotated[list[Positive], Field(min_length=1)] = Field(description="steps of the time grid, ms, falling")
    slopes: Annotated[list[Positive], Field(min_length=1)] = Field(description="slopes of the surrogate gradient")
    surrogate_step: Positive = Field(description="step of the surrogate gradient, ms")
    trial_ms: Positive = Field(description="trial for the error that spikes hear, ms")
    batches: Count = Field(description="training steps over which gradients are compared")


class EventpropParameters(Parameters):
    """What a run of the sections that train may change; the rest of a task's settings stands in `methods`."""

    budget: Literal["published", "reduced"] = Field(
        "reduced", description="a task's own epochs, trials and width: the papers', or fewer, for two cores"
    )
    max_epochs: Count = Field(description="upper limit; a task or variant may have fewer")
    patience: Annotated[int, Field(ge=0)] = Field(0, description="epochs without a better score that end training; 0: never")
    samples_per_epoch: Count = Field(description="training trials per epoch; a task may have fewer")
    batch_size: Count = Field(32, description="trials per step")
    rate_factor: Positive = Field(1.0, description="factor on each task's learning rate")
    width_factor: Positive = Field(1.0, description="factor on each task's hidden width")
    tau_membrane: Annotated[float, Field(ge=3.0)] = Field(20.0, description="membrane time constant, ms")
    tau_synapse: Annotated[float, Field(ge=1.0)] = Field(5.0, description="synaptic time constant, ms")
    threshold: Positive = Field(1.0, description="membrane threshold")
    spikes_target: NotNegative = Field(14.0, description="hidden spikes per neuron and trial to aim at")
    too_many: NotNegative = Field(0.0, description="strength against more spikes than that")
    too_few: NotNegative = Field(0.0, description="strength against fewer")
    batch_mean: bool = Field(False, description="count spikes as the batch's mean, not trial by trial")
    layer_target: NotNegative = Field(10000.0, description="hidden spikes per trial and layer to stay below")
    layer_strength: NotNegative = Field(0.0, description="strength against more spikes than that")
    rewire: bool = Field(False, description="draw the weights of silent neurons anew after every epoch")
    lift: NotNegative = Field(0.0, description="with rewire: raise their weights by this instead; 0: draw")
    drop_input: BelowOne = Field(0.0, description="share of input spikes dropped in training")
    drop_hidden: BelowOne = Field(0.0, description="share of hidden spikes lost on the way")
    shift: NotNegative = Field(0.0, description="training trials move by up to this many channels")
    dilate: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(
        [1.0, 1.0], description="[lowest, highest] factor on the times of a training trial"
    )
    jitter: NotNegative = Field(0.0, description="channels by which each training spike moves on its own, standard deviation")
    blend: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [], description="shares of trials mixed into new ones of their class, as [0.5, 0.5]; []: none"
    )
    blend_factor: AtLeastOne = Field(2.0, description="how many times larger blending makes it")
    equal_spikes: bool = Field(False, description="thin trials to the sparsest's count")
    speakers_left: list[Annotated[int, Field(ge=0)]] = Field(
        [], description="speakers whose training words are for validation instead; []: the set's own split"
    )
    delay_copies: Annotated[int, Field(ge=0)] = Field(0, description="delayed copies of the input, on channels of their own")
    delay_ms: Positive = Field(30.0, description="delay from copy to copy, ms")
    input_scale: Positive = Field(1.0, description="factor on the first input weights")
    ease_in: AtLeastOne = Field(1.0, description="growth of the rate per batch; 1: none")
    ema_fast: BelowOne = Field(0.8, description="share that the fast average of accuracy keeps per epoch")
    ema_slow: BelowOne = Field(0.95, description="share that the slow average keeps")
    plateau_factor: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="factor on the rate once the fast average isn't above the slow one; 1: never"
    )
    plateau_wait: Count = Field(50, description="epochs from one such change to the next")
    select: Literal["validation", "training"] = Field(
        "validation", description="the accuracy that selects the epoch and moves the averages"
    )
    record: list[Literal["parameters", "spikes", "voltages"]] = Field(
        [], description="what is saved beside the result; []: nothing"
    )
    record_at: list[Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]] = Field(
        [], description="when it is saved: [epoch, batch] pairs, from 0"
    )

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        if self.dilate[0] > self.dilate[1]:
            raise ValueError(f"dilate is {self.dilate}, expected the lower factor first")
        if len(self.blend) == 1:
            raise ValueError(f"blend is {self.blend}, expected the shares of at least two trials, or none")
        if bool(self.record) != bool(self.record_at):
            raise ValueError("record and record_at say what and when: expected both or neither")
        return self
