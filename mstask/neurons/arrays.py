"""Neurons that look at their neighbours: Beam-IF and CrossInhib-LIF.

Defined anew from published descriptions; the paper's own library may differ in detail.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mstask.neurons.base import Membrane, Neuron, NoCoefficients, evenly
from mstask.neurons.ops import layer_sum
from mstask.neurons.registry import register

SUBARRAY = 4
"""Neighbours that a Beam-IF neuron listens to, itself included."""


@register
class BeamIF(Neuron):
    r"""Delay-and-sum over a circular sub-array: y_i = Re sum_{j<4} exp(1j j phi_i) x_{i+j} / 4, m <- max(m + y, 0), u = m.

    The steering angle phi (radians) is learnt. y is linear in the layer's input, so a layer applies it to its weights.

    Equation
    --------
    y = \tfrac{1}{4} \operatorname{Re} \sum_{j<4} e^{\mathrm{i} j \phi_i} x_{i+j}, \qquad
    m \leftarrow \max(m + y,\, 0), \qquad u = m

    Listens for
    -----------
    A wave along the layer: it adds the inputs of four neighbours with a phase shift from one to the next, as an array of
    antennas does, and never forgets.
    """

    name = "Beam-IF"
    State = Membrane
    mixes = True

    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(size, **options)
        self.phi = nn.Parameter(evenly(-math.pi / 2, math.pi / 2, size))

    def drive(self, x: Tensor) -> Tensor:
        identity = torch.eye(self.size, dtype=x.dtype, device=x.device)
        steering = sum(torch.roll(identity, m, 0) * torch.cos(m * self.phi) for m in range(SUBARRAY)) / SUBARRAY
        return x @ steering

    def coefficients(self, steps: int) -> NoCoefficients:
        return NoCoefficients()

    @staticmethod
    def step(x, state, c, fire):
        u = torch.relu(state.m + x)
        s = fire(u)
        return s, Membrane(u * (1 - s))


class Inhibited(NamedTuple):
    m: Tensor
    spike: Tensor


class Inhibition(NamedTuple):
    beta: Tensor
    weight: Tensor
    share: Tensor


@register
class CrossInhibLIF(Neuron):
    r"""LIF with lateral inhibition: m <- beta m + x - softplus(g_i) mean_{j != i} s_{j,t-1}, u = m.

    The strength g is learnt and starts at softplus(g) = 0.5. A layer of one neuron has no one to inhibit it.

    Equation
    --------
    m \leftarrow \beta\, m + x - \operatorname{softplus}(g_i) \cdot
    \operatorname*{mean}_{j \ne i} s_{j,\,t-1}, \qquad u = m

    Listens for
    -----------
    What sets it apart from its layer: input that lasts, as for Vanilla-LIF, minus what the others have just fired.
    """

    name = "CrossInhib-LIF"
    State = Inhibited

    def __init__(self, size: int, *, beta: float = 0.95, **options: Any) -> None:
        super().__init__(size, **options)
        self.register_buffer("beta", torch.full((size,), beta), persistent=False)
        self.register_buffer("share", torch.full((size,), 1 / max(size - 1, 1)), persistent=False)
        self.g = nn.Parameter(torch.full((size,), math.log(math.expm1(0.5))))

    def coefficients(self, steps: int) -> Inhibition:
        return Inhibition(self.beta, nn.functional.softplus(self.g), self.share)

    @staticmethod
    def step(x, state, c, fire):
        others = (layer_sum(state.spike) - state.spike) * c.share
        u = c.beta * state.m + x - c.weight * others
        s = fire(u)
        return s, Inhibited(u * (1 - s), s)
