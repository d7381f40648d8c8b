"""How the paper trains: on freshly drawn trials for a fixed number of iterations, or by epochs; both resumed bit for bit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mstask.errors import MstaskError
from mstask.studies.hetsyn.networks import Network
from mstask.training import Recipe, load_checkpoint, save_checkpoint

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
    clip: float = 0.0,
) -> tuple[list[float], list[float]]:
    """Take optimiser steps on batches drawn by `objective`; returns loss and figure of merit of each iteration.

    Parameters
    ----------
    seed : of the generator that batches are drawn from.
    checkpoint : file kept every `EVERY` iterations, from which a run of the same model, seed and `about` goes on.
    about : what else the checkpoint must agree with: task, optimiser, schedule.
    on_losses : called after every `EVERY` iterations with the losses so far.
    clip : largest norm of the gradient; 0: as it is.
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
        clipped(model, clip)
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


@dataclass(frozen=True)
class Published(Recipe):
    """The recipe of the paper's SHD code: AdamW, a rate that warms up and falls along a cosine, decays that learn faster.

    weight_decay : of AdamW, on weights and decays alike.
    decay_rate : how many times faster than weights synaptic decays are trained.
    warm_up, cosine_epochs, plateau : see `warmed_cosine`; without cosine epochs the rate is constant.
    clip_gradient : its largest norm; 0: as it is.
    """

    decay_rate: float = 2.0
    warm_up: float = 0.05
    cosine_epochs: int = 40
    plateau: float = 0.05
    clip_gradient: float = 0.0

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        """AdamW with the decays in a group of their own."""
        return adamw(model, self.learning_rate, self.weight_decay, self.weight_decay, self.decay_rate)

    def before_step(self, model: nn.Module, optimiser: torch.optim.Optimizer, step: int, per_epoch: int) -> None:
        """Clip the gradient, and set both learning rates of the step."""
        clipped(model, self.clip_gradient)
        factor = warmed_cosine(step, self.cosine_epochs * per_epoch, self.warm_up, self.plateau) if self.cosine_epochs else 1.0
        for group in optimiser.param_groups:
            group["lr"] = self.learning_rate * group["speed"] * factor


def adamw(
    model: Network, learning_rate: float, decay_of_weights: float, decay_of_decays: float, speed: float = 2.0
) -> torch.optim.Optimizer:
    """AdamW with synaptic decays trained at `speed` times the rate of the weights, each with its own weight decay."""
    own = list(model.decays().values())
    ids = {id(parameter) for parameter in own}
    weights = [parameter for parameter in model.parameters() if id(parameter) not in ids]
    groups = [{"params": weights, "lr": learning_rate, "weight_decay": decay_of_weights, "speed": 1.0}]
    if own:
        groups.append({"params": own, "lr": speed * learning_rate, "weight_decay": decay_of_decays, "speed": speed})
    return torch.optim.AdamW(groups)


def clipped(model: nn.Module, norm: float) -> None:
    """Scale the gradient down to a norm where it is longer; nothing where that is 0."""
    if norm:
        nn.utils.clip_grad_norm_(model.parameters(), norm)


def warmed_cosine(step: int, total: int, warm_up: float = 0.05, plateau: float = 0.05) -> float:
    """Factor of the learning rate at a step: up to 1 in the first `warm_up` of `total` steps, then down half a cosine.

    In its last `plateau`, and ever after, the factor stays what it was at the start of that (the paper's SHD code).
    """
    rise = int(warm_up * total)
    if step < rise:
        return step / rise
    progress = (min(step, int(total * (1 - plateau))) - rise) / max(1, total - rise)
    return 0.5 * (1 + math.cos(math.pi * progress))


def exposure(learning_rate: float, weight_decay: float, factors: list[float]) -> float:
    """What decoupled weight decay alone multiplies a parameter by: the product of 1 - rate x weight decay over all steps."""
    return math.exp(sum(math.log1p(-learning_rate * factor * weight_decay) for factor in factors))


def _key(model: Network, seed: int, about: str) -> str:
    digest = hashlib.sha256(f"{model!r} {seed} {about}".encode())
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
