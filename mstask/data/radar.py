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

from mstask.data import DataError, Splits, cache, checks, data_set, parts
from mstask.data.parts import SEED, TEST_SHARE, VALIDATION_SHARE
from mstask.plugins import plugin

CLASS_NAMES = ("3 long blades", "3 short blades", "bird", "bird + mini-helicopter", "quadcopter", "RC plane")
SHAPE = (64, 64)
N_CLASSES = len(CLASS_NAMES)


@data_set("radar")
def load(source: str, size: str, root: str | os.PathLike[str] | None) -> Splits:
    """Return the radar set, split and standardised by the training part; see `mstask.data.load`."""
    folder = generated(size) if source == "embedded" else real_folder(root)
    x, y, fingerprint = read(folder)
    indices = split_indices(y, folder)
    trained = x[indices[0]]
    mean, sd = float(trained.mean(dtype=np.float64)), float(trained.std(dtype=np.float64))
    if sd == 0:
        raise DataError(f"{folder / 'X.npy'} has no variation: every training value is {mean:g}, expected pictures")
    scaled = [(x[part] - np.float32(mean)) / np.float32(sd + 1e-6) for part in indices]
    facts: dict[str, Any] = {"name": "radar", "source": source, "fingerprint": fingerprint, "mean": mean, "sd": sd}
    return parts.splits(scaled, [y[part] for part in indices], CLASS_NAMES, size, **facts)


def real_folder(root: str | os.PathLike[str] | None) -> Path:
    """Return the folder of the user's DIAT-µSAT files: `root`, or the environment variable DIAT_DATA."""
    return parts.real_folder("radar", "DIAT_DATA", root, "X.npy and y.npy")


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Return pictures float32 [N, 64, 64], labels int64 [N] and the fingerprint of the files' content."""
    x_path, y_path = folder / "X.npy", folder / "y.npy"
    x, y = checks.read_npy(x_path), checks.read_npy(y_path)
    if x.ndim != 3 or x.shape[1:] != SHAPE:
        raise DataError(f"{x_path} has shape {x.shape}, expected (N, 64, 64) = [sample, time, Doppler]")
    labels = checks.labels_of(x_path, len(x), y_path, y, CLASS_NAMES)
    return checks.real_float32(x_path, x), labels, checks.fingerprint(x, y)


def split_indices(y: np.ndarray, where: object = "y") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the indices of training, validation and test part: stratified, 20 % test, 0.15 / 0.80 of the rest validation."""
    shares = (TEST_SHARE, VALIDATION_SHARE / (1 - TEST_SHARE))
    train, test, validation = parts.stratified(np.arange(len(y)), y, shares, CLASS_NAMES, where)
    return train, validation, test


def generator() -> ModuleType:
    """The simulator of the embedded set."""
    return plugin("synth.micro_doppler")


def generated(size: str) -> Path:
    """Return the cache folder with `X.npy` and `y.npy` of the simulated set, generated on first use."""
    name = f"radar-{size}-v{generator().VERSION}"
    return cache.ensure(name, lambda folder: _make(folder, size), lambda folder: cache.changed(folder, ("X", "y")))


def _make(folder: Path, size: str) -> dict[str, Any]:
    x, y = generator().generate(size, SEED)
    np.save(folder / "X.npy", x, allow_pickle=False)
    np.save(folder / "y.npy", y, allow_pickle=False)
    made_by = {"generator": f"micro_doppler {generator().VERSION}", "seed": SEED, "size": size}
    return made_by | {"fingerprint": checks.fingerprint(x, y)}
