"""The words a neuron's step is written in, beside ordinary pointwise torch functions: spike, layer sum, modulus, angle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mstask.errors import MstaskError

MODULUS_EPS = 1e-12
"""Added under the root of `modulus`: its value at the origin is 1e-6 and its gradient there is 0."""

ANGLE_FLOOR = 1e-24
"""Squared modulus at or below which a complex number has no direction: `angle` is 0 there, with gradient 0."""


class FastSigmoid(torch.autograd.Function):
    """Spike H(d) = 1 for d >= 0, else 0, with the fast-sigmoid surrogate ds/dd = 1 / (k |d| + 1)^2 (protocol: k = 25)."""

    @staticmethod
    def forward(ctx: Any, distance: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.slope = slope
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (distance,) = ctx.saved_tensors
        return grad / (ctx.slope * distance.abs() + 1) ** 2, None


def layer_sum(value: Tensor) -> Tensor:
    """Sum over the neurons of the layer, [B, W] -> [B, 1]: the one operation of a step that is not pointwise."""
    if type(value) is not Tensor and hasattr(value, "layer_sum"):
        return value.layer_sum()
    return value.sum(-1, keepdim=True)


def modulus(real: Tensor, imag: Tensor) -> Tensor:
    """|z| as sqrt(re^2 + im^2 + 1e-12); the added constant defines the subgradient 0 at z = 0."""
    return torch.sqrt(real * real + imag * imag + MODULUS_EPS)


def angle(imag: Tensor, real: Tensor) -> Tensor:
    """arg z in radians; 0 with gradient 0 where |z|^2 <= 1e-24, since a vanishing number has no direction."""
    directed = real * real + imag * imag > ANGLE_FLOOR
    return torch.where(directed, arctangent(imag, torch.where(directed, real, 1.0)), 0.0)


def arctangent(imag: Tensor, real: Tensor) -> Tensor:
    """atan2 in double precision, rounded to the dtype of `imag`: in float32 no mathematics library rounds differently.

    Two libraries that are right to 2 units in the last place of float64 disagree on a float32 result once in about 10^8.
    """
    if isinstance(imag, Tensor):
        return torch.atan2(imag.double(), real.double()).to(imag.dtype)
    return torch.atan2(imag, real)


def surrogate_spike(threshold: float, slope: float) -> Callable[[Tensor], Tensor]:
    """Return fire(u) = H(u - threshold) with the fast-sigmoid surrogate gradient of the given slope."""
    return lambda u: FastSigmoid.apply(u - threshold, slope)


def never_fires(name: str) -> MstaskError:
    """The error for a step whose spikes don't come from `fire`."""
    return MstaskError(
        f"{name}: the spikes that step returns don't come from fire(u), so no threshold can be calibrated and no gradient "
        "reaches the weights; compute the compared quantity u and return s = fire(u) as spikes"
    )
