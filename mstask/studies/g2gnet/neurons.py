"""The leaky integrate-and-fire layer of G2GNet: decay and threshold are learnt, one number each per layer.

U_t = beta U_{t-1} + I_t - R_t theta,  S_t = 1[U_t > theta],  R_t = S_{t-1} (its gradient stopped), U_0 = 0, beta clamped to
0..1: reset by subtraction, one step after the spike. Surrogate dS/dU = 1 / (1 + (pi (U - theta))^2), an arctan of slope 2.
Signals are [neurons, time, batch]. Two loops give the same spikes: plain autograd, and a compiled one for the CPU.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from mstask.neurons.threads import over_parts


class Leaky(nn.Module):
    """One layer; `decay` and `threshold` are learnable scalars."""

    def __init__(self, decay: float = 0.9, threshold: float = 1.0) -> None:
        super().__init__()
        self.decay = nn.Parameter(torch.tensor(decay))
        self.threshold = nn.Parameter(torch.tensor(threshold))

    def forward(self, current: Tensor, steps: int) -> Tensor:
        """Current [N, T, B], or [N, 1, B] that is held for all `steps` -> spikes [N, T, B]."""
        loop = reference if current.is_cuda else CompiledLoop.apply
        return loop(current, self.decay.clamp(0, 1), self.threshold, steps)


class ArctanSpike(torch.autograd.Function):
    """1 where d > 0, with the surrogate gradient 1 / (1 + (pi d)^2)."""

    @staticmethod
    def forward(ctx: Any, distance: Tensor) -> Tensor:
        ctx.save_for_backward(distance)
        return (distance > 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (distance,) = ctx.saved_tensors
        return grad / (1 + (math.pi * distance) ** 2)


def reference(current: Tensor, decay: Tensor, threshold: Tensor, steps: int) -> Tensor:
    """The loop in plain torch code; arguments as in `Leaky.forward`."""
    membrane = spikes = torch.zeros_like(current[:, 0])
    out = []
    for t in range(steps):
        drive = current[:, t if current.shape[1] > 1 else 0]
        membrane = decay * membrane + drive - spikes.detach() * threshold
        spikes = ArctanSpike.apply(membrane - threshold)
        out.append(spikes)
    return torch.stack(out, 1)


class CompiledLoop(torch.autograd.Function):
    """The same loop and its adjoint, compiled; neurons are spread over threads."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, decay: Tensor, threshold: Tensor, steps: int) -> Tensor:
        current = current.contiguous()
        shape = (current.shape[0], steps, current.shape[2])
        membrane, spikes = current.new_empty(shape), current.new_empty(shape)
        arrays = current.numpy(), membrane.numpy(), spikes.numpy()
        scalars = decay.detach().numpy()[()], threshold.detach().numpy()[()]
        over_parts(lambda first, last: advance(first, last, *scalars, *arrays), shape[0], membrane.numel())
        ctx.save_for_backward(membrane, spikes)
        ctx.scalars, ctx.held = scalars, current.shape[1] == 1
        return spikes

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        membrane, spikes = ctx.saved_tensors
        neurons, steps, batch = membrane.shape
        grad_current = membrane.new_zeros(neurons, 1 if ctx.held else steps, batch)
        sums = np.zeros((neurons, 2))
        arrays = grad.contiguous().numpy(), membrane.numpy(), spikes.numpy(), grad_current.numpy(), sums
        over_parts(lambda first, last: retrace(first, last, *ctx.scalars, *arrays), neurons, membrane.numel())
        by_decay, by_threshold = torch.from_numpy(sums.sum(0)).to(membrane.dtype)
        return grad_current, by_decay, by_threshold, None


@njit(nogil=True, cache=True, error_model="numpy")
def advance(first, last, decay, threshold, current, membrane, spikes):
    """Run neurons first..last-1 over time; fills membrane and spikes [N, T, B]."""
    one, zero = spikes.dtype.type(1), spikes.dtype.type(0)
    held = current.shape[1] == 1
    for n in range(first, last):
        for t in range(spikes.shape[1]):
            drive, u, s = current[n, 0 if held else t], membrane[n, t], spikes[n, t]
            if t == 0:
                for b in range(u.size):
                    u[b] = drive[b]
                    s[b] = one if drive[b] > threshold else zero
            else:
                before, fired = membrane[n, t - 1], spikes[n, t - 1]
                for b in range(u.size):
                    v = decay * before[b] + drive[b] - fired[b] * threshold
                    u[b] = v
                    s[b] = one if v - threshold > zero else zero


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp"})
def retrace(first, last, decay, threshold, grad, membrane, spikes, grad_current, sums):
    """Adjoint of `advance`: gradient of the current, and per neuron those of decay and threshold, sums [N, 2]."""
    pi, one = grad.dtype.type(math.pi), grad.dtype.type(1)
    held = grad_current.shape[1] == 1
    carry = np.empty(grad.shape[2], grad.dtype)
    for n in range(first, last):
        carry[:] = 0
        for t in range(grad.shape[1] - 1, -1, -1):
            g, u, out = grad[n, t], membrane[n, t], grad_current[n, 0 if held else t]
            surrogate = grad.dtype.type(0)
            for b in range(g.size):
                distance = pi * (u[b] - threshold)
                through = g[b] / (one + distance * distance)
                surrogate += through
                carry[b] = through + decay * carry[b]
            for b in range(g.size):
                out[b] += carry[b]
            sums[n, 1] -= surrogate
            if t > 0:
                before, fired = membrane[n, t - 1], spikes[n, t - 1]
                leak, reset = grad.dtype.type(0), grad.dtype.type(0)
                for b in range(g.size):
                    leak += carry[b] * before[b]
                    reset += carry[b] * fired[b]
                sums[n, 0] += leak
                sums[n, 1] -= reset
