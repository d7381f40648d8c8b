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
    transmitter = np.repeat(np.array(resting_state())[:, None], n_channels, axis=1)
    _fire(np.asarray(velocity, np.float32), streams.copy(), transmitter, steps, counts)
    held = np.arange(steps.shape[1]) < counts[:, None]
    return steps[held], np.repeat(np.arange(n_channels), counts)


@_compiled()
def _fire(velocity, streams, transmitter, steps, counts):
    """Run all channels in turns of `_TURN` steps: hair cells side by side, then each channel's forty and its bushy cell."""
    n_channels, n_steps = velocity.shape
    resting = np.zeros((n_channels, REST), np.int64)
    free = np.full(n_channels, N_CELLS)
    due, used = np.empty(n_channels), np.zeros(n_channels)
    bushy = np.zeros((n_channels, 2))
    rest = np.zeros(n_channels, np.int64)
    probability = np.empty((_TURN, n_channels))
    for channel in range(n_channels):
        streams[channel], due[channel] = _exponential(streams[channel])
    # In turns, so that the probabilities of a turn stay in the cache between the two loops over channels.
    for start in range(0, n_steps, _TURN):
        turn = velocity[:, start : start + _TURN]
        _hair_cells(turn, transmitter, probability)
        for channel in range(n_channels):
            firing = streams[channel], due[channel], used[channel], free[channel]
            cell = bushy[channel, 0], bushy[channel, 1], rest[channel], counts[channel]
            firing, cell = _bushy_cell(
                probability[: turn.shape[1], channel], start, firing, cell, resting[channel], steps[channel]
            )
            streams[channel], due[channel], used[channel], free[channel] = firing
            bushy[channel, 0], bushy[channel, 1], rest[channel], counts[channel] = cell


@_compiled()
def _hair_cells(velocity, transmitter, probability):
    """Write the firing probability [steps, C] of each step; advances `transmitter` [3, C] = q, c, w."""
    n_channels, n_steps = velocity.shape
    q, c, w = transmitter
    # Transposed first: the loop below then runs along channels, which are independent and can be vectorised.
    for channel in range(n_channels):
        for step in range(n_steps):
            probability[step, channel] = velocity[channel, step]
    for step in range(n_steps):
        for channel in range(n_channels):
            drive = max(0.0, probability[step, channel] + A)
            release = G * _DT * drive / (drive + B) * q[channel]
            refill = max(0.0, Y * _DT * (1 - q[channel]))
            restored = X * _DT * w[channel]
            q[channel] = max(0.0, q[channel] + refill - release + restored)
            w[channel] = max(0.0, w[channel] + R * _DT * c[channel] - restored)
            c[channel] = max(0.0, c[channel] + release - (L + R) * _DT * c[channel])
            probability[step, channel] = min(H * _DT * c[channel], 1 - 1e-12)


@_compiled()
def _bushy_cell(probability, start, firing, cell, resting, steps):
    """Run forty hair cells of one probability [steps] and their bushy cell; returns the states, writes `steps`."""
    stream, due, used, free = firing
    current, membrane, rest, n_spikes = cell
    slot = start % REST
    for i in range(len(probability)):
        p = probability[i]
        # -log(1 - p), by its series where p is small, which is nearly always: cheaper than a logarithm.
        if p < 0.01:
            hazard = p * (1 + p * (1 / 2 + p * (1 / 3 + p * (1 / 4 + p * (1 / 5 + p / 6)))))
        else:
            hazard = -log1p(-p)
        # Cells that fired 1 ms ago are free again; all free ones use up hazard together until the next one is due.
        free += resting[slot]
        used += free * hazard
        fired = 0
        while used >= due:
            # What is left of this step's hazard belongs to the cells that haven't fired, one fewer than before.
            used = (used - due) * (free - 1) / free
            free -= 1
            fired += 1
            stream, due = _exponential(stream)
        resting[slot] = fired
        slot = slot + 1 if slot < REST - 1 else 0

        if rest <= 0:
            if membrane >= 1:
                steps[n_spikes] = start + i - 1
                n_spikes += 1
                membrane, rest = 0.0, REST
            else:
                membrane *= _MEMBRANE
        current = current * _SYNAPSE + fired
        if rest <= 0:
            membrane = min(1.0, membrane + current * _WEIGHT)
        rest -= 1
    return (stream, due, used, free), (current, membrane, rest, n_spikes)
