"""The same network on a time grid: simulation, Eventprop there, and the surrogate gradient, for comparison with the exact one.

Step k updates V from the current I, tests V against the threshold, resets, then lets I decay and adds the spikes of the
step. A spike therefore sits at the end of its step. Small changes of hidden weights don't move grid spikes: the true
gradient of the simulated loss is 0 for them, and Eventprop on the grid approximates the gradient in continuous time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mstask.studies.eventprop.events import Spikes
from mstask.studies.eventprop.layers import samples
from mstask.studies.eventprop.networks import EventpropNet


@dataclass(frozen=True)
class GridRun:
    """A trial on the grid: output voltage [K, C], hidden spikes [K, N], I - V at each step before the reset [K, N]."""

    voltage: NDArray[np.float64]
    spikes: NDArray[np.bool_]
    drive: NDArray[np.float64]


@dataclass(frozen=True)
class Gradients:
    """Gradients of a loss with respect to input, recurrent and output weights."""

    inputs: NDArray[np.float64]
    recurrent: NDArray[np.float64]
    outputs: NDArray[np.float64]


@dataclass(frozen=True)
class _Net:
    """The arrays of a network with one recurrent hidden layer, and its propagators for one step."""

    inputs: NDArray[np.float64]
    recurrent: NDArray[np.float64]
    outputs: NDArray[np.float64]
    hidden: tuple[NDArray, NDArray, NDArray]
    readout: tuple[NDArray, NDArray, NDArray]
    taus: tuple[NDArray, NDArray]
    readout_taus: tuple[NDArray, NDArray]
    threshold: float
    reset: float


def simulate(net: EventpropNet, inputs: Spikes, step: float) -> GridRun:
    """Run the first trial of `inputs` through a network of one recurrent LIF layer, on a grid of `step` ms."""
    arrays, drive_in = _arrays(net, step), input_steps(inputs, net.architecture.trial_ms, step)
    return _simulate(arrays, drive_in)


def gradients(net: EventpropNet, inputs: Spikes, step: float, label: int, weight: NDArray[np.float64]) -> Gradients:
    """Eventprop's gradients on the grid for cross-entropy of the mean of weight [K] times output voltage.

    Exact for output weights (the readout is linear, and the adjoint the transpose of the simulated steps). At a hidden spike
    the adjoint jumps by the formula for continuous time, with I at the step's begin and V at its end.
    """
    net_, fed = _arrays(net, step), input_steps(inputs, net.architecture.trial_ms, step)
    run = _simulate(net_, fed)
    n_steps = len(fed)
    score = torch.from_numpy((weight[:, None] * run.voltage).mean(axis=0)).requires_grad_()
    torch.nn.functional.cross_entropy(score[None], torch.tensor([label])).backward()
    force = weight[:, None] * score.grad.numpy() / n_steps
    (a, b, c), (oa, ob, oc) = net_.hidden, net_.readout
    (tau_m, tau_s), (out_m, out_s) = net_.taus, net_.readout_taus
    lam_v, lam_i = np.zeros(len(tau_m)), np.zeros(len(tau_m))
    out_v, out_i = np.zeros(len(out_m)), np.zeros(len(out_m))
    g_in, g_rec, g_out = (np.zeros(w.shape) for w in (net_.inputs, net_.recurrent, net_.outputs))
    for k in range(n_steps - 1, -1, -1):
        fired = run.spikes[k]
        g_in -= np.outer(fed[k], tau_s * lam_i)
        g_rec -= np.outer(fired, tau_s * lam_i)
        g_out -= np.outer(fired, out_s * out_i)
        felt = net_.outputs @ (out_v - out_i) + net_.recurrent @ (lam_v - lam_i)
        slope = np.where(fired, run.drive[k], 1.0)
        jumped = lam_v + ((net_.threshold - net_.reset) * lam_v + felt) / slope
        lam_v = np.where(fired, jumped, lam_v)
        out_v = out_v - force[k] / out_m
        lam_i, lam_v = lam_i * b + tau_m / tau_s * c * lam_v, lam_v * a
        out_i, out_v = out_i * ob + out_m / out_s * oc * out_v, out_v * oa
    return Gradients(g_in, g_rec, g_out)


def surrogate_gradients(
    net: EventpropNet, inputs: Spikes, step: float, label: int, weight: NDArray[np.float64], slope: float
) -> Gradients:
    """Gradients of the same loss by backpropagation through the grid's steps, spikes with derivative 1/(1 + slope |V - th|)^2.

    The reset passes no gradient.
    """
    net_, fed = _arrays(net, step), torch.from_numpy(input_steps(inputs, net.architecture.trial_ms, step))
    (a, b, c), (oa, ob, oc) = (tuple(torch.from_numpy(x) for x in taus) for taus in (net_.hidden, net_.readout))
    w_in, w_rec, w_out = (torch.from_numpy(w).requires_grad_() for w in (net_.inputs, net_.recurrent, net_.outputs))
    v = i = torch.zeros(len(a), dtype=torch.float64)
    out_v = out_i = torch.zeros(len(oa), dtype=torch.float64)
    trace = []
    for k in range(len(fed)):
        v = v * a + i * c
        spikes = _Surrogate.apply(v - net_.threshold, slope)
        v = torch.where(spikes.detach() > 0, net_.reset, v)
        i = i * b + fed[k] @ w_in + spikes @ w_rec
        out_v, out_i = out_v * oa + out_i * oc, out_i * ob + spikes @ w_out
        trace.append(out_v)
    score = (torch.from_numpy(weight)[:, None] * torch.stack(trace)).mean(dim=0)
    torch.nn.functional.cross_entropy(score[None], torch.tensor([label])).backward()
    return Gradients(*(w.grad.numpy() for w in (w_in, w_rec, w_out)))


def input_steps(inputs: Spikes, trial_ms: float, step: float) -> NDArray[np.float64]:
    """The first trial's input spikes counted per step [K, channels]: a spike acts from the first step that ends after it."""
    times, ids = inputs.trial(0)
    n_steps = samples(trial_ms, step)
    fed = np.zeros((n_steps, inputs.n_ids))
    np.add.at(fed, (np.minimum(np.ceil(times / step - 1e-9).astype(int) - (times > 0), n_steps - 1), ids), 1.0)
    return fed


class _Surrogate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, distance: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.slope = slope
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx, d_spikes: Tensor):
        (distance,) = ctx.saved_tensors
        return d_spikes / (1 + ctx.slope * distance.abs()) ** 2, None


def _arrays(net: EventpropNet, step: float) -> _Net:
    layer = net.hidden[0]

    def numbers(values: Tensor) -> NDArray[np.float64]:
        return values.detach().numpy().copy()

    def propagators(tau_m: NDArray, tau_s: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        a, b = np.exp(-step / tau_m), np.exp(-step / tau_s)
        return a, b, tau_s / (tau_m - tau_s) * (a - b)

    taus = numbers(layer.tau_m), numbers(layer.tau_s)
    out = numbers(net.readout.tau_m), numbers(net.readout.tau_s)
    weights = numbers(layer.weights), numbers(layer.recurrent), numbers(net.readout.weights)
    membrane = layer.membrane
    return _Net(*weights, propagators(*taus), propagators(*out), taus, out, membrane.threshold, membrane.reset)


def _simulate(net: _Net, fed: NDArray[np.float64]) -> GridRun:
    (a, b, c), (oa, ob, oc) = net.hidden, net.readout
    n_steps, n = len(fed), len(a)
    v, i, out_v, out_i = np.zeros(n), np.zeros(n), np.zeros(len(oa)), np.zeros(len(oa))
    voltage, spikes, drive = np.empty((n_steps, len(oa))), np.empty((n_steps, n), bool), np.empty((n_steps, n))
    fed = fed @ net.inputs
    for k in range(n_steps):
        start = i
        v = v * a + i * c
        spikes[k] = v >= net.threshold
        drive[k] = start - v
        v = np.where(spikes[k], net.reset, v)
        i = i * b + fed[k] + spikes[k] @ net.recurrent
        out_v, out_i = out_v * oa + out_i * oc, out_i * ob + spikes[k] @ net.outputs
        voltage[k] = out_v
    return GridRun(voltage, spikes, drive)
