"""Which form of the equations runs: compiled on the CPU, as a convolution elsewhere, or the plain loop for comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mstask.errors import MstaskError, nearest
from mstask.studies.hetsyn import direct, fourier


class Form(NamedTuple):
    """How the drive and the spikes of a layer are computed."""

    drive: Callable[..., Tensor]
    spikes: Callable[..., Tensor]


def _convolved(x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    return fourier.drive(x, w, r) if r.dim() == 2 else direct.drive(x, w, r)


def _compiled() -> Form | None:
    try:
        from mstask.studies.hetsyn import fused
    except ImportError:  # numba is absent
        return None
    return Form(fused.drive, fused.spikes)


DIRECT = Form(direct.drive, direct.spikes)
CONVOLVED = Form(_convolved, direct.spikes)
BACKENDS = ("auto", "fused", "fourier", "direct")


def form(backend: str, x: Tensor) -> Form:
    """The form for an input; "auto" takes the compiled one on the CPU and the convolution elsewhere."""
    if backend not in BACKENDS:
        raise MstaskError(f"backend {backend!r} is unknown; {nearest(backend, BACKENDS)}")
    if backend == "direct":
        return DIRECT
    compiled = _compiled() if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) else None
    if backend == "fused" and compiled is None:
        raise MstaskError(f"backend 'fused' needs numba and numbers on the CPU, found {x.dtype} on {x.device}")
    return compiled or CONVOLVED if backend != "fourier" else CONVOLVED
