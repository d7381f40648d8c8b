"""The compiled form, each layer one autograd node: no current is stored, and gradients come from two traces back in time.

Equal to the plain form of `forms` up to the order of sums. Memory beside inputs and outputs: one current per synapse and
thread, and a few sums per synapse for each of at most `CHUNKS` parts of the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mstask.fused.memory import keep_freed_memory
from mstask.neurons.threads import over_parts
from mstask.studies.hetsyn import kernels

if TYPE_CHECKING:
    from mstask.studies.hetsyn.forms import Surrogate

CHUNKS = 4
"""Parts of a batch that sum their gradients separately: fixed, so that the number of threads doesn't change the sums."""


def drive(x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """Filtered input V_in [B, T, N]; see `forms.drive`."""
    keep_freed_memory()
    if r.dim() == 2:
        return _Synapses.apply(x.contiguous(), w.contiguous(), r.contiguous())
    return _Leaky.apply((x @ w.T).contiguous(), r.expand(len(w)).contiguous())


def spikes(
    driven: Tensor, w: Tensor | None, r: Tensor, theta: float, kappa: float, a: float, rho_a: float, surrogate: Surrogate
) -> Tensor:
    """Spikes z [B, T, N]; see `forms.spikes`."""
    width = driven.shape[-1]
    if w is None:
        w, r = driven.new_zeros(width, 0), driven.new_zeros(())
    r = r.T if r.dim() == 2 else r.expand(1, width)
    return _Spikes.apply(driven.contiguous(), w.T.contiguous(), r.contiguous(), (theta, kappa, a, rho_a), surrogate)


def _over_samples(kernel: Callable[..., None], size: int, *values: Any, sums: tuple[Tensor, ...] = ()) -> list[Tensor]:
    """Call kernel(*values, *sums, first, last) for each part of a batch, on as many threads as torch uses.

    Returns the sums, of the shapes of those given, over all parts; `size` is how much there is to compute.
    """
    batch = len(values[0])
    parts = min(CHUNKS, batch)
    given = [value.detach().numpy() if isinstance(value, Tensor) else value for value in values]
    totals = [np.zeros((parts, *like.shape), given[0].dtype) for like in sums]

    def several(first: int, last: int) -> None:
        for part in range(first, last):
            kernel(*given, *(total[part] for total in totals), part * batch // parts, (part + 1) * batch // parts)

    over_parts(several, parts, size)
    return [torch.from_numpy(total.sum(0)) for total in totals]


class _Synapses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, r: Tensor) -> Tensor:
        ctx.save_for_backward(x, w, r)
        out = x.new_empty(*x.shape[:2], len(w))
        _over_samples(kernels.drive, w.numel() * x.shape[1], x, w, r, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, w, r = ctx.saved_tensors
        wanted = ctx.needs_input_grad[0]
        grad_x = torch.zeros_like(x) if wanted else x.new_empty(0, *x.shape[1:])
        # the kernels' inner loop runs over the longer side of w, which is then the last
        across = len(w) > w.shape[1]
        kernel = kernels.drive_adjoint_across if across else kernels.drive_adjoint
        w, r = (w.T.contiguous(), r.T.contiguous()) if across else (w, r)
        size = w.numel() * x.shape[1]
        by_e, by_f = _over_samples(kernel, size, x, w, r, grad.contiguous(), grad_x, sums=(w, w))
        by_r = w * by_f
        return grad_x if wanted else None, by_e.T if across else by_e, by_r.T if across else by_r


class _Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, r: Tensor) -> Tensor:
        out = torch.empty_like(y)
        _over_samples(kernels.leaky, y.numel(), y, r, out)
        ctx.save_for_backward(out, r)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        out, r = ctx.saved_tensors
        grad_y = torch.empty_like(out)
        (by_r,) = _over_samples(kernels.leaky_adjoint, out.numel(), out, r, grad.contiguous(), grad_y, sums=(r,))
        return grad_y, by_r


class _Spikes(torch.autograd.Function):
    """w is [presynaptic, postsynaptic], r the same or [1, postsynaptic]."""

    @staticmethod
    def forward(ctx: Any, driven: Tensor, w: Tensor, r: Tensor, constants: tuple[float, ...], surrogate: Surrogate) -> Tensor:
        v, z = torch.empty_like(driven), torch.empty_like(driven)
        number = driven.detach().numpy().dtype.type
        scalars = tuple(number(value) for value in constants)
        per_synapse = len(w) > 0 and len(r) == len(w)
        _over_samples(kernels.spikes, v.numel(), driven, w, r, per_synapse, scalars, v, z)
        ctx.save_for_backward(v, z, w, r)
        ctx.scalars, ctx.surrogate, ctx.per_synapse = scalars, surrogate, per_synapse
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        v, z, w, r = ctx.saved_tensors
        theta = float(ctx.scalars[0])
        phi, delta = ctx.surrogate(v - theta, theta), torch.empty_like(v)
        given = z, phi, grad.contiguous(), w, r, ctx.per_synapse, ctx.scalars, delta
        by_e, by_f = _over_samples(kernels.spikes_adjoint, v.numel(), *given, sums=(w, w))
        by_r = w * by_f
        return delta, by_e, by_r if ctx.per_synapse else by_r.sum(0, keepdim=True), None, None
