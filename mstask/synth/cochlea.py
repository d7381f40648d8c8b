"""From a word to the spikes of 700 places along the basilar membrane: the ear model that made SHD, fast.

Chain (Cramer et al., IEEE TNNLS 33:2744, 2022): root mean square 0.3, Hann window over the whole word, hydrodynamic
basilar membrane (Sieroka, Dosch & Rupp, JASA 120(1):297, 2006), hair cells and bushy cell (`hair_cells.py`).

The membrane is linear, so its velocity at a place is one product of spectra and one inverse FFT. The transfer
function is tabulated once on a grid of 1 Hz. A word is padded to 0.5 s or whole seconds, where the FFT's bins
lie on the grid; only words over 1 s need interpolation. A bin is at the same frequency at any sampling rate, so the
inverse FFT also resamples to the cells' 24 kHz. Padding removes the circular wrap-around of the original.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from scipy.fft import irfft, rfft
from scipy.special import hankel1, j0, j1, y0, y1

from mstask.data import DataError, cache, checks
from mstask.synth import hair_cells
from mstask.synth.hair_cells import RATE

VERSION = 1
N_CHANNELS = 700
POSITIONS = np.linspace(0, 3.5, N_CHANNELS)
"""Places in cm from the base (22.5 kHz) to the apex (101 Hz)."""
STIFFNESS, STIFFNESS_OFFSET, DECAY = 1e9, 3500.0, 3.0
DEPTH, MASS, DENSITY = 0.1, 0.05, 1.0
DAMPING = 0.15 * np.sqrt(STIFFNESS * MASS)
LEVEL = 0.3
"""Root mean square of a word before it enters the ear."""
AFTERMATH = 0.015
"""Seconds for which the cells run on after the word."""
_BLOCK = 64


def transfer(frequency: np.ndarray | float, position: np.ndarray | float) -> np.ndarray:
    """Return the membrane's velocity response V, complex128, at `frequency` (Hz, above 0) and `position` (cm).

    The arguments are broadcast. Long-wave solution of Sieroka, Dosch & Rupp for a stiffness that falls as
    exp(-3 position); all square roots and logarithms are principal values.
    """
    w = 2 * np.pi * np.asarray(frequency, float)
    c = np.asarray(position, float)
    phase, phase_at_base = _phase(w, c), _phase(w, 0.0)
    impedance = _stiffness(w, c)
    pressure = np.sqrt(phase / _wave_number(w, c)) * hankel1(0, phase)
    pressure_at_base = np.sqrt(phase_at_base / _wave_number(w, 0.0)) * hankel1(0, phase_at_base)
    return 2 * w / impedance * pressure / pressure_at_base * _input(w)


def _stiffness(w: np.ndarray, c: np.ndarray | float) -> np.ndarray:
    """Complex stiffness xi of the membrane, with its mass and damping."""
    return STIFFNESS * np.exp(-DECAY * c) - STIFFNESS_OFFSET - MASS * w**2 - 1j * w * DAMPING * np.exp(-DECAY * c / 2)


def _wave_number(w: np.ndarray, c: np.ndarray | float) -> np.ndarray:
    return w * np.sqrt(DENSITY / (DEPTH * _stiffness(w, c)))


def _phase(w: np.ndarray, c: np.ndarray | float) -> np.ndarray:
    """The wave number's integral from the base to c, in closed form: argument G of the Hankel function."""
    s = np.sqrt(STIFFNESS_OFFSET + MASS * w**2)

    def q(at: np.ndarray | float) -> np.ndarray:
        damping = DAMPING * np.exp(-DECAY * at / 2)
        return -2 * np.sqrt(_stiffness(w, at)) + 1j * (2 * STIFFNESS_OFFSET + w * (2 * MASS * w + 1j * damping)) / s

    ratio = q(0.0) / (np.exp(DECAY * c / 2) * q(c))
    return 2 * _wave_number(w, 0.0) / DECAY - 2j * w / (DECAY * np.sqrt(DEPTH) * s) * np.log(ratio)


def _input(w: np.ndarray) -> np.ndarray:
    """Input impedance Z at the base."""
    z = 2 * w / DECAY * np.sqrt(2 / (DEPTH * STIFFNESS))
    return np.sqrt(2 * STIFFNESS / DEPTH) * (1j * j0(z) + y0(z)) / (j1(z) - 1j * y1(z))


@dataclass(frozen=True)
class Ear:
    """Channels `units`, int64 [C] in 0..699, and their response, complex64 [C, 12001] at 0, 1, ... 12000 Hz."""

    units: np.ndarray
    response: np.ndarray

    def bins(self, channels: slice, seconds: float, n_bins: int) -> np.ndarray:
        """Return the response of some channels at the first bins of an FFT over `seconds`: 0.5 or whole seconds."""
        response = self.response[channels]
        if seconds <= 1:
            return response[:, :: round(1 / seconds)][:, :n_bins]
        low, between = np.divmod(np.arange(n_bins) / seconds, 1)
        low, between = low.astype(int), between.astype(np.float32)
        return response[:, low] * (1 - between) + response[:, np.minimum(low + 1, RATE // 2)] * between


@functools.cache
def ear(n_channels: int = N_CHANNELS) -> Ear:
    """Return an ear of 700 channels, or of every tenth of them with 70; its table comes from the data cache."""
    step = N_CHANNELS // n_channels
    folder = cache.ensure(f"cochlea-{n_channels}-v{VERSION}", lambda empty: _make(empty, step), _fault)
    return Ear(np.arange(0, N_CHANNELS, step), checks.read_npy(folder / "response.npy"))


def response(units: np.ndarray) -> np.ndarray:
    """Return the response of channels [C], complex64 [C, 12001]; nothing at 0 Hz, where the model has a pole."""
    frequency = np.maximum(np.arange(RATE // 2 + 1), 1)
    table = np.empty((len(units), len(frequency)), np.complex64)
    for start in range(0, len(units), _BLOCK):
        table[start : start + _BLOCK] = transfer(frequency, POSITIONS[units[start : start + _BLOCK], None])
    # The model has a pole at 0 Hz; 1 Hz stood in for it above.
    table[:, 0] = 0
    return table


def _make(folder: Path, step: int) -> dict[str, Any]:
    table = response(np.arange(0, N_CHANNELS, step))
    np.save(folder / "response.npy", table, allow_pickle=False)
    return {"model": f"cochlea {VERSION}", "shape": table.shape}


def _fault(folder: Path) -> str | None:
    try:
        found = checks.read_npy(folder / "response.npy")
    except DataError as error:
        return str(error)
    return None if list(found.shape) == cache.read_meta(folder).get("shape") else f"its table has shape {found.shape}"


def prepare(wave: np.ndarray) -> np.ndarray:
    """Return a word [n] at the level and with the window that SHD's chain gives it."""
    wave = np.asarray(wave, float)
    if wave.ndim != 1 or not np.isfinite(wave).all():
        raise DataError(f"a word's samples have shape {wave.shape} or are not finite, expected one channel of finite numbers")
    level = np.sqrt(np.mean(wave**2)) if len(wave) else 0.0
    if level == 0:
        raise DataError("a word is silent: its level can't be set, and there is nothing to hear")
    return wave * (LEVEL / level) * np.hanning(len(wave))


def membrane_velocity(wave: np.ndarray, rate: int, ear: Ear) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield blocks of channels with their velocity, float32 [channels, steps] at 24 kHz, from a prepared word.

    v(t) = Re sum over positive frequencies of V X exp(i w t), for the word and 15 ms more.
    """
    duration = len(wave) / rate + AFTERMATH
    # Half or whole seconds put the bins of the FFT on the response's grid of 1 Hz, at the word's rate and at 24 kHz alike.
    seconds = 0.5 if duration <= 0.5 and rate % 2 == 0 else ceil(duration)
    n_samples = round(RATE * seconds)
    spectrum = rfft(wave, round(rate * seconds))[: n_samples // 2 + 1] * (RATE / rate)
    # Single precision is enough for what only sets the chance of a spike.
    spectrum = spectrum.astype(np.complex64)
    n_steps = min(ceil(duration * RATE), n_samples)
    for start in range(0, len(ear.units), _BLOCK):
        channels = slice(start, start + _BLOCK)
        product = ear.bins(channels, seconds, len(spectrum)) * spectrum
        yield channels, irfft(product, n_samples, overwrite_x=True)[:, :n_steps]


def hear(wave: np.ndarray, rate: int, ear: Ear, key: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the spikes of a word: times in s, float64 [M] ascending, and channels, uint16 [M].

    Parameters
    ----------
    wave : samples [n] of any level.
    rate : Hz, at least 2; what lies above 12 kHz is not heard.
    key : numbers that name the word; the channels' random streams follow from it alone.
    """
    steps, units = [], []
    for channels, velocity in membrane_velocity(prepare(wave), rate, ear):
        step, channel = hair_cells.fire(velocity, hair_cells.streams(key, ear.units[channels]))
        steps.append(step)
        units.append(ear.units[channels][channel])
    step, unit = np.concatenate(steps), np.concatenate(units)
    order = np.lexsort((unit, step))
    return step[order] / RATE, unit[order].astype(np.uint16)
