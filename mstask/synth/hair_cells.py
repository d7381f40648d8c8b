"""Hair cells and a bushy cell behind every place of the basilar membrane, at 24 kHz: membrane velocity in, spikes out.

Hair cell (Meddis, JASA 79:702, 1986; 83:1056, 1988): free transmitter q, cleft c, store w, release k; with velocity v,

    k = g (v + A) / (v + A + B)  for v > -A, else 0
    dq = y (1 - q)+ - k q + x w      dc = k q - (l + r) c      dw = r c - x w      p = H c dt

Forty such cells per place fire independently with probability p per step, and rest for 1 ms after a spike. Their
spikes (n in a step) drive one leaky integrate-and-fire cell, which also rests for 1 ms:

    I <- I exp(-dt / 0.5 ms) + n      V <- V exp(-dt / 1 ms) + I dt 13000 / 40      spike at V = 1, stamped one step before

The forty cells share p, so their next spike is found without forty random numbers per step. A cell survives a step
with exp(-h), h = -ln(1 - p); n free cells together use up hazard n h per step; the next one fires when an
exponentially distributed amount is used up, and the n - 1 others have the rest of the step before them. That is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, log1p

import numba
import numpy as np

RATE = 24_000
"""Steps per second."""
N_CELLS = 40
REST = 24
"""Steps for which a cell rests: 1 ms."""
Y, G, L, R, X, A, B, H = 5.05, 2000.0, 2500.0, 6580.0, 66.3, 5.0, 300.0, 50_000.0
"""Meddis' rate constants in 1/s (Y, G, L, R, X, H), and his offsets of the velocity (A, B)."""
_DT = 1 / RATE
_WEIGHT = 13_000 / N_CELLS * _DT
_SYNAPSE, _MEMBRANE = exp(-_DT / 0.5e-3), exp(-_DT / 1e-3)
_TURN = 64
"""Steps whose velocities are transposed at a time."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _compiled(**options: object) -> Callable[[Callable], Callable]:
    """numba's compiler, which remembers its work where some cache folder is writable."""

    def compile(function: Callable) -> Callable:
        try:
            return numba.njit(cache=True, error_model="numpy", **options)(function)
        except RuntimeError:
            return numba.njit(error_model="numpy", **options)(function)

    return compile


def resting_state() -> tuple[float, float, float]:
    """Return (q, c, w) of a hair cell in silence."""
    k = G * A / (A + B)
    c = Y * k / (L * k + Y * (L + R))
    return c * (L + R) / k, c, c * R / X


def streams(key: tuple[int, ...], units: np.ndarray) -> np.ndarray:
    """Return the start, uint64 [C], of the random stream of each channel for the word named by `key`.

    A channel's stream depends on key and unit alone, not on which other channels are computed, where or when.
    """
    state = np.zeros(len(units), np.uint64)
    for part in (*(np.uint64(number) for number in key), units.astype(np.uint64)):
        with np.errstate(over="ignore"):
            state = _mix(state + part + _GOLDEN)
    return state


def _mix(state: np.ndarray | np.uint64) -> np.ndarray | np.uint64:
    """Finaliser of splitmix64 (Steele, Lea & Flood, OOPSLA 2014): every bit depends on every bit."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


_mixed = _compiled(inline="always")(_mix)


@_compiled(inline="always")
def _exponential(stream: np.uint64) -> tuple[np.uint64, float]:
    """Return the stream's next state and an exponentially distributed number of mean 1."""
    stream += _GOLDEN
    return stream, -log(((_mixed(stream) >> np.uint64(11)) + 0.5) * 2.0**-53)


def fire(velocity: np.ndarray, streams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the spikes of channels: steps and channels, int64 [M] each, channel by channel.

    Parameters
    ----------
    velocity : membrane velocity [C, steps] at 24 kHz.
    streams : starts of the random streams, uint64 [C].
    """
    n_channels, n_steps = velocity.shape
    steps = np.empty((n_channels, n_steps // REST + 2), np.int64)
    counts = np.zeros(n_channels, np.int64)
    _fire(np.asarray(velocity, np.float32), streams.copy(), resting_state(), steps, counts)
    held = np.arange(steps.shape[1]) < counts[:, None]
    return steps[held], np.repeat(np.arange(n_channels), counts)


@_compiled()
def _fire(velocity, streams, at_rest, steps, counts):
    """Run all channels side by side, since they are independent; writes the bushy cells' `steps` and their `counts`."""
    n_channels, n_steps = velocity.shape
    q, c, w = np.full(n_channels, at_rest[0]), np.full(n_channels, at_rest[1]), np.full(n_channels, at_rest[2])
    resting = np.zeros((REST, n_channels))
    free, due, used = np.full(n_channels, float(N_CELLS)), np.empty(n_channels), np.zeros(n_channels)
    current, membrane, rest = np.zeros(n_channels), np.zeros(n_channels), np.zeros(n_channels)
    hazard, hits = np.empty(n_channels), np.empty(n_channels + 1, np.int64)
    probability = np.empty((_TURN, n_channels))
    for channel in range(n_channels):
        streams[channel], due[channel] = _exponential(streams[channel])
    # In turns, so that what is transposed stays in the cache.
    for start in range(0, n_steps, _TURN):
        turn = velocity[:, start : start + _TURN]
        for channel in range(n_channels):
            for i in range(turn.shape[1]):
                probability[i, channel] = turn[channel, i]
        for i in range(turn.shape[1]):
            step = start + i
            fired = resting[step % REST]
            _hair_cells(probability[i], q, c, w)
            _hazards(probability[i], hazard)
            _forty(hazard, free, due, used, streams, fired, hits)
            if _bushy_cells(fired, current, membrane, rest):
                for channel in range(n_channels):
                    if rest[channel] == REST - 1:
                        steps[channel, counts[channel]] = step - 1
                        counts[channel] += 1


# What follows does one step of all channels. Conditions are written as choices between two values, and what is rare or a
# logarithm is left to a loop of its own: what remains are vector instructions.


@_compiled()
def _hair_cells(signal, q, c, w):
    """Turn velocities [C] into firing probabilities, in place; advances q, c, w [C]."""
    for i in range(len(signal)):
        drive = signal[i] + A
        drive = drive if drive > 0 else 0.0
        release = G * _DT * drive / (drive + B) * q[i]
        refill = Y * _DT * (1 - q[i])
        restored = X * _DT * w[i]
        free = q[i] + (refill if refill > 0 else 0.0) - release + restored
        store = w[i] + R * _DT * c[i] - restored
        cleft = c[i] + release - (L + R) * _DT * c[i]
        q[i] = free if free > 0 else 0.0
        w[i] = store if store > 0 else 0.0
        c[i] = cleft if cleft > 0 else 0.0
        probability = H * _DT * c[i]
        signal[i] = probability if probability < 1 - 1e-12 else 1 - 1e-12


@_compiled()
def _hazards(probability, hazard):
    """Write -log(1 - p), by its series where p is small, which is nearly always: cheaper than a logarithm."""
    n_large = 0
    for i in range(len(probability)):
        p = probability[i]
        n_large += p >= 0.01
        hazard[i] = p * (1 + p * (1 / 2 + p * (1 / 3 + p * (1 / 4 + p * (1 / 5 + p / 6)))))
    if n_large:
        for i in range(len(probability)):
            if probability[i] >= 0.01:
                hazard[i] = -log1p(-probability[i])


@_compiled()
def _forty(hazard, free, due, used, streams, resting, hits):
    """Let the forty cells of each channel fire; `resting` holds those that fired 1 ms ago, and then those that fired now."""
    for i in range(len(hazard)):
        # All free cells use up hazard together until the next one is due.
        free[i] += resting[i]
        used[i] += free[i] * hazard[i]
        resting[i] = 0.0
    n_hits = 0
    for i in range(len(hazard)):
        hits[n_hits] = i
        n_hits += used[i] >= due[i]
    for i in hits[:n_hits]:
        while used[i] >= due[i]:
            # What is left of this step's hazard belongs to the cells that haven't fired, one fewer than before.
            used[i] = (used[i] - due[i]) * (free[i] - 1) / free[i]
            free[i] -= 1
            resting[i] += 1
            streams[i], due[i] = _exponential(streams[i])


@_compiled()
def _bushy_cells(fired, current, membrane, rest):
    """Advance the bushy cells; return how many crossed their threshold: `rest`, steps left to rest, is then REST - 1."""
    n_spikes = 0
    for i in range(len(fired)):
        awake = rest[i] <= 0
        spikes = awake & (membrane[i] >= 1)
        n_spikes += spikes
        leaked = membrane[i] * _MEMBRANE if awake else membrane[i]
        v, left = (0.0, float(REST)) if spikes else (leaked, rest[i])
        current[i] = current[i] * _SYNAPSE + fired[i]
        charged = v + current[i] * _WEIGHT
        charged = charged if charged < 1 else 1.0
        membrane[i] = charged if left <= 0 else v
        rest[i] = left - 1
    return n_spikes
