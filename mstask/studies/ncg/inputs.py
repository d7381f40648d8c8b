"""The data sets of this section as first-spike times, each scaled by its training part only.

"digits", "mnist" and "fashion-mnist": on and off maps of the picture, divided by their training maxima, early where the
contrast is strong. "digits-features": the same maps through a spiking convolution learnt without labels. "radar": on and
off maps as well, of the micro-Doppler picture averaged over 4 x 4 pixels. "speech": the spikes in each of twelve frames and
seventy bands of ten channels, divided by their training maxima and early where there are many. "speech-onsets": when each of
the 700 channels first fires in the word, in seconds: no code at all.

Latency coding: strong inputs fire early, t = 1 - v for an intensity v in 0..1; v = 0 is silence (t = 1). The scaling of the
on/off and the latency code is fitted on training data and applied to any (sheet of the NCG paper, section 2).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import correlate1d
from sklearn.model_selection import train_test_split

from mstask import data
from mstask.data import DataError, Split, Splits, shd, speech
from mstask.errors import MstaskError
from mstask.studies.ncg import features
from mstask.studies.ncg.spikes import SpikeList, from_dense

FEATURES_OF = {"digits-features": "digits"}
DIGIT_FILTERS = features.Recipe(n_filters=64, size=3, epochs=50, target_time=0.6, threshold=2.5)
POOL = 2
SMALL_FILTER, LARGE_FILTER = 5, 7
"""Sides of the difference-of-Gaussians filter in pixels: for pictures of 8 x 8 pixels and radar (16 x 16), and for others."""
SIGMAS = (1.0, 2.0)
"""Widths of the narrow and the wide Gaussian of the difference-of-Gaussians filter, pixels."""
BANDS = 70
FEATURE_SEED = 0


class CodingError(MstaskError):
    """Values that can't be coded as spike times."""


def load(case: str, source: str, size: str) -> Splits:
    """Return a data set as dense spike times x float32 [N, 1, D] in 0..1 (1 is silence); `meta` says how it was coded.

    Raises
    ------
    DataError : the data can't be loaded.
    """
    if case == "speech-onsets":
        return onsets(source, size)
    splits = data.load(FEATURES_OF.get(case, case), source, size)
    inputs = [part.x.numpy() for part in (splits.train, splits.validation, splits.test)]
    if case == "speech":
        return _coded(splits, count_latency([banded(part) for part in inputs]), "latency of counts in frames and bands")
    if case == "radar":
        return _coded(splits, contrast_latency([averaged(part) for part in inputs], 5), "on/off latency of 4 x 4 averages")
    times = contrast_latency(inputs, SMALL_FILTER if inputs[0].shape[1] <= 8 else LARGE_FILTER)
    if case in FEATURES_OF:
        return _coded(splits, learnt_features(times, inputs[0].shape[1]), "STDP convolution on on/off latency")
    return _coded(splits, times, "on/off latency")


def spike_lists(splits: Splits) -> tuple[SpikeList, SpikeList, SpikeList]:
    """Training, validation and test part as sparse spike lists."""
    return tuple(from_dense(part.x.numpy(), part.y.numpy()) for part in (splits.train, splits.validation, splits.test))


def contrast_latency(pictures: list[np.ndarray], filter_size: int) -> list[np.ndarray]:
    """Spike times [N, 2 * H * W] of the on and off maps of pictures [N, H, W]; the first list entry is the training part."""
    maps = [on_off(part, filter_size) for part in pictures]
    return [latency(shares_of_maximum(part, maps[0])) for part in maps]


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


def count_latency(counts: list[np.ndarray]) -> list[np.ndarray]:
    """Spike times [N, D] of counts [N, ...] divided by their training maxima; the first list entry is the training part."""
    flat = [part.reshape(len(part), -1) for part in counts]
    return [latency(shares_of_maximum(part, flat[0])) for part in flat]


def banded(counts: np.ndarray) -> np.ndarray:
    """Counts [N, frames, channels] summed over bands of neighbouring channels: [N, frames, 70]."""
    n, frames, channels = counts.shape
    return counts.reshape(n, frames, BANDS, channels // BANDS).sum(axis=3)


def averaged(pictures: np.ndarray) -> np.ndarray:
    """Pictures [N, H, W] averaged over blocks of 4 x 4 pixels."""
    n, height, width = pictures.shape
    return pictures.reshape(n, height // 4, 4, width // 4, 4).mean(axis=(2, 4))


def learnt_features(times: list[np.ndarray], side: int) -> list[np.ndarray]:
    """First-spike times of features learnt from the training part's on/off latencies, the first list entry."""
    channels = [features.as_channels(part, side) for part in times]
    learnt = features.learn(channels[0], DIGIT_FILTERS, FEATURE_SEED)
    return [learnt.encode(part, POOL) for part in channels]


def onsets(source: str, size: str) -> Splits:
    """Spoken digits, split as `mstask.data` does: x [N, 1, 700] is each channel's first spike in s, 1 where there is none.

    Raises
    ------
    DataError : the spoken digits can't be loaded, or were changed meanwhile.
    """
    splits = data.load("speech", source, size)
    folder = speech.generated(size) if source == "embedded" else speech.real_folder(None)
    train, test = (
        _read_first(folder, name, splits.meta["events"][part])
        for name, part in zip(speech.FILES, ("train", "test"), strict=True)
    )
    rows = np.arange(len(train[1]))
    kept, held = train_test_split(rows, test_size=speech.VALIDATION_SHARE, random_state=speech.SEED, stratify=train[1])
    chosen = [(train[0][kept], train[1][kept]), (train[0][held], train[1][held]), test]
    for (_, labels), part in zip(chosen, (splits.train, splits.validation, splits.test), strict=True):
        if not np.array_equal(labels, part.y.numpy()):
            raise DataError(f"{folder} does not hold the words that were counted in frames; load them again")
    return _coded(splits, [times for times, _ in chosen], "first spike of each channel")


def _read_first(folder: Path, name: str, events: int) -> tuple[np.ndarray, np.ndarray]:
    """First spike of each channel [N, 700] and labels [N] of a file that has been read and checked before."""
    path = speech.real_file(folder, name)
    with shd.opened(path) as file:
        labels = file["labels"][:].astype(np.int64)
        times = np.ones((len(labels), shd.N_UNITS), np.float32)
        seen = 0
        for start in range(0, len(labels), 256):
            rows = zip(file["spikes/times"][start : start + 256], file["spikes/units"][start : start + 256], strict=True)
            for n, (when, unit) in enumerate(rows, start):
                np.minimum.at(times[n], unit.astype(np.int64), when.astype(np.float32) / np.float32(shd.WINDOW))
                seen += len(when)
    if seen != events:
        raise DataError(f"{path} has {seen} spikes, {events} were counted before; load the spoken digits again")
    return times, labels


def _coded(splits: Splits, times: list[np.ndarray], code: str) -> Splits:
    """The same splits with spike times [N, D] for inputs."""
    labels = (splits.train.y, splits.validation.y, splits.test.y)
    parts = [Split(torch.from_numpy(x.astype(np.float32)[:, None, :]), y) for x, y in zip(times, labels, strict=True)]
    return replace(splits, train=parts[0], validation=parts[1], test=parts[2], meta=splits.meta | {"coding": code})


def _blur(pictures: np.ndarray, size: int, sigma: float) -> np.ndarray:
    offsets = np.arange(size) - size // 2
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    return correlate1d(correlate1d(pictures, kernel, axis=1, mode="nearest"), kernel, axis=2, mode="nearest")
