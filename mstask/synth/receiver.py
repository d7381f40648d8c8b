"""From an echo to a picture: levels, propagation, noise, receiver faults, spectrogram."""

from __future__ import annotations

from math import pi

import numpy as np
from scipy import fft

from .scatterers import DURATION, N_SAMPLES, SAMPLE_RATE, TIME, slow_jitter

BAND = 2_000.0
WINDOW, HOP = 160, 40
N_FRAMES = N_BINS = 64
FLOOR_DB = 50.0

_FREQUENCY = fft.fftfreq(N_SAMPLES, 1 / SAMPLE_RATE)
_IN_BAND = np.abs(_FREQUENCY) <= BAND
_TAPER = np.hamming(WINDOW)
_FRAME_EDGES = np.round(np.linspace(0, (N_SAMPLES - WINDOW) // HOP + 1, N_FRAMES + 1)).astype(int)

DOPPLER = (np.arange(N_BINS) - N_BINS // 2) * SAMPLE_RATE / WINDOW


def power(signal: np.ndarray) -> float:
    """Return the mean power of a complex signal."""
    return float(np.mean(signal.real**2 + signal.imag**2))


def in_band_power(signal: np.ndarray) -> float:
    """Return the mean power of a signal [N] within +-2 kHz; fast propellers spread far beyond."""
    spectrum = fft.fft(signal)[_IN_BAND]
    return float(np.sum(spectrum.real**2 + spectrum.imag**2)) / N_SAMPLES**2


def decibel(level: float) -> float:
    """Return the power ratio of a level in dB."""
    return 10 ** (level / 10)


def ground_bounce(rng: np.random.Generator) -> np.ndarray:
    """Return the two-ray factor 1 + rho exp(i (2 pi f t + phase + 0.5 S(t; 1 Hz))), rho 0.1-0.6, f -3..3 Hz."""
    rho, f, phase = rng.uniform(0.1, 0.6), rng.uniform(-3, 3), rng.uniform(0, 2 * pi)
    return 1 + rho * np.exp(1j * (2 * pi * f * TIME + phase + 0.5 * slow_jitter(rng, 1)))


def beam_passage(rng: np.random.Generator) -> np.ndarray:
    """Return the amplitude of a target crossing the beam, exp(-4 ln 2 ((t - c) / w)^2), w 0.35-0.8 of the dwell."""
    centre, width = rng.uniform(0, DURATION), rng.uniform(0.35, 0.8) * DURATION
    return np.exp(-4 * np.log(2) * ((TIME - centre) / width) ** 2)


def complex_noise(rng: np.random.Generator, n: int = N_SAMPLES) -> np.ndarray:
    """Return white complex Gaussian noise [n] of unit power."""
    return rng.standard_normal(2 * n).view(complex) * np.sqrt(0.5)


def clutter(rng: np.random.Generator) -> np.ndarray:
    """Return the echo [N] of wind-moved vegetation, unit power, power spectrum exp(-|f| / sigma), sigma 3-20 Hz."""
    shape = np.exp(-np.abs(_FREQUENCY) / (2 * rng.uniform(3, 20)))
    echo = fft.ifft(complex_noise(rng) * shape)
    return echo / np.sqrt(power(echo))


def phase_noise(rng: np.random.Generator) -> np.ndarray:
    """Return the oscillator's factor exp(i psi(t)), psi 0.5-3 deg rms within 60 Hz."""
    return np.exp(1j * np.radians(rng.uniform(0.5, 3)) * slow_jitter(rng, 60))


def iq_imbalance(rng: np.random.Generator, signal: np.ndarray) -> np.ndarray:
    """Return the signal through a quadrature channel with gain error N(0, 0.3) dB and angle error N(0, 2) deg.

    The errors add a faint mirror image at the opposite Doppler.
    """
    gain, angle = 10 ** (rng.normal(0, 0.3) / 20), np.radians(rng.normal(0, 2))
    return signal.real + 1j * gain * (np.cos(angle) * signal.imag + np.sin(angle) * signal.real)


def receive(rng: np.random.Generator, echo: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Return the recorded signal [N] of an echo whose moving parts have unit power in +-2 kHz, and the levels.

    In order: ground bounce (half of the samples), passage through the beam (30 %), clutter 10 dB below to 20
    dB above the noise, phase noise, receiver noise 0-20 dB below the moving parts (both levels within +-2
    kHz), IQ imbalance, DC removed.
    """
    if rng.random() < 0.5:
        echo = echo * ground_bounce(rng)
    if rng.random() < 0.3:
        echo = echo * beam_passage(rng)
    snr, clutter_to_noise = rng.uniform(0, 20), rng.uniform(-10, 20)
    noise_power = decibel(-snr)
    echo = echo + np.sqrt(noise_power * decibel(clutter_to_noise)) * clutter(rng)
    white = np.sqrt(noise_power * SAMPLE_RATE / (2 * BAND)) * complex_noise(rng)
    signal = iq_imbalance(rng, echo * phase_noise(rng) + white)
    return signal - signal.mean(), {"snr_db": snr, "clutter_to_noise_db": clutter_to_noise}


def spectrogram(signal: np.ndarray) -> np.ndarray:
    """Return the power [64 frames of 16 ms, 64 Doppler bins of 62.5 Hz] of a signal [N]; zero Doppler is column 32.

    Hamming window and FFT of 160 samples, hop 40: 253 spectra, whose power is averaged in 64 groups.
    """
    frames = np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::HOP]
    spectra = np.roll(fft.fft(frames * _TAPER, axis=1), N_BINS // 2, axis=1)[:, :N_BINS]
    energy = np.add.reduceat(spectra.real**2 + spectra.imag**2, _FRAME_EDGES[:-1], axis=0)
    return energy / np.diff(_FRAME_EDGES)[:, None]


def picture(signal: np.ndarray) -> np.ndarray:
    """Return the picture float32 [time 64, Doppler 64] in 0..1 = 1 + dB below the maximum / 50, clipped at -50 dB."""
    energy = spectrogram(signal)
    level = 10 * np.log10(np.maximum(energy / energy.max(), 1e-30))
    return (1 + np.clip(level, -FLOOR_DB, 0) / FLOOR_DB).astype(np.float32)
