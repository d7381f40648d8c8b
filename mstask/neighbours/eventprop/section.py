"""The sections on Eventprop: nine losses on four tasks, and the published network on Yin-Yang beside its variants."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mstask.neighbours.eventprop.tasks import TASKS
from mstask.neighbours.eventprop.variants import LOSS_METHODS, VARIANTS
from mstask.parameters import Count, Parameters, Positive
from mstask.sections import Section

Level = Annotated[float, Field(ge=0)]


class EventpropParameters(Parameters):
    """What a run of either section may change; the rest of a task's settings stands in `tasks`."""

    max_epochs: Count = Field(description="upper limit; a task or variant may have fewer")
    samples_per_epoch: Count = Field(description="training trials drawn for each epoch; a task may have fewer")
    batch_size: Count = Field(description="trials per step")
    rate_factor: Positive = Field(description="factor on each task's learning rate")
    width_factor: Positive = Field(description="factor on each task's hidden width")
    tau_membrane: Positive = Field(description="membrane time constant, ms")
    tau_synapse: Positive = Field(description="synaptic time constant, ms")
    threshold: Positive = Field(description="membrane threshold")
    spikes_target: Level = Field(description="regularised towards this many spikes per hidden neuron and trial")
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
    "For two cores: 10 to 25 epochs where the paper has 100 or more, an epoch on speech draws 1200 of the 6932 training "
    "words, and 128 neurons listen to speech where the paper has up to 1024; every test word and picture counts."
)
"""For the document's `budget`."""

SMOKE = {"data_size": "small", "seeds": [42], "max_epochs": 2, "samples_per_epoch": 64, "width_factor": 0.2}
QUICK = {"data_size": "small", "seeds": [42], "max_epochs": 6, "samples_per_epoch": 400, "width_factor": 0.5}

SECTION = Section(
    id="eventprop",
    number="5.2",
    title="Exact gradients and the shape of the loss",
    data="yin-yang",
    methods=tuple(LOSS_METHODS),
    cases=tuple(TASKS),
    parameters=EventpropParameters,
    protocol=PROTOCOL,
    profiles={
        "smoke": SMOKE | {"cases": ["yin-yang", "radar"], "methods": ["exp", "first-spike-exp"]},
        "quick": QUICK | {"cases": ["yin-yang", "yin-yang-long"]},
        "paper": {"data_size": "paper", "seeds": [42, 123, 999], "max_epochs": 25, "samples_per_epoch": 5000},
    },
    experiment="mstask.neighbours.eventprop.experiment",
)

YIN_YANG_SECTION = Section(
    id="eventprop-yin-yang",
    number="5.2",
    title="Eventprop on Yin-Yang: the published network and its variants",
    data="yin-yang",
    methods=tuple(VARIANTS),
    cases=("yin-yang",),
    parameters=EventpropParameters,
    protocol=PROTOCOL,
    profiles={
        "smoke": SMOKE | {"methods": ["published", "trained-delays"]},
        "quick": QUICK,
        "paper": {"data_size": "paper", "seeds": [7, 42, 123, 999, 2024], "max_epochs": 100, "samples_per_epoch": 5000},
    },
    experiment="mstask.neighbours.eventprop.experiment",
    data_sources=("embedded",),
)

SECTIONS = (SECTION, YIN_YANG_SECTION)
