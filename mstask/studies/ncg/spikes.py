"""Samples as sparse lists of first spikes: input index and time, at most one spike per input.

A `SpikeList` keeps all samples in three flat arrays: the spikes of sample n are ``inputs[starts[n]:starts[n + 1]]`` and
``times[...]``, sorted by time (equal times by input). Strong inputs fire early; a spike at `max_time` or later is no
spike. In a file (.npz, never a pickle) the same arrays stand under the same names.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mstask.data import DataError, checks, containers
from mstask.errors import MstaskError
from mstask.results.files import write_atomic

FIELDS = ("inputs", "times", "starts", "labels", "n_inputs", "max_time")
MAX_INPUTS = 1 << 24


class SpikeError(MstaskError):
    """Spikes that can't be used: a damaged file, or times, inputs or labels out of range."""


@dataclass(frozen=True)
class SpikeList:
    """First spikes of N samples: inputs int32 [S], times float32 [S], starts int64 [N + 1], labels int64 [N]."""

    inputs: np.ndarray
    times: np.ndarray
    starts: np.ndarray
    labels: np.ndarray
    n_inputs: int
    max_time: float = 1.0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def spikes_per_sample(self) -> float:
        """Mean number of spikes per sample."""
        return len(self.times) / max(len(self), 1)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content."""
        digest = hashlib.sha256(f"{self.n_inputs} {self.max_time}".encode())
        for array in (self.inputs, self.times, self.starts, self.labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def sample(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and times of sample n, in order of time."""
        chosen = slice(self.starts[n], self.starts[n + 1])
        return self.inputs[chosen], self.times[chosen]

    def select(self, rows: np.ndarray) -> SpikeList:
        """The samples of these rows, in this order."""
        rows = np.asarray(rows)
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return SpikeList(self.inputs[places], self.times[places], starts, self.labels[rows], self.n_inputs, self.max_time)


def from_dense(times: np.ndarray, labels: np.ndarray, max_time: float = 1.0) -> SpikeList:
    """Turn dense spike times [N, ...] into a spike list; times of `max_time` and later are silent inputs.

    Raises
    ------
    SpikeError : a time is negative or NaN; not one label, a whole number from 0 on, per sample; no sample or no input.
    """
    times = np.asarray(times)
    labels = _checked_labels(np.asarray(labels), len(times))
    if times.ndim < 2 or not times.size or times.dtype.kind not in "fiu":
        raise SpikeError(f"spike times are {times.dtype} of shape {times.shape}, expected numbers [samples, inputs]")
    if not 0 < max_time < np.inf:
        raise SpikeError(f"max_time is {max_time}, expected a positive time")
    flat = times.reshape(len(times), -1).astype(np.float32)
    bad = ~(flat >= 0)
    if bad.any():
        n, i = np.argwhere(bad)[0]
        raise SpikeError(f"sample {n} has the spike time {flat[n, i]} at input {i}, expected times from 0 on")
    order = np.argsort(flat, axis=1, kind="stable")
    ordered = np.take_along_axis(flat, order, axis=1)
    kept = ordered < np.float32(max_time)
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    return SpikeList(order[kept].astype(np.int32), ordered[kept], starts, labels, flat.shape[1], float(max_time))


def joined(first: SpikeList, second: SpikeList) -> SpikeList:
    """The samples of both, in this order; they have the same inputs and max_time."""
    starts = np.concatenate([first.starts, second.starts[1:] + first.starts[-1]])
    inputs, times, labels = (
        np.concatenate([getattr(part, name) for part in (first, second)]) for name in ("inputs", "times", "labels")
    )
    return SpikeList(inputs, times, starts, labels, first.n_inputs, first.max_time)


def ranked(labels: np.ndarray, classes: np.ndarray, where: object = "the data") -> np.ndarray:
    """Labels as ranks 0..C-1 among the sorted `classes`.

    Raises
    ------
    SpikeError : a label that is not among the classes, which are those of the training set.
    """
    ranks = np.searchsorted(classes, labels)
    known = (ranks < len(classes)) & (classes[np.minimum(ranks, len(classes) - 1)] == labels)
    if not known.all():
        raise SpikeError(f"{where} has the label {labels[~known][0]}, which the training set does not have")
    return ranks.astype(np.int64)


def require_spikes(spikes: SpikeList, where: object) -> None:
    """Refuse a training set in which a sample has no spike at all: it could teach nothing.

    Raises
    ------
    SpikeError : names the first such sample.
    """
    empty = np.flatnonzero(np.diff(spikes.starts) == 0)
    if len(empty):
        raise SpikeError(f"{where}: {len(empty)} samples have no spike, the first is sample {empty[0]}; expected some in each")


def save(path: str | os.PathLike[str], spikes: SpikeList) -> None:
    """Write a spike list as .npz; the file is complete or untouched.

    Raises
    ------
    ResultsError : the file can't be written.
    """
    write_npz(path, {name: np.asarray(getattr(spikes, name)) for name in FIELDS})


def load(path: str | os.PathLike[str]) -> SpikeList:
    """Read and check a spike list; nothing in the file is ever unpickled.

    Raises
    ------
    SpikeError : missing or damaged file; arrays of other types or lengths; spikes that are unsorted, repeated or out of range.
    """
    arrays = read_npz(path, FIELDS)
    kinds = {"inputs": "iu", "times": "f", "starts": "iu", "labels": "iu", "n_inputs": "iu", "max_time": "fiu"}
    for name, kind in kinds.items():
        scalar = name in ("n_inputs", "max_time")
        if arrays[name].dtype.kind not in kind or arrays[name].ndim != (0 if scalar else 1):
            raise SpikeError(
                f"{path}: {name} is {arrays[name].dtype} of shape {arrays[name].shape}, not what a spike list holds"
            )
    spikes = SpikeList(
        arrays["inputs"].astype(np.int64),
        arrays["times"].astype(np.float32),
        arrays["starts"].astype(np.int64),
        arrays["labels"].astype(np.int64),
        int(arrays["n_inputs"]),
        float(arrays["max_time"]),
    )
    return checked(spikes, path)


def checked(spikes: SpikeList, path: str | os.PathLike[str]) -> SpikeList:
    """Return a spike list that was read from a file, its inputs as int32.

    Raises
    ------
    SpikeError : spikes that are unsorted, repeated or out of range; arrays that don't fit each other.
    """
    if fault := _fault(spikes):
        raise SpikeError(f"{path} is damaged: {fault}")
    return replace(spikes, inputs=spikes.inputs.astype(np.int32))


def convert(
    x_path: str | os.PathLike[str], y_path: str | os.PathLike[str], out: str | os.PathLike[str], max_time: float = 1.0
) -> SpikeList:
    """Convert dense spike times (.npy [N, ...]) and labels (.npy [N]) into a spike list file; the inputs stay as they are.

    Raises
    ------
    MstaskError : a file is missing, damaged or holds Python objects; times or labels out of range; `out` is an input.
    """
    sources = [Path(path) for path in (x_path, y_path)]
    if any(Path(out).resolve() == path.resolve() for path in sources):
        raise SpikeError(f"{out} is also an input, expected another name: the conversion keeps its inputs")
    times, labels = (checks.read_npy(path) for path in sources)
    spikes = from_dense(times, labels, max_time)
    save(out, spikes)
    return spikes


def write_npz(path: str | os.PathLike[str], arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as .npz, whole or not at all."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    write_atomic(path, file.getvalue())


def read_npz(path: str | os.PathLike[str], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the named arrays of an .npz file; nothing in it is ever unpickled."""
    try:
        return containers.read_npz(Path(path), names)
    except DataError as error:
        raise SpikeError(str(error)) from None


def _checked_labels(labels: np.ndarray, n_samples: int) -> np.ndarray:
    if labels.shape != (n_samples,) or labels.dtype.kind not in "iuf":
        raise SpikeError(f"labels are {labels.dtype} of shape {labels.shape}, expected whole numbers ({n_samples},)")
    if not (np.isfinite(labels) & (labels >= 0) & (np.floor(labels) == labels)).all():
        raise SpikeError("a label is negative or not a whole number, expected whole numbers from 0 on")
    return labels.astype(np.int64)


def _fault(spikes: SpikeList) -> str | None:
    """Say what is wrong with a spike list, or None."""
    starts, times, inputs = spikes.starts, spikes.times, spikes.inputs
    facts: list[tuple[Any, str]] = [
        (len(inputs) == len(times), f"{len(inputs)} inputs for {len(times)} times"),
        (
            len(starts) == len(spikes.labels) + 1 and len(spikes.labels) > 0,
            f"{len(starts)} starts, {len(spikes.labels)} labels",
        ),
        (len(starts) and starts[0] == 0 and starts[-1] == len(times), "its starts do not span its spikes"),
        (1 <= spikes.n_inputs <= MAX_INPUTS, f"{spikes.n_inputs} inputs, expected 1 to {MAX_INPUTS}"),
        (0 < spikes.max_time < np.inf, f"max_time is {spikes.max_time}, expected a positive time"),
    ]
    for holds, problem in facts:
        if not holds:
            return problem
    if (np.diff(starts) < 0).any():
        return "its starts are not in order"
    if (spikes.labels < 0).any():
        return "a label is negative"
    if len(times) == 0:
        return None
    if (inputs < 0).any() or (inputs >= spikes.n_inputs).any():
        return f"an input is not in 0 to {spikes.n_inputs - 1}"
    if not ((times >= 0) & (times < spikes.max_time)).all():
        return f"a time is not in [0, {spikes.max_time:g})"
    sample = np.repeat(np.arange(len(spikes)), np.diff(starts))
    if ((np.diff(times) < 0) & (np.diff(sample) == 0)).any():
        return "the spikes of a sample are not sorted by time"
    if len(np.unique(sample * spikes.n_inputs + inputs)) < len(inputs):
        return "an input fires twice in one sample"
    return None
