"""What every data set does alike: find the user's folder, cut stratified parts, and say what it is in its `meta`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mstask import paths
from mstask.data import DataError, Split, Splits

if TYPE_CHECKING:
    import torch

SEED = 0
PARTS = ("train", "validation", "test")
TEST_SHARE, VALIDATION_SHARE = 0.20, 0.15


def real_folder(name: str, variable: str, root: str | os.PathLike[str] | None, holds: str, download: str = "") -> Path:
    """Return the folder of the user's own files: `root`, or that of an environment variable, or what was downloaded.

    Parameters
    ----------
    name, variable, holds : the set, its environment variable, and what is expected in the folder.
    download : its name for `python -m mstask data fetch`, where it can be downloaded.
    """
    chosen = Path(root).expanduser() if root else paths.named(variable)
    fetched = paths.cache_dir() / download
    if chosen is None and not (download and fetched.is_dir()):
        other = f", or run python -m mstask data fetch {download}" if download else ""
        raise DataError(f"no folder of the real {name} data: set {variable} to the folder with {holds}, pass root{other}")
    folder = chosen or fetched
    if not folder.is_dir():
        raise DataError(f"{'root' if root else variable} names {folder}, which is not a folder; expected one with {holds}")
    return folder


def stratified(
    rows: np.ndarray, y: np.ndarray, shares: Sequence[float], class_names: Sequence[str], where: object
) -> list[np.ndarray]:
    """Cut stratified parts off `rows` [n] of the labels `y` [N], each a share of what is left (seed 0); the rest is first.

    Every part must hold every class; `where` says of which data the error speaks.
    """
    from sklearn.model_selection import train_test_split

    counts = np.bincount(y[rows], minlength=len(class_names))
    rarest = int(counts.argmin())
    parts = [rows]
    try:
        for share in shares:
            rest, taken = train_test_split(parts[0], test_size=share, random_state=SEED, stratify=y[parts[0]])
            parts = [rest, *parts[1:], taken]
    except ValueError:
        parts = [rows[:0]]
    if any(len(np.unique(y[part])) < len(class_names) for part in parts):
        raise DataError(
            f"{where} has {counts[rarest]} samples of class {rarest} ({class_names[rarest]}), "
            "too few for each part to hold it; 10 of each class are enough"
        )
    return parts


def splits(
    x: Sequence[torch.Tensor | np.ndarray], y: Sequence[np.ndarray], class_names: Sequence[str], size: str, **facts: Any
) -> Splits:
    """Return training, validation and test part as `Splits`; the facts (name, source, fingerprint, ...) go into `meta`.

    Real data comes in one size, "all".
    """
    import torch

    train, validation, test = (
        Split(torch.as_tensor(part), torch.from_numpy(np.array(own))) for part, own in zip(x, y, strict=True)
    )
    size = size if facts["source"] == "embedded" else "all"
    counts = {name: len(own) for name, own in zip(PARTS, y, strict=True)}
    return Splits(
        train, validation, test, len(class_names), facts | {"size": size, "class_names": list(class_names), "counts": counts}
    )
