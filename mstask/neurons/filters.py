"""Causal filters along time, one set of taps per neuron: the part of a neuron that remembers inputs but not spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mstask.neurons.fused.threads import over_parts

try:
    from numba import njit
except ImportError:
    njit = None


def causal_filter(x: Tensor, taps: Tensor, backend: str = "auto") -> Tensor:
    """y_t = sum_{n<N} taps_n x_{t-n} for x [B, T, W] and taps [N, W] -> y [B, T, W]; inputs before the trial are 0.

    The compiled loop and the reference add the terms in the same order and give the same numbers.
    """
    compiled = njit is not None and x.device.type == "cpu" and x.dtype == taps.dtype in (torch.float32, torch.float64)
    if backend == "reference" or not compiled or not x.numel():
        return reference(x, taps)
    return CausalFilter.apply(x.contiguous(), taps.contiguous())


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
    def forward(ctx: Any, x: Tensor, taps: Tensor) -> Tensor:
        ctx.save_for_backward(x, taps)
        y = torch.empty_like(x)
        arrays = [tensor.detach().numpy() for tensor in (x, taps, y)]
        over_parts(lambda first, last: _filter(*arrays, first, last), len(x), x.numel())
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, taps = ctx.saved_tensors
        grad = grad.contiguous()
        grad_x = torch.empty_like(x)
        rows = np.zeros((len(x), *taps.shape), dtype=grad.numpy().dtype)
        arrays = [tensor.numpy() for tensor in (x, taps.detach(), grad, grad_x)]
        over_parts(lambda first, last: _filter_adjoint(*arrays, rows, first, last), len(x), x.numel())
        return grad_x, torch.from_numpy(rows.sum(0))


if njit is not None:

    @njit(nogil=True, cache=True)
    def _filter(x, taps, y, first, last):
        _, steps, width = x.shape
        for b in range(first, last):
            for t in range(steps):
                for i in range(width):
                    y[b, t, i] = taps[0, i] * x[b, t, i]
                for n in range(1, min(len(taps), t + 1)):
                    for i in range(width):
                        y[b, t, i] += taps[n, i] * x[b, t - n, i]

    @njit(nogil=True, cache=True)
    def _filter_adjoint(x, taps, grad, grad_x, grad_taps, first, last):
        _, steps, width = x.shape
        for b in range(first, last):
            for t in range(steps):
                for i in range(width):
                    grad_x[b, t, i] = taps[0, i] * grad[b, t, i]
                for n in range(1, min(len(taps), steps - t)):
                    for i in range(width):
                        grad_x[b, t, i] += taps[n, i] * grad[b, t + n, i]
                for n in range(min(len(taps), t + 1)):
                    for i in range(width):
                        grad_taps[b, n, i] += grad[b, t, i] * x[b, t - n, i]
