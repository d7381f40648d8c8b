"""Section 5.3: does a readout gain from several competing neurons per class, and what keeps them all in use?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mstask.neighbours.ncg.methods import METHODS
from mstask.parameters import Count, Parameters, Positive
from mstask.sections import Section

EMBEDDED = ("digits", "digits-features", "speech", "radar")
CASES = (*EMBEDDED, "speech-onsets", "mnist", "fashion-mnist")
"""Data sets; the last two exist as real data only. "speech-onsets" is an extra: the cochlea's very first spikes."""

BUDGET = (
    "Supervised STDP on single spikes, at most 100 epochs, patience 10 on validation, accuracy of the last epoch; settings "
    "per rule and data set by the same small number of random draws on validation data, where the paper searched hundreds."
)


class NCGParameters(Parameters):
    """Competing readout neurons trained by supervised STDP."""

    max_epochs: Count = Field(description="upper limit")
    patience: Annotated[int, Field(ge=0)] = Field(description="epochs without a better validation score; 0: never stop")
    annealing: Annotated[float, Field(gt=0, le=1)] = Field(description="factor on the learning rates per epoch")
    threshold_scale: Positive = Field(description="factor on the chosen firing threshold")
    rate_scale: Positive = Field(description="factor on the chosen learning rates")
    regulation_scale: Annotated[float, Field(ge=0)] = Field(description="factor on the competition regulation; 0: none")
    reference_timing: bool = Field(description="event order of the published code")


SECTION = Section(
    id="ncg",
    number="5.3",
    title="Groups of competing readout neurons",
    data="digits",
    methods=tuple(METHODS),
    cases=CASES,
    parameters=NCGParameters,
    protocol={
        "patience": 10,
        "annealing": 0.98,
        "threshold_scale": 1.0,
        "rate_scale": 1.0,
        "regulation_scale": 1.0,
        "reference_timing": False,
    },
    profiles={
        "smoke": {
            "data_size": "small",
            "seeds": [42],
            "max_epochs": 2,
            "cases": ["digits"],
            "methods": ["S2-M1", "S2-M5-CR2-L"],
        },
        "quick": {
            "data_size": "paper",
            "seeds": [42],
            "max_epochs": 30,
            "cases": ["digits"],
            "methods": ["S2-M1", "S2-M5", "S2-M5-CR2-L", "SSTDP-M1", "SSTDP-M5-CR2", "R-M5"],
        },
        "paper": {"data_size": "paper", "seeds": [42, 123, 999], "max_epochs": 100, "cases": list(EMBEDDED)},
    },
    experiment="mstask.neighbours.ncg.experiment",
)

SECTIONS = (SECTION,)
