"""What the paper looks at beside accuracy: learnt time constants, knock-outs, noise, time warps; pure functions."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mstask.data import Split
from mstask.studies.hetsyn.names import EDGES
from mstask.studies.hetsyn.networks import Network, free_time_constants
from mstask.training import predict

BATCH = 256
"""Examples that are tested together."""


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


def spreads(model: Network, limit: float) -> dict[str, dict[str, Any]]:
    """The spread of the trained decays of each set of synapses."""
    return {name: spread(decay, limit) for name, decay in model.decays().items()}


def learnt(model: Network, before: dict[str, Any], limit: float) -> dict[str, Any]:
    """How many time constants the network learns, and their spreads before and after."""
    return {
        "n_time_constants": free_time_constants(model),
        "time_constants": {"before": before, "after": spreads(model, limit)},
    }


def by_channel(model: Network) -> dict[str, dict[str, Any]] | None:
    """Time constants of the synapses from cue and from noise channels; None where there is no decay per synapse."""
    decay = model.decays().get("layers.0.inputs")
    if decay is None or decay.dim() < 2:
        return None
    tau = time_constants(decay)
    groups = {"cue": tau[:, :20].flatten(), "noise": tau[:, 20:].flatten()}
    return {
        name: {"mean_finite": group[group.isfinite()].mean().item(), "n_infinite": int(group.isinf().sum())}
        for name, group in groups.items()
    }


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
    for which, masks in chosen.items():
        altered = copy.deepcopy(model)
        for name, mask in masks.items():
            altered.decays()[name].data.masked_fill_(mask, math.exp(-1 / to))
        found[which] = score(altered)
    return found


def deleted(x: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Remove each spike of x independently with probability `share`."""
    return x * (torch.rand(x.shape, generator=rng) >= share).to(x.dtype)


def added(x: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Set each value of x to a spike, 1, independently with probability `share`, as the option of the paper's code does."""
    return x.masked_fill(torch.rand(x.shape, generator=rng) < share, 1)


def answers(model: Network, x: Tensor) -> tuple[Tensor, list[float]]:
    """Predicted classes int64 [N] on the CPU, and the mean firing rate of each hidden layer, for x [N, T, F]."""
    return predict(model, x.to(next(model.parameters()).device), BATCH)


def accuracy(model: Network, test: Split) -> float:
    """Share of right answers."""
    return (answers(model, test.x)[0] == test.y).double().mean().item()


def at_levels(name: str, levels: Sequence[float], score: Callable[[float], float]) -> dict[str, Sequence[float]]:
    """The score at each level of a disturbance."""
    return {name: levels, "accuracy": [score(level) for level in levels]}


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
