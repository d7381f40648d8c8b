"""Firing-rate regularisation: after a warm-up, a growing penalty pulls every hidden neuron's rate to a falling target."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mstask.errors import MstaskError

WEIGHTS = (1e-4, 1e-2)
TARGETS = (0.25, 0.09)


@dataclass(frozen=True)
class RatePenalty:
    """The penalty's schedule over epochs 1..`epochs`, of which the first `warmup` are free of it.

    With `one_sided` only neurons above the target pay. The two-sided form (the sources') also pays for silence: where rates
    lie below the target it raises them.
    """

    epochs: int
    warmup: int = 10
    one_sided: bool = False

    def __post_init__(self) -> None:
        if self.warmup < 0:
            raise MstaskError(f"warm-up of {self.warmup} epochs, expected 0 or more")

    def at(self, epoch: int) -> tuple[float, float]:
        """Weight and target rate (spikes per step) of an epoch, counted from 1."""
        if epoch <= self.warmup:
            return 0.0, TARGETS[0]
        q = (epoch - self.warmup) / (self.epochs - self.warmup)
        return WEIGHTS[0] + q * (WEIGHTS[1] - WEIGHTS[0]), TARGETS[0] + q * (TARGETS[1] - TARGETS[0])

    def __call__(self, hidden: list[Tensor], epoch: int) -> Tensor:
        """weight * sum over hidden layers and neurons of (rate - target)^2, from spikes [N, T, B] per layer."""
        weight, target = self.at(epoch)
        distances = [spikes.mean((1, 2)) - target for spikes in hidden]
        return weight * torch.stack([(d.clamp(min=0) if self.one_sided else d).square().sum() for d in distances]).sum()
