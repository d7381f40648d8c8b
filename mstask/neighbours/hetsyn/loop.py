"""Training on freshly drawn trials for a fixed number of iterations, resumed bit for bit; and the paper's optimisers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from mstask.errors import MstaskError
from mstask.neighbours.hetsyn.networks import Network
from mstask.training import load_checkpoint, save_checkpoint

EVERY = 50
"""Iterations between checkpoints."""

Objective = Callable[[Network, torch.Generator], tuple[Tensor, float]]
"""Draws a batch; returns the loss and a figure of merit of that batch."""


def fit(
    model: Network,
    objective: Objective,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    iterations: int,
    seed: int,
    checkpoint: Path | None = None,
    about: str = "",
    on_losses: Callable[[list[float]], None] | None = None,
) -> tuple[list[float], list[float]]:
    """Take optimiser steps on batches drawn by `objective`; returns loss and figure of merit of each iteration.

    Parameters
    ----------
    seed : of the generator that batches are drawn from.
    checkpoint : file kept every `EVERY` iterations, from which a run of the same model, seed and `about` goes on.
    about : what else the checkpoint must agree with: task, optimiser, schedule.
    on_losses : called after every `EVERY` iterations with the losses so far.
    """
    rng = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    merits: list[float] = []
    key = _key(model, seed, about)
    if saved := load_checkpoint(checkpoint, key):
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        rng.set_state(saved["batches"])
        torch.set_rng_state(saved["rng"])
        losses, merits = list(saved["losses"]), list(saved["merits"])
    model.train()
    while len(losses) < iterations:
        loss, merit = objective(model, rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        model.hold_decays()
        losses.append(loss.item())
        merits.append(merit)
        if not math.isfinite(losses[-1]):
            raise MstaskError(
                f"training diverged: the loss of step {len(losses)} is {losses[-1]}; a smaller learning rate may help"
            )
        if len(losses) % EVERY and len(losses) < iterations:
            continue
        if checkpoint:
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
            state |= {"batches": rng.get_state(), "rng": torch.get_rng_state(), "losses": losses, "merits": merits}
            save_checkpoint(checkpoint, key, state)
        if on_losses:
            on_losses(losses)
    return losses, merits


def adam(model: Network, learning_rate: float) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """The optimiser of the synthetic tasks: Adam, its rate cut to 0.8 every 100 iterations."""
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    return optimiser, torch.optim.lr_scheduler.StepLR(optimiser, 100, 0.8)


def adamw(
    model: Network, learning_rate: float, decay_of_weights: float, decay_of_decays: float, factor: Callable[[int], float]
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """The optimiser of the paper's SHD code: AdamW, the synaptic decays at twice the rate of the weights.

    The code decays both groups alike; here each has its own weight decay.
    """
    own = list(model.decays().values())
    ids = {id(parameter) for parameter in own}
    weights = [parameter for parameter in model.parameters() if id(parameter) not in ids]
    groups = [{"params": weights, "lr": learning_rate, "weight_decay": decay_of_weights}]
    if own:
        groups.append({"params": own, "lr": 2 * learning_rate, "weight_decay": decay_of_decays})
    optimiser = torch.optim.AdamW(groups)
    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, factor)


def warmed_cosine(step: int, total: int, warm_up: float = 0.05, frozen: float = 0.95) -> float:
    """Factor of the learning rate at a step: a linear rise, then half a cosine, frozen near its end (the paper's SHD code)."""
    rise = round(warm_up * total)
    if step < rise:
        return step / rise
    progress = (min(step, round(frozen * total)) - rise) / (total - rise)
    return 0.5 * (1 + math.cos(math.pi * progress))


def exposure(learning_rate: float, weight_decay: float, factors: list[float]) -> float:
    """What decoupled weight decay alone multiplies a parameter by: the product of 1 - rate x weight decay over all steps."""
    return math.exp(sum(math.log1p(-learning_rate * factor * weight_decay) for factor in factors))


def _key(model: Network, seed: int, about: str) -> str:
    digest = hashlib.sha256(f"{model!r} {seed} {about}".encode())
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
