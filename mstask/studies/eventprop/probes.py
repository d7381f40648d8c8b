"""What one cell of the section on gradients does: one question about gradients, on networks drawn by the cell's seed."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mstask.data import Splits
from mstask.job import Job, Measured
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.studies.eventprop import departures, gradients, yin_yang
from mstask.studies.eventprop.events import Spikes, from_events
from mstask.studies.eventprop.gradients import Agreement
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
"""Widths of the finite differences; of an entry's two errors the smaller counts, since either width can be the wrong one."""
BATCH = 32


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
    forced = departures.forcing(varied, trains, classes)
    alike = departures.forcing(EventpropNet(YIN_YANG, seed), splits.train.x.take([0]), splits.train.y[:1])
    net = EventpropNet(replace(YIN_YANG, hidden=(200,)), seed)
    order = np.random.default_rng(seed).permutation(np.arange(BATCH * (parameters.batches + 1)) % len(splits.train.y))
    batches = ((splits.train.x.take(r), splits.train.y[torch.from_numpy(r)]) for r in order.reshape(-1, BATCH))
    newer = list(departures.stale(net, batches, rate=5e-3))
    return {
        "adaptation": asdict(departures.adaptation(seed, adaptive_problem)),
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
