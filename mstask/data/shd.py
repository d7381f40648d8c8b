"""The file format of SHD, the Spiking Heidelberg Digits: HDF5 with the spikes of one word per row.

    spikes/times   seconds, one variable-length row of floats per word
    spikes/units   channels 0..699, one variable-length row of integers per word
    labels         0..19: zero to nine, null to neun; or only the first ten, where the keys are ten
    extra/speaker  who speaks
    extra/keys     the words by label

What experiments use of it are spike counts in twelve frames (paper, section 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mstask.data import DataError, checks, containers
from mstask.data.containers import opened_hdf5 as opened

N_UNITS = 700
N_FRAMES = 12
WINDOW = 1.0
"""Seconds that the frames span."""
ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GERMAN = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
WORDS = ENGLISH + GERMAN
"""The words by label."""
N_CLASSES = len(WORDS)
REQUIRED = ("spikes/times", "spikes/units", "labels", "extra/speaker")
MAX_WORDS = checks.MAX_BYTES // (N_FRAMES * N_UNITS)
MAX_SPIKES = 10_000_000
"""No file has more words, and no word more spikes: their counts must fit in memory."""
_SLICE = 256
_UNITS = {"milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}


@dataclass(frozen=True)
class Words:
    """The words of a file: counts [N, 12, 700] of an unsigned type, labels and speakers int64 [N].

    `keys` are the words by label, or None where the file doesn't say; `events` is the number of spikes, `clipped`
    of those that come after the window and count in its last frame.
    """

    counts: np.ndarray
    labels: np.ndarray
    speakers: np.ndarray
    keys: tuple[str, ...] | None
    events: int
    clipped: int


def frames(times: np.ndarray) -> np.ndarray:
    """Return the frame, int64, of each time in s: floor(t / 1 s * 12) in double precision, clipped to 0..11.

    The paper gives the formula, not its precision; in that of SHD's files, float16, one spike in about 750 would move.
    """
    return np.clip(np.floor(np.asarray(times, np.float64) / WINDOW * N_FRAMES), 0, N_FRAMES - 1).astype(np.int64)


def frame_counts(times: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return the spikes of one word, times in s [M] and units [M] clipped to 0..699, counted in frames: int64 [12, 700]."""
    units = np.clip(np.asarray(units, np.int64), 0, N_UNITS - 1)
    return np.bincount(frames(times) * N_UNITS + units, minlength=N_FRAMES * N_UNITS).reshape(N_FRAMES, N_UNITS)


def write(
    path: Path,
    times: Sequence[np.ndarray],
    units: Sequence[np.ndarray],
    labels: np.ndarray,
    speakers: np.ndarray,
    keys: Sequence[str],
    attributes: Mapping[str, Any],
) -> None:
    """Write words to a new file, their times as float16 and everything else as uint16, as in SHD's own files."""
    with h5py.File(path, "w") as file:
        for name, rows, dtype in (("times", times, np.float16), ("units", units, np.uint16)):
            ragged: np.ndarray = np.empty(len(rows), object)
            ragged[:] = [np.asarray(row, dtype) for row in rows]
            file.create_dataset(f"spikes/{name}", data=ragged, dtype=h5py.vlen_dtype(dtype))
        file["labels"] = np.asarray(labels, np.uint16)
        file["extra/speaker"] = np.asarray(speakers, np.uint16)
        file.create_dataset("extra/keys", data=np.array([key.encode() for key in keys], object), dtype=h5py.string_dtype())
        file.attrs.update(attributes)


def read(path: Path) -> Words:
    """Return the words of a .h5 file, or of a .h5.gz, counted in frames."""
    with opened(path) as file:
        try:
            return _read(path, file)
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            raise DataError(f"{path} is damaged: {' '.join(str(error).split())}; copy or download it again") from None


def _read(path: Path, file: h5py.File) -> Words:
    absent = [key for key in REQUIRED if not isinstance(file.get(key), h5py.Dataset)]
    if absent:
        raise DataError(f"{path} has no data set {absent[0]!r}, expected the keys of SHD: {', '.join(REQUIRED)}")
    for key in (*REQUIRED, "extra/keys"):
        if isinstance(file.get(key), h5py.Dataset):
            containers.require_claim(path, file[key], MAX_WORDS)
    times, units = file["spikes/times"], file["spikes/units"]
    _check_ragged(path, times, "f", "floats (seconds)")
    _check_ragged(path, units, "iu", "integers (channels)")
    keys = _keys(path, file)
    labels = checks.class_labels(path, _vector(path, file["labels"]), len(keys or WORDS))
    speakers = _speakers(path, _vector(path, file["extra/speaker"]))
    lengths = {key: len(file[key]) for key in REQUIRED}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise DataError(f"{path} has data sets of different lengths ({found}), expected one row per word in each")
    if not len(labels):
        raise DataError(f"{path} holds no word, expected at least one")
    parts, events, clipped, latest = [], 0, 0, 0.0
    rows = _rows_at_once(file)
    for start in range(0, len(labels), rows):
        stop = min(start + rows, len(labels))
        counts, n, late, last = _count(path, start, times[start:stop], units[start:stop])
        parts.append(counts)
        events, clipped, latest = events + n, clipped + late, max(latest, last)
    if clipped > events / 2:
        raise DataError(f"{path}: {clipped / events:.1%} of its spikes come after {WINDOW:g} s; {_likely_unit(latest)}")
    if latest < WINDOW / N_FRAMES:
        raise DataError(f"{path}: all of its spikes come within {latest:g} s, the first frame; expected times in seconds")
    return Words(np.concatenate(parts), labels, speakers, keys, events, clipped)


def _rows_at_once(file: h5py.File) -> int:
    """How many rows to read at once: any of them may be as long as the file, whatever its length in sum."""
    return int(np.clip(checks.MAX_BYTES // (8 * file.id.get_filesize()), 1, _SLICE))


def _likely_unit(latest: float) -> str:
    """What times up to `latest` are likely to be, where most of them lie beyond the window of seconds."""
    for name, per_second in _UNITS.items():
        if 0.1 <= latest / per_second <= 10:
            return f"the latest is {latest:g}, so the times are likely {name}: divide them by {per_second:,}"
    return f"the latest is {latest:g}, expected seconds from the begin of each word"


def _check_ragged(path: Path, rows: h5py.Dataset, kinds: str, what: str) -> None:
    inner = h5py.check_vlen_dtype(rows.dtype)
    if inner is not None and not inner.isnative:
        raise DataError(
            f"{path}: {rows.name} has the byte order of {inner.str}, which h5py misreads in rows of variable length"
        )
    if inner is None or inner.kind not in kinds or rows.ndim != 1:
        found = f"{rows.dtype if inner is None else f'variable-length {inner}'} of shape {rows.shape}"
        raise DataError(f"{path}: {rows.name} is {found}, expected one variable-length row of {what} per word")


def _vector(path: Path, values: h5py.Dataset) -> np.ndarray:
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise DataError(f"{path}: {values.name} is {values.dtype} of shape {values.shape}, expected one whole number per word")
    return values[:]


def _speakers(path: Path, values: np.ndarray) -> np.ndarray:
    good = np.isfinite(values) & (values >= 0) & (np.floor(values) == values)
    if not good.all():
        first = int(np.argmin(good))
        raise DataError(f"{path}: the speaker of word {first} is {values[first]}, expected a whole number from 0 on")
    return values.astype(np.int64)


def _keys(path: Path, file: h5py.File) -> tuple[str, ...] | None:
    if "extra/keys" not in file:
        return None
    keys = file["extra/keys"]
    if not isinstance(keys, h5py.Dataset) or keys.dtype.kind not in "OSU" or keys.shape not in ((len(ENGLISH),), (N_CLASSES,)):
        raise DataError(
            f"{path}: extra/keys is no list of {N_CLASSES} words, or of {len(ENGLISH)}, expected the words by label"
        )
    return tuple(key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key) for key in keys[:])


def _count(path: Path, start: int, times: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, int, int, float]:
    """Return counts [n, 12, 700], spikes, how many come after the window, and the latest time, of words `start`, ..."""
    length = np.array([len(row) for row in times])
    other = np.array([len(row) for row in units])
    for wrong, problem in (
        (length != other, "{} times and {} units, expected as many"),
        (length == 0, "no spike, expected at least one"),
        (length > MAX_SPIKES, f"{{:,}} spikes, expected at most {MAX_SPIKES:,}"),
    ):
        if wrong.any():
            i = int(wrong.argmax())
            raise DataError(f"{path}: word {start + i} has {problem.format(length[i], other[i])}")
    word: np.ndarray = np.repeat(np.arange(len(times)), length)
    time, unit = np.concatenate(times).astype(np.float64), np.concatenate(units)
    for bad, values, what, valid in (
        (~(np.isfinite(time) & (time >= 0)), time, "time", "finite seconds from 0 on"),
        ((unit < 0) | (unit >= N_UNITS), unit, "unit", f"0 to {N_UNITS - 1}"),
    ):
        if bad.any():
            i = int(bad.argmax())
            raise DataError(f"{path}: word {start + word[i]} has a spike with {what} {values[i]}, expected {valid}")
    index = (word * N_FRAMES + frames(time)) * N_UNITS + unit.astype(np.int64)
    counts = np.bincount(index, minlength=len(times) * N_FRAMES * N_UNITS).reshape(len(times), N_FRAMES, N_UNITS)
    late = int(np.sum(time >= WINDOW))
    return counts.astype(np.min_scalar_type(counts.max())), len(time), late, float(time.max())
