"""NeuroRadar's gestures: what a radar that spikes by itself says of twelve movements of a hand.

Zheng, Qian, Woodford and Zhang, "NeuroRadar", SenSys 2023. A file `gesture_N.txt` has the label 1..12 in its first line and
a spike in each other: channel 1..6 and seconds. Ten rounds of 12 x 20 files were recorded, the first five on one day, the
others four days later (by the archive's time stamps). In round 4, counted from 0, two gestures changed places: the label is
that of the file, never one that follows from its number. Who moved the hand is not said.
"""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass

import numpy as np

from mstask.data import DataError, originals

CLASS_NAMES = tuple(f"gesture {number}" for number in range(1, 13))
N_CHANNELS, N_FRAMES = 6, 64
DURATION, LATEST = 1.5, 1.6
"""Seconds of a gesture, and those after which no spike can be its own: a few come up to 33 ms late."""
N_ROUNDS, PER_ROUND = 10, 240
DAY_TWO = 5
"""The first round of the second day."""
ORIGINAL = originals.Original(
    name="neuroradar",
    variable="NEURORADAR_DATA",
    repository="kaizheng28/spike-sampler",
    commit="d8a32152c7b9c4451776ed8de87901c66dd44ae3",
    holds="gesture_1.txt and the others, or gesture_data.zip",
    wanted=re.compile(r"(?:^|/)(gesture_\d+\.txt)$"),
    inner="gesture_data.zip",
    sha256="3c9c447e2fb9de1709bdfe0761e44b7c71022af6daee79f1e2dd3f57fe97e422",
    licence_file="LICENSE",
    licence="MIT License",
    attribution=(
        "NeuroRadar gestures, (c) 2024 Kai Zheng, MIT licence: cite Zheng, Qian, Woodford and Zhang, SenSys 2023, "
        "doi:10.1145/3625687.3625788"
    ),
)


@dataclass(frozen=True)
class Gestures:
    """Spike counts float32 [N, 64 frames, 6 channels], labels int64 [N] and rounds int64 [N], in the order of the numbers."""

    x: np.ndarray
    y: np.ndarray
    rounds: np.ndarray


def read(root: str | os.PathLike[str] | None = None) -> Gestures:
    """Return all gestures of a copy: `root`, or what NEURORADAR_DATA names, or what was downloaded.

    A spike counts in frame floor(64 t / 1.5 s); those after 1.5 s count in the last.

    Raises
    ------
    DataError : a gesture is missing or damaged, or a round doesn't hold each label equally often.
    """
    path = originals.located(ORIGINAL, root)
    with originals.opened(ORIGINAL, path) as copy:
        numbers = sorted(int(name[8:-4]) for name in copy.files)
        if numbers != list(range(1, len(numbers) + 1)) or len(numbers) % N_ROUNDS:
            absent = min(set(range(1, max(numbers) + 1)) - set(numbers), default=None)
            found = f"no gesture_{absent}.txt" if absent else f"{len(numbers)} gestures"
            raise DataError(f"{copy.where} holds {found}, expected {N_ROUNDS} rounds of gestures numbered from 1 on")
        read_ones = [_read_one(f"{copy.where}: gesture_{n}.txt", copy.read(f"gesture_{n}.txt")) for n in numbers]
    x, y = np.stack([counts for counts, _ in read_ones]), np.array([label for _, label in read_ones])
    rounds: np.ndarray = np.arange(len(y)) // (len(y) // N_ROUNDS)
    for number in range(N_ROUNDS):
        found = np.bincount(y[rounds == number], minlength=len(CLASS_NAMES))
        if len(set(found.tolist())) > 1:
            raise DataError(f"{path}: round {number} holds {found.tolist()} files of the 12 labels, expected as many of each")
    return Gestures(x, y, rounds)


def _read_one(where: str, content: bytes) -> tuple[np.ndarray, int]:
    """Return the spike counts float32 [64, 6] and the label, from 0, of a gesture."""
    try:
        first, *lines = content.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise DataError(f"{where} is no plain text, expected a label and lines of channel and seconds") from None
    if not re.fullmatch(r"\d{1,2}", first.strip()) or not 1 <= int(first) <= len(CLASS_NAMES):
        raise DataError(f"{where} begins with {first[:40]!r}, expected a label from 1 to {len(CLASS_NAMES)}")
    if lines and lines[-1]:
        raise DataError(f"{where} is truncated: its last line, {lines[-1][:40]!r}, has no end")
    spikes = [_spike(f"{where}, line {number}", line) for number, line in enumerate(lines[:-1], 2)]
    if not spikes:
        raise DataError(f"{where} holds no spike, expected at least one")
    if spikes != sorted(spikes):
        number = next(i for i, (a, b) in enumerate(itertools.pairwise(spikes), 3) if b < a)
        raise DataError(f"{where}, line {number}: a spike out of order, expected channel by channel in the order of time")
    channel, time = np.array([c for c, _ in spikes]) - 1, np.array([t for _, t in spikes])
    frame = np.minimum(np.floor(time / DURATION * N_FRAMES).astype(np.int64), N_FRAMES - 1)
    counts = np.bincount(frame * N_CHANNELS + channel, minlength=N_FRAMES * N_CHANNELS)
    return counts.reshape(N_FRAMES, N_CHANNELS).astype(np.float32), int(first) - 1


def _spike(where: str, line: str) -> tuple[int, float]:
    match = re.fullmatch(r"(\d+) +(\d+(?:\.\d+)?)\s*", line)
    if not match:
        raise DataError(f"{where} is {line[:40]!r}, expected a channel and seconds")
    channel, time = int(match[1]), float(match[2])
    if not 1 <= channel <= N_CHANNELS:
        raise DataError(f"{where}: channel {channel}, expected 1 to {N_CHANNELS}")
    if time > LATEST:
        raise DataError(f"{where}: a spike at {time:g} s, expected at most {LATEST:g} s")
    return channel, time
