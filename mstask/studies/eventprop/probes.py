"""What one cell of the section on gradients does: one question about gradients, on networks drawn by the cell's seed.

Among them: what departures of the reference implementation (tnowotny/genn_eventprop) do to the gradient. Each is computed on
networks of this package; the formulas are restated here, no code is taken over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mstask.data import Splits
from mstask.job import Job, Measured
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.studies.eventprop import gradients, yin_yang
from mstask.studies.eventprop.compiled import adjoint_jump
from mstask.studies.eventprop.events import Spikes, from_events
from mstask.studies.eventprop.gradients import Agreement, agreement
from mstask.studies.eventprop.layers import SpikingLayer
from mstask.studies.eventprop.losses import LOSSES, WEIGHTS, Constants
from mstask.studies.eventprop.methods import PROBES, Initial
from mstask.studies.eventprop.networks import Architecture, EventpropNet
from mstask.studies.eventprop.parameters import GradientParameters

YIN_YANG = Architecture(5, 3, 60.0, (60,))
RECURRENT = Architecture(
    5, 3, 60.0, (4,), neuron="hetLIF", readout="hetLI", recurrent=True, input_weights=Initial(1.2, 0.8),
    recurrent_weights=Initial(0.2, 0.5), output_weights=Initial(0.0, 1.0),
)  # fmt: skip
NETWORKS = {
    "recurrent": RECURRENT,
    "two-layers": replace(RECURRENT, hidden=(5, 4), hidden_weights=Initial(1.0, 0.5)),
    "adaptive": replace(RECURRENT, neuron="ALIF", adaptation=0.3, initial_adaptation=0.1),
    "delays": replace(RECURRENT, largest_delay=4.0),
}
"""Besides the losses: networks whose every parameter is checked, time constants and delays included."""
STEPS = (1e-6, 1e-7)
"""Widths of finite differences; of a parameter's two largest errors the smaller counts, since either can be the wrong one."""
BATCH = 32
EXP = LOSSES["exp"]

Jump = Callable[[SpikingLayer, float, float, float, float, float], tuple[float, float]]
"""From (layer, I, B, lam_V, lam_B, dL/dt) just before a spike, in backward order, to the new (lam_V, lam_B)."""


def load(section: Section, parameters: GradientParameters, case: str | None) -> Splits:
    """Yin-Yang; the recurrent networks get random spike trains instead."""
    return yin_yang.spike_splits(parameters.data_size)


def measure(job: Job[GradientParameters]) -> Measured:
    """Answer the question that the method names."""
    started = time.perf_counter()
    details = ASKED[job.method](job.seed, job.parameters, job.splits)
    return Measured(Measures(details=details), {"measure": time.perf_counter() - started})


def finite_differences(seed: int, parameters: GradientParameters, splits: Splits) -> dict[str, Any]:
    """The adjoint against central differences of the loss: for each loss on Yin-Yang, for each of `NETWORKS`."""
    rows = np.random.default_rng(seed).choice(len(splits.train.y), 8, replace=False)
    inputs, labels = splits.train.x.take(rows), splits.train.y[torch.from_numpy(rows)]
    found = {}
    for name, loss in LOSSES.items():
        spiking = replace(YIN_YANG, readout="LIF", output_weights=Initial(0.93, 0.1))
        net = EventpropNet(spiking if loss.spiking else YIN_YANG, seed)
        chosen = ["hidden.0.weights", "readout.weights"]
        found[name] = _checked(net, inputs, labels, name, parameters.entries, chosen, Constants(input_gain=20.0))
    for name, architecture in NETWORKS.items():
        trains, classes = random_trains(seed)
        found[name] = _checked(EventpropNet(architecture, seed), trains, classes, "exp", parameters.entries)
    return {"networks": found}


def grid_bias(seed: int, parameters: GradientParameters, splits: Splits) -> dict[str, Any]:
    """Eventprop on a time grid against the exact gradient of the same network, by step."""
    return gradients.grid_bias(parameters.grid_steps, seed)


def surrogate(seed: int, parameters: GradientParameters, splits: Splits) -> dict[str, Any]:
    """The surrogate gradient against the exact one of the same network, by slope."""
    found = gradients.surrogate_agreement(parameters.slopes, seed, parameters.surrogate_step)
    own = {name: [getattr(one, name) for one in found] for name in ("cosine", "norm_ratio")}
    return {"slope": list(parameters.slopes)} | own


def shaping(seed: int, parameters: GradientParameters, splits: Splits) -> dict[str, Any]:
    """What a hidden spike hears of an error of 1, by its time in the trial and the loss's weight, in 1/ms (no seed enters)."""
    times = np.linspace(0.0, parameters.trial_ms, 57)[1:-1]
    heard = {name: gradients.transmitted_error(name, times, parameters.trial_ms).tolist() for name in WEIGHTS}
    return {"time": times.tolist(), "heard": heard}


def depart(seed: int, parameters: GradientParameters, splits: Splits) -> dict[str, Any]:
    """Departures of the reference implementation that touch the gradient, each against the exact gradient."""
    trains, classes = random_trains(seed)
    varied = EventpropNet(replace(RECURRENT, recurrent=False, hidden=(20,)), seed)
    forced = forcing(varied, trains, classes)
    alike = forcing(EventpropNet(YIN_YANG, seed), splits.train.x.take([0]), splits.train.y[:1])
    net = EventpropNet(replace(YIN_YANG, hidden=(200,)), seed)
    order = np.random.default_rng(seed).permutation(np.arange(BATCH * (parameters.batches + 1)) % len(splits.train.y))
    batches = ((splits.train.x.take(r), splits.train.y[torch.from_numpy(r)]) for r in order.reshape(-1, BATCH))
    newer = list(stale(net, batches, rate=5e-3))
    return {
        "adaptation": asdict(adaptation(seed, adaptive_problem)),
        "forcing": {
            "scale": alike["hidden"].norm_ratio,
            "cosine": alike["hidden"].cosine,
            "varied": {name: asdict(one) for name, one in forced.items()},
        },
        "stale": _median(newer),
    }


ASKED = dict(zip(PROBES, (finite_differences, grid_bias, surrogate, shaping, depart), strict=True))


def random_trains(seed: int, n_trials: int = 2, n_spikes: int = 12) -> tuple[Spikes, Tensor]:
    """Random input spikes in the first 30 ms on five channels, and a class for each trial."""
    rng = np.random.default_rng([seed, 1])
    n = n_trials * n_spikes
    spikes = from_events(np.repeat(range(n_trials), n_spikes), rng.uniform(0, 30, n), rng.integers(0, 5, n), n_trials, 5)
    return spikes, torch.from_numpy(rng.integers(0, 3, n_trials))


def adaptive_problem(seed: int) -> tuple[EventpropNet, Spikes, int]:
    """A feed-forward layer of 20 strongly adaptive neurons, one random trial and its class."""
    architecture = replace(RECURRENT, neuron="ALIF", readout="LI", recurrent=False, hidden=(20,), adaptation=0.3)
    spikes, classes = random_trains(seed, n_trials=1, n_spikes=20)
    return EventpropNet(architecture, seed), spikes, int(classes[0])


def _checked(
    net: EventpropNet,
    inputs: Spikes,
    labels: Tensor,
    loss: str,
    entries: int,
    names: list[str] | None = None,
    constants: Constants | None = None,
) -> dict[str, dict[str, float]]:
    """Finite differences by parameter, the better of `STEPS` for each."""
    runs = [gradients.finite_differences(net, inputs, labels, loss, constants, step, names, at_most=entries) for step in STEPS]
    return {name: asdict(min((run[name] for run in runs), key=lambda c: (c.used == 0, c.error))) for name in runs[0]}


def _median(found: list[Agreement]) -> dict[str, float]:
    return {name: float(np.median([getattr(one, name) for one in found])) for name in ("error", "cosine", "norm_ratio")}


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
