"""The sections of the paper that can be run: their methods, profile sizes and typed parameters."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mstask.cost import count_parameters, solve_width
from mstask.errors import MstaskError, nearest
from mstask.networks import PathBankNet, SpikingNet, VerticalNet, own_options


@dataclass(frozen=True)
class Protocol:
    """The paper's protocol (methods section), shared by its experiments."""

    n_layers: int = 4
    width: int = 128
    beta: float = 0.95
    surrogate_slope: float = 25.0
    learning_rate: float = 1e-3
    batch_size: int = 128
    max_epochs: int = 200
    patience: int = 20
    smoothing: int = 5
    target_rate: float = 0.15
    calibration_examples: int = 128
    seeds: tuple[int, ...] = (42, 123, 999)
    bootstrap_resamples: int = 2000


PROTOCOL = Protocol()


@dataclass(frozen=True)
class Method:
    """One architecture of a section: a vertical stack of neuron types, or a bank with one path per type."""

    types: tuple[str, ...]
    bank: bool = False


@dataclass(frozen=True)
class Profile:
    """How large a run is; a profile never changes what is computed."""

    data_size: str
    seeds: tuple[int, ...]
    max_epochs: int
    patience: int
    width: int


@dataclass(frozen=True)
class Section:
    """A section of the paper: what is run, on which data, in which sizes."""

    id: str
    number: str
    title: str
    data: str
    data_sources: tuple[str, ...]
    methods: dict[str, Method]
    capacity_reference: str
    window_len: int
    profiles: dict[str, Profile]

    @property
    def notebook(self) -> str:
        """Path of the section's notebook in the checkout, without suffix."""
        return f"notebooks/{self.id}"


ABLATION = Section(
    id="ablation",
    number="4.1",
    title="Matched-capacity ablation on radar",
    data="radar",
    data_sources=("embedded", "real"),
    methods={
        "D0_doppler": Method(("Doppler-LIF",) * 4),
        "D0_stft": Method(("STFT-IF",) * 4),
        "D0_chirp": Method(("Chirp-LIF",) * 4),
        "D0_dualtau": Method(("Dual-tau-LIF",) * 4),
        "D1_H1": Method(("STFT-IF", "Doppler-LIF", "Chirp-LIF", "Dual-tau-LIF")),
        "D1_rev": Method(("Dual-tau-LIF", "Chirp-LIF", "Doppler-LIF", "STFT-IF")),
        "D1_perm1": Method(("Doppler-LIF", "Dual-tau-LIF", "STFT-IF", "Chirp-LIF")),
        "D2_concat": Method(("Doppler-LIF", "Chirp-LIF", "STFT-IF", "Dual-tau-LIF", "CrossInhib-LIF"), bank=True),
    },
    capacity_reference="D1_H1",
    window_len=16,
    profiles={
        "smoke": Profile(data_size="small", seeds=(42,), max_epochs=2, patience=20, width=16),
        "quick": Profile(data_size="medium", seeds=(42, 123), max_epochs=10, patience=20, width=128),
        "paper": Profile(
            data_size="paper",
            seeds=PROTOCOL.seeds,
            max_epochs=PROTOCOL.max_epochs,
            patience=PROTOCOL.patience,
            width=PROTOCOL.width,
        ),
    },
)

SECTIONS = {section.id: section for section in (ABLATION,)}

Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1)]


class Parameters(BaseModel):
    """Typed parameters of a section's run, every one with its value; made by `resolve`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    profile: Literal["smoke", "quick", "paper"]
    data_source: Literal["embedded", "real"]
    data_size: Literal["small", "medium", "paper"]
    methods: Annotated[list[str], Field(min_length=1)]
    seeds: Seeds
    width: Annotated[int, Field(ge=2, le=4096)]
    beta: Annotated[float, Field(gt=0, lt=1)]
    window_len: Annotated[int, Field(ge=1)]
    surrogate_slope: Annotated[float, Field(gt=0)]
    target_rate: Annotated[float, Field(gt=0, lt=1)]
    calibration_examples: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Annotated[int, Field(ge=1)]
    max_epochs: Annotated[int, Field(ge=1)]
    patience: Annotated[int, Field(ge=1)]

    def of_cell(self) -> dict[str, Any]:
        """The parameters that every cell of the run shares: all but the lists of methods and seeds."""
        return self.model_dump(exclude={"methods", "seeds"})


def section(name: str) -> Section:
    """The section with this id; an unknown one is an error that suggests the nearest."""
    if name not in SECTIONS:
        raise MstaskError(f"section {name!r} is unknown; {nearest(name, SECTIONS)}")
    return SECTIONS[name]


def resolve(section_id: str, **given: Any) -> Parameters:
    """Check the given parameters by name, type and range, and fill the rest from the profile and the protocol.

    A value of None means "the profile's". The environment variable REDUCED=1 selects the profile smoke.
    """
    chosen = section(section_id)
    for name in given:
        if name not in Parameters.model_fields:
            raise MstaskError(f"section {section_id} has no parameter {name!r}; {nearest(name, Parameters.model_fields)}")
    given = {name: value for name, value in given.items() if value is not None}
    if os.environ.get("REDUCED") == "1":
        given["profile"] = "smoke"
    size = chosen.profiles.get(given.get("profile", "quick"), chosen.profiles["quick"])
    defaults = {
        "profile": "quick",
        "data_source": "embedded",
        "data_size": size.data_size,
        "methods": list(chosen.methods),
        "seeds": list(size.seeds),
        "width": size.width,
        "beta": PROTOCOL.beta,
        "window_len": chosen.window_len,
        "surrogate_slope": PROTOCOL.surrogate_slope,
        "target_rate": PROTOCOL.target_rate,
        "calibration_examples": PROTOCOL.calibration_examples,
        "learning_rate": PROTOCOL.learning_rate,
        "batch_size": PROTOCOL.batch_size,
        "max_epochs": size.max_epochs,
        "patience": size.patience,
    }
    try:
        parameters = Parameters(**(defaults | given))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MstaskError(f"section {section_id}: parameter {where} is {first['input']!r}: {first['msg'].lower()}") from error
    for method in parameters.methods:
        if method not in chosen.methods:
            raise MstaskError(f"section {section_id} has no method {method!r}; {nearest(method, chosen.methods)}")
    for name in ("methods", "seeds"):
        values = getattr(parameters, name)
        if len(set(values)) < len(values):
            raise MstaskError(f"section {section_id}: parameter {name} names one value twice: {values}")
    return parameters


def label(section_id: str, parameters: Parameters) -> str:
    """The profile's name, followed by a short digest where a parameter differs from the profile ("quick+1f2e3d4c")."""
    plain = resolve(section_id, profile=parameters.profile, data_source=parameters.data_source)
    if parameters.of_cell() == plain.of_cell():
        return parameters.profile
    digest = hashlib.sha256(json.dumps(parameters.of_cell(), sort_keys=True).encode()).hexdigest()
    return f"{parameters.profile}+{digest[:8]}"


def build(section_id: str, method: str, parameters: Parameters, in_features: int, n_classes: int) -> tuple[SpikingNet, int]:
    """Make the network of a method and say its layer width; a bank gets the width nearest to the reference's capacity."""
    chosen = section(section_id)
    make = builder(chosen.methods[method], parameters, in_features, n_classes)
    if not chosen.methods[method].bank:
        return make(parameters.width), parameters.width
    reference = builder(chosen.methods[chosen.capacity_reference], parameters, in_features, n_classes)
    width, _ = solve_width(make, count_parameters(reference(parameters.width)))
    return make(width), width


def builder(method: Method, parameters: Parameters, in_features: int, n_classes: int) -> Callable[[int], SpikingNet]:
    """Return a function from width to network for a method."""
    wanted = parameters.model_dump(include={"surrogate_slope", "beta", "window_len"})
    options = own_options(method.types, wanted)

    def make(width: int) -> SpikingNet:
        if method.bank:
            return PathBankNet(in_features, n_classes, method.types, width, PROTOCOL.n_layers, options)
        return VerticalNet(in_features, n_classes, method.types, width, options)

    return make
