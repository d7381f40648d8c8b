"""Acconeer's gestures: four movements of a hand before a coherent 60 GHz radar, as spectrograms of a quarter of a second.

The radar sweeps 16 times a frame at 1 kHz over six ranges, about 59.5 frames a second. A gesture is 64 frames from a start
that was found once by where the hand moves. Whole gestures are too easy, so each is cut into four slices of 16 frames
(256 sweeps, 0.27 s). Of a slice the mean over its sweeps is taken away, range by range (what stands still); a complex
short-time Fourier transform (Hann window of 64 sweeps, hop 3) gives 64 x 64 = [time, Doppler], powers P are summed
over the ranges, and the value is log10(1 + P). None of this looks at a label.

The original are 13 recordings in HDF5, each of one gesture over and over; the packed form holds the same gestures.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from mstask.data import DataError, containers, originals

CLASS_NAMES = ("double_tap_in", "tap_in", "tap_out", "wiggle")
DATES = ("2022-07-14", "2022-07-25", "2022-07-27", "2022-08-24")
N_FRAMES, N_SWEEPS, N_RANGES = 64, 16, 6
SLICES = 4
"""Of a gesture."""
SIDE, HOP = 64, 3
PACKED = "ac_iq.npz"
PATHS = ("session/group_0/entry_0/result/frame", "sessions/session_0/group_0/entry_0/result/frame")
"""Where a recording of Acconeer's Exploration Tool has its frames, in older and in newer versions."""
MAX_FRAMES = 100_000
ORIGINAL = originals.Original(
    name="acconeer",
    variable="ACCONEER_DATA",
    repository="acconeer/acconeer-a121-gesture-control",
    commit="0fe9b9f5efe98ea6e884342cf677baa71490dee9",
    holds=f"data/gesture_classification, or {PACKED}",
    wanted=re.compile(r"(?:^|/)(?:gesture_classification/)?(label_[a-z_]+_idx_\d+\.h5)$"),
    inner="",
    sha256="",
    licence_file="LICENSE.md",
    licence="The Clear BSD License",
    attribution=(
        "Acconeer A121 gestures, (c) 2018-2022 Acconeer AB, Clear BSD licence: cite acconeer/acconeer-a121-gesture-control on "
        "GitHub with this commit"
    ),
)


@dataclass(frozen=True)
class Slices:
    """Spectrograms float32 [N, 64, 64] = [slice, time, Doppler], gestures int64 [N], dates (numbers in `DATES`) int64 [N]."""

    x: np.ndarray
    y: np.ndarray
    dates: np.ndarray


@dataclass(frozen=True)
class Recording:
    """What is known of one recording: its date, and the frames at which its gestures start."""

    date: str
    starts: tuple[int, ...]


def recordings() -> dict[str, Recording]:
    """Return the recordings that are used, by name ("tap_in_idx_1")."""
    with Path(__file__).with_name("acconeer.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["recording"]: Recording(row["date"], tuple(map(int, row["frames"].split()))) for row in csv.DictReader(file)
        }


def read(root: str | os.PathLike[str] | None = None) -> Slices:
    """Return the slices of all gestures of a copy, from the recordings or from their packed form, recording by recording.

    Raises
    ------
    DataError : a recording is missing, damaged or too short.
    """
    path = originals.located(ORIGINAL, root)
    if path.is_dir() and (path / PACKED).is_file():
        path = path / PACKED
    iq, y, dates = _packed(path) if path.suffix == ".npz" else _original(path)
    slices: np.ndarray = iq.reshape(-1, N_FRAMES // SLICES * N_SWEEPS, N_RANGES, 2).astype(np.float32)
    x = np.concatenate([spectrograms(part) for part in np.array_split(slices, max(1, len(slices) // 256))])
    return Slices(x, np.repeat(y, SLICES), np.repeat(dates, SLICES))


def spectrograms(iq: np.ndarray) -> np.ndarray:
    """Return the spectrograms float32 [n, 64 times, 64 Doppler bins] of slices [n, 256 sweeps, 6 ranges, 2]."""
    from scipy.signal import stft  # here, so that commands that train nothing don't load SciPy

    values = iq[..., 0] + 1j * iq[..., 1]
    moving = values - values.mean(axis=1, keepdims=True)
    options = {"nperseg": SIDE, "noverlap": SIDE - HOP, "boundary": None, "padded": False, "return_onesided": False}
    transform = stft(moving, window="hann", axis=1, **options)[2]  # [n, Doppler, range, time]
    power = (np.abs(transform) ** 2).sum(axis=2)[..., :SIDE]
    return np.log10(1 + np.fft.fftshift(power, axes=1)).transpose(0, 2, 1).astype(np.float32)


def _original(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    iq, y, dates = [], [], []
    with originals.opened(ORIGINAL, path) as copy:
        for name, about in recordings().items():
            file = f"label_{name}.h5"
            if file not in copy.files:
                raise DataError(f"{copy.where} has no {file}, expected {len(recordings())} recordings")
            found = _frames(f"{copy.where}: {file}", copy.read(file))
            if len(found) < about.starts[-1] + N_FRAMES:
                expected = about.starts[-1] + N_FRAMES
                raise DataError(f"{copy.where}: {file} has {len(found)} frames, expected at least {expected}; copy it again")
            iq += [found[start : start + N_FRAMES] for start in about.starts]
            y += [CLASS_NAMES.index(name.partition("_idx_")[0])] * len(about.starts)
            dates += [DATES.index(about.date)] * len(about.starts)
    return np.stack(iq), np.array(y), np.array(dates)


def _frames(where: str, content: bytes) -> np.ndarray:
    """Return the frames int16 [n, 16, 6, 2] of a recording."""
    with tempfile.TemporaryDirectory(prefix="mstask-") as folder:
        path = Path(folder) / "recording.h5"
        path.write_bytes(content)
        try:
            with containers.opened_hdf5(path) as file:
                found = next((file[name] for name in PATHS if isinstance(file.get(name), h5py.Dataset)), None)
                if found is None:
                    raise DataError(f"{where} has no data set {PATHS[0]}, expected a recording of the Exploration Tool")
                containers.require_claim(path, found, MAX_FRAMES)
                frames = found[...]
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, DataError) as error:
            raise DataError(" ".join(str(error).replace(str(path), where).split())) from None
    if frames.dtype.names != ("real", "imag") or frames.reshape(len(frames), -1).shape[1] != N_SWEEPS * N_RANGES:
        found_as = f"{frames.dtype} {frames.shape}"
        raise DataError(
            f"{where} has frames {found_as}, expected real and imag of [frame, {N_SWEEPS} sweeps, {N_RANGES} ranges]"
        )
    pairs = np.stack([frames["real"], frames["imag"]], axis=-1)
    return pairs.reshape(len(frames), N_SWEEPS, N_RANGES, 2)


def _packed(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arrays = containers.read_npz(path, ("iq", "y", "session", "classes", "sessions", "src", "start"))
    iq, expected = arrays["iq"], (N_FRAMES, N_SWEEPS, N_RANGES, 2)
    if iq.ndim != 5 or iq.shape[1:] != expected or iq.dtype != np.int16 or not len(iq):
        raise DataError(f"{path}: iq is {iq.dtype} {iq.shape}, expected int16 (N, {', '.join(map(str, expected))})")
    for name, found in (("classes", CLASS_NAMES), ("sessions", DATES)):
        if arrays[name].tolist() != list(found):
            raise DataError(f"{path}: {name} are {arrays[name].tolist()}, expected {list(found)}")
    y, dates = (
        containers.whole_numbers(path, name, arrays[name], len(iq), limit)
        for name, limit in (("y", len(CLASS_NAMES)), ("session", len(DATES)))
    )
    source, start = arrays["src"].tolist(), arrays["start"].tolist()
    if len(source) != len(iq) or len(start) != len(iq) or len(set(zip(source, start, strict=True))) < len(iq):
        raise DataError(f"{path}: src and start name a gesture twice or not at all, expected {len(iq)} different gestures")
    for name, label in zip(source, y.tolist(), strict=True):
        if name.partition("_idx_")[0] != CLASS_NAMES[label]:
            raise DataError(f"{path}: a gesture of {name} is labelled {CLASS_NAMES[label]}, expected what its recording says")
    return iq, y, dates
