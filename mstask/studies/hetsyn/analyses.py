"""What the paper looks at beside accuracy: learnt time constants, knock-outs, noise, time warps; pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mstask.errors import MstaskError
from mstask.studies.hetsyn.names import EDGES
from mstask.studies.hetsyn.networks import Network


def time_constants(decay: Tensor) -> Tensor:
    """tau = -1 / ln r in steps; infinite at r = 1, 0 at r = 0."""
    return (1 / torch.log(decay.detach().double())).abs()


def spread(decay: Tensor, limit: float) -> dict[str, Any]:
    """A compact picture of trained decays.

    histogram : counts below `EDGES[0]`, between neighbouring edges, and from the last edge on (infinite ones included).
    mean_finite : mean over all that are finite, which some very long ones can rule; median : over all, None if infinite.
    above : share of time constants above `limit` steps; at_one : share of decays that are exactly 1.
    """
    tau = time_constants(decay).flatten()
    index = torch.bucketize(tau, torch.tensor(EDGES, dtype=torch.float64), right=True)
    finite, median = tau[tau.isfinite()], tau.median().item()
    return {
        "histogram": torch.bincount(index, minlength=len(EDGES) + 1).tolist(),
        "mean_finite": finite.mean().item() if len(finite) else None,
        "median": median if math.isfinite(median) else None,
        "above": (tau > limit).double().mean().item(),
        "at_one": (decay == 1).double().mean().item(),
    }


@contextmanager
def replaced(decays: Mapping[str, Tensor], values: Mapping[str, Tensor]):
    """For a while, give the named decays other values."""
    kept = {name: decays[name].detach().clone() for name in values}
    try:
        with torch.no_grad():
            for name, value in values.items():
                decays[name].copy_(value)
        yield
    finally:
        with torch.no_grad():
            for name, value in kept.items():
                decays[name].copy_(value)


def knock_out(
    model: Network, limit: float, to: float, score: Callable[[Network], float], seed: int
) -> dict[str, float | int] | None:
    """Who carries the memory? Reset some of the hidden layers' time constants to `to` steps and look at the score.

    long : all above `limit` steps; random : as many others, drawn by `seed`; short : all others. None where no decay is
    trained. The readout's are left alone.
    """
    decays = {name: decay for name, decay in model.decays().items() if name != "readout"}
    if not decays:
        return None
    long = {name: time_constants(decay) > limit for name, decay in decays.items()}
    rng = torch.Generator().manual_seed(seed)
    chosen = {"long": long, "random": {}, "short": {name: ~mask for name, mask in long.items()}}
    for name, mask in long.items():
        others = (~mask).flatten().nonzero().flatten()
        picked = others[torch.randperm(len(others), generator=rng)[: int(mask.sum())]]
        chosen["random"][name] = torch.zeros_like(mask).flatten().index_fill(0, picked, True).reshape(mask.shape)
    found: dict[str, float | int] = {
        "n_long": sum(int(mask.sum()) for mask in long.values()),
        "n": sum(mask.numel() for mask in long.values()),
        "intact": score(model),
    }
    short = math.exp(-1 / to)
    for which, masks in chosen.items():
        with replaced(decays, {name: decays[name].detach().masked_fill(mask, short) for name, mask in masks.items()}):
            found[which] = score(model)
    return found


def deleted(x: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Remove each spike of x independently with probability `share`."""
    if not 0 <= share <= 1:
        raise MstaskError(f"share of deleted spikes is {share}, expected 0 to 1")
    return x * (torch.rand(x.shape, generator=rng) >= share).to(x.dtype)


def added(x: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Set each value of x to a spike, 1, independently with probability `share`, as the option of the paper's code does."""
    if not 0 <= share <= 1:
        raise MstaskError(f"share of added spikes is {share}, expected 0 to 1")
    return x.masked_fill(torch.rand(x.shape, generator=rng) < share, 1)


@torch.no_grad()
def accuracy(model: Network, x: Tensor, y: Tensor, batch: int = 256) -> float:
    """Share of right answers on x [N, T, F], y [N]."""
    model.eval()
    device = next(model.parameters()).device
    guesses = torch.cat([model(part.to(device)).argmax(-1).cpu() for part in x.split(batch)])
    return (guesses == y).double().mean().item()


def first_hit(merits: Sequence[float], level: float = 0.95, over: int = 10) -> int | None:
    """First iteration (from 1) at which the mean of the last `over` batch accuracies reaches `level`."""
    running = 0.0
    for k, merit in enumerate(merits):
        running += merit - (merits[k - over] if k >= over else 0.0)
        if k + 1 >= over and running / over >= level - 1e-12:
            return k + 1
    return None


def shrunk(tau: float, factor: float) -> float:
    """The time constant whose decay per step is `factor` times that of `tau`."""
    return -1 / (math.log(factor) - 1 / tau)


def means_of(values: Sequence[float], size: int) -> list[float]:
    """Means of neighbouring blocks of `size`; the last may be shorter."""
    return [sum(block) / len(block) for block in (values[k : k + size] for k in range(0, len(values), size))]
