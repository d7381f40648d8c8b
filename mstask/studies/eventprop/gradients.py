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
from mstask.studies.eventprop.compiled import separated
from mstask.studies.eventprop.events import EventpropError, Spikes, from_events
from mstask.studies.eventprop.layers import samples
from mstask.studies.eventprop.losses import WEIGHTS, Constants
from mstask.studies.eventprop.networks import Architecture, EventpropNet, Initial

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
    constants = constants or Constants()
    parameters = dict(net.named_parameters())
    for parameter in parameters.values():
        parameter.requires_grad_(True)
        parameter.grad = None

    def value() -> tuple[Tensor, list[NDArray]]:
        chosen = losses.get(loss)
        outputs, fired = net(inputs)
        silent = [] if outputs.first is None else [torch.isfinite(outputs.first).numpy()]
        order = [layer.spikes.ids for layer in fired] + silent
        return chosen.value(chosen.scores(outputs, constants), outputs, labels, constants), order

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


def sample_problem(seed: int, trial_ms: float = 60.0) -> tuple[EventpropNet, Spikes, int]:
    """A recurrent network of 5 inputs, 8 hidden and 3 output neurons, one trial of 20 input spikes in 40 ms, and its label."""
    rng = np.random.default_rng(seed)
    architecture = Architecture(
        5, 3, trial_ms, (8,), recurrent=True, readout_step=0.02,
        input_weights=Initial(0.7, 0.4), recurrent_weights=Initial(0.1, 0.3), output_weights=Initial(0.2, 0.6),
    )  # fmt: skip
    times = rng.uniform(0, 40, 20)
    inputs = from_events(np.zeros(20, int), times, rng.integers(0, 5, 20), 1, 5)
    return EventpropNet(architecture, seed), inputs, int(rng.integers(3))


def exact_gradients(net: EventpropNet, inputs: Spikes, label: int, weight: str) -> grid.Gradients:
    """Event-exact gradients of cross-entropy of the mean weighted output voltage, in the layout of the grid's."""
    for parameter in net.parameters():
        parameter.requires_grad_(True)
        parameter.grad = None
    outputs, _ = net(inputs)
    losses.get(weight).value(
        losses.get(weight).scores(outputs, Constants()), outputs, torch.tensor([label]), Constants()
    ).backward()
    layer = net.hidden[0]
    return grid.Gradients(*(w.grad.numpy().copy() for w in (layer.weights, layer.recurrent, net.readout.weights)))


def grid_bias(steps: Iterable[float], seeds: Iterable[int], weight: str = "exp") -> dict[str, list[list[float]]]:
    """Error of grid Eventprop against the exact gradient, by grid step (rows) and network (columns).

    Returns
    -------
    dict
        "step" (ms, one number per row in a list of one), "input_error", "input_cosine", "output_error" and
        "same_spikes" (1 where the grid has as many hidden spikes as continuous time, else 0).
    """
    table: dict[str, list[list[float]]] = {}
    seeds = list(seeds)
    for step in steps:
        rows: dict[str, list[float]] = {"step": [step]}
        for seed in seeds:
            net, inputs, label = sample_problem(seed)
            exact = exact_gradients(net, inputs, label, weight)
            found = grid.gradients(net, inputs, step, label, shaped(weight, net.architecture.trial_ms, step))
            n_grid = int(grid.simulate(net, inputs, step).spikes.sum())
            of_input = agreement(found.inputs, exact.inputs)
            rows.setdefault("input_error", []).append(of_input.error)
            rows.setdefault("input_cosine", []).append(of_input.cosine)
            rows.setdefault("output_error", []).append(agreement(found.outputs, exact.outputs).error)
            rows.setdefault("same_spikes", []).append(float(n_grid == len(net(inputs)[1][0].spikes.times)))
        for name, values in rows.items():
            table.setdefault(name, []).append(values)
    return table


def surrogate_agreement(
    slopes: Iterable[float], seeds: Iterable[int], step: float = 1.0, weight: str = "exp"
) -> dict[float, list[Agreement]]:
    """How the surrogate gradient of the input weights compares with the exact one, by surrogate slope, per network."""
    found: dict[float, list[Agreement]] = {slope: [] for slope in slopes}
    for seed in seeds:
        net, inputs, label = sample_problem(seed)
        exact = exact_gradients(net, inputs, label, weight)
        shape = shaped(weight, net.architecture.trial_ms, step)
        for slope, rows in found.items():
            rows.append(agreement(grid.surrogate_gradients(net, inputs, step, label, shape, slope).inputs, exact.inputs))
    return found


def shaped(weight: str, trial_ms: float, step: float) -> NDArray[np.float64]:
    """A loss's weight at the ends of the grid's steps [K]."""
    return WEIGHTS[weight]((np.arange(samples(trial_ms, step)) + 1.0) * step / trial_ms)


def transmitted_error(
    weight: str, times: NDArray[np.float64], trial_ms: float, tau_m: float = TAU_M, tau_s: float = TAU_S
) -> NDArray[np.float64]:
    """The error lam_V - lam_I that a hidden spike at each time [K] hears, per unit of (delta - p); 1/ms.

    1/T times the integral of weight(u) eps'(u - t) from t to T, eps the voltage after a unit spike, by quadrature.
    """
    tau_s = float(separated(np.array(tau_m), np.array(tau_s)))
    gain = tau_s / (tau_m - tau_s)

    def one(t: float) -> float:
        def heard(h: float, tau: float) -> float:
            return float(WEIGHTS[weight](np.array((t + h) / trial_ms))) * np.exp(-h / tau) / tau

        left = trial_ms - t
        edges = [e for e in (tau_s, 3 * tau_s, tau_m, 3 * tau_m, 8 * tau_m, 20 * tau_m) if e < left]
        parts = zip([0.0, *edges], [*edges, left], strict=True)
        options: dict[str, Any] = {"epsabs": 1e-16, "epsrel": 1e-11}
        total = sum(quad(lambda h: heard(h, tau_s) - heard(h, tau_m), low, high, **options)[0] for low, high in parts)
        return gain * total / trial_ms

    return np.array([one(float(t)) for t in times])


def slow_variation(
    weight: str, times: NDArray[np.float64], trial_ms: float, tau_m: float = TAU_M, tau_s: float = TAU_S
) -> NDArray[np.float64]:
    """The same error where the weight varies slowly: -tau_s weight'(t)/T, plus what the trial's end adds."""
    times = np.asarray(times, np.float64)
    small = 1e-4 * trial_ms
    shape = WEIGHTS[weight]
    falling = (shape((times - small) / trial_ms) - shape((times + small) / trial_ms)) / (2 * small)
    left = trial_ms - times
    end = float(shape(np.array(1.0))) * tau_s / (tau_m - tau_s) * (np.exp(-left / tau_m) - np.exp(-left / tau_s))
    return (tau_s * falling + end) / trial_ms


def weighted_kernel(
    weight: str, times: NDArray[np.float64], trial_ms: float, tau_m: float = TAU_M, tau_s: float = TAU_S
) -> NDArray[np.float64]:
    """What a unit spike at each time [K] adds to the shaped readout, in closed form: 1/T int weight(u) eps(u - t) du.

    For "sum", "linear" and "exp".
    """
    t, end = np.asarray(times, np.float64), trial_ms
    left = end - t

    def integral(tau: float) -> NDArray[np.float64]:
        fade = np.exp(-left / tau)
        if weight == "sum":
            return tau * (1 - fade)
        if weight == "exp":
            c = 1 / tau + 1 / end
            return np.exp(-t / end) * (1 - np.exp(-c * left)) / c
        if weight == "linear":
            return (1 - t / end) * tau * (1 - fade) - (tau**2 - fade * (tau**2 + tau * left)) / end
        raise EventpropError(f"no closed form for the weight {weight!r}, only for sum, linear and exp")

    return tau_s / (tau_m - tau_s) * (integral(tau_m) - integral(tau_s)) / end
