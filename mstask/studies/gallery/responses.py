"""How a neuron type answers to simple inputs before training: single traces, whole layers, firing against frequency.

Every type is measured alike, from its class alone: a layer of `WIDTH` neurons as it is created, with one threshold at which
it fires in a share of `RATE` of the steps on white noise of unit variance. Time is counted in steps and has no unit;
frequencies are in radians per step. What the step function hands to `fire` is the membrane. Only plain torch code runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mstask.calibration import bisect_threshold
from mstask.neurons.base import Neuron

WIDTH = 33
MIDDLE = WIDTH // 2
STEPS = 160
RATE = 0.1
AMPLITUDE = 0.4
"""Of step, tones and chirp: weaker than the noise, so that a neuron has to add up what it listens for."""
STEP_FROM, STEP_TO = 20, 140
PERIODS = (32, 16, 8, 4)
BURST, GAP = 32, 8
"""Steps of each tone in the series of tones, and of silence after it."""
TOP = math.pi / 2
"""Frequency at which the chirp ends."""
TRIALS = 8
"""Trials of the noise that sets the threshold, and phases in which a tone or wave is given."""
NOISES = 3
FREQUENCIES = np.linspace(0, math.pi, 33)
SHIFTS = 2 * math.pi * np.arange(WIDTH // 2 + 1) / WIDTH
"""Phase shifts from neuron to neuron that close on the ring of a layer (rad)."""
FLAT = 0.02
"""Spikes per step by which firing must vary over frequencies before a neuron is said to prefer one."""


@dataclass(frozen=True)
class Trace:
    """One input x [T], and of a layer that gets it at every neuron: membrane u [T, W] and spikes s [T, W] of 0 and 1."""

    x: np.ndarray
    u: np.ndarray
    s: np.ndarray


@dataclass(frozen=True)
class Responses:
    """All that is measured of one type.

    `traces` by name of the input; `tones` [33, W] and `shifts` [17, W] are mean firing rates (spikes per step) against
    `FREQUENCIES` and `SHIFTS`; `hears_neighbours` says whether other neurons' inputs change what the middle one does.
    """

    threshold: float
    params_per_neuron: int
    state: tuple[str, ...]
    traces: dict[str, Trace]
    tones: np.ndarray
    shifts: np.ndarray
    hears_neighbours: bool

    def best_tones(self) -> np.ndarray:
        """Return the frequency [W] at which each neuron fires most, NaN for one that fires about alike at all."""
        best = FREQUENCIES[self.tones.argmax(axis=0)]
        return np.where(np.ptp(self.tones, axis=0) > FLAT, best, np.nan)

    def bursts(self) -> list[int]:
        """Return how often the middle neuron fires during each tone of the series, and the silence after it."""
        spikes = self.traces["tones"].s[:, MIDDLE]
        return [int(spikes[i * (BURST + GAP) :][: BURST + GAP].sum()) for i in range(len(PERIODS))]


def stimuli() -> dict[str, np.ndarray]:
    """Return the inputs [T] by name: a step, tones of several periods one after another, a chirp, white noise."""
    t = np.arange(STEPS)
    burst, at = np.divmod(t, BURST + GAP)
    tone = AMPLITUDE * np.cos(2 * np.pi * at / np.array(PERIODS)[burst])
    return {
        "step": np.where((t >= STEP_FROM) & (t < STEP_TO), AMPLITUDE, 0.0),
        "tones": np.where(at < BURST, tone, 0.0),
        "chirp": AMPLITUDE * np.cos(TOP * t**2 / (2 * STEPS)),
        "noise": np.random.default_rng(0).standard_normal(STEPS),
    }


@torch.no_grad()
def run(layer: Neuron, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return membrane and spikes [B, T, W] of a layer on x [B, T, W]; NaN where its step asks for no comparison."""
    drive = layer.drive(x)
    c = layer.coefficients(x.shape[1])
    state = layer.State(*(torch.zeros_like(x[:, 0]) for _ in layer.State._fields))
    membranes, spikes = [], []

    def fire(u: Tensor) -> Tensor:
        membranes[-1] = u
        return (u >= layer.threshold).to(u.dtype)

    for t, now in enumerate(drive.unbind(1)):
        membranes.append(torch.full_like(now, math.nan))
        s, state = layer.step(now, state, type(c)(*(value[t] if value.dim() == 2 else value for value in c)), fire)
        spikes.append(s)
    return torch.stack([u.expand_as(s) for u, s in zip(membranes, spikes, strict=True)], 1), torch.stack(spikes, 1)


@lru_cache(maxsize=32)
@torch.no_grad()
def measure(cls: type[Neuron]) -> Responses:
    """Return the responses of a layer of `cls` as it is created."""
    random = np.random.default_rng(1)
    layer = cls(WIDTH, backend="reference")
    noise = random.standard_normal((TRIALS, STEPS, WIDTH))
    layer.threshold = bisect_threshold(layer, layer.drive(_tensor(noise)), RATE)
    return Responses(
        threshold=layer.threshold,
        params_per_neuron=layer.params_per_neuron,
        state=layer.State._fields,
        traces=_traces(layer),
        tones=_rates(layer, _tones()),
        shifts=_rates(layer, _waves(random)),
        hears_neighbours=_hears_neighbours(layer, noise),
    )


def _traces(layer: Neuron) -> dict[str, Trace]:
    inputs = stimuli()
    x = np.stack(list(inputs.values()))
    u, s = run(layer, _tensor(np.repeat(x[:, :, None], WIDTH, 2)))
    return {name: Trace(x[i], u[i].numpy(), s[i].numpy()) for i, name in enumerate(inputs)}


def _tones() -> np.ndarray:
    """Tones of every frequency in several phases, the same for all neurons [frequency, phase, T, W]."""
    phases = 2 * np.pi * (np.arange(TRIALS) + 0.5) / TRIALS
    angle = FREQUENCIES[:, None, None] * np.arange(STEPS) + phases[:, None]
    return np.repeat(AMPLITUDE * np.cos(angle)[..., None], WIDTH, -1)


def _waves(random: np.random.Generator) -> np.ndarray:
    """White noise that is shifted in phase from neuron to neuron [shift, trial, T, W]; each gets unit variance.

    Each noise occurs in several phases, so that neurons differ by what they are and not by the draw they got.
    """
    real, imag = random.standard_normal((2, NOISES, 1, STEPS, 1))
    phases = 2 * np.pi * np.arange(TRIALS) / TRIALS
    angle = SHIFTS[:, None, None, None, None] * np.arange(WIDTH) + phases[:, None, None]
    waves = real * np.cos(angle) - imag * np.sin(angle)
    return waves.reshape(len(SHIFTS), -1, STEPS, WIDTH)


def _rates(layer: Neuron, x: np.ndarray) -> np.ndarray:
    """Mean firing rates [A, W] on inputs [A, B, T, W]."""
    spikes = layer(_tensor(x.reshape(-1, *x.shape[2:])))[0]
    return spikes.numpy().reshape(x.shape).mean((1, 2))


def _hears_neighbours(layer: Neuron, noise: np.ndarray) -> bool:
    """Give all neurons but the middle one other inputs, and see whether it notices."""
    changed = np.where(np.arange(WIDTH) == MIDDLE, noise, -noise)
    before, after = (run(layer, _tensor(x))[0][..., MIDDLE] for x in (noise, changed))
    return not torch.allclose(before, after, equal_nan=True)


def _tensor(x: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x)).float()
