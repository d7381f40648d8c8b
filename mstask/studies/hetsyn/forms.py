"""The equations of a layer in plain torch code, the same as a convolution, and which form runs where.

Shapes: x [B, T, M] in, w [N, M]; a decay r is [N, M] (one per synapse), [N] (one per neuron) or [] (one for all). Under
autograd the plain form keeps the current of every synapse at every step, B x N x M x T numbers; `fused` gives the same without.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mstask.errors import MstaskError, nearest

Surrogate = Callable[[Tensor, float], Tensor]
"""dz/dV as a function of u = V - theta and theta."""


def triangle(u: Tensor, theta: float = 1.0) -> Tensor:
    """dz/dV = max(0, 1 - |V - theta| / theta) (HetSyn, appendices B and C)."""
    return (1 - u.abs() / theta).clamp_min(0)


def multi_gaussian(u: Tensor, theta: float = 1.0) -> Tensor:
    """dz/dV = 0.5 [1.15 G(u; 0, 0.5) - 0.15 G(u; 0.5, 3) - 0.15 G(u; -0.5, 3)], G the normal density; negative far away.

    Its widths don't change with theta (Yin et al. 2021; HetSyn, appendix D).
    """

    def normal(mean: float, sd: float) -> Tensor:
        return torch.exp(-((u - mean) ** 2) / (2 * sd**2)) / math.sqrt(2 * math.pi * sd**2)

    return 0.5 * (1.15 * normal(0.0, 0.5) - 0.15 * (normal(0.5, 3.0) + normal(-0.5, 3.0)))


SURROGATES: dict[str, Surrogate] = {"triangle": triangle, "multi-gaussian": multi_gaussian}


class Spike(torch.autograd.Function):
    """z = 1 where V > theta (strictly), with the surrogate's gradient."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, theta: float, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(v)
        ctx.theta, ctx.surrogate = theta, surrogate
        return (v > theta).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (v,) = ctx.saved_tensors
        return grad * ctx.surrogate(v - ctx.theta, ctx.theta), None, None


def synapse_step(current: Tensor | None, x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """I_ji^t = r_ji I_ji^{t-1} + w_ji x_i^t (HetSyn, Eq. 8), for inputs x [B, M]; None: no current yet.

    With a decay per synapse the current is [B, N, M]. With one per neuron or for all it is the sum over i, [B, N]: that
    is filtered as each part would be (Eqs. 3 and 12).
    """
    added = w * x[:, None] if r.dim() == 2 else x @ w.T
    return added if current is None else r * current + added


def drive(x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """Filtered input V_in [B, T, N]: the currents of a neuron's synapses, summed (HetSyn, Eq. 5)."""
    current, out = None, []
    for t in range(x.shape[1]):
        current = synapse_step(current, x[:, t], w, r)
        out.append(_summed(current))
    return torch.stack(out, 1)


def spikes(
    driven: Tensor, w: Tensor | None, r: Tensor, theta: float, kappa: float, a: float, rho_a: float, surrogate: Surrogate
) -> Tensor:
    """Spikes z [B, T, N] of a layer driven by V_in [B, T, N]; w [N, N] are recurrent weights or None.

    V^t = V_in^t + sum_k I_rec^t - J^t - A^t; J^t = kappa J^{t-1} + theta z^{t-1} (Eq. 9); A^t = rho_a A^{t-1} + a z^{t-1}
    (threshold adaptation, Eq. 11); I_rec is driven by z^{t-1} of the same layer. The reset is differentiated too.
    """
    z = torch.zeros_like(driven[:, 0])
    reset, adaptation, current = z, z, None
    out = []
    for t in range(driven.shape[1]):
        v = driven[:, t]
        if w is not None:
            current = synapse_step(current, z, w, r)
            v = v + _summed(current)
        reset = kappa * reset + theta * z
        adaptation = rho_a * adaptation + a * z
        z = Spike.apply(v - reset - adaptation, theta, surrogate)
        out.append(z)
    return torch.stack(out, 1)


def convolved(x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """`drive` on any device, fast: a synapse's current is a convolution with w r^l, a product of spectra.

    It keeps N x M x T numbers, and sees a whole trial at once, so recurrent synapses can't be computed so.
    """
    if r.dim() < 2:
        return drive(x, w, r)
    steps = x.shape[1]
    length = 1 << (2 * steps - 1).bit_length()
    lags = torch.arange(steps, dtype=x.dtype, device=x.device)[:, None, None]
    kernel = torch.fft.rfft(w * r**lags, length, dim=0)
    spectrum = torch.fft.rfft(x, length, dim=1).transpose(0, 1)
    return torch.fft.irfft((spectrum @ kernel.mT).transpose(0, 1), length, dim=1)[:, :steps]


class Form(NamedTuple):
    """How the drive and the spikes of a layer are computed."""

    drive: Callable[..., Tensor]
    spikes: Callable[..., Tensor]


PLAIN, CONVOLVED = Form(drive, spikes), Form(convolved, spikes)
BACKENDS = ("auto", "fused", "fourier", "direct")


def form(backend: str, x: Tensor) -> Form:
    """The form for an input; "auto" takes the compiled one on the CPU, where numba is installed, else the convolution."""
    if backend not in BACKENDS:
        raise MstaskError(f"backend {backend!r} is unknown; {nearest(backend, BACKENDS)}")
    if backend in ("direct", "fourier"):
        return PLAIN if backend == "direct" else CONVOLVED
    if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64):
        try:
            from mstask.studies.hetsyn import fused
        except ImportError:  # numba is absent
            pass
        else:
            return Form(fused.drive, fused.spikes)
    if backend == "fused":
        raise MstaskError(f"backend 'fused' needs numba and numbers on the CPU, found {x.dtype} on {x.device}")
    return CONVOLVED


def _summed(current: Tensor) -> Tensor:
    return current.sum(-1) if current.dim() == 3 else current
