"""The four networks of one family; they differ only in where their time constants live (HetSyn, Props. 1-3 and Table 3).

    HomNeuLIF    one fixed decay for all                         0 free time constants
    HomNeuALIF   the same, with threshold adaptation             0
    HetNeuLIF    one trained decay per neuron                    N
    HetSynLIF    one trained decay per synapse                   MN (and NN recurrent)

A decay r = exp(-dt / tau) is itself the trained parameter, held in [0, 1]. The decay of the reset, kappa, is common and
fixed in all four, as in the paper's experiments, so the trained HetNeuLIF is a per-neuron filter rather than strictly a LIF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from mstask.errors import MstaskError, nearest
from mstask.studies.hetsyn.forms import SURROGATES, Form, form
from mstask.studies.hetsyn.names import METHODS

SCORES = ("last", "softmax", "count")


@dataclass(frozen=True)
class Times:
    """Time constants of a task, all in steps.

    Synapses have tau `fixed` where it isn't trained; trained ones start from a uniform distribution with the bounds `drawn`,
    or from a normal one with that mean and deviation. `reset` is tau_J, `adaptation` and `strength` are tau_a and a.
    """

    fixed: float
    drawn: tuple[float, float]
    uniform: bool
    reset: float
    adaptation: float
    strength: float

    def draw(self, *shape: int) -> Tensor:
        """Initial decays per step, from torch's global generator."""
        first, second = self.drawn
        if self.uniform:
            return torch.exp(-1 / (first + (second - first) * torch.rand(shape)))
        return torch.exp(-1 / (first + second * torch.randn(shape)).clamp_min(first / 10))


class Synapses(nn.Module):
    """Weights [N, M] from N(0, 1/M), and the decays of their currents: a number (fixed), [N] or [N, M] (trained)."""

    def __init__(self, senders: int, receivers: int) -> None:
        super().__init__()
        if min(senders, receivers) < 1:
            raise MstaskError(f"synapses from {senders} to {receivers} neurons, expected at least 1 of each")
        self.weight = nn.Parameter(torch.randn(receivers, senders) / senders**0.5)

    def set_times(self, method: str, times: Times, threshold: float = 1.0) -> None:
        """Draw the decays as the method has them; the threshold is a layer's."""
        if method in ("HetSynLIF", "HetNeuLIF"):
            self.decay = nn.Parameter(times.draw(*self.weight.shape[: 2 if method == "HetSynLIF" else 1]))
        else:
            self.register_buffer("decay", torch.exp(torch.tensor(-1 / times.fixed)))

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]} to {self.weight.shape[0]}"


class Layer(nn.Module):
    """A layer of spiking neurons: input synapses, and recurrent ones (self-connections included) where asked for.

    In HetSynLIF the recurrent synapses have decays of their own; elsewhere they share the neuron's.
    """

    def __init__(self, senders: int, width: int, recurrent: bool) -> None:
        super().__init__()
        self.inputs = Synapses(senders, width)
        self.recurrent = Synapses(width, width) if recurrent else None

    def set_times(self, method: str, times: Times, threshold: float) -> None:
        """Draw the decays, and fix those of reset and adaptation."""
        self.inputs.set_times(method, times)
        if method == "HetSynLIF" and self.recurrent is not None:
            self.recurrent.set_times(method, times)
        kappa, rho_a = torch.exp(-1 / torch.tensor([times.reset, times.adaptation], dtype=torch.float64)).tolist()
        adaptive = method == "HomNeuALIF"
        self.constants = {"theta": threshold, "kappa": kappa, "a": times.strength * adaptive, "rho_a": rho_a * adaptive}

    def forward(self, x: Tensor, how: Form, surrogate: str) -> Tensor:
        """Input [B, T, M] -> spikes [B, T, N]."""
        driven = how.drive(x, self.inputs.weight, self.inputs.decay)
        weight, decay = None, self.inputs.decay
        if self.recurrent is not None:
            weight, decay = self.recurrent.weight, getattr(self.recurrent, "decay", decay)
        return how.spikes(driven, weight, decay, **self.constants, surrogate=SURROGATES[surrogate])

    def extra_repr(self) -> str:
        return f"constants={self.constants}"


class Network(nn.Module):
    """Spiking layers and a readout: leaky integrators through the same kind of synapses, or spiking neurons that count.

    Networks of one size and seed of torch's generator start from the same weights, whatever the method.

    Parameters
    ----------
    sizes : inputs, hidden layers, outputs.
    recurrent : whether the hidden layers are.
    score : what the logits are: the outputs at the last step ("last"), the sum over time of their softmax ("softmax"),
        or the spike counts of spiking outputs ("count").
    dropout : share of a layer's spikes that the next layer misses in training, anew at every step.
    threshold : theta, which a spike also subtracts.
    """

    def __init__(
        self,
        method: str,
        sizes: Sequence[int],
        recurrent: bool,
        times: Times,
        surrogate: str = "triangle",
        score: str = "last",
        dropout: float = 0.0,
        threshold: float = 1.0,
    ) -> None:
        super().__init__()
        for what, value, valid in (("method", method, METHODS), ("surrogate", surrogate, SURROGATES), ("score", score, SCORES)):
            if value not in valid:
                raise MstaskError(f"{what} {value!r} is unknown; {nearest(str(value), valid)}")
        if len(sizes) < 3:
            raise MstaskError(f"sizes are {list(sizes)}, expected inputs, at least one hidden layer, and outputs")
        self.method, self.sizes, self.surrogate, self.score = method, tuple(sizes), surrogate, score
        self.dropout, self.backend = dropout, "auto"  # or another of `forms.BACKENDS`
        *pairs, last = pairwise(sizes)
        self.layers = nn.ModuleList(Layer(m, n, recurrent) for m, n in pairs)
        self.readout = Layer(*last, False) if score == "count" else Synapses(*last)
        # decays are drawn when all weights are, which so don't depend on the method
        for layer in (*self.layers, self.readout):
            layer.set_times(method, times, threshold)

    def run(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Outputs [B, T, C] and the spikes [B, T, N] of each hidden layer, for inputs [B, T, M] of any number type."""
        if x.dim() != 3 or x.shape[-1] != self.sizes[0]:
            raise MstaskError(f"input has shape {tuple(x.shape)}, expected [B, T, {self.sizes[0]}]")
        self.hold_decays()
        x = x.to(self.layers[0].inputs.weight.dtype)
        how, spikes = form(self.backend, x), []
        for layer in self.layers:
            spikes.append(layer(x, how, self.surrogate))
            x = nn.functional.dropout(spikes[-1], self.dropout, self.training)
        if self.score == "count":
            return self.readout(x, how, self.surrogate), spikes
        return how.drive(x, self.readout.weight, self.readout.decay), spikes

    def logits(self, outputs: Tensor) -> Tensor:
        """Scores [B, C] of outputs [B, T, C]."""
        if self.score == "last":
            return outputs[:, -1]
        return (outputs.softmax(-1) if self.score == "softmax" else outputs).sum(1)

    def forward(self, x: Tensor) -> Tensor:
        """Input [B, T, M] -> logits [B, C]."""
        return self.logits(self.run(x)[0])

    def forward_with_rates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, C] and each hidden layer's mean firing rate (spikes per neuron and step)."""
        outputs, spikes = self.run(x)
        return self.logits(outputs), torch.stack([z.detach().mean() for z in spikes])

    def decays(self) -> dict[str, Tensor]:
        """The trained decays by name ("layers.0.inputs", "layers.0.recurrent", "readout")."""
        named = self.named_parameters()
        return {name.removesuffix(".decay"): value for name, value in named if name.endswith(".decay")}

    @torch.no_grad()
    def hold_decays(self) -> None:
        """Bring every trained decay back into [0, 1] after an optimiser's step; done at the start of each run."""
        for decay in self.decays().values():
            decay.clamp_(0, 1)

    def extra_repr(self) -> str:
        return f"{self.method}, surrogate={self.surrogate}, score={self.score}, dropout={self.dropout:g}"


def free_time_constants(model: Network) -> int:
    """How many time constants the network learns."""
    return sum(decay.numel() for decay in model.decays().values())
