"""What departures of the reference implementation (tnowotny/genn_eventprop) do to the gradient, against the exact one.

Each is computed on networks of this package; the formulas are restated here, no code is taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mstask.studies.eventprop.compiled import adjoint_jump
from mstask.studies.eventprop.events import Spikes
from mstask.studies.eventprop.gradients import Agreement, agreement
from mstask.studies.eventprop.layers import SpikingLayer
from mstask.studies.eventprop.losses import LOSSES
from mstask.studies.eventprop.networks import EventpropNet

EXP = LOSSES["exp"]

Jump = Callable[[SpikingLayer, float, float, float, float, float], tuple[float, float]]
"""From (layer, I, B, lam_V, lam_B, dL/dt) just before a spike, in backward order, to the new (lam_V, lam_B)."""


def exact_jump(layer: SpikingLayer, drive: float, extra: float, lam_v: float, lam_b: float, felt: float) -> tuple[float, float]:
    """The jump of the adjoint at a spike of an adaptive neuron."""
    m, tau_m = layer.membrane, layer.tau_m[0].item()
    return adjoint_jump(lam_v, lam_b, felt, drive, extra, tau_m, m.tau_b, m.jump, m.threshold, m.reset)


def reference_jump(
    layer: SpikingLayer, drive: float, extra: float, lam_v: float, lam_b: float, felt: float
) -> tuple[float, float]:
    """The same in the reference implementation.

    It has B/tau_B with the other sign in the slope, the bare threshold instead of the raised one, and lam_B grows by the
    jump (exact: shrinks), computed from lam_V after its own jump.
    """
    m, tau_m = layer.membrane, layer.tau_m[0].item()
    slope = (drive - m.threshold - extra) / tau_m - extra / m.tau_b
    new = lam_v + (m.threshold * lam_v + felt - m.jump * lam_b) / (tau_m * slope)
    return new, lam_b + (m.threshold * new + felt - m.jump * lam_b) / (m.tau_b * slope)


def adaptive_gradient(net: EventpropNet, inputs: Spikes, label: int, jump: Jump) -> NDArray[np.float64]:
    """Gradient of the input weights [inputs, N] of one feed-forward layer of adaptive neurons, for a single trial."""
    layer = net.hidden[0]
    outputs, (fired,) = net(inputs)
    fired.times.retain_grad()
    EXP.judged(outputs, torch.tensor([label]))[1].backward()
    felt = fired.times.grad.numpy()
    found = np.zeros(tuple(layer.weights.shape))
    for n in range(layer.size):
        own = np.flatnonzero(fired.spikes.ids == n)
        found[:, n] = _neuron(layer, n, inputs, fired.spikes.times[own], felt[own], net.architecture.trial_ms, jump)
    return found


def adaptation(seed: int, problem: Callable[[int], tuple[EventpropNet, Spikes, int]]) -> Agreement:
    """The reference implementation's gradient for adaptive neurons against the exact one, on a network of `problem`."""
    net, inputs, label = problem(seed)
    return agreement(*(adaptive_gradient(net, inputs, label, jump) for jump in (reference_jump, exact_jump)))


def forcing(net: EventpropNet, inputs: Spikes, labels: Tensor) -> dict[str, Agreement]:
    """The gradient with every output's error divided by its tau_m, against the exact one, for hidden and output weights.

    That is what remains of an Euler step in the reference implementation. Where all outputs share one tau_m, direction and
    proportions stay; with a spread of them they don't.
    """
    exact, found = (_gradients(net, inputs, labels, None if whole else net.readout.tau_m.detach()) for whole in (True, False))
    return {name: agreement(found[name], exact[name]) for name in exact}


def stale(net: EventpropNet, batches: Iterable[tuple[Spikes, Tensor]], rate: float) -> Iterator[Agreement]:
    """Train as the reference implementation does, and compare each of its gradients with the exact one; hidden weights.

    It runs batch k forward while batch k - 1 runs backward, then takes the step of batch k - 1: the backward pass of k sees
    weights that are one step newer than those of its forward pass.
    """
    parameters = [net.hidden[0].weights, net.readout.weights]
    for parameter in net.parameters():
        parameter.requires_grad_(any(parameter is chosen for chosen in parameters))
    optimiser = torch.optim.Adam(parameters, lr=rate)
    previous = None
    for inputs, labels in batches:
        _, value = EXP.judged(net(inputs)[0], labels)
        exact = torch.autograd.grad(value, parameters, retain_graph=True)
        if previous is not None:
            for parameter, gradient in zip(parameters, previous, strict=True):
                parameter.grad = gradient
            optimiser.step()
        newer = torch.autograd.grad(value, parameters)
        if previous is not None:
            yield agreement(newer[0].numpy(), exact[0].numpy())
        previous = newer


def _neuron(
    layer: SpikingLayer, n: int, inputs: Spikes, spikes: NDArray, felt: NDArray, end: float, jump: Jump
) -> NDArray[np.float64]:
    """Gradient of one neuron's input weights; walks its arrivals and spikes from the trial's end."""
    m = layer.membrane
    tau_m, tau_s = layer.tau_m[n].item(), layer.tau_s[n].item()
    times, ids = inputs.trial(0)
    weights = layer.weights.detach().numpy()[:, n]
    found = np.zeros(len(weights))
    events = sorted([(t, 0, k) for k, t in enumerate(times)] + [(t, 1, k) for k, t in enumerate(spikes)], reverse=True)
    lam_v = lam_i = lam_b = 0.0
    until = end
    for at, spike, k in events:
        a, b = np.exp(-(until - at) / tau_m), np.exp(-(until - at) / tau_s)
        lam_i = lam_i * b + tau_m / (tau_m - tau_s) * lam_v * (a - b)
        lam_v, lam_b, until = lam_v * a, lam_b * np.exp(-(until - at) / m.tau_b), at
        if spike:
            before = times < at
            drive = float((weights[ids[before]] * np.exp(-(at - times[before]) / tau_s)).sum())
            extra = float(m.jump * np.exp(-(at - spikes[:k]) / m.tau_b).sum() + m.begin * np.exp(-at / m.tau_b))
            lam_v, lam_b = jump(layer, drive, extra, lam_v, lam_b, felt[k])
        else:
            found[ids[k]] -= tau_s * lam_i
    return found


def _gradients(net: EventpropNet, inputs: Spikes, labels: Tensor, divisor: Tensor | None) -> dict[str, NDArray]:
    named = {"hidden": net.hidden[0].weights, "readout": net.readout.weights}
    outputs, _ = net(inputs)
    if divisor is not None:
        outputs.voltage.register_hook(lambda gradient: gradient / divisor)
    found = torch.autograd.grad(EXP.judged(outputs, labels)[1], list(named.values()))
    return {name: gradient.numpy() for name, gradient in zip(named, found, strict=True)}
