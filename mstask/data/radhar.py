"""RadHAR's activities: what a millimetre-wave radar sees of people who box, jump, squat or walk, as Doppler against time.

Singh, Sandha, Garcia and Srivastava, "RadHAR", mmNets 2019. The radar lists points 30 times a second; each has an intensity
in dB and one of 16 Doppler bins of 0.615 m/s, the ninth of which stands still. A text file holds 20 s. The files were
recorded in four passes through all activities, and the authors' own folders Train and Test cut through every pass.

An example is a window of 60 frames. The value of a Doppler bin is log10(1 + P / 1000), P the summed power of its moving
points; what stands still isn't looked at, nor a bin that the radar doesn't have, which two damaged points name.
"""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mstask.data import DataError, containers, originals

CLASS_NAMES = ("boxing", "jack", "jump", "squats", "walk")
WINDOW, N_BINS, STILL = 60, 16, 8
REFERENCE = 1000.0
"""Power (30 dB) that a sum of powers is compared with."""
N_PASSES = 4
PACKED = "rh_X.npz"
ORIGINAL = originals.Original(
    name="radhar",
    variable="RADHAR_DATA",
    repository="nesl/RadHAR",
    commit="4b7443905c778a390dc0ab996ac6bc6a07ae407e",
    holds=f"Data/Train and Data/Test, or {PACKED}",
    wanted=re.compile(r"(?:^|/)((?:Train|Test)/[a-z]+/[^/]+\.txt)$"),
    inner="",
    sha256="",
    licence_file="LICENSE",
    licence="Redistribution and use in source and binary forms",
    attribution=(
        "RadHAR, (c) 2019 UCLA Networked and Embedded Systems Laboratory, BSD 3-clause licence: cite Singh, Sandha, Garcia and "
        "Srivastava, mmNets 2019, doi:10.1145/3349624.3356768"
    ),
)
POINT = re.compile(
    rb"point_id: (\d+)\n(?:(?!header:).)*?doppler_bin: (\d+)\n(?:(?!header:).)*?intensity: (\d+(?:\.\d+)?)\n", re.S
)


@dataclass(frozen=True)
class Recording:
    """What is known of one text file: its pass, and how many points and frames it has."""

    number: int
    points: int
    frames: int


@dataclass(frozen=True)
class Windows:
    """Doppler against time float32 [N, 60, 16], activities int64 [N], passes int64 [N]."""

    x: np.ndarray
    y: np.ndarray
    passes: np.ndarray


def recordings() -> dict[str, Recording]:
    """Return the text files that are used, by name; the packed form was made of these."""
    with Path(__file__).with_name("radhar.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["file"]: Recording(*(int(row[key]) for key in ("pass", "points", "frames"))) for row in csv.DictReader(file)
        }


def read(root: str | os.PathLike[str] | None = None) -> Windows:
    """Return all windows of a copy, from its text files or from their packed form, ordered by file and time.

    Raises
    ------
    DataError : a file is missing, damaged, or not as long as it was when it was recorded.
    """
    path = originals.located(ORIGINAL, root)
    if path.is_dir() and (path / PACKED).is_file():
        return _packed(path / PACKED)
    if path.suffix == ".npz":
        return _packed(path)
    known = recordings()
    x, y, passes = [], [], []
    with originals.opened(ORIGINAL, path) as copy:
        if absent := sorted(known.keys() - copy.files.keys()):
            raise DataError(
                f"{copy.where} has no {absent[0]} ({len(absent)} files are missing), expected {len(known)} recordings"
            )
        for name, about in sorted(known.items()):
            windows = doppler_time(f"{copy.where}: {name}", copy.read(name), about)
            x.append(windows)
            y += [CLASS_NAMES.index(name.split("/")[1])] * len(windows)
            passes += [about.number] * len(windows)
    return Windows(np.concatenate(x), np.array(y), np.array(passes))


def doppler_time(where: str, content: bytes, about: Recording) -> np.ndarray:
    """Return the windows float32 [n, 60, 16] of a text file; frames that fill none are left over."""
    points = np.array(POINT.findall(content), dtype="S24").reshape(-1, 3)
    began = content.count(b"point_id:")
    if len(points) < began or len(points) != about.points:
        what = "is truncated" if len(points) <= about.points else "was added to"
        raise DataError(f"{where} {what}: {len(points)} complete points, expected {about.points}; copy or download it again")
    number, bin_ = points[:, 0].astype(np.int64), points[:, 1].astype(np.int64)
    power = 10 ** (points[:, 2].astype(np.float64) / 10)
    frame = np.cumsum(np.diff(number, prepend=number[:1] - 1) <= 0)
    if frame[-1] + 1 != about.frames:
        raise DataError(f"{where} has {frame[-1] + 1} frames, expected {about.frames}; it is not in its own order")
    used = (bin_ < N_BINS) & (bin_ != STILL)
    total = np.bincount(frame[used] * N_BINS + bin_[used], power[used], about.frames * N_BINS)
    whole = about.frames // WINDOW * WINDOW
    values = np.log10(1 + total.reshape(about.frames, N_BINS)[:whole] / REFERENCE)
    return values.reshape(-1, WINDOW, N_BINS).astype(np.float32)


def _packed(path: Path) -> Windows:
    arrays = containers.read_npz(path, ("X", "y", "session", "rec", "names"))
    x, names = arrays["X"], arrays["names"]
    if x.ndim != 3 or x.shape[1:] != (WINDOW, N_BINS) or x.dtype != np.float32 or not len(x):
        raise DataError(
            f"{path}: X is {x.dtype} {x.shape}, expected float32 (N, {WINDOW}, {N_BINS}) = [window, frame, Doppler]"
        )
    if not (np.isfinite(x).all() and (x >= 0).all()):
        raise DataError(f"{path}: X has values that are negative, NaN or infinite, expected logarithms of power from 0 on")
    y, passes, rec = (
        containers.whole_numbers(path, name, arrays[name], len(x), limit)
        for name, limit in (("y", len(CLASS_NAMES)), ("session", N_PASSES), ("rec", len(names)))
    )
    if (np.diff(rec) < 0).any():
        raise DataError(f"{path}: rec falls at window {int((np.diff(rec) < 0).argmax()) + 1}, expected recording by recording")
    if len(set(names.tolist())) < len(names):
        raise DataError(f"{path}: two recordings go by one name, expected different ones")
    for name, label in zip(names[rec].tolist(), y.tolist(), strict=True):
        if f"/{CLASS_NAMES[label]}/" not in name:
            raise DataError(f"{path}: a window of {name} is labelled {CLASS_NAMES[label]}, expected what its folder says")
    return Windows(x, y, passes)
