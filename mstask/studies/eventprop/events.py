"""Batches of spike trains: times in ms, sorted within each trial, one flat array for all trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mstask.errors import MstaskError


class EventpropError(MstaskError):
    """A spike train, network or setting that this method can't work with."""


@dataclass(frozen=True)
class Spikes:
    """Spikes of B trials: `times` [M] in ms, `ids` [M] (who fired), `starts` int64 [B + 1].

    Trial b owns the entries from ``starts[b]`` up to ``starts[b + 1]``, sorted by time; `n_ids` is how many could fire.
    Times are float64 and ids int64; a large set whose values allow it may keep smaller types, see `exact`.
    """

    times: NDArray[np.floating]
    ids: NDArray[np.integer]
    starts: NDArray[np.int64]
    n_ids: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def trial(self, b: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Times and ids of one trial."""
        span = slice(self.starts[b], self.starts[b + 1])
        return self.times[span], self.ids[span]

    def trials(self) -> NDArray[np.int64]:
        """The trial of each spike, int64 [M]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def counts(self) -> NDArray[np.int64]:
        """Spikes per trial and neuron, int64 [B, n_ids]."""
        flat = np.bincount(self.trials() * self.n_ids + self.ids, minlength=len(self) * self.n_ids)
        return flat.reshape(len(self), self.n_ids)

    def take(self, rows: ArrayLike) -> Spikes:
        """The trials `rows` [R], in that order; a trial may occur more than once."""
        rows = np.asarray(rows, np.int64)
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        index = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Spikes(self.times[index], self.ids[index], starts, self.n_ids)

    def exact(self) -> Spikes:
        """The same spikes with times as float64 and ids as int64."""
        if self.times.dtype == np.float64 and self.ids.dtype == np.int64:
            return self
        return Spikes(self.times.astype(np.float64), self.ids.astype(np.int64), self.starts, self.n_ids)

    def keep(self, chosen: NDArray[np.bool_]) -> Spikes:
        """The spikes for which `chosen` [M] is true."""
        return from_events(self.trials()[chosen], self.times[chosen], self.ids[chosen], len(self), self.n_ids)


def from_events(trials: ArrayLike, times: ArrayLike, ids: ArrayLike, n_trials: int, n_ids: int) -> Spikes:
    """Sort events by trial and time (stable) and pack them.

    Parameters
    ----------
    trials, times, ids
        Trial 0..n_trials - 1, time in ms from 0 on, and neuron or channel 0..n_ids - 1 of each event, shape [M].

    Raises
    ------
    EventpropError
        Unequal lengths; a time that is negative, NaN or infinite; a trial or channel out of range.
    """
    trials, times, ids = np.asarray(trials, np.int64), np.asarray(times, np.float64), np.asarray(ids, np.int64)
    if not len(trials) == len(times) == len(ids):
        raise EventpropError(f"{len(times)} spike times with {len(ids)} channels and {len(trials)} trials, expected as many")
    bad = ~(np.isfinite(times) & (times >= 0))
    if bad.any():
        raise EventpropError(f"spike {int(bad.argmax())} has time {times[bad.argmax()]} ms, expected finite times from 0 on")
    for what, values, size in (("channel", ids, n_ids), ("trial", trials, n_trials)):
        bad = (values < 0) | (values >= size)
        if bad.any():
            raise EventpropError(f"spike {int(bad.argmax())} has {what} {values[bad.argmax()]}, expected 0 to {size - 1}")
    order = np.lexsort((times, trials))
    starts = np.concatenate([[0], np.cumsum(np.bincount(trials, minlength=n_trials))]).astype(np.int64)
    return Spikes(times[order], ids[order], starts, n_ids)
