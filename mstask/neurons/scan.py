"""The time loop of a spiking layer: one step function, run by plain autograd (reference) or by a fused kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mstask.errors import MstaskError, nearest
from mstask.neurons.ops import surrogate_spike

if TYPE_CHECKING:
    from mstask.neurons.base import Neuron

BACKENDS = ("auto", "fused", "reference")


def scan(neuron: Neuron, drive: Tensor) -> tuple[Tensor, Any]:
    """Run `neuron.step` over drive [B, T, W] from rest; return spikes [B, T, W] and the final state.

    The backend is the neuron's own unless that is "auto" and `MSTASK_BACKEND` names another.
    """
    backend = neuron.backend if neuron.backend != "auto" else os.environ.get("MSTASK_BACKEND", "auto")
    if backend not in BACKENDS:
        raise MstaskError(f"backend {backend!r} is unknown; {nearest(backend, BACKENDS)}")
    return reference(neuron, drive)


def reference(neuron: Neuron, drive: Tensor) -> tuple[Tensor, Any]:
    """Run the step once per time step as ordinary torch code; autograd gives the gradient."""
    batch, steps, width = drive.shape
    c = neuron.coefficients(steps)
    per_step = [value.dim() == 2 for value in c]
    fire = surrogate_spike(neuron.threshold, neuron.surrogate_slope)
    state = neuron.State(*(drive.new_zeros(batch, width) for _ in neuron.State._fields))
    spikes = []
    for t, x in enumerate(drive.unbind(1)):
        at_t = type(c)(*(value[t] if moving else value for value, moving in zip(c, per_step, strict=True)))
        s, state = neuron.step(x, state, at_t, fire)
        spikes.append(s)
    return torch.stack(spikes, 1) if spikes else torch.zeros_like(drive), state
