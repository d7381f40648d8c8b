"""Recorded words heard by the ear that hears the synthetic ones (`cochlea.py`).

The work is done in parts that stay on disk until all words are heard, so that an interruption costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mstask.synth import cochlea, parallel
from mstask.synth.spoken_digits import CHANNELS, CHUNK, part_of, whole_part, words_of, worthwhile, write_part

VERSION = cochlea.VERSION


def hear(
    waves: Sequence[np.ndarray], rate: int, keys: np.ndarray, size: str, parts: Path, workers: int | None = None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the spikes of words: times (s, float16) and channels (uint16) of each.

    Parameters
    ----------
    waves : samples of each word, int16 [n].
    rate : samples per second.
    keys : numbers that name each word, int64 [N, K]; the random streams of its hair cells follow from them alone.
    size : "small" for every tenth of the ear's 700 channels, else all.
    parts : folder for what is done so far.
    """
    parts.mkdir(parents=True, exist_ok=True)
    words = parts / "words.npz"
    samples = {"samples": np.concatenate(waves), "ends": np.cumsum([len(wave) for wave in waves]), "keys": keys}
    write_part(words, samples | {"rate": np.array(rate)})
    cochlea.ear(CHANNELS[size])
    workers = worthwhile(size) if workers is None else workers
    items = [(first, CHANNELS[size], str(parts)) for first in range(0, len(waves), CHUNK)]
    with tqdm(desc="listening", total=len(waves), unit="word", leave=False) as bar:
        for n_words in parallel.compute(f"{__name__}:hear_chunk", items, (), np.int64, workers):
            bar.update(int(n_words))
    times, units = zip(*(word for first, *_ in items for word in words_of(_heard(parts, first))), strict=True)
    return list(times), list(units)


def hear_chunk(first: int, n_channels: int, parts: str) -> int:
    """Write the spikes of the words from `first` on, unless it is done; return how many words."""
    words = whole_part(Path(parts) / "words.npz")
    ends, path = words["ends"], _heard(Path(parts), first)
    last = min(first + CHUNK, len(ends))
    if part_of(path) is None:
        ear, starts = cochlea.ear(n_channels), np.concatenate([[0], ends])
        heard = [
            cochlea.hear(words["samples"][starts[i] : starts[i + 1]], int(words["rate"]), ear, tuple(words["keys"][i].tolist()))
            for i in range(first, last)
        ]
        times, units = zip(*heard, strict=True)
        lengths = np.cumsum([len(t) for t in times])
        write_part(path, {"times": np.concatenate(times).astype(np.float16), "units": np.concatenate(units), "ends": lengths})
    return last - first


def _heard(parts: Path, first: int) -> Path:
    return parts / f"heard-{first:04d}.npz"
