"""Spoken digits as spike trains: the spikes themselves from files in SHD's format, in the split of `mstask.data`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from mstask.data import DataError, Split, Splits, shd, speech
from mstask.studies.eventprop.events import Spikes

TRIAL_MS, STEP_MS = 1000.0, 1.0


def spike_splits(source: str, size: str, root: str | None = None) -> Splits:
    """Return SHD's own split, the words of each part the same as in ``mstask.data.load("speech")``, as `Spikes`.

    As in the published protocol, events after 1000 ms are cut off, and a channel fires at most once per millisecond, at
    its end. Times are kept as float32 and channels as uint16.

    Raises
    ------
    DataError
        No folder of real data; a file is missing, damaged or not in the format.
    """
    corpus = speech.read(source, size, root)
    folder = speech.generated(size) if source == "embedded" else speech.real_folder(root)
    files = [_words(folder, name) for name in speech.FILES]
    everything = np.arange(len(corpus.train.labels))
    train, validation = train_test_split(
        everything, test_size=speech.VALIDATION_SHARE, random_state=speech.SEED, stratify=corpus.train.labels
    )
    known, new = corpus.train, corpus.test
    rows = {"train": train, "validation": validation, "test": np.arange(len(new.labels))}
    words = {"train": known, "validation": known, "test": new}
    spikes = {"train": files[0].take(train), "validation": files[0].take(validation), "test": files[1]}
    labels = {part: torch.from_numpy(np.array(words[part].labels[rows[part]])) for part in rows}
    meta = {
        "name": "speech",
        "source": source,
        "size": size if source == "embedded" else "all",
        "fingerprint": hashlib.sha256(f"spikes of {corpus.fingerprint}, cut, {STEP_MS} ms".encode()).hexdigest(),
        "class_names": list(known.keys or speech.shd.WORDS),
        "counts": {part: len(values) for part, values in labels.items()},
        "speakers": {part: words[part].speakers[rows[part]].tolist() for part in rows},
    }
    train, validation, test = (Split(spikes[part], labels[part]) for part in rows)
    return Splits(train, validation, test, len(meta["class_names"]), meta)


def leave_out(splits: Splits, left: Sequence[int]) -> Splits:
    """Return a split whose validation part is all words of the speakers `left`; the test part stays as it is.

    Raises
    ------
    DataError
        The set names no speakers, or none of `left` speaks in the training and validation parts, or no one else does.
    """
    if not splits.meta.get("speakers"):
        raise DataError(f"{splits.meta['name']} names no speakers, so none can be left out")
    parts = [splits.train, splits.validation]
    speakers = np.concatenate([splits.meta["speakers"][name] for name in ("train", "validation")])
    if unknown := sorted(set(left) - set(speakers.tolist())):
        raise DataError(f"speaker {unknown[0]} has no training word, expected some of {sorted(set(speakers.tolist()))}")
    pool, labels = joined(*(part.x for part in parts)), torch.cat([part.y for part in parts])
    chosen = np.isin(speakers, left)
    if chosen.all():
        raise DataError(f"all speakers {sorted(set(left))} are left out, expected some to train on")
    rows = {"train": np.flatnonzero(~chosen), "validation": np.flatnonzero(chosen)}
    train, validation = (Split(pool.take(own), labels[torch.from_numpy(own)]) for own in rows.values())
    told = splits.meta | {
        "counts": splits.meta["counts"] | {part: len(own) for part, own in rows.items()},
        "fingerprint": hashlib.sha256(f"{splits.meta['fingerprint']} without {sorted(left)}".encode()).hexdigest(),
        "held_out": sorted(left),
        "speakers": splits.meta["speakers"] | {part: speakers[own].tolist() for part, own in rows.items()},
    }
    return Splits(train, validation, splits.test, splits.n_classes, told)


def joined(first: Spikes, second: Spikes) -> Spikes:
    """The trials of `first`, then those of `second`."""
    starts = np.concatenate([first.starts, first.starts[-1] + second.starts[1:]])
    times, ids = (np.concatenate(pair) for pair in ((first.times, second.times), (first.ids, second.ids)))
    return Spikes(times, ids, starts, first.n_ids)


def _words(folder: Path, name: str) -> Spikes:
    """The spikes of a file that `mstask.data.speech.read` has checked."""
    with shd.opened(speech.real_file(folder, name)) as file:
        times, ids = file["spikes/times"][:], file["spikes/units"][:]
    slots = [_slots(t, c) for t, c in zip(times, ids, strict=True)]
    starts = np.concatenate([[0], np.cumsum([len(word) for word in slots])])
    steps, units = np.divmod(np.concatenate(slots), shd.N_UNITS)
    ends = np.minimum((steps + 1) * STEP_MS, TRIAL_MS).astype(np.float32)
    return Spikes(ends, units.astype(np.uint16), starts, shd.N_UNITS)


def _slots(seconds: NDArray, channels: NDArray) -> NDArray[np.int64]:
    """Where a word has spikes, as step times 700 plus channel, in order, each once; cut at the trial's end."""
    steps = np.floor(np.asarray(seconds, np.float64) * 1000.0 / STEP_MS).astype(np.int64)
    n_steps = int(np.ceil(TRIAL_MS / STEP_MS))
    inside = steps < n_steps
    filled = np.zeros(n_steps * shd.N_UNITS, bool)
    filled[steps[inside] * shd.N_UNITS + channels[inside]] = True
    return np.flatnonzero(filled)
