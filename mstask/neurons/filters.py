"""Causal filters along time, one set of taps per neuron: the part of a neuron that remembers inputs but not spikes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mstask.neurons.threads import over_parts
from mstask.plugins import plugin


def causal_filter(x: Tensor, taps: Tensor, backend: str = "auto") -> Tensor:
    """y_t = sum_{n<N} taps_n x_{t-n} for x [B, T, W] and taps [N, W] -> y [B, T, W]; inputs before the trial are 0.

    The compiled loop and the reference add the terms in the same order and give the same numbers.
    """
    compiled = x.device.type == "cpu" and x.dtype == taps.dtype in (torch.float32, torch.float64)
    if backend == "reference" or not compiled or not x.numel():
        return reference(x, taps)
    try:
        kernels = plugin("fused.filter_kernels")
    except ImportError:
        return reference(x, taps)
    return CausalFilter.apply(kernels, x.contiguous(), taps.contiguous())


def reference(x: Tensor, taps: Tensor) -> Tensor:
    """The same sum in plain torch code, one shifted copy of the input per tap."""
    steps = x.shape[1]
    y = taps[0] * x
    for n in range(1, min(len(taps), steps)):
        y = y + torch.nn.functional.pad(taps[n] * x[:, : steps - n], (0, 0, n, 0))
    return y


class CausalFilter(torch.autograd.Function):
    """The compiled filter with its gradients for input and taps."""

    @staticmethod
    def forward(ctx: Any, kernels: ModuleType, x: Tensor, taps: Tensor) -> Tensor:
        ctx.kernels = kernels
        ctx.save_for_backward(x, taps)
        y = torch.empty_like(x)
        arrays = [tensor.detach().numpy() for tensor in (x, taps, y)]
        over_parts(lambda first, last: kernels.causal(*arrays, first, last), len(x), x.numel())
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, Tensor]:
        x, taps = ctx.saved_tensors
        grad = grad.contiguous()
        grad_x = torch.empty_like(x)
        rows = np.zeros((len(x), *taps.shape), dtype=grad.numpy().dtype)
        arrays = [tensor.numpy() for tensor in (x, taps.detach(), grad, grad_x)]
        over_parts(lambda first, last: ctx.kernels.adjoint(*arrays, rows, first, last), len(x), x.numel())
        return None, grad_x, torch.from_numpy(rows.sum(0))
