"""Spoken digits as spikes, embedded (synthetic speakers) or real (SHD), split in three ways.

"speech" is SHD's own division into files: two speakers, 4 and 5, occur only in the test file, which also holds a fifth
of words by known speakers, as in SHD. "speech-mixed" pools and shuffles the words of all speakers; its scores can't be
compared with the SHD literature. `load_pair` holds out any two speakers, strictly.

Inputs are spike counts [12 frames, 700 channels]. The original (CC BY 4.0, doi:10.1109/TNNLS.2020.3044364) is found
in the folder named by `root` or SHD_DATA, or where ``python -m mstask data fetch shd`` put it. A ready-made mixed split
is a .pt file named by `root` or SHD_CACHE.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from mstask import paths
from mstask.data import DataError, Splits, cache, checks, containers, data_set, parts, shd
from mstask.data.parts import PARTS, SEED, VALIDATION_SHARE
from mstask.plugins import plugin

MIXED_SHARE = 0.8
FILES = ("shd_train", "shd_test")
_ARRAYS = ("counts", "labels", "speakers")


@dataclass(frozen=True)
class Corpus:
    """Both files of a set, where they come from, and the SHA-256 of their counts, labels and speakers."""

    train: shd.Words
    test: shd.Words
    where: Path
    fingerprint: str


@data_set("speech")
def load(source: str, size: str, root: str | os.PathLike[str] | None) -> Splits:
    """Return SHD's own split: raw counts, validation a stratified 15 % of the training file; see `mstask.data.load`.

    `meta` also holds speakers (per part, of each word), held_out (speakers that only the test part has), events and
    clipped_events (per file: spikes, and those after the window, which count in its last frame).
    """
    corpus = read(source, size, root)
    names = corpus.train.keys or shd.WORDS
    train, validation = _validation_split(corpus.train.labels, np.arange(len(corpus.train.labels)), names, corpus.where)
    chosen = [_select(corpus.train, train), _select(corpus.train, validation), corpus.test]
    held_out = sorted(set(corpus.test.speakers.tolist()) - set(corpus.train.speakers.tolist()))
    return _splits(chosen, corpus, size, _facts("speech", source, corpus) | {"held_out": held_out})


@data_set("speech-mixed")
def load_mixed(
    source: str, size: str, root: str | os.PathLike[str] | None, *, standardise: bool = True, validation: bool = True
) -> Splits:
    """Return a split of all speakers' words by chance.

    Both files are pooled, permuted by ``torch.randperm`` with a generator seeded 0 and cut after 80 %, as in the paper's
    script 05; validation is a stratified 15 % of the first. Mean and sd (one of each) are those of the whole first part. A
    real mixed split in a .pt file has its own division where it holds one; without such a file SHD's own files are
    pooled.

    Parameters
    ----------
    standardise : False leaves the values as they are.
    validation : False leaves the first part whole, in its order, and the validation part empty, as in script 01.
    """
    if source == "real" and (path := _mixed_file(root)):
        return _load_pt(path, standardise, validation)
    corpus = read(source, size, root)
    pool = _pooled(corpus)
    chosen = [_select(pool, rows) for rows in _mixed_indices(pool.labels, validation, pool.keys or shd.WORDS, corpus.where)]
    return _splits(chosen, corpus, size, _facts("speech-mixed", source, corpus), standardise)


def load_pair(
    held_out: Sequence[int], source: str = "embedded", size: str = "paper", root: str | os.PathLike[str] | None = None
) -> Splits:
    """Return the split that tests on all words of two speakers and on nothing else: raw counts, as "speech".

    Both files are pooled. Validation is a stratified 15 % of the other speakers' words.
    """
    corpus = read(source, size, root)
    pool = _pooled(corpus)
    known = sorted(set(pool.speakers.tolist()))
    pair = sorted(set(held_out))
    if len(pair) != 2 or len(held_out) != 2 or not set(pair) <= set(known):
        raise DataError(f"held-out speakers {list(held_out)!r}: expected two different ones of {known}")
    out = np.isin(pool.speakers, pair)
    train, validation = _validation_split(pool.labels, np.flatnonzero(~out), pool.keys or shd.WORDS, corpus.where)
    chosen = [_select(pool, part) for part in (train, validation, np.flatnonzero(out))]
    return _splits(chosen, corpus, size, _facts("speech", source, corpus) | {"held_out": pair})


def read(source: str, size: str, root: str | os.PathLike[str] | None) -> Corpus:
    """Return both files counted in frames, from the cache when they have been counted before."""
    if source == "embedded":
        folder = generated(size)
        return _read_counts(folder, folder)
    folder = real_folder(root)
    files = [real_file(folder, name) for name in FILES]
    digest = hashlib.sha256(b"".join(_sha256(path) for path in files)).hexdigest()
    counted = cache.ensure(f"speech-real-{digest[:16]}", lambda empty: _count(empty, files), _fault)
    return _read_counts(counted, folder)


def real_folder(root: str | os.PathLike[str] | None) -> Path:
    """Return the folder of SHD's files: `root`, or the environment variable SHD_DATA, or what was downloaded."""
    return parts.real_folder("speech", "SHD_DATA", root, "shd_train.h5 and shd_test.h5 (or .h5.gz)", "shd")


def generator() -> ModuleType:
    """The synthesiser and the ear of the embedded set."""
    return plugin("synth.spoken_digits")


def generated(size: str) -> Path:
    """Return the cache folder with `shd_train.h5`, `shd_test.h5` and their counts of the embedded set, made on first use.

    An interrupted generation goes on where it stopped. The small set has every tenth channel, under its own number.
    """
    name = f"speech-{size}-v{generator().VERSION}"
    parts = paths.cache_dir() / f"{name}.parts"
    folder = cache.ensure(name, lambda empty: _generate(empty, size, parts), _fault)
    shutil.rmtree(parts, ignore_errors=True)
    return folder


def _generate(folder: Path, size: str, parts: Path) -> dict[str, Any]:
    made_by = {"generator": f"mstask spoken_digits {generator().VERSION}", "seed": SEED, "size": size}
    for name, heard in zip(FILES, generator().generate(size, parts, SEED), strict=True):
        path = folder / f"{name}.h5"
        shd.write(path, heard.times, heard.units, heard.labels, heard.speakers, shd.WORDS, made_by)
    return made_by | _count(folder, [folder / f"{name}.h5" for name in FILES])


def _count(folder: Path, files: Sequence[Path]) -> dict[str, Any]:
    """Write the counts of both files to a folder; returns what its meta.json shall hold."""
    meta: dict[str, Any] = {"events": {}, "clipped_events": {}, "files": [path.name for path in files]}
    for name, part, path in zip(FILES, ("train", "test"), files, strict=True):
        words = shd.read(path)
        for what in _ARRAYS:
            np.save(folder / f"{name}_{what}.npy", getattr(words, what), allow_pickle=False)
        meta["events"][part], meta["clipped_events"][part] = words.events, words.clipped
        meta["keys"] = words.keys and list(words.keys)
    return meta | {"fingerprint": checks.fingerprint(*_arrays(folder))}


def _arrays(folder: Path) -> list[np.ndarray]:
    return [checks.read_npy(folder / f"{name}_{what}.npy") for name in FILES for what in _ARRAYS]


def _fault(folder: Path) -> str | None:
    meta = cache.read_meta(folder)
    absent = [name for name in meta.get("files", []) if "generator" in meta and not (folder / name).is_file()]
    if absent:
        return f"{absent[0]} is missing"
    if any(meta["clipped_events"][part] > meta["events"][part] / 2 for part in meta.get("events", {})):
        return "most of its spikes come after the window"
    return cache.changed(folder, [f"{name}_{what}" for name in FILES for what in _ARRAYS])


def _read_counts(folder: Path, where: Path) -> Corpus:
    meta, arrays = cache.read_meta(folder), _arrays(folder)
    keys = tuple(meta["keys"]) if meta["keys"] else None
    train, test = (
        shd.Words(counts, labels, speakers, keys, meta["events"][part], meta["clipped_events"][part])
        for part, (counts, labels, speakers) in (("train", arrays[:3]), ("test", arrays[3:]))
    )
    return Corpus(train, test, where, meta["fingerprint"])


def real_file(folder: Path, name: str) -> Path:
    """Return the file `name`.h5 of a folder, or `name`.h5.gz; neither is a DataError."""
    for path in (folder / f"{name}.h5", folder / f"{name}.h5.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder} has neither {name}.h5 nor {name}.h5.gz, expected SHD's files")


def _sha256(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None


def _pooled(corpus: Corpus) -> shd.Words:
    train, test = corpus.train, corpus.test
    arrays = {what: np.concatenate([getattr(train, what), getattr(test, what)]) for what in _ARRAYS}
    return replace(train, **arrays)


def _select(words: shd.Words, rows: np.ndarray) -> shd.Words:
    return replace(words, **{what: getattr(words, what)[rows] for what in _ARRAYS})


def _validation_split(y: np.ndarray, rows: np.ndarray, names: Sequence[str], where: object) -> tuple[np.ndarray, np.ndarray]:
    """Cut a stratified 15 % (seed 0) off `rows` [n] of the labels `y` [N]."""
    train, validation = parts.stratified(rows, y, (VALIDATION_SHARE,), names, where)
    return train, validation


def _mixed_indices(
    y: np.ndarray, validation: bool, names: Sequence[str], where: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(SEED)).numpy()
    n_train = int(MIXED_SHARE * len(y))
    return *_parts(y, order[:n_train], validation, names, where), order[n_train:]


def _parts(
    y: np.ndarray, rows: np.ndarray, validation: bool, names: Sequence[str], where: object
) -> tuple[np.ndarray, np.ndarray]:
    return _validation_split(y, rows, names, where) if validation else (rows, rows[:0])


def _facts(name: str, source: str, corpus: Corpus) -> dict[str, Any]:
    files = {"train": corpus.train, "test": corpus.test}
    return {
        "name": name,
        "source": source,
        "fingerprint": corpus.fingerprint,
        "class_names": corpus.train.keys or shd.WORDS,
        "events": {file: words.events for file, words in files.items()},
        "clipped_events": {file: words.clipped for file, words in files.items()},
    }


def _splits(chosen: Sequence[shd.Words], corpus: Corpus, size: str, facts: dict[str, Any], standardise: bool = False) -> Splits:
    facts["speakers"] = {name: words.speakers.tolist() for name, words in zip(PARTS, chosen, strict=True)}
    x = [torch.from_numpy(words.counts.astype(np.float32)) for words in chosen]
    return _scaled(x, [words.labels for words in chosen], size, facts, standardise, corpus.where)


def _scaled(
    x: Sequence[torch.Tensor], y: Sequence[np.ndarray], size: str, facts: dict[str, Any], standardise: bool, where: object
) -> Splits:
    if standardise:
        mean, sd = _moments(x[:2])
        if sd == 0:
            raise DataError(f"{where} has no variation: every training value is {mean:g}, expected spike counts")
        x = [(part - mean) / (sd + 1e-6) for part in x]
        facts |= {"mean": mean, "sd": sd}
    return parts.splits(x, y, size=size, **facts)


def _moments(parts: Sequence[torch.Tensor]) -> tuple[float, float]:
    """Return mean and standard deviation over all values of the parts, in float64."""
    slices, size = [piece for part in parts for piece in part.split(512)], sum(part.numel() for part in parts)
    mean = float(sum(piece.sum(dtype=torch.float64) for piece in slices)) / size
    return mean, float(sum(((piece.double() - mean) ** 2).sum() for piece in slices) / size) ** 0.5


def _mixed_file(root: str | os.PathLike[str] | None) -> Path | None:
    """Return the .pt file named by `root` or SHD_CACHE; with a folder as `root`, or neither, SHD's own files are meant."""
    path = Path(root).expanduser() if root else paths.named("SHD_CACHE")
    if path is None or (root and path.is_dir()):
        return None
    if not path.is_file():
        raise DataError(f"{'root' if root else 'SHD_CACHE'} names {path}, which is not a file; expected a .pt file")
    return path


def _load_pt(path: Path, standardise: bool, validation: bool) -> Splits:
    """Read a mixed split: a dictionary of tensors Xtr, ytr, Xte, yte, or X, y, which is cut as `load_mixed` says."""
    tensors = containers.read_pt(path)
    x, y = _examples(path, tensors, "Xtr", "ytr") if "Xtr" in tensors else _examples(path, tensors, "X", "y")
    if "Xtr" in tensors:
        x_test, y_test = _examples(path, tensors, "Xte", "yte")
        if x_test.shape[1:] != x.shape[1:]:
            raise DataError(f"{path}: Xtr is {list(x.shape)} and Xte {list(x_test.shape)}, expected equal frames and channels")
        train, validated = _parts(y, np.arange(len(y)), validation, shd.WORDS, path)
    else:
        train, validated, test = _mixed_indices(y, validation, shd.WORDS, path)
        x_test, y_test = x[test], y[test]
    facts = {
        "name": "speech-mixed",
        "source": "real",
        "fingerprint": checks.fingerprint(x.numpy(), y, x_test.numpy(), y_test),
        "class_names": shd.WORDS,
        "speakers": None,
    }
    inputs, labels = [x[train], x[validated], x_test], [y[train], y[validated], y_test]
    return _scaled(inputs, labels, "all", facts, standardise, path)


def _examples(path: Path, tensors: dict[str, torch.Tensor], x_name: str, y_name: str) -> tuple[torch.Tensor, np.ndarray]:
    """Return float32 inputs [N, T, F] and int64 labels [N] after checking them."""
    absent = [name for name in (x_name, y_name) if name not in tensors]
    if absent:
        found = json.dumps(sorted(map(str, tensors)))
        raise DataError(f"{path} has no tensor {absent[0]}, expected Xtr, ytr, Xte, yte or X, y; found {found}")
    x, y = tensors[x_name], tensors[y_name]
    if x.ndim != 3 or not x.numel() or len(x) != len(y) or x.is_sparse or x.is_complex():
        found = f"{x.dtype} {list(x.shape)} for {y.numel()} labels"
        raise DataError(f"{path}: {x_name} is {found}, expected one real array [frames, channels] per label")
    x, y = x.to(torch.float32), y.to(torch.float64) if y.is_floating_point() else y
    if not torch.isfinite(x).all():
        raise DataError(f"{path}: {x_name} has values that are NaN or infinite, expected spike counts")
    return x, checks.class_labels(path, y.numpy(), shd.N_CLASSES)
