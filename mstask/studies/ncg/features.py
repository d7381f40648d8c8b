"""Features learnt without labels: one spiking convolution, trained by STDP on random patches, then pooled.

Each filter integrates the first spikes of a patch; the first filter to fire wins the patch and learns it: inputs that came
no later gain 0.1 exp(-w), the others lose 0.1 exp(w - 1). Thresholds follow the firing time towards a target time and
rise for the winner at the others' expense, so that all filters find work. Features are the filters' own first-spike times,
the earliest within each pooling window: ready as input of a readout. (Goupy et al. 2024, STDP-CSNN extractor.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from mstask.errors import MstaskError
from mstask.studies.ncg.layer import first, integrate

LEARNING_RATE = 0.1
INITIAL_MEAN, INITIAL_SD = 0.5, 0.01
LOWEST_THRESHOLD = 2.0


@dataclass(frozen=True)
class Recipe:
    """How the filters are learnt; the defaults are those of the paper for grey pictures of 28 x 28 pixels.

    `size` is the side of a patch, `target_time` the firing time that thresholds aim at, `threshold` the first one,
    `annealing` the factor on all rates after every epoch.
    """

    n_filters: int = 128
    size: int = 5
    epochs: int = 100
    target_time: float = 0.75
    threshold: float = 5.0
    threshold_rate: float = 1.0
    annealing: float = 0.95


@dataclass(frozen=True)
class Convolution:
    """Learnt filters: weights float32 [size * size * channels, filters], thresholds float32 [filters]."""

    weights: np.ndarray
    thresholds: np.ndarray
    size: int

    def encode(self, times: np.ndarray, pool: int) -> np.ndarray:
        """First-spike times float32 [N, h * w * filters] of pictures given as spike times [N, H, W, channels].

        h and w count whole pooling windows of pool x pool positions; a silent feature has time 1.
        """
        _check(times, self.size)
        height, width = ((length - self.size + 1) // pool for length in times.shape[1:3])
        if pool < 1 or min(height, width) < 1:
            raise MstaskError(f"pooling over {pool} x {pool} positions leaves nothing of pictures {times.shape[1:3]}")
        features = np.ones((len(times), height, width, len(self.thresholds)), np.float32)
        _encode(times, self.weights, self.thresholds, self.size, pool, features)
        return features.reshape(len(times), -1)


def learn(times: np.ndarray, recipe: Recipe, seed: int) -> Convolution:
    """Learn filters from pictures given as spike times float32 [N, H, W, channels], silent where the time is 1 or later.

    One patch per picture and epoch, at a random place.
    """
    _check(times, recipe.size)
    rng = np.random.default_rng(seed)
    n_inputs = recipe.size * recipe.size * times.shape[3]
    weights = rng.normal(INITIAL_MEAN, INITIAL_SD, (n_inputs, recipe.n_filters)).clip(0, 1).astype(np.float32)
    thresholds = np.full(recipe.n_filters, recipe.threshold, np.float32)
    rate, threshold_rate = LEARNING_RATE, recipe.threshold_rate
    for _ in range(recipe.epochs):
        places = rng.integers(0, np.array(times.shape[1:3]) - recipe.size + 1, (len(times), 2))
        _epoch(times, places, weights, thresholds, recipe.size, recipe.target_time, rate, threshold_rate)
        rate, threshold_rate = rate * recipe.annealing, threshold_rate * recipe.annealing
    return Convolution(weights, thresholds, recipe.size)


def as_channels(on_off: np.ndarray, side: int) -> np.ndarray:
    """On and off maps [N, 2 * side * side], as `inputs.on_off` gives them, as pictures [N, side, side, 2]."""
    return np.ascontiguousarray(on_off.reshape(len(on_off), 2, side, side).transpose(0, 2, 3, 1))


def _check(times: np.ndarray, size: int) -> None:
    if times.ndim != 4 or times.dtype != np.float32 or min(times.shape[1:3]) < size:
        raise MstaskError(
            f"pictures are {times.dtype} of shape {times.shape}, expected float32 spike times [N, H, W, channels] "
            f"of at least {size} x {size} pixels"
        )


@njit(cache=True, error_model="numpy")
def _patch(times, y, x, size, inputs, when):
    """Collect the spikes of a patch in order of time; returns how many there are."""
    channels = times.shape[2]
    n = 0
    for dy in range(size):
        for dx in range(size):
            for c in range(channels):
                time = times[y + dy, x + dx, c]
                if time < 1.0:
                    place = n
                    while place > 0 and when[place - 1] > time:
                        when[place], inputs[place] = when[place - 1], inputs[place - 1]
                        place -= 1
                    when[place], inputs[place] = time, (dy * size + dx) * channels + c
                    n += 1
    return n


@njit(cache=True, error_model="numpy")
def _epoch(times, places, weights, thresholds, size, target_time, rate, threshold_rate):
    n_inputs, n_filters = weights.shape
    inputs, when = np.empty(n_inputs, np.int32), np.empty(n_inputs, np.float32)
    out_times, potentials = np.empty(n_filters, np.float32), np.empty(n_filters, np.float32)
    dropped, no_leak = np.zeros(n_filters, np.bool_), np.empty(0, np.float32)
    for n in range(len(times)):
        k = _patch(times[n], places[n, 0], places[n, 1], size, inputs, when)
        integrate(inputs[:k], when[:k], weights, thresholds, no_leak, dropped, 1.0, False, True, out_times, potentials)
        winner = first(out_times, potentials, 0, n_filters)
        fired_at = out_times[winner]
        if fired_at >= 1.0:
            continue
        early = np.zeros(n_inputs, np.bool_)
        for i in range(k):
            early[inputs[i]] = when[i] <= fired_at
        for i in range(n_inputs):
            w = weights[i, winner]
            w += rate * np.exp(-w) if early[i] else -rate * np.exp(w - 1.0)
            weights[i, winner] = min(max(w, 0.0), 1.0)
        for j in range(n_filters):
            share = 1.0 if j == winner else -1.0 / (n_filters - 1)
            moved = thresholds[j] + threshold_rate * (share - (fired_at - target_time))
            thresholds[j] = max(moved, LOWEST_THRESHOLD)


@njit(cache=True, error_model="numpy")
def _encode(times, weights, thresholds, size, pool, features):
    n_inputs, n_filters = weights.shape
    inputs, when = np.empty(n_inputs, np.int32), np.empty(n_inputs, np.float32)
    out_times, potentials = np.empty(n_filters, np.float32), np.empty(n_filters, np.float32)
    dropped, no_leak = np.zeros(n_filters, np.bool_), np.empty(0, np.float32)
    for n in range(len(times)):
        for y in range(features.shape[1] * pool):
            for x in range(features.shape[2] * pool):
                k = _patch(times[n], y, x, size, inputs, when)
                integrate(inputs[:k], when[:k], weights, thresholds, no_leak, dropped, 1.0, False, False, out_times, potentials)
                pooled = features[n, y // pool, x // pool]
                for j in range(n_filters):
                    pooled[j] = min(pooled[j], out_times[j])
