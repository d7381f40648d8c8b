"""The radar set: micro-Doppler pictures of six kinds of small targets, embedded (simulated) or real (DIAT-µSAT).

Both come as `X.npy` [N, 64, 64] = [sample, time, Doppler] and `y.npy` [N], labels 0-5, and go through the
same checks, split and standardisation. The original (doi:10.21227/1x2q-8v62) needs a manual download: name
its folder by `root` or DIAT_DATA.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from mstask import paths
from mstask.data import DataError, Split, Splits, cache, checks, data_set
from mstask.plugins import plugin

CLASS_NAMES = ("3 long blades", "3 short blades", "bird", "bird + mini-helicopter", "quadcopter", "RC plane")
SHAPE = (64, 64)
N_CLASSES = len(CLASS_NAMES)
SEED = 0
TEST_SHARE, VALIDATION_SHARE = 0.20, 0.15
PARTS = ("train", "validation", "test")


@data_set("radar")
def load(source: str, size: str, root: str | os.PathLike[str] | None) -> Splits:
    """Return the radar set, split and standardised; see `mstask.data.load`."""
    folder = generated(size) if source == "embedded" else real_folder(root)
    x, y, fingerprint = read(folder)
    indices = split_indices(y, folder)
    mean, sd = moments(x[indices[0]])
    if sd == 0:
        raise DataError(f"{folder / 'X.npy'} has no variation: every training value is {mean:g}, expected pictures")
    parts = [
        Split(torch.from_numpy((x[part] - np.float32(mean)) / np.float32(sd + 1e-6)), torch.from_numpy(y[part]))
        for part in indices
    ]
    meta: dict[str, Any] = {
        "name": "radar",
        "source": source,
        "size": size if source == "embedded" else "all",
        "fingerprint": fingerprint,
        "class_names": list(CLASS_NAMES),
        "counts": {name: len(part) for name, part in zip(PARTS, indices, strict=True)},
        "mean": mean,
        "sd": sd,
    }
    return Splits(*parts, N_CLASSES, meta)


def real_folder(root: str | os.PathLike[str] | None) -> Path:
    """Return the folder of the user's DIAT-µSAT files: `root`, or the environment variable DIAT_DATA."""
    folder = Path(root).expanduser() if root else paths.named("DIAT_DATA")
    if folder is None:
        raise DataError("no folder of the real radar data: set DIAT_DATA to the folder with X.npy and y.npy, or pass root")
    if not folder.is_dir():
        origin = "root" if root else "DIAT_DATA"
        raise DataError(f"{origin} names {folder}, which is not a folder; expected the folder with X.npy and y.npy")
    return folder


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Return pictures float32 [N, 64, 64], labels int64 [N] and the fingerprint of the files' content.

    Raises
    ------
    DataError : a file is missing, damaged or not in the format; a class has no sample.
    """
    x_path, y_path = folder / "X.npy", folder / "y.npy"
    x, y = checks.read_npy(x_path), checks.read_npy(y_path)
    if x.ndim != 3 or x.shape[1:] != SHAPE:
        raise DataError(f"{x_path} has shape {x.shape}, expected (N, 64, 64) = [sample, time, Doppler]")
    labels = checks.class_labels(y_path, y, N_CLASSES)
    if len(x) != len(labels):
        raise DataError(f"{x_path} has {len(x)} samples but {y_path} has {len(labels)} labels; expected as many")
    counts = np.bincount(labels, minlength=N_CLASSES)
    if not counts.all():
        absent = int(counts.argmin())
        raise DataError(f"{y_path} has no sample of class {absent} ({CLASS_NAMES[absent]}), expected all of 0 to 5")
    return checks.real_float32(x_path, x), labels, checks.fingerprint(x, y)


def split_indices(y: np.ndarray, where: object = "y") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the indices of training, validation and test part of labels `y` [N].

    Stratified: 20 % test, then 0.15 / 0.80 of the rest for validation, both with seed 0.

    Raises
    ------
    DataError : a class has too few samples for every part to hold it; `where` says of which data.
    """
    everything = np.arange(len(y))
    share = VALIDATION_SHARE / (1 - TEST_SHARE)
    counts = np.bincount(y, minlength=N_CLASSES)
    rarest = int(counts.argmin())
    too_few = DataError(
        f"{where} has {counts[rarest]} samples of class {rarest} ({CLASS_NAMES[rarest]}), "
        "too few for training, validation and test to hold each class; 10 of each are enough"
    )
    try:
        rest, test = train_test_split(everything, test_size=TEST_SHARE, random_state=SEED, stratify=y)
        train, validation = train_test_split(rest, test_size=share, random_state=SEED, stratify=y[rest])
    except ValueError as error:
        raise too_few from error
    parts = train, validation, test
    if any(len(np.unique(y[part])) < N_CLASSES for part in parts):
        raise too_few
    return parts


def moments(x: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation (over all values, in float64)."""
    return float(x.mean(dtype=np.float64)), float(x.std(dtype=np.float64))


def describe(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return the statistics of a set of pictures [N, 64, 64] in 0..1 and labels [N].

    Keys: mean, sd, zero_share (share of exact zeros), class_means and class_counts (by class name).
    """
    mean, sd = moments(x)
    return {
        "mean": mean,
        "sd": sd,
        "zero_share": float(np.mean(x == 0)),
        "class_means": {name: moments(x[y == c])[0] for c, name in enumerate(CLASS_NAMES)},
        "class_counts": {name: int(np.sum(y == c)) for c, name in enumerate(CLASS_NAMES)},
    }


def generator() -> ModuleType:
    """The simulator of the embedded set."""
    return plugin("synth.micro_doppler")


def generated(size: str) -> Path:
    """Return the cache folder with `X.npy` and `y.npy` of the simulated set, generated on first use."""
    name = f"radar-{size}-v{generator().VERSION}"
    return cache.ensure(name, lambda folder: _make(folder, size), _fault)


def _make(folder: Path, size: str) -> dict[str, Any]:
    x, y = generator().generate(size, SEED)
    np.save(folder / "X.npy", x, allow_pickle=False)
    np.save(folder / "y.npy", y, allow_pickle=False)
    return {
        "generator": f"micro_doppler {generator().VERSION}",
        "seed": SEED,
        "size": size,
        "fingerprint": checks.fingerprint(x, y),
    }


def _fault(folder: Path) -> str | None:
    try:
        x, y = checks.read_npy(folder / "X.npy"), checks.read_npy(folder / "y.npy")
    except DataError as error:
        return str(error)
    expected = cache.read_meta(folder).get("fingerprint")
    return None if checks.fingerprint(x, y) == expected else "its content does not match the fingerprint in meta.json"
