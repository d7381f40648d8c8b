"""The nine losses of Nowotny, Turner & Knight (arXiv 2212.01232), of output voltages or of first output spikes.

Loss shaping is the family F(integral of weight(t) V(t) dt): the weight decides which hidden spikes hear of an error. A
falling weight sends a spike at time t the error -tau_s weight'(t)/T; a constant one (`sum`) sends it only to spikes
within a few membrane time constants of the trial's end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from mstask.errors import nearest
from mstask.studies.eventprop.events import EventpropError, Spikes


@dataclass(frozen=True)
class Constants:
    """Constants of the losses; times in ms.

    `softmax_ms`, `late_ms` and `late_cost` (TAU_0, TAU_1, ALPHA) belong to the first-spike losses, `input_ms` and
    `input_gain` to the weight that follows the input rate. `silent_label` says what a trial whose label neuron never
    fires teaches: "skip" nothing (Wunderlich & Pehle), "phantom" a push on that neuron at the trial's end (the
    reference implementation).
    """

    softmax_ms: float = 0.5
    late_ms: float = 6.4
    late_cost: float = 3e-3
    input_ms: float = 20.0
    input_gain: float = 0.01
    silent_label: str = "skip"

    def __post_init__(self) -> None:
        if self.silent_label not in ("skip", "phantom"):
            raise EventpropError(f"silent_label is {self.silent_label!r}, expected 'skip' or 'phantom'")


@dataclass(frozen=True)
class Outputs:
    """What a loss sees of a batch of B trials and C classes.

    `voltage` [B, K, C] at `step` ms teeth, or, for spiking outputs, the first times `first` [B, C] (infinite where
    silent), `final` voltages [B, C] and `tau_m` [C].
    """

    inputs: Spikes
    trial_ms: float
    step: float
    voltage: Tensor | None = None
    first: Tensor | None = None
    final: Tensor | None = None
    tau_m: Tensor | None = None


Weight = Callable[[np.ndarray], np.ndarray]
WEIGHTS: dict[str, Weight] = {
    "sum": np.ones_like,
    "linear": lambda share: 1 - share,
    "exp": lambda share: np.exp(-share),
    "sigmoid": lambda share: 1 / (1 + np.exp((share - 0.5) / 0.2)),
}
"""Weight of the output voltage by share of the trial, t/T."""


def comb(outputs: Outputs) -> np.ndarray:
    """The readout's times [K] in ms."""
    return (np.arange(outputs.voltage.shape[1]) + 0.5) * outputs.step


def input_rate(spikes: Spikes, times: np.ndarray, constants: Constants) -> np.ndarray:
    """Trace of the input rate [B, K] at sorted `times`: each spike adds input_gain/input_ms, decaying with input_ms."""
    trace = np.zeros((len(spikes), len(times)))
    for b in range(len(spikes)):
        fired, _ = spikes.trial(b)
        slot = np.searchsorted(times, fired)
        inside = slot < len(times)
        late = times[slot[inside]] - fired[inside]
        np.add.at(trace[b], slot[inside], np.exp(-late / constants.input_ms))
    decay = np.exp(-np.diff(times) / constants.input_ms)
    for k in range(1, len(times)):
        trace[:, k] += trace[:, k - 1] * decay[k - 1]
    return trace * constants.input_gain / constants.input_ms


def _weighted(name: str) -> Callable[[Outputs, Constants], Tensor]:
    def scores(outputs: Outputs, constants: Constants) -> Tensor:
        weight = torch.from_numpy(WEIGHTS[name](comb(outputs) / outputs.trial_ms))
        return torch.einsum("k,bkc->bc", weight, outputs.voltage) / len(weight)

    return scores


def _input_weighted(outputs: Outputs, constants: Constants) -> Tensor:
    weight = torch.from_numpy(input_rate(outputs.inputs, comb(outputs), constants))
    return torch.einsum("bk,bkc->bc", weight, outputs.voltage) / weight.shape[1]


def _largest(outputs: Outputs, constants: Constants) -> Tensor:
    return outputs.voltage.max(dim=1).values


def _earliness(outputs: Outputs, constants: Constants) -> Tensor:
    return -outputs.first.detach().clamp(max=outputs.trial_ms + 1)


def _of_scores(scores: Tensor, outputs: Outputs, labels: Tensor, constants: Constants) -> Tensor:
    return cross_entropy(scores, labels)


def _average_cross_entropy(scores: Tensor, outputs: Outputs, labels: Tensor, constants: Constants) -> Tensor:
    right = log_softmax(outputs.voltage, dim=2)[torch.arange(len(labels)), :, labels]
    return -right.mean()


def _first_spike(late: Callable[[Tensor, float, Constants], Tensor], kick: Callable[[float, Constants], float]) -> Callable:
    """Cross-entropy of the first spike times, plus a cost `late` of the label's; `kick` is the phantom spike's push."""

    def loss(scores: Tensor, outputs: Outputs, labels: Tensor, constants: Constants) -> Tensor:
        first, rows = outputs.first, torch.arange(len(labels))
        fires = torch.isfinite(first[rows, labels])
        total = first.new_zeros(())
        if constants.silent_label == "phantom":
            push = kick(outputs.trial_ms, constants)
            total = total - (push * outputs.tau_m[labels] * outputs.final[rows, labels])[~fires].sum()
            first = torch.where(torch.isfinite(first), first, outputs.trial_ms + 1)
            label_times = first[rows, labels]
        else:
            first, labels, rows = first[fires], labels[fires], rows[: int(fires.sum())]
            label_times = first[rows, labels]
            fires = fires[fires]
        total = total + cross_entropy(-first / constants.softmax_ms, labels, reduction="sum")
        total = total + late(label_times[fires], outputs.trial_ms, constants).sum()
        return total / len(outputs.first)

    return loss


_hyperbolic = _first_spike(
    lambda t, trial_ms, c: c.late_cost / (1.01 * trial_ms - t),
    lambda trial_ms, c: c.late_cost / (0.01 * trial_ms) ** 2,
)
_exponential = _first_spike(
    lambda t, trial_ms, c: c.late_cost * torch.expm1(t / c.late_ms),
    lambda trial_ms, c: c.late_cost / c.late_ms * float(np.exp(trial_ms / c.late_ms)),
)


@dataclass(frozen=True)
class Loss:
    """A loss: `scores` [B, C] of a batch, whose largest is the prediction, and `value`, the mean loss over the batch."""

    name: str
    scores: Callable[[Outputs, Constants], Tensor]
    value: Callable[[Tensor, Outputs, Tensor, Constants], Tensor] = field(default=_of_scores)
    spiking: bool = False

    def judged(self, outputs: Outputs, labels: Tensor, constants: Constants | None = None) -> tuple[Tensor, Tensor]:
        """Scores [B, C] and mean loss of a batch with classes `labels` [B]."""
        constants = constants or Constants()
        scores = self.scores(outputs, constants)
        return scores, self.value(scores, outputs, labels, constants)


LOSSES = {
    loss.name: loss
    for loss in (
        *(Loss(name, _weighted(name)) for name in WEIGHTS),
        Loss("input", _input_weighted),
        Loss("average-cross-entropy", _weighted("sum"), _average_cross_entropy),
        Loss("max", _largest),
        Loss("first-spike", _earliness, _hyperbolic, spiking=True),
        Loss("first-spike-exp", _earliness, _exponential, spiking=True),
    )
}


def get(name: str) -> Loss:
    """The loss of this name; an unknown one is an error that suggests the nearest."""
    if name not in LOSSES:
        raise EventpropError(f"loss {name!r} is unknown; {nearest(name, LOSSES)}")
    return LOSSES[name]
