"""Pictures of ten kinds of things: digits (bundled with scikit-learn) and the user's own MNIST, Fashion-MNIST and CIFAR.

Inputs are grey or colour values in 0..1, not standardised, one picture as [rows, columns] = [T, F]: "digits" [8, 8],
"mnist" and "fashion-mnist" [28, 28], "cifar-10" and "cifar-100" [96, 32], the rows of the red, the green and the blue
plane one after another (flattened, the usual channel-first order).

The digits are real handwriting (1,797 pictures, UCI optical digits) that needs no download, so they count as embedded.
The other sets keep their official test part; validation is a stratified 10 % of the official training part, seed 0.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split

from mstask import paths
from mstask.data import DataError, Split, Splits, checks, data_set, idx

SEED = 0
TEST_SHARE, VALIDATION_SHARE = 0.20, 0.15
OFFICIAL_VALIDATION_SHARE = 0.10
PARTS = ("train", "validation", "test")
DIGITS = {"paper": 1797, "medium": 900, "small": 300}
DIGIT_NAMES = tuple(str(digit) for digit in range(10))
FASHION_NAMES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
CIFAR_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class _Files:
    """A set of the user's own: the environment variable that names its folder, its class names, its name on OpenML."""

    name: str
    variable: str
    class_names: tuple[str, ...]
    on_openml: str = ""


MNIST = _Files("mnist", "MNIST_DATA", DIGIT_NAMES, "mnist_784")
FASHION = _Files("fashion-mnist", "FASHION_MNIST_DATA", FASHION_NAMES, "Fashion-MNIST")
CIFAR_10 = _Files("cifar-10", "CIFAR10_DATA", CIFAR_NAMES)
CIFAR_100 = _Files("cifar-100", "CIFAR100_DATA", tuple(f"class {label}" for label in range(100)))

Arrays = tuple[np.ndarray, np.ndarray]
"""Values uint8 [N, T, F] and labels int64 [N]."""


@data_set("digits")
def load_digits_set(source: str, size: str, root: str | os.PathLike[str] | None) -> Splits:
    """Return scikit-learn's digits, x = value / 16: a stratified 20 % for testing, 15 % for validation, seed 0.

    The small and the medium set are stratified subsets of 300 and 900 pictures.
    """
    if source != "embedded":
        raise DataError("digits are bundled with scikit-learn and have no files of their own: pass source='embedded'")
    x, y = digits(size)
    rest, test = _stratified(np.arange(len(y)), y, TEST_SHARE)
    train, validation = _stratified(rest, y, VALIDATION_SHARE / (1 - TEST_SHARE))
    return _splits(x, y, (train, validation, test), "digits", source, size)


def digits_fold(fold: int, n_folds: int = 5, size: str = "paper") -> Splits:
    """Return one fold of a stratified k-fold over the digits that `load_digits_set` does not test on.

    The test part is the same in every fold (80/20, seed 0); the fold is the validation part (shuffled, seed 0).

    Raises
    ------
    DataError : fewer than 2 folds, or no such fold.
    """
    if not (n_folds >= 2 and 0 <= fold < n_folds):
        raise DataError(f"fold {fold} of {n_folds}: expected at least 2 folds, numbered from 0")
    x, y = digits(size)
    rest, test = _stratified(np.arange(len(y)), y, TEST_SHARE)
    kept = list(StratifiedKFold(n_folds, shuffle=True, random_state=SEED).split(rest, y[rest]))[fold]
    train, validation = (rest[part] for part in kept)
    return _splits(x, y, (train, validation, test), "digits", "embedded", size)


def digits(size: str = "paper") -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures float32 [N, 8, 8] in 0..1 and their digits int64 [N]."""
    bunch = load_digits()
    x, y = (bunch.images / 16.0).astype(np.float32), bunch.target.astype(np.int64)
    if DIGITS[size] == len(y):
        return x, y
    chosen, _ = train_test_split(np.arange(len(y)), train_size=DIGITS[size], random_state=SEED, stratify=y)
    return x[chosen], y[chosen]


@data_set("mnist")
def load_mnist(source: str, size: str, root: str | os.PathLike[str] | None) -> Splits:
    """Return MNIST from IDX files (plain or .gz) in `root` or MNIST_DATA; see `mstask.data.load`."""
    return _official(MNIST, source, root, read_idx_pair)


@data_set("fashion-mnist")
def load_fashion_mnist(source: str, size: str, root: str | os.PathLike[str] | None) -> Splits:
    """Return Fashion-MNIST from IDX files (plain or .gz) in `root` or FASHION_MNIST_DATA; see `mstask.data.load`."""
    return _official(FASHION, source, root, read_idx_pair)


@data_set("cifar-10")
def load_cifar_10(source: str, size: str, root: str | os.PathLike[str] | None) -> Splits:
    """Return CIFAR-10 from its binary version in `root` or CIFAR10_DATA; see `mstask.data.load`."""
    return _official(CIFAR_10, source, root, read_cifar_10)


@data_set("cifar-100")
def load_cifar_100(source: str, size: str, root: str | os.PathLike[str] | None) -> Splits:
    """Return CIFAR-100 (fine labels) from its binary version in `root` or CIFAR100_DATA; see `mstask.data.load`."""
    return _official(CIFAR_100, source, root, read_cifar_100)


def real_folder(files: _Files, root: str | os.PathLike[str] | None) -> Path:
    """Return the folder of a set's files: `root`, or its environment variable, or what was downloaded."""
    fetched = paths.cache_dir() / files.name
    chosen = Path(root).expanduser() if root else paths.named(files.variable)
    if not chosen and not fetched.is_dir():
        ways = [f"set {files.variable} to the folder with its files"]
        if files.on_openml:
            ways.append(f"run python -m mstask data fetch {files.name}")
        raise DataError(f"no folder of {files.name}: {', or '.join(ways)}")
    folder = chosen or fetched
    if not folder.is_dir():
        raise DataError(f"{'root' if root else files.variable} names {folder}, which is not a folder")
    return folder


def read_idx_pair(folder: Path, part: str, files: _Files) -> Arrays:
    """Return pictures and labels of the official part "train" or "test" from IDX files, checked against each other."""
    stem = {"train": "train", "test": "t10k"}[part]
    image_path = _idx_file(folder, f"{stem}-images", "idx3-ubyte")
    label_path = _idx_file(folder, f"{stem}-labels", "idx1-ubyte")
    pictures, labels = idx.read(image_path, 3), idx.read(label_path, 1)
    if pictures.shape[1:] != (28, 28):
        raise DataError(f"{image_path} has pictures of {pictures.shape[1:]} pixels, expected (28, 28)")
    return pictures, _checked_labels(image_path, len(pictures), label_path, labels, len(files.class_names))


def read_cifar_10(folder: Path, part: str, files: _Files) -> Arrays:
    """Return pictures [N, 96, 32] and labels of CIFAR-10's binary version: one label byte, then 3,072 values, each."""
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] if part == "train" else ["test_batch.bin"]
    parts = [_read_cifar(folder / name, 1, files) for name in names]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def read_cifar_100(folder: Path, part: str, files: _Files) -> Arrays:
    """Return pictures [N, 96, 32] and fine labels of CIFAR-100's binary version: coarse and fine label, then 3,072 values."""
    return _read_cifar(folder / f"{part}.bin", 2, files)


def _read_cifar(path: Path, n_labels: int, files: _Files) -> Arrays:
    if not path.is_file():
        if any(path.parent.glob("data_batch_[1-5]")) or (path.parent / "meta").is_file():
            raise DataError(
                f"{path.parent} holds the Python version of {files.name}: pickles, which can run code and are never loaded; "
                "get the binary version from the same page"
            )
        raise DataError(f"{path} does not exist; expected the binary version of {files.name}")
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
    record = n_labels + CIFAR_PIXELS
    if not len(content) or len(content) % record:
        raise DataError(f"{path} has {len(content)} bytes, expected a multiple of {record} (labels and 3 x 32 x 32 values)")
    records = content.reshape(-1, record)
    labels = checks.class_labels(path, records[:, n_labels - 1], len(files.class_names))
    return records[:, n_labels:].reshape(-1, 96, 32), labels


def _idx_file(folder: Path, stem: str, kind: str) -> Path:
    for name in (f"{stem}-{kind}", f"{stem}.{kind}"):
        for suffix in ("", ".gz"):
            if (path := folder / (name + suffix)).is_file():
                return path
    raise DataError(f"{folder} has no {stem}-{kind} or {stem}-{kind}.gz")


def _checked_labels(image_path: Path, n_pictures: int, label_path: Path, labels: np.ndarray, n_classes: int) -> np.ndarray:
    checked = checks.class_labels(label_path, labels, n_classes)
    if len(checked) != n_pictures:
        raise DataError(f"{image_path} has {n_pictures} pictures but {label_path} has {len(checked)} labels; expected as many")
    return checked


def _official(files: _Files, source: str, root: str | os.PathLike[str] | None, read) -> Splits:
    """Read both official parts, cut the validation part off the first, and scale the values to 0..1."""
    if source != "real":
        raise DataError(
            f"{files.name} is not embedded: pass source='real' (--data real) and name its folder by {files.variable}"
        )
    folder = real_folder(files, root)
    train_x, train_y = read(folder, "train", files)
    test_x, test_y = read(folder, "test", files)
    n_classes = len(files.class_names)
    for labels, part in ((train_y, "training"), (test_y, "test")):
        if absent := sorted(set(range(n_classes)) - set(labels.tolist())):
            raise DataError(f"the {part} part in {folder} has no sample of class {absent[0]} ({files.class_names[absent[0]]})")
    train, validation = _stratified(np.arange(len(train_y)), train_y, OFFICIAL_VALIDATION_SHARE, folder)
    fingerprint = checks.fingerprint(train_x, train_y, test_x, test_y)
    arrays = [(train_x[train], train_y[train]), (train_x[validation], train_y[validation]), (test_x, test_y)]
    parts = [Split(torch.from_numpy(x.astype(np.float32) / np.float32(255)), torch.from_numpy(y)) for x, y in arrays]
    return Splits(*parts, n_classes, _meta(files.name, source, "all", fingerprint, files.class_names, parts))


def _stratified(indices: np.ndarray, y: np.ndarray, share: float, where: object = "the set") -> Arrays:
    try:
        rest, taken = train_test_split(indices, test_size=share, random_state=SEED, stratify=y[indices])
    except ValueError as error:
        raise DataError(f"{where} has too few samples of a class to split off {share:.0%}: {error}") from error
    return rest, taken


def _splits(x: np.ndarray, y: np.ndarray, parts: tuple[np.ndarray, ...], name: str, source: str, size: str) -> Splits:
    chosen = [Split(torch.from_numpy(x[part]), torch.from_numpy(y[part])) for part in parts]
    meta = _meta(name, source, size, checks.fingerprint(x, y), DIGIT_NAMES, chosen)
    return Splits(*chosen, len(DIGIT_NAMES), meta)


def _meta(name: str, source: str, size: str, fingerprint: str, class_names: tuple[str, ...], parts: list[Split]) -> dict:
    return {
        "name": name,
        "source": source,
        "size": size,
        "fingerprint": fingerprint,
        "class_names": list(class_names),
        "counts": {part: len(split) for part, split in zip(PARTS, parts, strict=True)},
    }
