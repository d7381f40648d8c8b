"""Networks of event-exact hidden layers and a readout, initialised as published."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from mstask.errors import nearest
from mstask.studies.eventprop.augment import delay_line
from mstask.studies.eventprop.events import EventpropError, Spikes
from mstask.studies.eventprop.layers import Fired, Membrane, Push, SpikingLayer, VoltageReadout, samples
from mstask.studies.eventprop.losses import Outputs
from mstask.studies.eventprop.methods import Initial

NEURONS = ("LIF", "hetLIF", "ALIF")
READOUTS = ("LI", "hetLI", "LIF")


@dataclass(frozen=True)
class Architecture:
    """A network's shape, neurons and initial weights; times in ms.

    "hetLIF" and "hetLI" draw each neuron's time constants from Gamma(3, tau/3) clipped to [shortest, 3 tau]; "ALIF" raises
    the threshold by `adaptation` per spike, falling back with `tau_adaptation`. A readout "LIF" fires (first-spike losses).
    With `largest_delay` above 0 every synapse into a hidden layer has a delay, drawn uniformly, trainable in that range.
    `delay_copies` of the input, each `delay_ms` later than the one before, reach the first layer by weights of their own.
    """

    n_inputs: int
    n_classes: int
    trial_ms: float
    hidden: tuple[int, ...] = (200,)
    neuron: str = "LIF"
    readout: str = "LI"
    recurrent: bool = False
    readout_step: float = 0.5
    tau_membrane: float = 20.0
    tau_synapse: float = 5.0
    threshold: float = 1.0
    reset: float = 0.0
    tau_adaptation: float = 100.0
    adaptation: float = 0.1
    initial_adaptation: float = 0.0
    largest_delay: float = 0.0
    delay_copies: int = 0
    delay_ms: float = 30.0
    shortest_membrane: float = 3.0
    shortest_synapse: float = 1.0
    input_weights: Initial = field(default=Initial(1.5, 0.78))
    hidden_weights: Initial = field(default=Initial(0.02, 0.01))
    recurrent_weights: Initial = field(default=Initial(0.0, 0.02))
    output_weights: Initial = field(default=Initial(0.2, 0.37))

    def __post_init__(self) -> None:
        for what, value, valid in (("neuron", self.neuron, NEURONS), ("readout", self.readout, READOUTS)):
            if value not in valid:
                raise EventpropError(f"{what} {value!r} is unknown; {nearest(str(value), valid)}")
        if not self.hidden or min(self.hidden) < 1:
            raise EventpropError(f"hidden is {self.hidden}, expected the width of each hidden layer, at least one")
        samples(self.trial_ms, self.readout_step)


class EventpropNet(nn.Module):
    """Hidden spiking layers and a readout; float64 throughout, since spike times are exact to rounding."""

    def __init__(self, architecture: Architecture, seed: int) -> None:
        super().__init__()
        self.architecture = a = architecture
        rng = np.random.default_rng(seed)
        membrane = Membrane(
            a.threshold, a.reset, a.tau_adaptation, *((a.adaptation, a.initial_adaptation) if a.neuron == "ALIF" else ())
        )
        sizes = (a.n_inputs * (a.delay_copies + 1), *a.hidden)
        self.hidden = nn.ModuleList()
        for n_in, n_out in pairwise(sizes):
            weights = _normal(rng, a.hidden_weights if self.hidden else a.input_weights, (n_in, n_out))
            own = _normal(rng, a.recurrent_weights, (n_out, n_out)) if a.recurrent else None
            delays = _uniform(rng, a.largest_delay, weights.shape)
            own_delays = None if own is None else _uniform(rng, a.largest_delay, own.shape)
            taus = _taus(rng, a, n_out, a.neuron == "hetLIF")
            self.hidden.append(SpikingLayer(weights, *taus, membrane, own, delays, own_delays))
        weights = _normal(rng, a.output_weights, (sizes[-1], a.n_classes))
        taus = _taus(rng, a, a.n_classes, a.readout == "hetLI")
        if a.readout == "LIF":
            self.readout = SpikingLayer(weights, *taus, Membrane(a.threshold, a.reset, once=True))
        else:
            self.readout = VoltageReadout(weights, *taus, a.readout_step)

    def forward(self, inputs: Spikes, push: Push | None = None, drop: float = 0.0, rng: np.random.Generator | None = None):
        """Run a batch; returns what the loss sees and what each hidden layer did.

        Parameters
        ----------
        push
            Regularisation of the hidden layers; see `SpikingLayer.forward`.
        drop
            Share of hidden spikes that, drawn by `rng`, don't reach the next layer (the neuron resets all the same).

        Returns
        -------
        outputs, fired
            `losses.Outputs`, and one `Fired` per hidden layer.
        """
        a = self.architecture
        spikes = delay_line(inputs, a.delay_copies, a.delay_ms, a.trial_ms) if a.delay_copies else inputs
        times, fired = None, []
        for layer in self.hidden:
            done = layer(spikes, a.trial_ms, times, push)
            fired.append(done)
            heard = _thinned(done, drop, rng) if drop else done
            spikes, times = heard.spikes, heard.times
        if isinstance(self.readout, VoltageReadout):
            return Outputs(inputs, a.trial_ms, a.readout_step, voltage=self.readout(heard, a.trial_ms)), fired
        done = self.readout(spikes, a.trial_ms, times)
        own = {"first": first_times(done), "final": done.final, "tau_m": self.readout.tau_m.detach()}
        return Outputs(inputs, a.trial_ms, a.readout_step, **own), fired

    def clamp(self) -> None:
        """Bring time constants and delays back into their ranges after a step of the optimiser."""
        a = self.architecture
        with torch.no_grad():
            for layer in (*self.hidden, self.readout):
                layer.tau_m.clamp_(min=a.shortest_membrane)
                layer.tau_s.clamp_(min=a.shortest_synapse)
            for layer in self.hidden:
                for delays in (layer.delays, layer.own_delays):
                    if delays is not None:
                        delays.clamp_(0.0, a.largest_delay)


def first_times(fired: Fired) -> Tensor:
    """First spike of each trial and neuron [B, N], differentiable, infinite where there is none."""
    spikes = fired.spikes
    flat = spikes.trials() * spikes.n_ids + spikes.ids
    which, first = np.unique(flat, return_index=True)
    times = torch.full((len(spikes) * spikes.n_ids,), torch.inf, dtype=torch.float64)
    times = times.index_put((torch.from_numpy(which),), fired.times[torch.from_numpy(first)])
    return times.reshape(len(spikes), spikes.n_ids)


def _thinned(fired: Fired, share: float, rng: np.random.Generator) -> Fired:
    kept = rng.random(len(fired.spikes.times)) >= share
    return Fired(fired.spikes.keep(kept), fired.times[torch.from_numpy(kept)], fired.final, fired.steepest)


def _normal(rng: np.random.Generator, initial: Initial, shape: tuple[int, int]) -> Tensor:
    return torch.from_numpy(rng.normal(initial.mean, initial.sd, shape))


def _uniform(rng: np.random.Generator, largest: float, shape: tuple[int, int]) -> Tensor | None:
    return torch.from_numpy(rng.uniform(0, largest, shape)) if largest > 0 else None


def _taus(rng: np.random.Generator, a: Architecture, n: int, varied: bool) -> tuple[Tensor, Tensor]:
    """Time constants of n neurons, membrane and synapse."""
    pairs = (a.tau_membrane, a.shortest_membrane), (a.tau_synapse, a.shortest_synapse)
    if not varied:
        return tuple(torch.full((n,), tau, dtype=torch.float64) for tau, _ in pairs)
    return tuple(torch.from_numpy(np.clip(rng.gamma(3.0, tau / 3, n), shortest, 3 * tau)) for tau, shortest in pairs)
