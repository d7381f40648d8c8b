"""Typed parameters of the sections: names, types and ranges, declared once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LISTS = ("methods", "cases", "seeds")
"""Parameters that say which cells of the grid are run; the others are the same for every cell."""

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1)]


class Parameters(BaseModel):
    """Parameters that every section has; made by `mstask.sections.resolve`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    profile: Literal["smoke", "quick", "paper"] = Field(description="smoke, quick or paper")
    data_source: Literal["embedded", "real"] = Field(description="embedded, or real: the user's own copy")
    data_size: Literal["small", "medium", "paper"] = Field(description="small, medium or paper")
    methods: Annotated[list[str], Field(min_length=1)] = Field(description="which to run; None: all")
    cases: list[str] = Field(description="which data or splits; None: all")
    seeds: Seeds = Field(description="for example [42, 123, 999]")

    def of_cell(self) -> dict[str, Any]:
        """The parameters that all cells of the run share."""
        return self.model_dump(exclude=set(LISTS))


class TrainingParameters(Parameters):
    """Gradient training with selection on validation."""

    learning_rate: Positive = Field(description="of Adam")
    batch_size: Count = Field(description="training examples per step")
    max_epochs: Count = Field(description="upper limit")
    patience: Count = Field(description="epochs without a better validation score")


class SpikingParameters(TrainingParameters):
    """The paper's spiking networks."""

    width: Annotated[int, Field(ge=2, le=4096)] = Field(description="neurons per layer")
    beta: Fraction = Field(description="membrane decay per step")
    window_len: Count = Field(description="STFT-IF window, steps")
    surrogate_slope: Positive = Field(description="k of the fast-sigmoid surrogate")
    target_rate: Fraction = Field(description="firing rate after calibration, spikes per step")
    calibration_examples: Count = Field(description="examples for the thresholds")


class ProbeParameters(SpikingParameters):
    """The probe: thresholds follow the network, and a layer that strays is flagged."""

    rate_low: Fraction = Field(description="a layer firing less is flagged")
    rate_high: Fraction = Field(description="a layer firing more is flagged")
    select_on: Literal["validation", "test"] = Field(description="the best epoch by validation, or by test as in the paper")
