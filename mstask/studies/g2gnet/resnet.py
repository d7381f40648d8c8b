"""The frozen ResNet-32 of the sources (`--use_resnet`): the CIFAR network of He et al. 2016, its weights from the user's file.

A convolution of 16 channels, then three stages of five blocks with 16, 32 and 64 channels, the second and third of which
halve the picture. The sources stop after the second stage and average its 32 maps to 4 x 4, which gives 512 values.
Tensors are named as in the public weights that the sources download (cifar10_resnet32, cifar100_resnet32).
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from mstask import paths
from mstask.data import DataError, containers

VARIABLE = "RESNET32_WEIGHTS"
DATASETS = ("cifar-10", "cifar-100")
CHANNELS, BLOCKS, SIDE = (16, 32, 64), 5, 4
LARGEST = 16 << 20
"""Bytes of the largest file that is read; the weights of a ResNet-32 take 2 million."""


def _convolution(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)


class Block(nn.Module):
    """Two normalised convolutions and a path around them, which is a convolution 1x1 where the size changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = _convolution(outputs, outputs), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(_convolution(inputs, outputs, stride, 1), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C, H, W] -> maps [B, C', H / stride, W / stride]."""
        inner = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (inner + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet32(nn.Module):
    """Colour pictures [B, 3, 32, 32], standardised by channel, to logits [B, C]; `features` stops after the second stage."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(3, CHANNELS[0]), nn.BatchNorm2d(CHANNELS[0])
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(
                Block(before, channels, 1 if before == channels else 2),
                *(Block(channels, channels, 1) for _ in range(BLOCKS - 1)),
            )
            for before, channels in zip((CHANNELS[0], *CHANNELS), CHANNELS, strict=False)
        )
        self.fc = nn.Linear(CHANNELS[-1], n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Values [B, 512] of the second stage, channel by channel."""
        maps = self.layer2(self.layer1(self.bn1(self.conv1(x)).relu()))
        return nn.functional.adaptive_avg_pool2d(maps, SIDE).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, C] of the whole network."""
        maps = self.layer3(self.layer2(self.layer1(self.bn1(self.conv1(x)).relu())))
        return self.fc(maps.mean((2, 3)))


def trained(n_classes: int) -> ResNet32:
    """The network with the weights of the file that the environment variable RESNET32_WEIGHTS names, frozen; see `read`."""
    path = paths.named(VARIABLE)
    if path is None:
        raise DataError(
            f"no weights of a ResNet-32: set {VARIABLE} to a .pt file with those of cifar10_resnet32 or cifar100_resnet32 "
            "(chenyaofo/pytorch-cifar-models), or use the small convolution, --use_features"
        )
    return read(path, n_classes)


def read(path: Path, n_classes: int) -> ResNet32:
    """A frozen ResNet-32 with the tensors of a .pt file; nothing but tensors is ever unpickled.

    Raises
    ------
    DataError : a missing, large or damaged file; a tensor that is missing, unknown, of another shape or not finite;
        a negative variance.
    """
    model = ResNet32(n_classes)
    found, expected = _tensors(path), model.state_dict()
    counters = {name for name in expected if name.endswith("num_batches_tracked")}
    absent, unknown = sorted(expected.keys() - found.keys() - counters), sorted(map(str, found.keys() - expected.keys()))
    if absent or unknown:
        what = f"has no tensor {absent[0]}" if absent else f"holds the unknown tensor {unknown[0]}"
        n = len(expected) - len(counters)
        raise DataError(f"{path} {what}, expected the {n} tensors of a CIFAR ResNet-32 by name (its state_dict)")
    for name, value in found.items():
        if value.shape != expected[name].shape:
            advice = f"; those are weights for {len(value)} classes, not {n_classes}" if name.startswith("fc") else ""
            raise DataError(f"{path}: {name} is {list(value.shape)}, expected {list(expected[name].shape)}{advice}")
        if name not in counters and not (value.is_floating_point() and value.isfinite().all()):
            raise DataError(f"{path}: {name} has values that are not finite real numbers")
        if name.endswith("running_var") and value.min() < 0:
            raise DataError(f"{path}: {name} has negative values, expected variances")
    model.load_state_dict(expected | found)
    return model.eval().requires_grad_(False)


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.is_file() and (size := path.stat().st_size) > LARGEST:
        raise DataError(f"{path} has {size} bytes, expected about 2 million, the weights of a ResNet-32")
    return containers.read_pt(path)
