"""The spoken-digit set: synthetic speakers (`voices.py`) heard by an ear (`cochlea.py`), in the shape of SHD.

The work is done in parts that stay on disk until the set is complete, so that an interrupted generation goes on where
it stopped: what a speaker says (one process each), then the spikes of about twenty of its words at a time. A part's
content depends on its name alone, so the set is the same for any number of workers and after any interruption.
"""

from __future__ import annotations

import functools
import os
import tempfile
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mstask.data import DataError, cache
from mstask.synth import cochlea, parallel, voices

VERSION = f"{voices.VERSION}.{cochlea.VERSION}"
CHANNELS = {"paper": 700, "medium": 700, "small": 70}
CHUNK = 20
"""Words per part."""
_SILENT = np.zeros(0)


@dataclass(frozen=True)
class Heard:
    """The words of a file in its order: times (s, float16) and units (uint16) of the spikes of each, labels, speakers."""

    times: list[np.ndarray]
    units: list[np.ndarray]
    labels: np.ndarray
    speakers: np.ndarray


def generate(size: str, parts: Path, seed: int = 0, workers: int | None = None) -> tuple[Heard, Heard]:
    """Return the training and the test file of a set; what is done so far waits in `cache.unfinished`.

    By default one worker process per core, but none (this process alone) for the small set.
    """
    parts = cache.unfinished(parts.with_suffix(""))  # not `parts` itself: who needs the arrays alone takes that away
    parts.mkdir(parents=True, exist_ok=True)
    workers = worthwhile(size) if workers is None else workers
    batches = [words for speaker in range(len(voices.SPEAKERS)) if (words := voices.batch(size, speaker, seed))]
    with ThreadPoolExecutor(max(workers, 2)) as pool:
        said = pool.map(lambda words: _say(words, seed, parts), batches)
        list(tqdm(said, f"speaking ({size})", len(batches), leave=False))
    cochlea.ear(CHANNELS[size])
    chunks = [(words, first) for words in batches for first in range(0, len(words), CHUNK)]
    items = [
        ([asdict(word) for word in words[first : first + CHUNK]], first, CHANNELS[size], seed, str(parts))
        for words, first in chunks
    ]
    with tqdm(desc=f"listening ({size})", total=sum(map(len, batches)), unit="word", leave=False) as bar:
        for n_words in parallel.compute(f"{__name__}:hear_chunk", items, (), np.int64, workers):
            bar.update(int(n_words))
    return _collected(size, batches, [_heard_path(parts, words[0].speaker, first) for words, first in chunks])


def worthwhile(size: str) -> int:
    """How many processes hear words of a size: none of their own for the few channels of a small one."""
    return parallel.available_cores() if CHANNELS[size] == cochlea.N_CHANNELS else 0


def recording(size: str, file: int, row: int, seed: int = 0) -> tuple[np.ndarray, int]:
    """Return the recording, float64 [n] of full scale 1, and its sampling rate in Hz, behind one word of a set.

    It is synthesised anew, with all that its speaker says before it: a few seconds for the paper's size.
    """
    _, speakers = voices.plan(size, file)
    words = voices.batch(size, int(speakers[row]), seed)
    index = next(i for i, word in enumerate(words) if (word.file, word.row) == (file, row))
    said = voices.say_batch(words[: index + 1], seed)[index]
    return voices.record(said, words[index], seed), words[index].sample_rate


def _say(words: list[voices.Utterance], seed: int, parts: Path) -> None:
    path = _said_path(parts, words[0].speaker)
    if part_of(path) is None:
        said = voices.say_batch(words, seed)
        write_part(path, {"samples": np.concatenate(said), "ends": np.cumsum([len(samples) for samples in said])})


def hear_chunk(utterances: list[dict[str, Any]], first: int, n_channels: int, seed: int, parts: str) -> int:
    """Write the spikes of the words of a speaker that start at `first` of its batch, unless it is done; return how many."""
    words = [voices.Utterance(**utterance) for utterance in utterances]
    path = _heard_path(Path(parts), words[0].speaker, first)
    if part_of(path) is None:
        said, ear = _said(_said_path(Path(parts), words[0].speaker)), cochlea.ear(n_channels)
        heard = []
        for word, samples in zip(words, said[first : first + len(words)], strict=True):
            wave = voices.record(samples, word, seed)
            heard.append(cochlea.hear(wave, word.sample_rate, ear, (seed, word.file, word.row)))
        times, units = zip(*heard, strict=True)
        ends = np.cumsum([len(t) for t in times])
        write_part(path, {"times": np.concatenate(times).astype(np.float16), "units": np.concatenate(units), "ends": ends})
    return len(words)


@functools.lru_cache(2)
def _said(path: Path) -> list[np.ndarray]:
    part = whole_part(path)
    return np.split(part["samples"], part["ends"][:-1])


def _collected(size: str, batches: list[list[voices.Utterance]], paths: list[Path]) -> tuple[Heard, Heard]:
    """Put the words of all parts into the order of the files."""
    plans = [voices.plan(size, file) for file in range(len(voices.FILES))]
    train, test = (Heard([_SILENT] * len(labels), [_SILENT] * len(labels), labels, speakers) for labels, speakers in plans)
    heard = (word for path in paths for word in words_of(path))
    for utterance, (times, units) in zip((u for batch in batches for u in batch), heard, strict=True):
        heard_in = (train, test)[utterance.file]
        heard_in.times[utterance.row], heard_in.units[utterance.row] = times, units
    return train, test


def words_of(path: Path) -> zip:
    """Return times and units of each word of a part."""
    part = whole_part(path)
    return zip(*(np.split(part[name], part["ends"][:-1]) for name in ("times", "units")), strict=True)


def _said_path(parts: Path, speaker: int) -> Path:
    return parts / f"said-{speaker:02d}.npz"


def _heard_path(parts: Path, speaker: int, first: int) -> Path:
    return parts / f"heard-{speaker:02d}-{first:04d}.npz"


def part_of(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a part, or None when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as part:
            return dict(part)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def whole_part(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a part that was written; that it is missing or damaged is a DataError."""
    if (part := part_of(path)) is None:
        raise DataError(f"{path} was written a moment ago, but is missing or damaged: start again, what is whole is kept")
    return part


def write_part(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a part under a temporary name and rename it, so that a part is whole or absent."""
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
