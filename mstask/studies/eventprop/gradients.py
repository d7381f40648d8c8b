"""Checks and measurements of gradients: finite differences, the error of grid Eventprop, what a loss tells a hidden spike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from torch import Tensor

from mstask.studies.eventprop import grid, losses
from mstask.studies.eventprop.events import Spikes, from_events
from mstask.studies.eventprop.layers import samples
from mstask.studies.eventprop.losses import WEIGHTS, Constants
from mstask.studies.eventprop.methods import Initial
from mstask.studies.eventprop.networks import Architecture, EventpropNet

TAU_M, TAU_S = 20.0, 5.0


@dataclass(frozen=True)
class Comparison:
    """Finite differences against the adjoint for one parameter: largest error over largest value, entries used and skipped."""

    error: float
    used: int
    skipped: int


def finite_differences(
    net: EventpropNet,
    inputs: Spikes,
    labels: Tensor,
    loss: str,
    constants: Constants | None = None,
    step: float = 1e-6,
    names: Iterable[str] | None = None,
    at_most: int = 1000,
) -> dict[str, Comparison]:
    """Compare each parameter's gradient with central differences of width `step`.

    The loss is smooth only while no spike appears, vanishes or changes places, so an entry whose two ends differ in who
    fires in which order is skipped.

    Parameters
    ----------
    names
        Parameters to check, by name; all of the network's by default.
    at_most
        Entries of each parameter to check, drawn at random where it has more.
    """
    parameters = dict(net.named_parameters())
    for parameter in parameters.values():
        parameter.requires_grad_(True)
        parameter.grad = None

    def value() -> tuple[Tensor, list[NDArray]]:
        outputs, fired = net(inputs)
        silent = [] if outputs.first is None else [torch.isfinite(outputs.first).numpy()]
        order = [layer.spikes.ids for layer in fired] + silent
        return losses.get(loss).judged(outputs, labels, constants)[1], order

    value()[0].backward()
    found = {}
    for name in names or parameters:
        entries, gradient = parameters[name].data.view(-1), parameters[name].grad.view(-1).numpy()
        differences, skipped = np.full(len(entries), np.nan), 0
        for k in np.random.default_rng(0).permutation(len(entries))[:at_most]:
            original, ends = entries[k].item(), []
            for sign in (1, -1):
                entries[k] = original + sign * step
                with torch.no_grad():
                    ends.append(value())
            entries[k] = original
            if all(np.array_equal(a, b) for a, b in zip(ends[0][1], ends[1][1], strict=True)):
                differences[k] = (ends[0][0] - ends[1][0]).item() / (2 * step)
            else:
                skipped += 1
        used = np.isfinite(differences)
        largest = np.abs(differences[used]).max(initial=0.0)
        error = np.abs(differences - gradient)[used].max(initial=0.0)
        found[name] = Comparison(float(error / largest) if largest else float(error), int(used.sum()), skipped)
    return found


@dataclass(frozen=True)
class Agreement:
    """How a gradient compares with the exact one: relative error, cosine, ratio of norms."""

    error: float
    cosine: float
    norm_ratio: float


def agreement(found: NDArray[np.float64], exact: NDArray[np.float64]) -> Agreement:
    """Compare two gradients of one shape, both taken as vectors."""
    norm, size = np.linalg.norm(exact), np.linalg.norm(found)
    cosine = float((found * exact).sum() / (norm * size)) if size else 0.0
    return Agreement(float(np.linalg.norm(found - exact) / norm), cosine, float(size / norm))


def sample_problem(seed: int) -> tuple[EventpropNet, Spikes, int]:
    """A recurrent network of 5 inputs, 8 hidden and 3 output neurons, one trial of 20 input spikes in 40 ms, and its label."""
    rng = np.random.default_rng(seed)
    architecture = Architecture(
        5, 3, 60.0, (8,), recurrent=True, readout_step=0.02,
        input_weights=Initial(0.7, 0.4), recurrent_weights=Initial(0.1, 0.3), output_weights=Initial(0.2, 0.6),
    )  # fmt: skip
    times = rng.uniform(0, 40, 20)
    inputs = from_events(np.zeros(20, int), times, rng.integers(0, 5, 20), 1, 5)
    return EventpropNet(architecture, seed), inputs, int(rng.integers(3))


def exact_gradients(net: EventpropNet, inputs: Spikes, label: int) -> grid.Gradients:
    """Event-exact gradients of cross-entropy of the exponentially weighted mean output voltage, in the layout of the grid's."""
    layer = net.hidden[0]
    weights = [layer.weights, layer.recurrent, net.readout.weights]
    _, value = losses.get("exp").judged(net(inputs)[0], torch.tensor([label]))
    return grid.Gradients(*(found.numpy() for found in torch.autograd.grad(value, weights)))


def grid_bias(steps: Iterable[float], seed: int) -> dict[str, list[float]]:
    """Error of grid Eventprop against the exact gradient of one network, by grid step.

    Returns
    -------
    dict
        By step: "step" in ms, "input_error", "input_cosine", "output_error" and "same_spikes" (1 where the grid has as many
        hidden spikes as continuous time, else 0).
    """
    net, inputs, label = sample_problem(seed)
    exact, n_exact = exact_gradients(net, inputs, label), len(net(inputs)[1][0].spikes.times)
    rows = []
    for step in steps:
        found = grid.gradients(net, inputs, step, label, weighted(net.architecture.trial_ms, step))
        of_input, of_output = agreement(found.inputs, exact.inputs), agreement(found.outputs, exact.outputs)
        same = float(int(grid.simulate(net, inputs, step).spikes.sum()) == n_exact)
        rows.append((step, of_input.error, of_input.cosine, of_output.error, same))
    names = ("step", "input_error", "input_cosine", "output_error", "same_spikes")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def surrogate_agreement(slopes: Iterable[float], seed: int, step: float) -> list[Agreement]:
    """How the surrogate gradient of the input weights compares with the exact one of a network, by surrogate slope."""
    net, inputs, label = sample_problem(seed)
    exact = exact_gradients(net, inputs, label).inputs
    shape = weighted(net.architecture.trial_ms, step)
    return [agreement(grid.surrogate_gradients(net, inputs, step, label, shape, slope).inputs, exact) for slope in slopes]


def weighted(trial_ms: float, step: float) -> NDArray[np.float64]:
    """The exponential weight of that loss at the ends of the grid's steps [K]."""
    return WEIGHTS["exp"]((np.arange(samples(trial_ms, step)) + 1.0) * step / trial_ms)


def transmitted_error(weight: str, times: NDArray[np.float64], trial_ms: float) -> NDArray[np.float64]:
    """The error lam_V - lam_I that a hidden spike at each time [K] hears, per unit of (delta - p); 1/ms.

    1/T times the integral of weight(u) eps'(u - t) from t to T, eps the voltage after a unit spike, by quadrature.
    """
    gain = TAU_S / (TAU_M - TAU_S)

    def one(t: float) -> float:
        def heard(h: float, tau: float) -> float:
            return float(WEIGHTS[weight](np.array((t + h) / trial_ms))) * np.exp(-h / tau) / tau

        left = trial_ms - t
        edges = [e for e in (TAU_S, 3 * TAU_S, TAU_M, 3 * TAU_M, 8 * TAU_M, 20 * TAU_M) if e < left]
        parts = zip([0.0, *edges], [*edges, left], strict=True)
        options: dict[str, Any] = {"epsabs": 1e-16, "epsrel": 1e-11}
        total = sum(quad(lambda h: heard(h, TAU_S) - heard(h, TAU_M), low, high, **options)[0] for low, high in parts)
        return gain * total / trial_ms

    return np.array([one(float(t)) for t in times])
