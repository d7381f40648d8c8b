"""Pictures of ten kinds of things: digits (bundled with scikit-learn) and the user's own MNIST, Fashion-MNIST and CIFAR.

Inputs are grey or colour values in 0..1, not standardised, one picture as [rows, columns] = [T, F]: "digits" [8, 8],
"mnist" and "fashion-mnist" [28, 28], "cifar-10" and "cifar-100" [96, 32], the rows of the red, the green and the blue
plane one after another (flattened, the usual channel-first order).

The digits are real handwriting (1,797 pictures, UCI optical digits) that needs no download, so they count as embedded.
The other sets keep their official test part; validation is a stratified 10 % of the official training part, seed 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mstask.data import DataError, Splits, checks, data_set, idx, parts
from mstask.data.parts import SEED, TEST_SHARE, VALIDATION_SHARE

OFFICIAL_VALIDATION_SHARE = 0.10
DIGITS = {"paper": 1797, "medium": 900, "small": 300}
DIGIT_NAMES = tuple(str(digit) for digit in range(10))
FASHION_NAMES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
CIFAR_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_PIXELS = 3 * 32 * 32

Root = str | os.PathLike[str] | None
Arrays = tuple[np.ndarray, np.ndarray]
"""Values uint8 [N, T, F] and labels int64 [N]."""


@dataclass(frozen=True)
class Files:
    """A set of the user's own: the environment variable that names its folder, its class names, its name on OpenML."""

    name: str
    variable: str
    class_names: tuple[str, ...]
    on_openml: str = ""


MNIST = Files("mnist", "MNIST_DATA", DIGIT_NAMES, "mnist_784")
FASHION = Files("fashion-mnist", "FASHION_MNIST_DATA", FASHION_NAMES, "Fashion-MNIST")
CIFAR_10 = Files("cifar-10", "CIFAR10_DATA", CIFAR_NAMES)
CIFAR_100 = Files("cifar-100", "CIFAR100_DATA", tuple(f"class {label}" for label in range(100)))


@data_set("digits")
def load_digits_set(source: str, size: str, root: Root) -> Splits:
    """Return scikit-learn's digits, x = value / 16: a stratified 20 % for testing, 15 % for validation, seed 0.

    The small and the medium set are stratified subsets of 300 and 900 pictures.
    """
    if source != "embedded":
        raise DataError("digits are bundled with scikit-learn and have no files of their own: pass source='embedded'")
    x, y = digits(size)
    shares = (TEST_SHARE, VALIDATION_SHARE / (1 - TEST_SHARE))
    train, test, validation = parts.stratified(np.arange(len(y)), y, shares, DIGIT_NAMES, "the digits")
    return _of_digits(x, y, (train, validation, test), size)


def digits_fold(fold: int, n_folds: int = 5, size: str = "paper") -> Splits:
    """Return one fold of a stratified k-fold over the digits that `load_digits_set` does not test on.

    The test part is the same in every fold (80/20, seed 0); the fold is the validation part (shuffled, seed 0).
    """
    from sklearn.model_selection import StratifiedKFold

    if not (n_folds >= 2 and 0 <= fold < n_folds):
        raise DataError(f"fold {fold} of {n_folds}: expected at least 2 folds, numbered from 0")
    x, y = digits(size)
    rest, test = parts.stratified(np.arange(len(y)), y, (TEST_SHARE,), DIGIT_NAMES, "the digits")
    train, validation = list(StratifiedKFold(n_folds, shuffle=True, random_state=SEED).split(rest, y[rest]))[fold]
    return _of_digits(x, y, (rest[train], rest[validation], test), size)


def digits(size: str = "paper") -> Arrays:
    """Return the pictures float32 [N, 8, 8] in 0..1 and their digits int64 [N]."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    x, y = (bunch.images / 16.0).astype(np.float32), bunch.target.astype(np.int64)
    if DIGITS[size] == len(y):
        return x, y
    chosen, _ = train_test_split(np.arange(len(y)), train_size=DIGITS[size], random_state=SEED, stratify=y)
    return x[chosen], y[chosen]


def _of_digits(x: np.ndarray, y: np.ndarray, rows: tuple[np.ndarray, ...], size: str) -> Splits:
    facts = {"name": "digits", "source": "embedded", "fingerprint": checks.fingerprint(x, y)}
    return parts.splits([x[part] for part in rows], [y[part] for part in rows], DIGIT_NAMES, size, **facts)


@data_set("mnist")
def load_mnist(source: str, size: str, root: Root) -> Splits:
    """Return MNIST from IDX files (plain or .gz) in `root` or MNIST_DATA; see `mstask.data.load`."""
    return _official(MNIST, source, root, read_idx_pair)


@data_set("fashion-mnist")
def load_fashion_mnist(source: str, size: str, root: Root) -> Splits:
    """Return Fashion-MNIST from IDX files (plain or .gz) in `root` or FASHION_MNIST_DATA; see `mstask.data.load`."""
    return _official(FASHION, source, root, read_idx_pair)


@data_set("cifar-10")
def load_cifar_10(source: str, size: str, root: Root) -> Splits:
    """Return CIFAR-10 from its binary version in `root` or CIFAR10_DATA; see `mstask.data.load`."""
    return _official(CIFAR_10, source, root, read_cifar_10)


@data_set("cifar-100")
def load_cifar_100(source: str, size: str, root: Root) -> Splits:
    """Return CIFAR-100 (fine labels) from its binary version in `root` or CIFAR100_DATA; see `mstask.data.load`."""
    return _official(CIFAR_100, source, root, read_cifar_100)


def real_folder(files: Files, root: Root) -> Path:
    """Return the folder of a set's files: `root`, or its environment variable, or what was downloaded."""
    return parts.real_folder(files.name, files.variable, root, "its files", files.name if files.on_openml else "")


def read_idx_pair(folder: Path, part: str, files: Files) -> Arrays:
    """Return pictures and labels of the official part "train" or "test" from IDX files, checked against each other."""
    stem = {"train": "train", "test": "t10k"}[part]
    image_path = _idx_file(folder, f"{stem}-images", "idx3-ubyte")
    label_path = _idx_file(folder, f"{stem}-labels", "idx1-ubyte")
    pictures, labels = idx.read(image_path, 3), idx.read(label_path, 1)
    if pictures.shape[1:] != (28, 28):
        raise DataError(f"{image_path} has pictures of {pictures.shape[1:]} pixels, expected (28, 28)")
    return pictures, checks.labels_of(image_path, len(pictures), label_path, labels, files.class_names)


def read_cifar_10(folder: Path, part: str, files: Files) -> Arrays:
    """Return pictures [N, 96, 32] and labels of CIFAR-10's binary version: one label byte, then 3,072 values, each."""
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] if part == "train" else ["test_batch.bin"]
    return _read_cifar([folder / name for name in names], 1, files)


def read_cifar_100(folder: Path, part: str, files: Files) -> Arrays:
    """Return pictures [N, 96, 32] and fine labels of CIFAR-100's binary version: coarse and fine label, then 3,072 values."""
    return _read_cifar([folder / f"{part}.bin"], 2, files)


def _read_cifar(paths: list[Path], n_labels: int, files: Files) -> Arrays:
    record = n_labels + CIFAR_PIXELS
    records, labels = [], []
    for path in paths:
        if not path.is_file() and (any(path.parent.glob("data_batch_[1-5]")) or (path.parent / "meta").is_file()):
            raise DataError(
                f"{path.parent} holds the Python version of {files.name}: pickles, which can run code and are never loaded; "
                "get the binary version from the same page"
            )
        checks.require_readable(path)
        content = np.fromfile(path, np.uint8)
        if not len(content) or len(content) % record:
            raise DataError(f"{path} has {len(content)} bytes, expected a multiple of {record} (labels and 3 x 32 x 32 values)")
        records.append(content.reshape(-1, record))
        labels.append(checks.class_labels(path, records[-1][:, n_labels - 1], len(files.class_names)))
    y = np.concatenate(labels)
    return np.concatenate(records)[:, n_labels:].reshape(-1, 96, 32), checks.labels_of(
        paths[0], len(y), paths[0], y, files.class_names
    )


def _idx_file(folder: Path, stem: str, kind: str) -> Path:
    for name in (f"{stem}-{kind}", f"{stem}.{kind}"):
        for suffix in ("", ".gz"):
            if (path := folder / (name + suffix)).is_file():
                return path
    raise DataError(f"{folder} has no {stem}-{kind} or {stem}-{kind}.gz")


def _official(files: Files, source: str, root: Root, read: Callable[[Path, str, Files], Arrays]) -> Splits:
    """Read both official parts, cut the validation part off the first, and scale the values to 0..1."""
    if source != "real":
        raise DataError(
            f"{files.name} is not embedded: pass source='real' (--data real) and name its folder by {files.variable}"
        )
    folder = real_folder(files, root)
    train_x, train_y = read(folder, "train", files)
    test_x, test_y = read(folder, "test", files)
    rows = np.arange(len(train_y))
    train, validation = parts.stratified(rows, train_y, (OFFICIAL_VALIDATION_SHARE,), files.class_names, folder)
    x = [values.astype(np.float32) / np.float32(255) for values in (train_x[train], train_x[validation], test_x)]
    facts = {"name": files.name, "source": source, "fingerprint": checks.fingerprint(train_x, train_y, test_x, test_y)}
    return parts.splits(x, [train_y[train], train_y[validation], test_y], files.class_names, "all", **facts)
