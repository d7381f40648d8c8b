"""The Free Spoken Digit Dataset: six men say the ten English digits fifty times each, at 8 kHz.

Files are `{digit}_{speaker}_{index}.wav`, mono, 16 bit. Their spikes are made by the ear that made the embedded set and are
kept in the cache as a file of SHD's own format, with labels 0..9 and the speaker's number in `SPEAKERS`.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import wave
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mstask import paths
from mstask.data import DataError, cache, checks, originals, shd
from mstask.plugins import plugin

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
RATE = 8000
MAX_SECONDS = 10
FILE = "words"
NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
ORIGINAL = originals.Original(
    name="fsdd",
    variable="FSDD_DATA",
    repository="Jakobovski/free-spoken-digit-dataset",
    commit="26eb9aaf76e81b692f806f9140c2d2777410d7a1",
    holds="recordings/0_george_0.wav and the others, or recordings.zip",
    wanted=re.compile(r"(?:^|/)([^/]+\.wav)$"),
    inner="recordings.zip",
    sha256="6b1a8e30f4df78a933fe25cf1ca0140c8c6f169c0a83649a15b70a5ae7407014",
    licence_file="README.md",
    licence="Creative Commons Attribution-ShareAlike 4.0 International",
    attribution=(
        "Free Spoken Digit Dataset, CC BY-SA 4.0: cite Jakobovski/free-spoken-digit-dataset on GitHub with this commit, "
        "and share what you make of the recordings alike"
    ),
)


@dataclass(frozen=True)
class Recordings:
    """Samples of each word int16 [n], and int64 [N, 3] of digit, speaker and index."""

    waves: list[np.ndarray]
    keys: np.ndarray


def read(root: str | os.PathLike[str] | None = None) -> Recordings:
    """Return all words of a copy, ordered by digit, speaker and index: `root`, what FSDD_DATA names, or what was downloaded.

    Raises
    ------
    DataError : a file of another name or format, a speaker without as many words as the others, two equal recordings.
    """
    path = originals.located(ORIGINAL, root)
    with originals.opened(ORIGINAL, path) as copy:
        keys = {name: _key(copy.where, name) for name in copy.files}
        names = sorted(keys, key=keys.__getitem__)
        _require_all(copy.where, [keys[name] for name in names])
        waves, seen = [], dict[bytes, str]()
        for name in names:
            content = copy.read(name)
            waves.append(samples(f"{copy.where}: {name}", content))
            if (twin := seen.setdefault(hashlib.sha256(waves[-1].tobytes()).digest(), name)) != name:
                raise DataError(f"{copy.where}: {name} is the same recording as {twin}, expected different ones")
    return Recordings(waves, np.array([keys[name] for name in names]))


def samples(where: str, content: bytes) -> np.ndarray:
    """Return the samples int16 [n] of a WAV file of one channel, 16 bit and 8 kHz."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            found = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            n, data = file.getnframes(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise DataError(f"{where} is no complete WAV file ({error or 'it ends early'}); copy or download it again") from None
    if found != (1, 2, RATE):
        raise DataError(f"{where} has {found[0]} channels of {8 * found[1]} bit at {found[2]} Hz, expected 1 of 16 at {RATE}")
    if len(data) != 2 * n:
        raise DataError(f"{where} is truncated: {len(data) // 2} samples, its header promises {n}; copy or download it again")
    if not 0 < n <= MAX_SECONDS * RATE:
        raise DataError(f"{where} has {n} samples, expected at least one and at most {MAX_SECONDS} s")
    values = np.frombuffer(data, "<i2").astype(np.int16)
    if not values.any():
        raise DataError(f"{where} is silent, expected a word")
    return values


def heard(size: str, root: str | os.PathLike[str] | None = None) -> tuple[shd.Words, Path, str]:
    """Return the words as spike counts, the file in SHD's format that they are from, and the SHA-256 of the counts.

    The spikes are made on first use, in some minutes. With the size "small" every tenth channel of the ear is used.
    """
    recordings = read(root)
    content = checks.fingerprint(np.concatenate(recordings.waves), recordings.keys)
    name = f"fsdd-{'small' if size == 'small' else 'paper'}-v{ear().VERSION}-{content[:12]}"
    parts = paths.cache_dir() / f"{name}.parts"
    folder = cache.ensure(name, lambda empty: _hear(empty, recordings, size, parts), _fault)
    shutil.rmtree(parts, ignore_errors=True)
    path = folder / f"{FILE}.h5"
    return shd.read(path), path, cache.read_meta(folder)["fingerprint"]


def ear() -> ModuleType:
    """What hears the words."""
    return plugin("synth.recorded_words")


def _hear(folder: Path, recordings: Recordings, size: str, parts: Path) -> dict[str, Any]:
    times, units = ear().hear(recordings.waves, RATE, recordings.keys, size, parts)
    digits, speakers, _ = recordings.keys.T
    made_by = {"generator": f"mstask recorded_words {ear().VERSION}", "source": ORIGINAL.repository, "size": size}
    shd.write(folder / f"{FILE}.h5", times, units, digits, speakers, shd.ENGLISH, made_by)
    words = shd.read(folder / f"{FILE}.h5")
    return made_by | {"fingerprint": checks.fingerprint(words.counts, words.labels, words.speakers)}


def _fault(folder: Path) -> str | None:
    try:
        words = shd.read(folder / f"{FILE}.h5")
    except DataError as error:
        return str(error)
    found = checks.fingerprint(words.counts, words.labels, words.speakers)
    expected = cache.read_meta(folder).get("fingerprint")
    return None if found == expected else f"its content does not match the fingerprint in {cache.META}"


def _key(where: Path, name: str) -> tuple[int, int, int]:
    match = NAME.fullmatch(name)
    if not match or match[2] not in SPEAKERS:
        raise DataError(f"{where} holds {name}, expected {{digit}}_{{speaker}}_{{index}}.wav by {', '.join(SPEAKERS)}")
    return int(match[1]), SPEAKERS.index(match[2]), int(match[3])


def _require_all(where: Path, keys: list[tuple[int, int, int]]) -> None:
    """Refuse a copy in which not every speaker says every word as often."""
    found: dict[tuple[int, int], set[int]] = {(d, s): set() for d in range(len(shd.ENGLISH)) for s in range(len(SPEAKERS))}
    for digit, speaker, index in keys:
        found[digit, speaker].add(index)
    usual = Counter(map(len, found.values())).most_common(1)[0][0]
    for (digit, speaker), indices in found.items():
        if odd := indices ^ set(range(usual)):
            name = SPEAKERS[speaker]
            what = "no" if min(odd) not in indices else "also"
            raise DataError(
                f"{where} holds {len(indices)} recordings of {digit} by {name} ({what} {digit}_{name}_{min(odd)}.wav), "
                f"expected {usual} as of others, numbered from 0"
            )
