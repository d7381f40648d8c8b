"""Spiking layers and readouts as differentiable functions of spike times.

A layer maps the spikes of a batch to its own; its backward pass maps dL/d(own spike times) to dL/d(input spike times)
and to exact gradients of weights, delays and time constants (Wunderlich & Pehle, Sci. Rep. 11:12829, 2021). Layers
therefore stack, and a loss is ordinary torch code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mstask.studies.eventprop import delayed, readout, synchronous
from mstask.studies.eventprop.compiled import separated
from mstask.studies.eventprop.events import EventpropError, Spikes

LARGEST = 4_000_000
"""Spikes of one batch and layer beyond which the network counts as exploded."""
_NONE = np.zeros((0, 0))

Push = Callable[[NDArray[np.int64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Membrane:
    """What all neurons of a layer share: threshold and reset, and how the threshold adapts (none where `jump` is 0).

    After a spike the threshold rises by `jump` and falls back with `tau_b` ms (ALIF); it starts `begin` above its rest.
    With `once` a neuron fires once in a trial at most, which is all that a loss of first spikes sees.
    """

    threshold: float = 1.0
    reset: float = 0.0
    tau_b: float = 100.0
    jump: float = 0.0
    begin: float = 0.0
    once: bool = False

    def __post_init__(self) -> None:
        if not self.reset < self.threshold:
            raise EventpropError(f"the reset {self.reset} is not below the threshold {self.threshold}")
        if not (self.tau_b > 0 and self.jump >= 0 and self.begin >= 0):
            raise EventpropError(f"{self}: expected tau_b above 0, jump and begin at least 0")


@dataclass(frozen=True)
class Fired:
    """What a layer did: its spikes, their differentiable times [M], V at the end [B, N], and the largest 1/(I - V)."""

    spikes: Spikes
    times: Tensor
    final: Tensor
    steepest: float


class SpikingLayer(nn.Module):
    """LIF neurons (ALIF where the membrane adapts), simulated in continuous time, with exact gradients.

    Parameters
    ----------
    weights
        Feed-forward weights [inputs, N]; a spike adds its weight to the synaptic current.
    tau_m, tau_s
        Membrane and synaptic time constants in ms [N].
    recurrent
        Weights [N, N] between the layer's own neurons, or None.
    delays, own_delays
        Delays in ms of either kind of weight, of the same shapes, or None for none at all.
    """

    def __init__(
        self,
        weights: Tensor,
        tau_m: Tensor,
        tau_s: Tensor,
        membrane: Membrane,
        recurrent: Tensor | None = None,
        delays: Tensor | None = None,
        own_delays: Tensor | None = None,
    ) -> None:
        super().__init__()
        n_neurons = weights.shape[1]
        shapes = {"tau_m": (tau_m, (n_neurons,)), "tau_s": (tau_s, (n_neurons,))}
        shapes |= {"recurrent": (recurrent, (n_neurons,) * 2), "delays": (delays, tuple(weights.shape))}
        shapes |= {"own_delays": (own_delays, (n_neurons,) * 2)}
        for name, (values, shape) in shapes.items():
            if values is not None and tuple(values.shape) != shape:
                raise EventpropError(f"{name} has shape {list(values.shape)}, expected {list(shape)}")
        if membrane.once and not (recurrent is None and delays is None):
            raise EventpropError("neurons that fire once can't have recurrent weights or delays")
        self.membrane = membrane
        self.weights, self.tau_m, self.tau_s = _parameter(weights), _parameter(tau_m), _parameter(tau_s)
        self.recurrent, self.delays, self.own_delays = _parameter(recurrent), _parameter(delays), _parameter(own_delays)
        self._room = 256

    @property
    def size(self) -> int:
        return self.weights.shape[1]

    def extra_repr(self) -> str:
        has = [name for name in ("recurrent", "delays") if getattr(self, name) is not None]
        return ", ".join([f"{self.weights.shape[0]} -> {self.size}", *has])

    def forward(self, spikes: Spikes, trial_ms: float, times: Tensor | None = None, push: Push | None = None) -> Fired:
        """Run a batch of trials of `trial_ms` ms.

        `times` are the differentiable times of `spikes` where those come from another layer. `push` maps the layer's
        spike counts [B, N] to what the regularisation adds to lam_V after every jump.
        """
        if spikes.n_ids != self.weights.shape[0]:
            raise EventpropError(f"spikes of {spikes.n_ids} channels meet weights for {self.weights.shape[0]}")
        if len(spikes.times) and spikes.times.max() > trial_ms:
            raise EventpropError(f"a spike at {spikes.times.max():g} ms lies after the trial's end at {trial_ms:g} ms")
        parameters = (self.weights, self.recurrent, self.tau_m, self.tau_s, self.delays, self.own_delays)
        fired, times, final = _Layer.apply(self, spikes.exact(), trial_ms, push, times, *parameters)
        return Fired(fired.spikes, times, final, fired.steepest)


def _parameter(values: Tensor | None) -> nn.Parameter | None:
    return None if values is None else nn.Parameter(values.detach().to(torch.float64).clone())


def _array(values: Tensor | None) -> NDArray[np.float64]:
    return _NONE if values is None else np.ascontiguousarray(values.detach().numpy())


@dataclass
class _Run:
    """All arrays of a forward pass that its backward pass needs."""

    spikes: Spikes
    current: NDArray[np.float64]
    extra: NDArray[np.float64]
    final: NDArray[np.float64]
    log: tuple[NDArray, ...]
    steepest: float


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layer, inputs, end, push, times, weights, recurrent, tau_m, tau_s, delays, own_delays):
        taus = _array(tau_m), separated(_array(tau_m), _array(tau_s))
        arrays = _array(weights), _array(recurrent), *taus
        lags = None
        if delays is not None or own_delays is not None:
            lags = (
                _array(delays) if delays is not None else np.zeros(arrays[0].shape),
                _array(own_delays) if own_delays is not None else np.zeros(arrays[1].shape),
            )
        run = _simulate(layer, inputs, end, arrays, lags, ctx.needs_input_grad[7] or ctx.needs_input_grad[8])
        counts = run.spikes.counts()
        ctx.push = np.zeros(counts.shape) if push is None else np.ascontiguousarray(push(counts), np.float64)
        ctx.run, ctx.inputs, ctx.end, ctx.arrays, ctx.lags, ctx.membrane = run, inputs, end, arrays, lags, layer.membrane
        return run, torch.from_numpy(run.spikes.times), torch.from_numpy(run.final)

    @staticmethod
    def backward(ctx, _, d_times, d_final):
        run, inputs, m = ctx.run, ctx.inputs, ctx.membrane
        weights, recurrent, tau_m, tau_s = ctx.arrays
        error = np.zeros(len(run.spikes.times)) if d_times is None else d_times.numpy().copy()
        d_final = np.zeros(run.final.shape) if d_final is None else d_final.contiguous().numpy()
        d_weights, d_recurrent = np.zeros(weights.shape), np.zeros(recurrent.shape)
        d_tau_m, d_tau_s = np.zeros(tau_m.shape), np.zeros(tau_s.shape)
        through = ctx.needs_input_grad[4]
        d_inputs = np.zeros(len(inputs.times) if through or ctx.lags else 0)
        physics = tau_m, tau_s, m.tau_b, m.jump, m.threshold, m.reset, ctx.end
        d_delays = d_own_delays = None
        if ctx.lags is None:
            synchronous.backward(
                inputs.times, inputs.ids, inputs.starts, weights, recurrent, *physics,
                run.spikes.times, run.spikes.ids, run.spikes.starts, run.current, run.extra, *run.log,
                error, d_final, ctx.push, d_inputs, d_weights, d_recurrent, d_tau_m, d_tau_s,
            )  # fmt: skip
        else:
            d_delays, d_own_delays = (np.zeros(lag.shape) for lag in ctx.lags)
            delayed.backward(
                inputs.ids, inputs.starts, weights, recurrent, *physics,
                run.spikes.ids, run.current, run.extra, *run.log,
                error, d_final, ctx.push, d_inputs, d_weights, d_recurrent, d_delays, d_own_delays, d_tau_m, d_tau_s,
            )  # fmt: skip
        gradients = d_inputs, d_weights, d_recurrent, d_tau_m, d_tau_s, d_delays, d_own_delays
        wanted = zip(gradients, ctx.needs_input_grad[4:], strict=True)
        return None, None, None, None, *(torch.from_numpy(g) if needed else None for g, needed in wanted)


def _simulate(layer: SpikingLayer, inputs: Spikes, end: float, arrays, lags, taus: bool) -> _Run:
    """Run the forward kernel, with longer buffers as long as they are too short."""
    m, n_trials, n_neurons = layer.membrane, len(inputs), layer.size
    weights, recurrent, tau_m, tau_s = arrays
    physics = tau_m, tau_s, m.tau_b, m.jump, m.begin, m.threshold, m.reset, end
    starts, log_starts = np.zeros(n_trials + 1, np.int64), np.zeros(n_trials + 1, np.int64)
    final = np.empty((n_trials, n_neurons))
    while True:
        room = layer._room
        if room > LARGEST:
            raise EventpropError(f"the layer fires more than {LARGEST} spikes in a batch of {n_trials} trials: it has exploded")
        times, ids = np.empty(room), np.empty(room, np.int64)
        current, extra = np.empty(room), np.empty(room)
        out = times, ids, starts, current, extra, final
        if lags is None:
            n_logged = len(inputs.times) + (room if len(recurrent) else 0) if taus else 0
            log = np.empty((n_logged, n_neurons)), np.empty((n_logged, n_neurons)), log_starts
            n = synchronous.forward(
                inputs.times, inputs.ids, inputs.starts, weights, recurrent, *physics, m.once, *out, *log
            )  # fmt: skip
        else:
            n_logged = len(inputs.times) * n_neurons + room * (1 + len(recurrent))
            kinds = tuple(np.empty(n_logged, np.int64) for _ in range(3))
            log = np.empty(n_logged), *kinds, np.empty(n_logged), np.empty(n_logged), log_starts
            n = delayed.forward(
                inputs.times, inputs.ids, inputs.starts, weights, recurrent, *lags, *physics, *out, *log
            )  # fmt: skip
        if n != synchronous.FULL:
            break
        layer._room = 2 * room
    times, ids, current, extra = (values[:n].copy() for values in (times, ids, current, extra))
    gap = current - m.threshold - extra
    steepest = float(1 / np.abs(gap).min()) if n and gap.any() else 0.0
    return _Run(Spikes(times, ids, starts, n_neurons), current, extra, final, log, steepest)


class VoltageReadout(nn.Module):
    """Leaky integrators without threshold (LI), sampled at (k + 1/2) `step` ms: V [B, K, M] from hidden spikes."""

    def __init__(self, weights: Tensor, tau_m: Tensor, tau_s: Tensor, step: float) -> None:
        super().__init__()
        self.weights, self.tau_m, self.tau_s = _parameter(weights), _parameter(tau_m), _parameter(tau_s)
        self.step = step

    def extra_repr(self) -> str:
        return f"{self.weights.shape[0]} -> {self.weights.shape[1]}, every {self.step:g} ms"

    def forward(self, fired: Fired, trial_ms: float) -> Tensor:
        """Output voltages at the comb of times; the trial must be a whole number of steps."""
        n_samples = samples(trial_ms, self.step)
        return _Comb.apply(fired.spikes, n_samples, self.step, fired.times, self.weights, self.tau_m, self.tau_s)


def samples(trial_ms: float, step: float) -> int:
    """How many comb times a trial has."""
    n = round(trial_ms / step)
    if n < 1 or abs(n * step - trial_ms) > 1e-9 * trial_ms:
        raise EventpropError(f"a trial of {trial_ms:g} ms is not a whole number of readout steps of {step:g} ms")
    return n


class _Comb(torch.autograd.Function):
    @staticmethod
    def forward(ctx, spikes, n_samples, step, times, weights, tau_m, tau_s):
        arrays = _array(weights), _array(tau_m), separated(_array(tau_m), _array(tau_s))
        shape = len(spikes), n_samples, weights.shape[1]
        voltage = np.empty(shape)
        current = np.empty(shape if ctx.needs_input_grad[5] or ctx.needs_input_grad[6] else (0, 0, 0))
        readout.forward(spikes.times, spikes.ids, spikes.starts, *arrays, step, voltage, current)
        ctx.run = spikes, arrays, step, voltage, current
        return torch.from_numpy(voltage)

    @staticmethod
    def backward(ctx, d_voltage):
        spikes, arrays, step, voltage, current = ctx.run
        gradients = [np.zeros(len(spikes.times)), *(np.zeros(values.shape) for values in arrays)]
        readout.backward(
            spikes.times, spikes.ids, spikes.starts, *arrays, step, voltage, current,
            d_voltage.contiguous().numpy(), *gradients,
        )  # fmt: skip
        wanted = zip(gradients, ctx.needs_input_grad[3:], strict=True)
        return None, None, None, *(torch.from_numpy(g) if needed else None for g, needed in wanted)
