"""The spike and the two derivatives that stand in for its own (HetSyn, appendices B to D), in u = V - theta."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Surrogate = Callable[[Tensor, float], Tensor]
"""Of u and theta."""

HEIGHT, WIDTH = 0.15, 0.5
"""Of the multi-Gaussian (Yin et al. 2021): share of the flanks, standard deviation of the middle."""


def triangle(u: Tensor, theta: float = 1.0) -> Tensor:
    """dz/dV = max(0, 1 - |V - theta| / theta)."""
    return (1 - u.abs() / theta).clamp_min(0)


def multi_gaussian(u: Tensor, theta: float = 1.0) -> Tensor:
    """dz/dV = 0.5 [1.15 G(u; 0, 0.5) - 0.15 G(u; 0.5, 3) - 0.15 G(u; -0.5, 3)], G the normal density; negative far away.

    Its widths don't change with theta.
    """
    flanks = _normal(u, WIDTH, 6 * WIDTH) + _normal(u, -WIDTH, 6 * WIDTH)
    return 0.5 * ((1 + HEIGHT) * _normal(u, 0.0, WIDTH) - HEIGHT * flanks)


SURROGATES: dict[str, Surrogate] = {"triangle": triangle, "multi-gaussian": multi_gaussian}


def spike(v: Tensor, theta: float, surrogate: Surrogate) -> Tensor:
    """z = 1 where V > theta (strictly), with the surrogate's gradient."""
    return _Spike.apply(v, theta, surrogate)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, theta: float, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(v)
        ctx.theta, ctx.surrogate = theta, surrogate
        return (v > theta).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (v,) = ctx.saved_tensors
        return grad * ctx.surrogate(v - ctx.theta, ctx.theta), None, None


def _normal(u: Tensor, mean: float, sd: float) -> Tensor:
    return torch.exp(-((u - mean) ** 2) / (2 * sd**2)) / math.sqrt(2 * math.pi * sd**2)
