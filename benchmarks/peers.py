"""The LIF layers of other libraries behind this project's layer interface, each as its library means it to be used.

Every peer takes x time-major [T, B, W], its native layout, returns (spikes [T, B, W], None), and starts from rest at
every call. `threshold` can be set, so that `mstask.calibration` calibrates it like any other layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mstask.neurons.ops import FastSigmoid

NORSE_STEP = ROCKPOOL_STEP = 1e-3
"""These libraries' time step dt in seconds."""


class Peer(nn.Module):
    """A layer whose library object is rebuilt or told whenever the threshold changes.

    `input_gain` is what the input must be multiplied by for the membrane to be that of this project's Vanilla-LIF.
    """

    input_gain = 1.0

    def __init__(self, beta: float, slope: float) -> None:
        super().__init__()
        self.beta = beta
        self.slope = slope
        self.threshold = 1.0

    @property
    def threshold(self) -> float:
        """Firing threshold in the library's units."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._threshold = value
        self._set(value)

    def _set(self, threshold: float) -> None:
        raise NotImplementedError

    def drive(self, x: Tensor) -> Tensor:
        """What goes into the time loop: the input as it is."""
        return x

    def run(self, drive: Tensor) -> tuple[Tensor, None]:
        """Run the layer on what `drive` returns."""
        return self(drive)


class SpikingjellyLIF(Peer):
    """LIFNode in multi-step mode, its input not decayed: v <- v - v / tau + x."""

    def _set(self, threshold: float) -> None:
        from spikingjelly.activation_based import neuron, surrogate

        self.node = neuron.LIFNode(
            tau=1 / (1 - self.beta),
            decay_input=False,
            v_threshold=threshold,
            v_reset=0.0,
            surrogate_function=surrogate.SoftSign(alpha=self.slope),
            step_mode="m",
        )

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        self.node.reset()
        return self.node(x), None


class SpikingjellyFlexSN(Peer):
    """FlexSN, which runs a user's single step; its compiled path needs CUDA tensors."""

    def _set(self, threshold: float) -> None:
        from spikingjelly.activation_based import neuron

        beta, slope = self.beta, self.slope

        def core(x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
            u = beta * v + x
            s = FastSigmoid.apply(u - threshold, slope)
            return s, u * (1 - s)

        self.node = neuron.FlexSN(core, num_states=1)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        self.node.reset()
        return self.node(x), None


class SnntorchLeaky(Peer):
    """Leaky with reset to zero at the step of the spike."""

    def _set(self, threshold: float) -> None:
        import snntorch

        self.cell = snntorch.Leaky(
            self.beta,
            threshold=threshold,
            spike_grad=snntorch.surrogate.fast_sigmoid(self.slope),
            reset_mechanism="zero",
            reset_delay=False,
        )

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        membrane = torch.zeros_like(x[0])
        spikes = []
        for current in x:
            spike, membrane = self.cell(current, membrane)
            spikes.append(spike)
        return torch.stack(spikes), None


class NorseLIFBox(Peer):
    """LIFBoxCell lifted over time: v <- v + dt / tau (x - v), which scales the input by 1 - beta."""

    @property
    def input_gain(self) -> float:
        return 1 / (1 - self.beta)

    def _set(self, threshold: float) -> None:
        import norse.torch as norse

        parameters = norse.LIFBoxParameters(tau_mem_inv=_exact((1 - self.beta) / NORSE_STEP), v_th=_exact(threshold))
        self.layer = norse.Lift(norse.LIFBoxCell(parameters, dt=NORSE_STEP))

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return self.layer(x)[0], None


class NorseLIF(Peer):
    """LIF, which adds a synaptic current to the membrane: another model, timed because it is the library's default."""

    def _set(self, threshold: float) -> None:
        import norse.torch as norse

        parameters = norse.LIFParameters(tau_mem_inv=_exact((1 - self.beta) / NORSE_STEP), v_th=_exact(threshold))
        self.layer = norse.LIF(parameters, dt=NORSE_STEP)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return self.layer(x)[0], None


class SinabsLIF(Peer):
    """LIF without a synapse, its input not normed, reset to zero: v <- v exp(-1 / tau) + x; batch-major."""

    def _set(self, threshold: float) -> None:
        from sinabs.activation import MembraneReset, SingleSpike
        from sinabs.layers import LIF

        slope, tau = self.slope, -1 / math.log(self.beta)

        def surrogate(v: Tensor, threshold: Tensor) -> Tensor:
            return (slope * (v - threshold).abs() + 1) ** -2

        options = {"surrogate_grad_fn": surrogate, "spike_fn": SingleSpike, "reset_fn": MembraneReset(), "norm_input": False}
        self.layer = LIF(tau, spike_threshold=_exact(threshold), **options)
        self.layer.tau_mem = nn.Parameter(_exact(tau), requires_grad=False)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        self.layer.reset_states()
        return self.layer(x.transpose(0, 1)).transpose(0, 1), None


class RockpoolLIF(Peer):
    """LIFTorch, which adds a synaptic current and resets by subtraction: another model, timed because it is the library's."""

    def _set(self, threshold: float) -> None:
        from rockpool.nn.modules import LIFTorch
        from rockpool.parameters import Constant

        taus = {"tau_mem": Constant(-ROCKPOOL_STEP / math.log(self.beta)), "tau_syn": Constant(ROCKPOOL_STEP)}
        options = taus | {"threshold": Constant(threshold), "bias": Constant(0.0), "dt": ROCKPOOL_STEP}
        self.build, self.layer = partial(LIFTorch, **options), None

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        if self.layer is None:
            self.layer = self.build((x.shape[-1],) * 2)  # in single precision, whatever the input
        self.layer.reset_state()
        return self.layer(x.float().transpose(0, 1))[0].transpose(0, 1).to(x.dtype), None


def _exact(value: float) -> Tensor:
    """A number in double precision; as a tensor without dimensions it doesn't change the precision of a product."""
    return torch.as_tensor(value, dtype=torch.float64)


PEERS: dict[str, tuple[str, Callable[..., Any]]] = {
    "spikingjelly LIFNode": ("spikingjelly", SpikingjellyLIF),
    "spikingjelly FlexSN": ("spikingjelly", SpikingjellyFlexSN),
    "snntorch Leaky": ("snntorch", SnntorchLeaky),
    "norse LIFBox": ("norse", NorseLIFBox),
    "norse LIF": ("norse", NorseLIF),
    "sinabs LIF": ("sinabs", SinabsLIF),
    "rockpool LIFTorch": ("rockpool", RockpoolLIF),
}
"""Each peer's package and layer."""
