"""What the sections compare: losses, tasks, variants of the network, questions about gradients; loads no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FROZEN = "sum-frozen"
"""The control: `sum`, with the hidden weights left as they were drawn."""
FALLING, INSTANT = ("linear", "exp", "sigmoid"), ("average-cross-entropy", "max")
"""Losses whose weight falls, and losses that judge single instants of the voltage."""
PROBES = ("finite-differences", "grid", "surrogate", "shaping", "departures")
"""What is asked about gradients."""


@dataclass(frozen=True)
class Initial:
    """Mean and standard deviation of a matrix of initial weights."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Method:
    """A loss, and what else differs from a task's feed-forward LIF network with trained weights.

    `original` is the loss's LOSS_TYPE in the reference implementation; `epochs` replaces the task's number.
    """

    loss: str
    text: str
    original: str = ""
    trains: tuple[str, ...] = ("hidden", "readout")
    architecture: Mapping[str, Any] = field(default_factory=dict)
    silent_label: str = "skip"
    epochs: int | None = None

    @property
    def spiking(self) -> bool:
        """Whether the loss judges first spikes, so that the readout fires."""
        return self.loss.startswith("first-spike")


_PLAIN = (
    Method("sum", "mean output voltage", "sum"),
    Method("linear", "mean voltage, weight falling linearly to 0", "sum_weigh_linear"),
    Method("exp", "mean voltage, weight falling exponentially", "sum_weigh_exp"),
    Method("sigmoid", "mean voltage, weight falling around half the trial", "sum_weigh_sigmoid"),
    Method("input", "mean voltage, weighted by the input rate", "sum_weigh_input"),
    Method("average-cross-entropy", "cross-entropy at every instant, averaged", "avg_xentropy"),
    Method("max", "largest output voltage", "max"),
    Method("first-spike", "first output spike, late spikes cost 1/x", "first_spike"),
    Method("first-spike-exp", "first output spike, late spikes cost exponentially", "first_spike_exp"),
)
LOSSES = tuple(method.loss for method in _PLAIN)
"""Weighted mean voltages first, then the other losses of voltages, then those of first spikes."""
LOSS_METHODS = {method.loss: method for method in _PLAIN} | {
    FROZEN: Method("sum", "mean output voltage, hidden weights left as drawn", trains=("readout",))
}
"""The nine losses, and the control that shows what a readout alone can do."""

_SPIKE, _EXP = Method("first-spike-exp", "Wunderlich and Pehle's setting", epochs=100), Method("exp", "", epochs=30)
_WEIGHTS = ("hidden", "readout")
WHOLE = 10_000
"""More trials than any set has."""
VARIANTS = {
    "published": _SPIKE,
    "phantom": replace(_SPIKE, text="silent label neurons are pushed at the trial's end", silent_label="phantom", epochs=40),
    "short-trial": replace(_SPIKE, text="the trial ends with the last input", architecture={"trial_ms": 30.0}, epochs=40),
    "exp": replace(_EXP, text="exponentially weighted voltage"),
    "recurrent": replace(
        _EXP,
        text="with recurrent weights",
        architecture={"recurrent": True, "recurrent_weights": Initial(0.0, 0.1)},
    ),
    "two-layers": replace(
        _EXP,
        text="a second hidden layer",
        architecture={"n_layers": 2, "hidden_weights": Initial(0.2, 0.2)},
    ),
    "varied-taus": replace(_EXP, text="time constants drawn per neuron", architecture={"neuron": "hetLIF", "readout": "hetLI"}),
    "adaptive": replace(_EXP, text="adaptive thresholds", architecture={"neuron": "ALIF"}),
    "trained-taus": replace(_EXP, text="time constants learn, too", trains=(*_WEIGHTS, "taus", "readout taus")),
    "trained-delays": replace(
        _EXP,
        text="synaptic delays of up to 10 ms learn, too",
        trains=(*_WEIGHTS, "delays"),
        architecture={"largest_delay": 10.0},
    ),
}
"""Yin-Yang: the published setting, two of the reference implementation's departures from it, and other neurons and wirings."""

METHODS = {"eventprop": LOSS_METHODS, "eventprop-yin-yang": VARIANTS}
"""The methods of each section that trains."""


@dataclass(frozen=True)
class Task:
    """A task: its trial in ms, its network, and how it is trained.

    `spiking_output` is the initial output weight of first-spike losses, `instant_output` of losses that judge single instants
    of the voltage, `output` of the others; the last two differ where scores wouldn't begin equally large. `first` holds the
    constants of first-spike losses, `input_gain` and `input_ms` those of the loss "input". An epoch draws at most `samples`
    training trials and is judged by at most `validated` of the validation trials. `published` holds those of a task's numbers
    that the papers have larger than two cores can do.
    """

    title: str
    trial_ms: float
    n_inputs: int
    n_hidden: int
    readout_step: float
    learning_rate: float
    decay: float
    epochs: int
    samples: int
    validated: int
    first: tuple[float, float, float]
    input: Initial
    output: Initial
    instant_output: Initial
    spiking_output: Initial
    input_gain: float
    spiking_rate: float = 5e-3
    input_ms: float = 20.0
    published: Mapping[str, int] = field(default_factory=dict)

    def sized(self, budget: str) -> Task:
        """The task in the papers' size where `budget` is "published"."""
        return replace(self, **self.published) if budget == "published" else self


_YIN_YANG = Task(
    title="Yin-Yang, 60 ms",
    trial_ms=60.0,
    n_inputs=5,
    n_hidden=200,
    readout_step=0.5,
    learning_rate=5e-3,
    decay=0.95,
    epochs=30,
    samples=5000,
    validated=1000,
    first=(0.5, 6.4, 3e-3),
    input=Initial(1.5, 0.78),
    output=Initial(0.2, 0.37),
    instant_output=Initial(0.2, 0.37),
    spiking_output=Initial(0.93, 0.1),
    input_gain=20.0,
    published={"epochs": 100},
)
"""Wunderlich & Pehle's network and rates; voltage losses as measured for the long trials."""
_SPEECH = Task(
    title="Spoken digits",
    trial_ms=1000.0,
    n_inputs=700,
    n_hidden=128,
    readout_step=1.0,
    learning_rate=2e-3,
    spiking_rate=2e-3,
    decay=1.0,
    epochs=20,
    samples=1800,
    validated=400,
    first=(1.0, 100.0, 5e-5),
    input=Initial(0.02, 0.01),
    output=Initial(0.0, 1.5),
    instant_output=Initial(0.0, 0.3),
    spiking_output=Initial(1.2, 0.6),
    input_gain=0.2,
    published={"epochs": 300, "samples": WHOLE, "validated": WHOLE, "n_hidden": 256},
)
"""The reference implementation's weights and the higher of the rates of its comparison of losses, with two exceptions for
want of steps: no ease-in, which would last as long as two epochs do here, and larger output weights where a mean voltage is
judged, which would otherwise take most of the training to grow. The input gain makes the mean weight about 1."""
_RADAR = replace(
    _SPEECH,
    title="Radar",
    trial_ms=140.0,
    n_inputs=128,
    readout_step=0.5,
    learning_rate=5e-3,
    spiking_rate=5e-3,
    decay=0.95,
    epochs=12,
    samples=3151,
    input=Initial(0.03, 0.03),
    output=Initial(0.0, 0.3),
    spiking_output=Initial(0.4, 0.2),
    published={},
)
"""Not in the papers: these values are this project's."""

TASKS = {
    "yin-yang": _YIN_YANG,
    "yin-yang-long": replace(
        _YIN_YANG,
        title="Yin-Yang, 400 ms",
        trial_ms=400.0,
        n_hidden=100,
        learning_rate=0.02,
        epochs=24,
        samples=2500,
        published={},
    ),
    "speech": _SPEECH,
    "radar": _RADAR,
}
