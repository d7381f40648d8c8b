"""The paper's two synthetic tasks: delayed match-to-sample and pattern generation (HetSyn, appendices B and C)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

RATE_TARGET_HZ = 10.0
RATE_WEIGHT = 0.01


@dataclass(frozen=True)
class MatchToSample:
    """Was the second cue on the same side as the first? An exclusive-or across a delay.

    Ten channels fire for a left cue, ten for a right one, ten are noise. Two cues of 100 ms are separated by the delay; the
    trial begins 50 ms before the first and ends with the second. All spikes are Poisson, at most one a step.
    """

    dt_ms: float = 5.0
    delay_ms: float = 800.0
    cue_hz: float = 40.0
    noise_hz: float = 10.0
    n_channels = 30
    n_classes = 2

    @property
    def steps(self) -> int:
        """Steps of a trial."""
        return round((250 + self.delay_ms) / self.dt_ms)

    def trials(self, n: int, rng: torch.Generator, extra_hz: float = 0.0) -> tuple[Tensor, Tensor]:
        """Draw n trials: spikes float32 [n, T, 30] and labels int64 [n], 1 for a match.

        `extra_hz` is the rate of further Poisson spikes on all channels at all times.
        """
        sides = torch.randint(2, (n, 2), generator=rng)
        chance = torch.zeros(n, self.steps, self.n_channels)
        chance[..., 20:] = self._chance(self.noise_hz)
        for cue, start_ms in enumerate((50.0, 150.0 + self.delay_ms)):
            start, length = round(start_ms / self.dt_ms), round(100 / self.dt_ms)
            active = torch.nn.functional.one_hot(sides[:, cue], 2).repeat_interleave(10, 1) * self._chance(self.cue_hz)
            chance[:, start : start + length, :20] = active[:, None]
        x = torch.rand(chance.shape, generator=rng) < chance
        if extra_hz:
            x |= torch.rand(chance.shape, generator=rng) < self._chance(extra_hz)
        return x.float(), (sides[:, 0] == sides[:, 1]).long()

    def _chance(self, rate_hz: float) -> float:
        return rate_hz * self.dt_ms / 1000


@dataclass(frozen=True)
class Pattern:
    """One input template, shown three times with silent gaps, in noise; a smooth curve of two seconds is the target.

    template bool [500, 100], target float32 [2000] in [-1, 1]; steps of 1 ms.
    """

    template: Tensor
    target: Tensor

    n_channels = 100
    steps = 2000
    dt_ms = 1.0
    starts = (0, 750, 1500)
    frequencies_hz = (0.5, 1.0, 1.5, 2.0, 2.5)

    @classmethod
    def draw(cls, seed: int) -> Pattern:
        """A template of 10 Hz Poisson spikes, and a target: five cosines of random amplitude and phase, scaled to [-1, 1]."""
        rng = torch.Generator().manual_seed(seed)
        template = torch.rand(500, cls.n_channels, generator=rng) < 10 * cls.dt_ms / 1000
        amplitudes, phases = torch.rand(2, len(cls.frequencies_hz), generator=rng, dtype=torch.float64)
        seconds = torch.arange(cls.steps, dtype=torch.float64) * cls.dt_ms / 1000
        angles = 2 * math.pi * (torch.tensor(cls.frequencies_hz)[:, None] * seconds + phases[:, None])
        curve = (amplitudes[:, None] * torch.cos(angles)).sum(0)
        low, high = curve.min(), curve.max()
        return cls(template, (2 * (curve - low) / (high - low) - 1).float())

    def trials(self, n: int, rng: torch.Generator, noise_hz: float = 2.0) -> Tensor:
        """Draw n noisy inputs, float32 [n, 2000, 100]."""
        x = torch.rand(n, self.steps, self.n_channels, generator=rng) < noise_hz * self.dt_ms / 1000
        for start in self.starts:
            x[:, start : start + len(self.template)] |= self.template
        return x.float()


def rate_penalty(spikes: Sequence[Tensor], dt_ms: float) -> Tensor:
    """0.01 times the mean over neurons of ((f - 10 Hz) / 10 Hz)^2, for spikes [B, T, N] of each layer."""
    rates = torch.cat([z.mean((0, 1)) for z in spikes]) * (1000 / dt_ms)
    return RATE_WEIGHT * ((rates - RATE_TARGET_HZ) / RATE_TARGET_HZ).square().mean()


def repeat_distances(outputs: Tensor, target: Tensor, starts: Sequence[int], length: int) -> list[float]:
    """How far the outputs [B, T] to repeats of one template lie apart, over how far the targets do: 1 is ideal, 0 the same.

    One number for each pair of neighbouring repeats (2nd to 1st, 3rd to 2nd), averaged over B.
    """
    found = []
    for a, b in pairwise(starts):
        mine = (outputs[:, b : b + length] - outputs[:, a : a + length]).square().mean()
        ideal = (target[b : b + length] - target[a : a + length]).square().mean()
        found.append(float(mine / ideal))
    return found
