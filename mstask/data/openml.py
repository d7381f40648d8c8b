"""MNIST and Fashion-MNIST from OpenML, by scikit-learn's fetcher, kept as the IDX files that `mstask.data.load` reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import numpy as np

from mstask import paths
from mstask.data import DataError, idx
from mstask.data.images import FASHION, MNIST
from mstask.errors import nearest

SETS = {files.name: (files.on_openml, files) for files in (MNIST, FASHION)}
N_TRAIN, N_ALL = 60_000, 70_000


def names() -> list[str]:
    """Return the names of what can be fetched."""
    return list(SETS)


def fetch(name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Fetch a set, unless its files are there already, and return its folder; as `mstask.data.fetch.fetch`.

    Parameters
    ----------
    name : one of `names()`.
    folder : where to put the files; by default the data cache, where `mstask.data.load` finds them.

    Raises
    ------
    DataError : unknown name; no connection; OpenML answers with something else; the folder can't be written.
    """
    if name not in SETS:
        raise DataError(f"unknown set {name!r}: {nearest(name, names())}")
    target = Path(folder).expanduser() if folder else paths.cache_dir() / name
    files = [target / f"{part}.gz" for part in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")]
    files += [target / f"{part}.gz" for part in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")]
    if all(path.is_file() for path in files):
        return target
    remote, about = SETS[name]
    try:
        x, y = _download(remote)
    except Exception as error:  # the fetcher fails in as many ways as the network does
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(
            f"{name} could not be fetched from OpenML ({reason}); get its IDX files by other means and name their folder by "
            f"{about.variable}"
        ) from error
    pictures, labels = _checked(name, x, y)
    arrays = (pictures[:N_TRAIN], labels[:N_TRAIN], pictures[N_TRAIN:], labels[N_TRAIN:])
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path, array in zip(files, arrays, strict=True):
            temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
            idx.write(temporary, array)
            os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{target} can't be written: {error.strerror or error}") from error
    return target


def _download(remote: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import fetch_openml

    return fetch_openml(remote, version=1, return_X_y=True, as_frame=False, parser="liac-arff")


def _checked(name: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [70000, 28, 28] and labels uint8 [70000], in the official order."""
    x = np.asarray(x)
    if x.shape != (N_ALL, 784) or len(y) != N_ALL:
        raise DataError(f"OpenML's {name} has pictures of shape {x.shape}, expected ({N_ALL}, 784)")
    pictures = x.astype(np.uint8)
    if not np.array_equal(pictures, x):
        raise DataError(f"OpenML's {name} has pixels that are not whole numbers from 0 to 255")
    labels = np.asarray(y).astype(str)
    if not set(labels.tolist()) <= {str(digit) for digit in range(10)}:
        raise DataError(f"OpenML's {name} has labels other than 0 to 9")
    return pictures.reshape(-1, 28, 28), labels.astype(np.uint8)
