"""The sections on Eventprop: gradients, nine losses on four tasks, and the published Yin-Yang network beside its variants."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mstask.neighbours.eventprop.names import FROZEN, LOSSES, PROBES, TASKS, VARIANTS
from mstask.parameters import Count, Parameters, Positive
from mstask.sections import Section

Level = Annotated[float, Field(ge=0)]


class GradientParameters(Parameters):
    """What is measured about gradients; the networks are drawn by the seed."""

    entries: Count = Field(description="weights of each network that are checked, per kind")
    grid_steps: Annotated[list[Positive], Field(min_length=1)] = Field(description="steps of the time grid, ms, falling")
    slopes: Annotated[list[Positive], Field(min_length=1)] = Field(description="slopes of the surrogate gradient")
    surrogate_step: Positive = Field(description="step of the surrogate gradient, ms")
    trial_ms: Positive = Field(description="trial for the error that spikes hear, ms")
    batches: Count = Field(description="training steps over which gradients are compared")


class EventpropParameters(Parameters):
    """What a run of the sections that train may change; the rest of a task's settings stands in `tasks`."""

    max_epochs: Count = Field(description="upper limit; a task or variant may have fewer")
    samples_per_epoch: Count = Field(description="training trials per epoch; a task may have fewer")
    batch_size: Count = Field(description="trials per step")
    rate_factor: Positive = Field(description="factor on each task's learning rate")
    width_factor: Positive = Field(description="factor on each task's hidden width")
    tau_membrane: Positive = Field(description="membrane time constant, ms")
    tau_synapse: Positive = Field(description="synaptic time constant, ms")
    threshold: Positive = Field(description="membrane threshold")
    spikes_target: Level = Field(description="hidden spikes per neuron and trial to aim at")
    too_many: Level = Field(description="strength against more spikes than that")
    too_few: Level = Field(description="strength against fewer")
    drop_input: Annotated[float, Field(ge=0, lt=1)] = Field(description="share of input spikes dropped in training")


PROTOCOL = {
    "batch_size": 32,
    "rate_factor": 1.0,
    "width_factor": 1.0,
    "tau_membrane": 20.0,
    "tau_synapse": 5.0,
    "threshold": 1.0,
    "spikes_target": 14.0,
    "too_many": 0.0,
    "too_few": 0.0,
    "drop_input": 0.0,
}

BUDGET = (
    "For two cores: 6 to 15 epochs where the paper has 100 or more. An epoch on speech draws 1800 of the 6932 training words, "
    "and there and on radar 400 validation examples choose the epoch; 128 neurons listen to speech where the paper has up to "
    "1024. Every test example counts."
)
YIN_YANG_BUDGET = (
    "The published setting has its published 100 epochs, but 5 seeds instead of 10. Of the variants, which were not published, "
    "the two departures have 40 epochs, the others 15."
)
"""How the paper profiles fall short of the papers' protocols."""

SMOKE = {"data_size": "small", "seeds": [42], "max_epochs": 2, "samples_per_epoch": 64, "width_factor": 0.2}
QUICK = {"data_size": "small", "seeds": [42], "max_epochs": 6, "samples_per_epoch": 400, "width_factor": 0.5}

SECTION = Section(
    id="eventprop",
    number="5.2",
    title="Exact gradients and the shape of the loss",
    data="yin-yang",
    methods=(*LOSSES, FROZEN),
    cases=tuple(TASKS),
    parameters=EventpropParameters,
    protocol=PROTOCOL,
    profiles={
        "smoke": SMOKE | {"cases": ["yin-yang", "radar"], "methods": ["exp", "first-spike-exp"]},
        "quick": QUICK | {"cases": ["yin-yang-long"], "methods": ["sum", "exp", "max", "first-spike-exp", "sum-frozen"]},
        "paper": {"data_size": "paper", "seeds": [42, 123, 999], "max_epochs": 15, "samples_per_epoch": 5000},
    },
    experiment="mstask.neighbours.eventprop.experiment",
    case_sources={"yin-yang": ("embedded",), "yin-yang-long": ("embedded",)},
)

YIN_YANG_SECTION = Section(
    id="eventprop-yin-yang",
    number="5.2",
    title="Eventprop on Yin-Yang: the published network and its variants",
    data="yin-yang",
    methods=VARIANTS,
    cases=("yin-yang",),
    parameters=EventpropParameters,
    protocol=PROTOCOL,
    profiles={
        "smoke": SMOKE | {"methods": ["published", "trained-delays"]},
        "quick": QUICK | {"methods": ["published", "exp", "recurrent"]},
        "paper": {"data_size": "paper", "seeds": [7, 42, 123, 999, 2024], "max_epochs": 100, "samples_per_epoch": 5000},
    },
    experiment="mstask.neighbours.eventprop.experiment",
    data_sources=("embedded",),
)

GRADIENTS_SECTION = Section(
    id="eventprop-gradients",
    number="5.2",
    title="Are the gradients exact, and what do a time grid and other rules cost?",
    data="yin-yang",
    methods=PROBES,
    parameters=GradientParameters,
    protocol={"slopes": [1.0, 5.0, 20.0], "surrogate_step": 1.0, "trial_ms": 1400.0},
    profiles={
        "smoke": {"data_size": "small", "seeds": [42], "entries": 4, "grid_steps": [1.0, 0.2], "batches": 3},
        "quick": {"data_size": "small", "seeds": [42], "entries": 10, "grid_steps": [1.0, 0.5, 0.1], "batches": 12},
        "paper": {
            "data_size": "small",
            "seeds": [7, 42, 123, 999, 2024],
            "entries": 60,
            "grid_steps": [1.0, 0.5, 0.2, 0.1, 0.05, 0.02],
            "batches": 100,
        },
    },
    experiment="mstask.neighbours.eventprop.probes",
    data_sources=("embedded",),
)

SECTIONS = (GRADIENTS_SECTION, SECTION, YIN_YANG_SECTION)
