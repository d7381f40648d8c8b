"""Frozen features: a small convolution trained here on the same labels, in place of the sources' downloaded ResNet-32.

As there, the network in front is trained on the task first, then frozen, its map of 32 channels averaged to 4 x 4, flattened
to 512 values and scaled to 0..1 per example. Features trained on the same labels are not neutral: what stands behind them is
measured as a readout.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import torch
from torch import Tensor, nn

from mstask.data import Split, Splits
from mstask.errors import MstaskError
from mstask.training import EVALUATION_BATCH, Recipe, train

SEED = 0
CHANNELS = (16, 32)
SIDE = 4
RECIPE = Recipe(batch_size=64, max_epochs=8, patience=8)


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
    parts = [Split(_scaled(model, part.x), part.y) for part in (splits.train, splits.validation, splits.test)]
    digest = hashlib.sha256(splits.meta["fingerprint"].encode())
    for part in parts:
        digest.update(part.x.numpy().tobytes())
    meta = splits.meta | {"name": f"{splits.meta['name']}-features", "fingerprint": digest.hexdigest()}
    return replace(splits, train=parts[0], validation=parts[1], test=parts[2], meta=meta)


@torch.no_grad()
def _scaled(model: Features, x: Tensor) -> Tensor:
    model.eval()
    values = torch.cat([model.features(part) for part in x.split(EVALUATION_BATCH)])
    low, high = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
    return ((values - low) / (high - low + 1e-8)).unsqueeze(1)
