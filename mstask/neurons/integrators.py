"""Leaky integrators: Vanilla-LIF, Parametric-LIF, Dual-tau-LIF.

Defined anew from published descriptions; the paper's own library may differ in detail.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mstask.neurons.base import Membrane, Neuron, logit
from mstask.neurons.registry import register


class Decay(NamedTuple):
    beta: Tensor


@register
class VanillaLIF(Neuron):
    r"""Leaky integrate-and-fire: m <- beta m + x, u = m; a spike resets m to 0. No learnable parameters.

    Equation
    --------
    m \leftarrow \beta\, m + x, \qquad u = m

    Listens for
    -----------
    Input that stays positive for long enough: it adds up what comes in and slowly forgets it. Fast swings cancel before they
    reach the threshold.
    """

    name = "Vanilla-LIF"
    State = Membrane

    def __init__(self, size: int, *, beta: float = 0.95, **options: Any) -> None:
        super().__init__(size, **options)
        self.register_buffer("beta", torch.full((size,), beta), persistent=False)

    def coefficients(self, steps: int) -> Decay:
        return Decay(self.beta)

    @staticmethod
    def step(x, state, c, fire):
        u = c.beta * state.m + x
        s = fire(u)
        return s, Membrane(u * (1 - s))


@register
class ParametricLIF(VanillaLIF):
    r"""Vanilla-LIF whose decay is learnt per neuron: beta_i = sigma(b_i).

    Equation
    --------
    m \leftarrow \sigma(b_i)\, m + x, \qquad u = m

    Listens for
    -----------
    The same as Vanilla-LIF before training. Training may give each neuron a memory of its own length.
    """

    name = "Parametric-LIF"

    def __init__(self, size: int, *, beta: float = 0.95, **options: Any) -> None:
        Neuron.__init__(self, size, **options)
        self.b = nn.Parameter(logit(beta, size))

    def coefficients(self, steps: int) -> Decay:
        return Decay(torch.sigmoid(self.b))


class TwoMembranes(NamedTuple):
    fast: Tensor
    slow: Tensor


class TwoDecays(NamedTuple):
    fast: Tensor
    slow: Tensor


@register
class DualTauLIF(Neuron):
    r"""Fast and slow membrane side by side: f <- sigma(b_i) f + x, q <- sigma(c_i) q + x, u = (f + q) / 2.

    Both decays are learnt; they start at time constants of 2 and 40 steps.

    Equation
    --------
    f \leftarrow \sigma(b_i)\, f + x, \qquad q \leftarrow \sigma(c_i)\, q + x, \qquad u = \tfrac{1}{2}(f + q)

    Listens for
    -----------
    A short burst or a long trend: the fast membrane follows the last few inputs, the slow one remembers the trend, and the two
    are averaged.
    """

    name = "Dual-tau-LIF"
    State = TwoMembranes

    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(size, **options)
        self.b = nn.Parameter(logit(math.exp(-1 / 2), size))
        self.c = nn.Parameter(logit(math.exp(-1 / 40), size))

    def coefficients(self, steps: int) -> TwoDecays:
        return TwoDecays(torch.sigmoid(self.b), torch.sigmoid(self.c))

    @staticmethod
    def step(x, state, c, fire):
        f = c.fast * state.fast + x
        q = c.slow * state.slow + x
        s = fire((f + q) / 2)
        return s, TwoMembranes(f * (1 - s), q * (1 - s))
