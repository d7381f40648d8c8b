"""What may be set in the runs of competing readouts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mstask.parameters import Count, NotNegative, Parameters, Positive


class NCGParameters(Parameters):
    """Competing readout neurons trained by supervised STDP."""

    max_epochs: Count = Field(description="upper limit")
    patience: Annotated[int, Field(ge=0)] = Field(10, description="epochs without a better validation score; 0: never stop")
    annealing: Annotated[float, Field(gt=0, le=1)] = Field(0.98, description="factor on the learning rates per epoch")
    threshold_scale: Positive = Field(1.0, description="factor on the chosen firing threshold")
    rate_scale: Positive = Field(1.0, description="factor on the chosen learning rates")
    regulation_scale: NotNegative = Field(1.0, description="factor on the competition regulation; 0: none")
    reference_timing: bool = Field(False, description="event order of the published code")
