"""From intensities to first-spike times: latency coding, on and off maps of pictures, first spikes of events.

Strong inputs fire early: t = 1 - v for an intensity v in 0..1; v = 0 is silence (t = 1). The scaling of the on/off and
the latency code is fitted on training data and applied to any (sheet of the NCG paper, section 2).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from mstask.errors import MstaskError

SIGMAS = (1.0, 2.0)
"""Widths of the narrow and the wide Gaussian of the difference-of-Gaussians filter, pixels."""


class CodingError(MstaskError):
    """Values that can't be coded as spike times."""


def latency(values: np.ndarray) -> np.ndarray:
    """Spike times float32 1 - v of intensities v in 0..1; 0 becomes 1, no spike.

    Raises
    ------
    CodingError : a value outside 0..1 or NaN.
    """
    values = np.asarray(values, np.float32)
    if not ((values >= 0) & (values <= 1)).all():
        raise CodingError(f"intensities from {values.min()} to {values.max()}, expected 0 to 1")
    return np.float32(1) - values


def shares_of_maximum(values: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Non-negative features [N, D] as shares of their largest value in training data, at most 1; 0 where that is 0."""
    largest = training.max(axis=0)
    return np.clip(np.divide(values, largest, out=np.zeros_like(values), where=largest > 0), 0, 1)


def difference_of_gaussians(pictures: np.ndarray, size: int = 5) -> np.ndarray:
    """Narrow minus wide Gaussian blur of pictures [N, H, W]; both kernels size x size and of sum 1, edges replicated."""
    if pictures.ndim != 3 or size < 1 or size % 2 == 0:
        raise CodingError(f"pictures of shape {pictures.shape} and a filter of size {size}, expected [N, H, W] and an odd size")
    narrow, wide = (_blur(np.asarray(pictures, np.float64), size, sigma) for sigma in SIGMAS)
    return (narrow - wide).astype(np.float32)


def on_off(pictures: np.ndarray, size: int = 5) -> np.ndarray:
    """On and off maps of pictures [N, H, W] as features [N, 2 * H * W]: where a pixel is brighter or darker than around it."""
    contrast = difference_of_gaussians(pictures, size).reshape(len(pictures), -1)
    return np.concatenate([np.maximum(contrast, 0), np.maximum(-contrast, 0)], axis=1)


def _blur(pictures: np.ndarray, size: int, sigma: float) -> np.ndarray:
    offsets = np.arange(size) - size // 2
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    return correlate1d(correlate1d(pictures, kernel, axis=1, mode="nearest"), kernel, axis=2, mode="nearest")
