"""The time loop of a spiking layer: one step function, run by plain autograd (reference) or by a fused kernel."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mstask.errors import MstaskError, NotFusable, nearest
from mstask.neurons.ops import never_fires, surrogate_spike
from mstask.plugins import plugin

if TYPE_CHECKING:
    from mstask.neurons.base import Neuron

BACKENDS = ("auto", "fused", "reference")

log = logging.getLogger("mstask.neurons")
_told: set[str] = set()


def scan(neuron: Neuron, drive: Tensor) -> tuple[Tensor, Any]:
    """Run `neuron.step` over drive [B, T, W] from rest; return spikes [B, T, W] and the final state.

    The backend is the neuron's own unless that is "auto" and `MSTASK_BACKEND` names another. "auto" runs the fused loop
    where it can and says once, in the log, why it can't; "fused" raises that reason as an `MstaskError`.

    Both loops do the same operations in the same order, so spikes and states are the same bit for bit. Three words may
    round differently in the last place: a layer sum of values other than spikes, exp, log, sin, cos, tanh and sigmoid
    inside a step, and `angle` in double precision.
    """
    backend = chosen_backend(neuron)
    if backend == "reference":
        return reference(neuron, drive)
    try:
        return plugin("fused").run(neuron, drive)
    except NotFusable as reason:
        if backend == "fused":
            raise
        _tell(f"Running the reference loop: {reason}.")
    return reference(neuron, drive)


def chosen_backend(neuron: Neuron) -> str:
    """The neuron's own backend, or that of `MSTASK_BACKEND` where the neuron leaves the choice open."""
    backend = neuron.backend if neuron.backend != "auto" else os.environ.get("MSTASK_BACKEND", "auto")
    if backend not in BACKENDS:
        raise MstaskError(f"backend {backend!r} is unknown; {nearest(backend, BACKENDS)}")
    return backend


def reference(neuron: Neuron, drive: Tensor) -> tuple[Tensor, Any]:
    """Run the step once per time step as ordinary torch code; autograd gives the gradient."""
    batch, steps, width = drive.shape
    c = neuron.coefficients(steps)
    per_step = [value.dim() == 2 for value in c]
    spike, fired = surrogate_spike(neuron.threshold, neuron.surrogate_slope), []

    def fire(u: Tensor) -> Tensor:
        fired.append(True)
        return spike(u)

    state = neuron.State(*(drive.new_zeros(batch, width) for _ in neuron.State._fields))
    spikes = []
    for t, x in enumerate(drive.unbind(1)):
        at_t = type(c)(*(value[t] if moving else value for value, moving in zip(c, per_step, strict=True)))
        result = neuron.step(x, state, at_t, fire)
        if t == 0:
            _check(neuron, result, x.shape)
        s, state = result
        spikes.append(s)
    if not spikes:
        return torch.zeros_like(drive), state
    together = torch.stack(spikes, 1)
    if not fired or (torch.is_grad_enabled() and drive.requires_grad and not together.requires_grad):
        raise never_fires(neuron.name)
    return together, state


def _check(neuron: Neuron, result: Any, shape: torch.Size) -> None:
    """Refuse a step that doesn't return spikes [B, W] and a State of tensors [B, W]."""
    expected = f"expected (spikes, {neuron.State.__name__}({', '.join(neuron.State._fields)}))"
    if not (isinstance(result, tuple) and len(result) == 2):
        raise MstaskError(f"{neuron.name}: step returned a {type(result).__name__}, {expected}")
    s, state = result
    if not (isinstance(state, tuple) and getattr(state, "_fields", None) == neuron.State._fields):
        raise MstaskError(f"{neuron.name}: step returned a {type(state).__name__} as new state, {expected}")
    for what, value in (("spikes", s), *((f"state {f}", v) for f, v in zip(neuron.State._fields, state, strict=True))):
        if not isinstance(value, Tensor) or value.shape != shape:
            found = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise MstaskError(f"{neuron.name}: step returned {what} of {found}, expected a tensor {tuple(shape)}")


def _tell(sentence: str) -> None:
    if sentence not in _told:
        _told.add(sentence)
        log.warning(sentence)
