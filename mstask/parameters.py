"""Typed parameters of the sections: names, types and ranges, declared once."""

from __future__ import annotations

import ast
import re
from itertools import islice
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

Profile = Literal["smoke", "quick", "afternoon", "paper"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
"""How large a run is, from small to large: a test of the software, a look, what two cores lock, the published protocol."""
FULL: tuple[Profile, ...] = ("afternoon", "paper")
"""Those that are made to judge a claim, and are locked."""
DataSource = Literal["embedded", "real", "recorded"]


def profile_of(label: str) -> str:
    """The profile of a run's label: "quick+1f2e3d4c" is "quick" with parameters of the reader's own."""
    return label.partition("+")[0]


LISTS = ("methods", "cases", "seeds")
"""Parameters that say which cells of the grid are run; the others are the same for every cell."""

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
LONGEST = 10_000
"""Values that a list may have."""
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1, max_length=LONGEST)]

RANGE = re.compile(r"range\(\s*(-?\d+(?:\s*,\s*-?\d+){0,2})\s*,?\s*\)")


def read(kind: Any, value: Any) -> Any:
    """A parameter's value as its type has it, from what a person wrote: Python or NumPy, or text from a command line or YAML.

    A list may be a tuple, a range or an array, a single value, or text: "a, b", "[1, 2]", "range(3)". A number may be text
    ("1e-3"), a whole number may be written as 1e3, and "true" and "false" are what they say. The texts "None" and "null" are
    None. What can't be read so comes back as it is: the type refuses it.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str):
        value = value.strip()
        if value in ("None", "null"):
            return None
    while hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    if get_origin(kind) is list:
        inner = get_args(kind)[0]
        return [read(inner, item) for item in items] if (items := _items(value)) is not None else value
    return _single(kind, value)


def _items(value: Any) -> list[Any] | None:
    """The parts of what stands for a list; None where nothing can."""
    if isinstance(value, str):
        if numbers := RANGE.fullmatch(value):
            try:
                value = range(*map(int, numbers[1].split(",")))
            except ValueError:
                return None
        elif value[:1] in ("[", "("):
            try:
                value = ast.literal_eval(value)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                return None
        else:
            value = [part.strip() for part in value.removesuffix(",").split(",")]
    if isinstance(value, list | tuple | range):
        return list(islice(value, LONGEST + 1))
    return None if value is None or isinstance(value, dict | set | frozenset) else [value]


def _single(kind: Any, value: Any) -> Any:
    """A value that is no list."""
    if isinstance(value, float) and kind is int and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    if kind is bool:
        return {"true": True, "false": False}.get(value.casefold(), value)
    if kind in (int, float):
        for read_as in (int, float):
            try:
                number = read_as(value)
            except ValueError:
                continue
            return _single(kind, number)
        return value
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


class Parameters(BaseModel):
    """Parameters that every section has; made by `mstask.section.resolve`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    profile: Profile = Field(description="smoke, quick, afternoon or paper")
    data_source: DataSource = Field(description="embedded, or real: the user's own copy")
    data_size: Literal["small", "medium", "paper"] = Field(description="small, medium or paper")
    methods: Annotated[list[str], Field(min_length=1)] = Field(description="which to run; None: the profile's")
    cases: list[str] = Field(description="which data or splits; None: the profile's")
    seeds: Seeds = Field(description="for example [42, 123, 999]")

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The values of the parameters that have one of their own."""
        return {name: field.default for name, field in cls.model_fields.items() if not field.is_required()}

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
    window_len: Annotated[int, Field(ge=0)] = Field(description="STFT-IF window, steps; 0: the neuron's own")
    surrogate_slope: Positive = Field(description="k of the fast-sigmoid surrogate")
    target_rate: Fraction = Field(description="firing rate after calibration, spikes per step")
    calibration_examples: Count = Field(description="examples for the thresholds")
    dense_above: Share = Field(description="share of nonzero inputs above which products are dense")


class ProbeParameters(SpikingParameters):
    """The probe: thresholds follow the network, and a layer that strays is flagged."""

    rate_low: Fraction = Field(description="a layer firing less is flagged")
    rate_high: Fraction = Field(description="a layer firing more is flagged")
    select_on: Literal["validation", "test"] = Field(description="the best epoch by validation, or by test as in the paper")
