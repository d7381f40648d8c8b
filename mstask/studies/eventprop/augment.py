"""Augmentations of spike trains: each takes a batch and returns one whose events lie in range; what leaves is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mstask.studies.eventprop.events import EventpropError, Spikes, from_events


@dataclass(frozen=True)
class Augmentation:
    """What is done to every training batch, in this order: shift, dilate, jitter, drop. The defaults do nothing.

    shift
        Each trial's channels all move by one whole number, from U(-shift, shift) cut towards 0.
    dilate
        (lowest, highest): each trial's times are multiplied by exp(U(ln lowest, ln highest)).
    jitter
        Standard deviation, in channels, by which each event moves on its own.
    drop
        Probability that an event is dropped.
    """

    shift: float = 0.0
    dilate: tuple[float, float] = (1.0, 1.0)
    jitter: float = 0.0
    drop: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.dilate
        if not (0 < low <= high and self.shift >= 0 and self.jitter >= 0 and 0 <= self.drop < 1):
            raise EventpropError(
                f"{self}: expected 0 < dilate[0] <= dilate[1], shift and jitter of at least 0, drop from 0 to below 1"
            )

    def apply(self, spikes: Spikes, trial_ms: float, rng: np.random.Generator) -> Spikes:
        """Augment a batch of trials of `trial_ms` ms."""
        if self.shift:
            spikes = shift(spikes, self.shift, rng)
        if self.dilate != (1.0, 1.0):
            spikes = dilate(spikes, self.dilate, trial_ms, rng)
        if self.jitter:
            spikes = jitter(spikes, self.jitter, rng)
        return drop(spikes, self.drop, rng) if self.drop else spikes


def shift(spikes: Spikes, largest: float, rng: np.random.Generator) -> Spikes:
    """Move all channels of each trial by one whole number within `largest`."""
    by = np.trunc(rng.uniform(-largest, largest, len(spikes))).astype(np.int64)
    return _moved(spikes, spikes.ids.astype(np.int64) + by[spikes.trials()])


def jitter(spikes: Spikes, sd: float, rng: np.random.Generator) -> Spikes:
    """Move the channel of each event by a rounded normal number of standard deviation `sd`."""
    return _moved(spikes, spikes.ids + np.rint(rng.normal(0, sd, len(spikes.ids))).astype(np.int64))


def dilate(spikes: Spikes, span: tuple[float, float], trial_ms: float, rng: np.random.Generator) -> Spikes:
    """Stretch or shorten each trial by one factor within `span`, evenly in its logarithm."""
    factors = np.exp(rng.uniform(*np.log(span), len(spikes)))
    longer = Spikes(spikes.times * factors[spikes.trials()], spikes.ids, spikes.starts, spikes.n_ids)
    return longer.keep(longer.times < trial_ms)


def drop(spikes: Spikes, share: float, rng: np.random.Generator) -> Spikes:
    """Drop each event with probability `share`."""
    return spikes.keep(rng.random(len(spikes.times)) >= share)


def thin(spikes: Spikes, rng: np.random.Generator, fewest: int) -> Spikes:
    """Thin every trial, at random, to `fewest` spikes (NORMALISE_SPIKE_NUMBER)."""
    order = np.lexsort((rng.random(len(spikes.times)), spikes.trials()))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - spikes.starts[spikes.trials()]
    return spikes.keep(rank < fewest)


def blend(
    spikes: Spikes,
    labels: NDArray[np.int64],
    n_total: int,
    shares: tuple[float, ...],
    trial_ms: float,
    rng: np.random.Generator,
) -> tuple[Spikes, NDArray[np.int64]]:
    """Fill a set up to `n_total` trials with mixtures of random trials of one class, drawn with replacement.

    As many trials as `shares` are moved to their common mean channel and mean time, each keeps its events with its
    share as probability, and what stays in range is the mixture. Trials of the set come first, unchanged.

    Raises
    ------
    EventpropError
        `n_total` is below the size of the set, a trial has no spike, or there are fewer than two shares.
    """
    if n_total < len(spikes) or len(shares) < 2:
        raise EventpropError(f"{n_total} trials of {len(shares)} parts: expected at least {len(spikes)} trials, 2 parts")
    if (np.diff(spikes.starts) == 0).any():
        raise EventpropError("a trial without spikes has no mean to blend at")
    trials, times, ids = [spikes.trials()], [spikes.times], [spikes.ids]
    drawn = rng.integers(0, len(spikes), n_total - len(spikes))
    for new, first in enumerate(drawn, start=len(spikes)):
        same = np.flatnonzero(labels == labels[first])
        parts = [spikes.trial(b) for b in (first, *rng.choice(same, len(shares) - 1))]
        means = np.array([(t.mean(), c.mean()) for t, c in parts])
        common = means.mean(axis=0)
        for (t, c), mean, share in zip(parts, means, shares, strict=True):
            kept = rng.random(len(t)) < share
            moved_t = t[kept] + (common - mean)[0]
            moved_c = c[kept].astype(np.int64) + int(np.rint((common - mean)[1]))
            inside = (moved_t >= 0) & (moved_t < trial_ms) & (moved_c >= 0) & (moved_c < spikes.n_ids)
            trials.append(np.full(int(inside.sum()), new))
            times.append(moved_t[inside])
            ids.append(moved_c[inside])
    packed = from_events(np.concatenate(trials), np.concatenate(times), np.concatenate(ids), n_total, spikes.n_ids)
    return packed, np.concatenate([labels, labels[drawn]])


def delay_line(spikes: Spikes, copies: int, delay_ms: float, trial_ms: float) -> Spikes:
    """Add `copies` delayed copies of the input on channels of their own, copy i delayed by i `delay_ms`."""
    every = range(copies + 1)
    trials = np.tile(spikes.trials(), copies + 1)
    times = np.concatenate([spikes.times + i * delay_ms for i in every])
    ids = np.concatenate([spikes.ids.astype(np.int64) + i * spikes.n_ids for i in every])
    kept = times < trial_ms
    return from_events(trials[kept], times[kept], ids[kept], len(spikes), spikes.n_ids * (copies + 1))


def _moved(spikes: Spikes, ids: NDArray[np.int64]) -> Spikes:
    inside = (ids >= 0) & (ids < spikes.n_ids)
    return Spikes(spikes.times, ids, spikes.starts, spikes.n_ids).keep(inside)
