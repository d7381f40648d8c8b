"""The compiled form, each layer one autograd node: no current is stored, and gradients come from two traces back in time.

Equal to `mstask.studies.hetsyn.direct` up to the order of sums. Memory beside inputs and outputs: one current per
synapse and thread, and a few sums per synapse for each of at most `CHUNKS` parts of the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mstask.fused.memory import keep_freed_memory
from mstask.neurons.threads import over_parts
from mstask.studies.hetsyn import kernels
from mstask.studies.hetsyn.surrogates import Surrogate

CHUNKS = 4
"""Parts of a batch that sum their gradients separately: fixed, so that the number of threads doesn't change the sums."""


def drive(x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """Filtered input V_in [B, T, N]; see `direct.drive`."""
    keep_freed_memory()
    if r.dim() == 2:
        return _Synapses.apply(x.contiguous(), w.contiguous(), r.contiguous())
    return _Leaky.apply((x @ w.T).contiguous(), r.expand(len(w)).contiguous())


def spikes(
    driven: Tensor, w: Tensor | None, r: Tensor, theta: float, kappa: float, a: float, rho_a: float, surrogate: Surrogate
) -> Tensor:
    """Spikes z [B, T, N]; see `direct.spikes`."""
    width = driven.shape[-1]
    if w is None:
        w, r = driven.new_zeros(width, 0), driven.new_zeros(())
    r = r.T if r.dim() == 2 else r.expand(1, width)
    return _Spikes.apply(driven.contiguous(), w.T.contiguous(), r.contiguous(), (theta, kappa, a, rho_a), surrogate)


def _over_samples(batch: int, size: int, work: Any) -> None:
    """Call work(part, first, last) for each part of a batch, on as many threads as torch uses."""
    parts = min(CHUNKS, batch)
    bounds = [k * batch // parts for k in range(parts + 1)]

    def several(first: int, last: int) -> None:
        for part in range(first, last):
            work(part, bounds[part], bounds[part + 1])

    over_parts(several, parts, size)


def _sums(like: np.ndarray, batch: int) -> np.ndarray:
    return np.zeros((min(CHUNKS, batch), *like.shape), like.dtype)


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


class _Synapses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, r: Tensor) -> Tensor:
        ctx.save_for_backward(x, w, r)
        out = x.new_empty(*x.shape[:2], len(w))
        arrays = _arrays(x, w, r, out)
        _over_samples(len(x), w.numel() * x.shape[1], lambda _, first, last: kernels.drive(*arrays, first, last))
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, w, r = ctx.saved_tensors
        grad_x = torch.zeros_like(x) if ctx.needs_input_grad[0] else x.new_empty(0, *x.shape[1:])
        across = len(w) > w.shape[1]
        kernel = kernels.drive_adjoint_across if across else kernels.drive_adjoint
        oriented = [w.T.contiguous(), r.T.contiguous()] if across else [w, r]
        arrays = _arrays(x, *oriented, grad.contiguous(), grad_x)
        by_e, by_f = _sums(arrays[1], len(x)), _sums(arrays[1], len(x))
        _over_samples(
            len(x), w.numel() * x.shape[1], lambda part, first, last: kernel(*arrays, by_e[part], by_f[part], first, last)
        )
        by_w, by_r = torch.from_numpy(by_e.sum(0)), oriented[0] * torch.from_numpy(by_f.sum(0))
        return grad_x if ctx.needs_input_grad[0] else None, by_w.T if across else by_w, by_r.T if across else by_r


class _Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, r: Tensor) -> Tensor:
        out = torch.empty_like(y)
        arrays = _arrays(y, r, out)
        _over_samples(len(y), y.numel(), lambda _, first, last: kernels.leaky(*arrays, first, last))
        ctx.save_for_backward(out, r)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        out, r = ctx.saved_tensors
        grad_y = torch.empty_like(out)
        arrays = _arrays(out, r, grad.contiguous(), grad_y)
        by_r = _sums(arrays[1], len(out))
        _over_samples(len(out), out.numel(), lambda part, first, last: kernels.leaky_adjoint(*arrays, by_r[part], first, last))
        return grad_y, torch.from_numpy(by_r.sum(0))


class _Spikes(torch.autograd.Function):
    """w is [presynaptic, postsynaptic], r the same or [1, postsynaptic]."""

    @staticmethod
    def forward(ctx: Any, driven: Tensor, w: Tensor, r: Tensor, constants: tuple[float, ...], surrogate: Surrogate) -> Tensor:
        v, z = torch.empty_like(driven), torch.empty_like(driven)
        arrays = _arrays(driven, w, r)
        scalars = tuple(arrays[0].dtype.type(value) for value in constants)
        per_synapse = len(w) > 0 and len(r) == len(w)
        outputs = _arrays(v, z)
        _over_samples(
            len(driven),
            v.numel(),
            lambda _, first, last: kernels.spikes(*arrays, per_synapse, scalars, *outputs, first, last),
        )
        ctx.save_for_backward(v, z, w, r)
        ctx.scalars, ctx.surrogate, ctx.per_synapse = scalars, surrogate, per_synapse
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        v, z, w, r = ctx.saved_tensors
        theta = float(ctx.scalars[0])
        phi = ctx.surrogate(v - theta, theta)
        delta = torch.empty_like(v)
        arrays = _arrays(z, phi, grad.contiguous(), w, r)
        by_e, by_f = _sums(arrays[3], len(z)), _sums(arrays[3], len(z))
        _over_samples(
            len(z),
            v.numel(),
            lambda part, first, last: kernels.spikes_adjoint(
                *arrays, ctx.per_synapse, ctx.scalars, *_arrays(delta), by_e[part], by_f[part], first, last
            ),
        )
        by_r = w * torch.from_numpy(by_f.sum(0))
        return delta, torch.from_numpy(by_e.sum(0)), by_r if ctx.per_synapse else by_r.sum(0, keepdim=True), None, None
