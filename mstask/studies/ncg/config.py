"""The JSON configuration of an NCG readout: sections network, optimizer, trainer and regularizer, typed and checked.

Field names are those of the paper's code, so that its configurations can be read; `reference_timing` is ours. In a grid
(`expand`) any field may be a list: one run per combination, in the order network, regularizer, optimizer, trainer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mstask.errors import MstaskError
from mstask.results.documents import describe
from mstask.studies.ncg.rules import NO_REGULATION, ONE_THRESHOLD, RSTDP, S2STDP, S4NN, TWO_THRESHOLDS, Rule

KINDS = {"s2stdp": S2STDP, "rstdp": RSTDP, "s4nn": S4NN}
GRID_ORDER = ("network", "regularizer", "optimizer", "trainer")
LARGEST_GRID = 1_000_000


class ConfigError(MstaskError):
    """A configuration that is not valid, or does not fit the data."""


Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Layer(_Section):
    """The output layer; `leak_tau` None means integrate-and-fire without leak, else one time constant per neuron."""

    n_neurons: Count
    firing_threshold: Positive
    w_init_normal: bool
    w_init_mean: float
    w_init_std: Annotated[float, Field(ge=0)]
    w_norm: bool
    w_min: float
    w_max: float
    leak_tau: list[Positive] | None = None
    reference_timing: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.w_min >= self.w_max:
            raise ValueError(f"w_min {self.w_min} is not below w_max {self.w_max}")
        if self.leak_tau is not None and len(self.leak_tau) != self.n_neurons:
            raise ValueError(f"leak_tau has {len(self.leak_tau)} values, expected one for each of {self.n_neurons} neurons")
        return self


class Optimizer(_Section):
    """The rule: `method` "s2stdp" (with `use_time_ranges` SSTDP), "rstdp" or "s4nn", with its rates.

    Rates may have either sign, as in the published code, whose grids hold negative `ap` and `anti_am`.
    """

    method: Literal["s2stdp", "rstdp", "s4nn"]
    stdp: Literal["additive", "multiplicative"] = "additive"
    beta: Positive | None = None
    w_min: float | None = None
    w_max: float | None = None
    ignore_silent: bool = False
    ap: float | None = None
    am: float | None = None
    lr: float | None = None
    anti_ap: float | None = None
    anti_am: float | None = None
    adaptive_lr: bool = True
    t_gap: Annotated[float, Field(ge=0)] | None = None
    class_inhib: bool = False
    use_time_ranges: bool | None = None
    annealing: Positive

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {"s2stdp": ("ap", "am", "t_gap"), "rstdp": ("ap", "am"), "s4nn": ("lr", "t_gap")}[self.method]
        if self.stdp == "multiplicative":
            needed += ("beta", "w_min", "w_max")
        if absent := [name for name in needed if getattr(self, name) is None]:
            raise ValueError(f"{absent[0]} is missing: {self.method} with {self.stdp} stdp needs {', '.join(needed)}")
        foreign = {"s2stdp": ("lr", "anti_ap", "anti_am"), "rstdp": ("lr", "t_gap"), "s4nn": ("ap", "am", "anti_ap", "anti_am")}
        if given := [name for name in foreign[self.method] if getattr(self, name) is not None]:
            raise ValueError(f"{given[0]} is given, but {self.method} has no use for it")
        if self.method == "rstdp" and (self.class_inhib or self.use_time_ranges):
            raise ValueError("rstdp updates one neuron in all: it has neither class_inhib nor use_time_ranges")
        if self.method == "s4nn" and self.stdp == "multiplicative":
            raise ValueError("s4nn changes causal inputs only: it has no multiplicative stdp")
        if self.stdp == "multiplicative" and self.w_min >= self.w_max:
            raise ValueError(f"w_min {self.w_min} is not below w_max {self.w_max}")
        return self

    @property
    def rates(self) -> tuple[float, float, float, float]:
        """A+ and A- of STDP, A+ and A- of anti-STDP (by default the same, negated)."""
        if self.method == "s4nn":
            return self.lr, 0.0, -self.lr, 0.0
        anti = (self.anti_ap, self.anti_am)
        opposite = (-self.ap, -self.am)
        return self.ap, self.am, *(own if own is not None else other for own, other in zip(anti, opposite, strict=True))


class Trainer(_Section):
    """How long, and which neurons and inputs take part; `early_stopping` is a patience in epochs, 0 switches it off."""

    epochs: Count
    early_stopping: Annotated[int, Field(ge=0)]
    nt_neurons: Annotated[int, Field(ge=0)] = 0
    dropout_in: Share = 0.0
    dropout_out: Share = 0.0
    gridsearch_stop_acc: Annotated[float, Field(ge=0, le=1)] = 0.0


class Regularizer(_Section):
    """Competition regulation: CR-2 with two thresholds per neuron, CR-1 with one."""

    thr_lr: Annotated[float, Field(ge=0)]
    thr_anneal: Annotated[float, Field(ge=0)]
    use_two_thr: bool = True


class Config(_Section):
    """A readout: exactly one layer, its rule, training and, optionally, competition regulation."""

    network: Annotated[list[Layer], Field(min_length=1, max_length=1)]
    optimizer: Optimizer
    trainer: Trainer
    regularizer: Regularizer | None = None

    @property
    def layer(self) -> Layer:
        """The layer."""
        return self.network[0]

    def rule(self, n_classes: int, max_time: float) -> Rule:
        """What the compiled loop needs to know, for data with this many classes.

        Raises
        ------
        ConfigError : the neurons can't be shared evenly among the classes, or no target neuron is left.
        """
        layer, optimizer, trainer = self.layer, self.optimizer, self.trainer
        if n_classes < 2 or layer.n_neurons % n_classes:
            raise ConfigError(
                f"{layer.n_neurons} neurons can't be shared evenly among {n_classes} classes, expected a multiple"
            )
        group = layer.n_neurons // n_classes
        if trainer.nt_neurons >= group:
            raise ConfigError(f"nt_neurons is {trainer.nt_neurons} of {group} neurons per class: no target neuron is left")
        if optimizer.t_gap is not None and optimizer.t_gap > max_time:
            raise ConfigError(f"t_gap is {optimizer.t_gap}, expected at most the samples' max_time {max_time:g}")
        ranges = optimizer.use_time_ranges
        regularizer = self.regularizer
        return Rule(
            kind=KINDS[optimizer.method],
            group=group,
            n_nontarget=trainer.nt_neurons,
            t_gap=float(optimizer.t_gap or 0.0),
            inhibit=optimizer.class_inhib,
            use_time_ranges=optimizer.method == "s4nn" if ranges is None else ranges,
            ignore_silent=optimizer.ignore_silent,
            multiplicative=optimizer.stdp == "multiplicative",
            beta=float(optimizer.beta or 0.0),
            kernel_min=float(optimizer.w_min or 0.0),
            kernel_max=float(1.0 if optimizer.w_max is None else optimizer.w_max),
            w_min=float(layer.w_min),
            w_max=float(layer.w_max),
            w_norm=layer.w_norm,
            regulation=NO_REGULATION if not regularizer else TWO_THRESHOLDS if regularizer.use_two_thr else ONE_THRESHOLD,
            dropout_in=float(trainer.dropout_in),
            dropout_out=float(trainer.dropout_out),
            max_time=float(max_time),
            reference=layer.reference_timing,
        )


def parse(values: Any, where: object = "the configuration") -> Config:
    """Check a configuration given as plain values.

    Raises
    ------
    ConfigError : the first thing that is wrong, with its place.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{where}: {describe(error)}") from None


def expand(grid: Any, where: object = "the grid") -> list[dict[str, Any]]:
    """Return every combination of a grid's lists, the last one changing fastest; the values are not checked yet.

    A list of `leak_tau` is one value; a list of such lists (or nulls) is an axis.

    Raises
    ------
    ConfigError : not a configuration's structure, an empty list, or too many combinations.
    """
    axes = list(_axes(grid, where))
    size = 1
    for _, _, values in axes:
        if not values:
            raise ConfigError(f"{where}: an axis is empty, expected at least one value")
        size *= len(values)
    if size > LARGEST_GRID:
        raise ConfigError(f"{where} has {size} combinations, expected at most {LARGEST_GRID}")
    return [_combination(axes, choice) for choice in itertools.product(*(values for _, _, values in axes))]


def _axes(grid: Any, where: object) -> Iterator[tuple[str, str, list[Any]]]:
    if not isinstance(grid, dict) or not set(grid) <= set(GRID_ORDER):
        raise ConfigError(f"{where} is not an object with the sections {', '.join(GRID_ORDER)}")
    for section in GRID_ORDER:
        fields = grid.get(section)
        if section == "network":
            if not isinstance(fields, list) or len(fields) != 1:
                raise ConfigError(f"{where}: network is not a list of one layer")
            fields = fields[0]
        if fields is None:
            continue
        if not isinstance(fields, dict):
            raise ConfigError(f"{where}: {section} is not an object")
        for name, value in fields.items():
            is_axis = isinstance(value, list)
            if name == "leak_tau":
                is_axis = is_axis and any(item is None or isinstance(item, list) for item in value)
            yield section, name, value if is_axis else [value]


def _combination(axes: list[tuple[str, str, list[Any]]], choice: tuple[Any, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for (section, name, _), value in zip(axes, choice, strict=True):
        values.setdefault(section, {})[name] = value
    return values | {"network": [values["network"]]}
