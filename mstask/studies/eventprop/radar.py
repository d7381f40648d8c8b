"""Radar pictures as spike trains: in each frame a Doppler bin fires once per level that its value exceeds.

This is the plainest encoding that keeps time as time: frame f of a standardised picture [64 frames, 64 bins] lasts 2 ms and
its spikes stand at the frame's begin; each level has its own 64 channels. What lies below the lowest level is lost, and so
is the size of what lies between two levels.
"""

from __future__ import annotations

import hashlib

import torch

from mstask import data
from mstask.data import Split, Splits
from mstask.studies.eventprop.events import Spikes, from_events

LEVELS = (1.0, 2.0)
"""Levels in standard deviations above the training part's mean."""
FRAME_MS = 2.0


def spike_splits(source: str, size: str, root: str | None = None) -> Splits:
    """Return the radar set in the split of `mstask.data`, its pictures as `Spikes`."""
    splits = data.load("radar", source, size, root)
    told = f"{splits.meta['fingerprint']} above {LEVELS}, {FRAME_MS} ms"
    meta = splits.meta | {"fingerprint": hashlib.sha256(told.encode()).hexdigest()}
    train, validation, test = (Split(encode(part.x), part.y) for part in (splits.train, splits.validation, splits.test))
    return Splits(train, validation, test, splits.n_classes, meta)


def encode(pictures: torch.Tensor) -> Spikes:
    """Standardised pictures [N, frames, bins] as spikes on bins times levels channels."""
    n, _, bins = pictures.shape
    above = torch.stack([pictures > level for level in LEVELS], dim=2)
    trial, frame, level, bin_ = (index.numpy() for index in above.nonzero(as_tuple=True))
    return from_events(trial, frame * FRAME_MS, level * bins + bin_, n, len(LEVELS) * bins)
