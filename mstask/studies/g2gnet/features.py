"""Frozen features: of the sources' ResNet-32, of a small convolution trained here, or read from a file.

The small convolution is, as the ResNet is there, trained on the task first, then frozen, its map of 32 channels averaged to
4 x 4 and flattened to 512 values. Features are scaled to 0..1 per example. Features trained on the same labels are not neutral:
what stands behind them is measured as a readout.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from mstask import paths
from mstask.data import DataError, Split, Splits, checks, containers
from mstask.errors import MstaskError
from mstask.studies.g2gnet import resnet
from mstask.studies.g2gnet.methods import OWN_FEATURES
from mstask.training import EVALUATION_BATCH, Recipe, train

SEED = 0
CHANNELS = (16, 32)
SIDE = 4
RECIPE = Recipe(batch_size=64, max_epochs=8, patience=8)

VARIABLE = "FEATURES_DATA"
ARRAYS = ("train_x", "train_y", "test_x", "test_y")
VALIDATION_SHARE = 0.10


class Features(nn.Module):
    """Two blocks of convolution 3x3 and ReLU, the second at half resolution; average to 4 x 4; and a linear classifier."""

    def __init__(self, colours: int, n_classes: int) -> None:
        super().__init__()
        self.colours = colours
        first, second = CHANNELS
        self.body = nn.Sequential(
            *(nn.Conv2d(colours, first, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(first, second, 3, padding=1, stride=2), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(SIDE), nn.Flatten()),
        )
        self.readout = nn.Linear(second * SIDE * SIDE, n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Pictures [B, colours * rows, columns] -> features [B, 512], channel by channel."""
        return self.body(x.view(len(x), self.colours, -1, x.shape[-1]))

    def forward(self, x: Tensor) -> Tensor:
        """Pictures -> logits [B, C]."""
        return self.readout(self.features(x))


def frozen(splits: Splits) -> Splits:
    """Train the convolution on splits.train and return every part's features as still inputs [N, 1, 512]."""
    _, rows, columns = splits.train.x.shape
    if rows not in (columns, 3 * columns):
        raise MstaskError(f"features need square pictures, found {rows} x {columns} in {splits.meta['name']}")
    before = torch.get_rng_state()
    torch.manual_seed(SEED)
    model = Features(rows // columns, splits.n_classes)
    torch.set_rng_state(before)
    train(model, splits, RECIPE, SEED)
    return _seen_by(model, splits, "features")


def of_resnet(splits: Splits) -> Splits:
    """The 512 features of a ResNet-32 of every part of CIFAR-10 or CIFAR-100, as still inputs [N, 1, 512].

    Pictures are standardised by the training part's mean and deviation of each colour, as those weights were trained. They
    were trained on the official training part, so folds of that aren't new to them.
    """
    if splits.meta["name"].partition("-fold-")[0] not in resnet.DATASETS:
        raise MstaskError(
            f"the ResNet-32 looks at {' or '.join(resnet.DATASETS)}, found {splits.meta['name']}; for other pictures "
            "use the small convolution, --use_features"
        )
    model = _Standardised(resnet.trained(splits.n_classes), splits.train.x)
    return _seen_by(model, splits, "resnet")


class _Standardised(nn.Module):
    """A network behind pictures [B, 96, 32], standardised by the colours of a training set."""

    def __init__(self, network: resnet.ResNet32, x: Tensor) -> None:
        super().__init__()
        self.network = network
        colours = x.view(len(x), 3, -1)
        self.mean, self.sd = colours.mean((0, 2))[:, None, None], colours.std((0, 2))[:, None, None] + 1e-6

    def features(self, x: Tensor) -> Tensor:
        """Pictures [B, 96, 32] -> features [B, 512]."""
        return self.network.features((x.view(len(x), 3, 32, 32) - self.mean) / self.sd)


def _seen_by(model: nn.Module, splits: Splits, suffix: str) -> Splits:
    parts = [Split(_features(model, part.x), part.y) for part in (splits.train, splits.validation, splits.test)]
    digest = hashlib.sha256(splits.meta["fingerprint"].encode())
    for part in parts:
        digest.update(part.x.numpy().tobytes())
    meta = splits.meta | {"name": f"{splits.meta['name']}-{suffix}", "fingerprint": digest.hexdigest()}
    return replace(splits, train=parts[0], validation=parts[1], test=parts[2], meta=meta)


def own() -> Splits:
    """The features of the .npz file that the environment variable FEATURES_DATA names; see `read`."""
    named = paths.named(VARIABLE)
    if named is None:
        raise DataError(f"no file of features: set {VARIABLE} to an .npz file with the arrays {', '.join(ARRAYS)}")
    return read(named)


def read(path: Path) -> Splits:
    """Still inputs [N, 1, F], scaled to 0..1 per example, from the features in an .npz file.

    The file holds train_x and test_x, real numbers [N, F], and train_y and test_y, classes from 0 on; nothing in it is ever
    unpickled. A stratified 10 % of the training part is for validation (seed 0).

    Raises
    ------
    DataError : a missing or damaged file or array; shapes, values or classes that don't fit each other.
    """
    arrays = _arrays(path)
    n_classes = int(np.nan_to_num(arrays["train_y"]).max()) + 1 if arrays["train_y"].dtype.kind in "fiu" else 1
    x = {part: checks.real_float32(path, arrays[f"{part}_x"]) for part in ("train", "test")}
    y = {part: checks.class_labels(path, arrays[f"{part}_y"], n_classes) for part in ("train", "test")}
    for part in ("train", "test"):
        if x[part].ndim != 2 or len(x[part]) != len(y[part]) or x[part].shape[1:] != x["train"].shape[1:]:
            raise DataError(
                f"{path}: {part}_x has shape {x[part].shape} and {part}_y {y[part].shape}, expected [N, F] and [N] with one F"
            )
    try:
        train, held = train_test_split(
            np.arange(len(y["train"])), test_size=VALIDATION_SHARE, random_state=0, stratify=y["train"]
        )
    except ValueError as error:
        raise DataError(f"{path} has too few examples to set some aside for validation: {error}") from None
    chosen = (
        _split(x["train"][train], y["train"][train]),
        _split(x["train"][held], y["train"][held]),
        _split(x["test"], y["test"]),
    )
    meta = {
        "name": OWN_FEATURES,
        "source": "real",
        "size": "all",
        "fingerprint": checks.fingerprint(x["train"], y["train"], x["test"], y["test"]),
        "class_names": [f"class {number}" for number in range(n_classes)],
        "counts": dict(zip(("train", "validation", "test"), map(len, chosen), strict=True)),
    }
    return Splits(*chosen, n_classes, meta)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the file, none of them empty."""
    found = containers.read_npz(path, ARRAYS)
    for name, array in found.items():
        if not array.size:
            raise DataError(f"{path}: {name} is empty")
    return found


def _split(x: np.ndarray, y: np.ndarray) -> Split:
    return Split(_scaled(torch.from_numpy(x)), torch.from_numpy(y))


@torch.no_grad()
def _features(model: Features, x: Tensor) -> Tensor:
    model.eval()
    return _scaled(torch.cat([model.features(part) for part in x.split(EVALUATION_BATCH)]))


def _scaled(values: Tensor) -> Tensor:
    """Features [N, F] as still inputs [N, 1, F] in 0..1."""
    low, high = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
    return ((values - low) / (high - low + 1e-8)).unsqueeze(1)
