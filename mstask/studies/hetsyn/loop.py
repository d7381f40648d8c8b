"""How the paper trains: on freshly drawn trials for a fixed number of iterations, or by epochs; both resumed bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mstask.data import Splits
from mstask.studies.hetsyn.networks import Network
from mstask.training import Diverged, Recipe, Training

EVERY = 50
"""Iterations between checkpoints."""

Objective = Callable[[Network, torch.Generator], tuple[Tensor, float]]
"""Draws a batch; returns the loss and a figure of merit of that batch."""


class Iterations(Training):
    """Steps on batches that `objective` draws, instead of epochs; checkpointed every `EVERY`, and nothing is selected."""

    kept = ("losses", "merits")

    def __init__(
        self, model: Network, objective: Objective, splits: Splits, recipe: Recipe, iterations: int, seed: int
    ) -> None:
        super().__init__(model, splits, recipe, seed)
        self.objective, self.iterations = objective, iterations
        self.losses: list[float] = []
        self.merits: list[float] = []

    def stopped(self) -> str | None:
        return "iterations" if len(self.losses) >= self.iterations else None

    def learn(self) -> None:
        self.model.train()
        done = len(self.losses)
        for number in range(done, min(done - done % EVERY + EVERY, self.iterations)):
            loss, merit = self.objective(self.model, self.order)
            self.losses.append(loss.item())
            self.merits.append(merit)
            if not math.isfinite(self.losses[-1]):
                found = f"the loss of step {number + 1} is {self.losses[-1]}"
                raise Diverged(f"training diverged: {found}; a smaller learning rate may help")
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.recipe.before_step(self.model, self.optimiser, number, per_epoch=1)
            self.optimiser.step()
            self.model.hold_decays()
        self.history.train_loss = means_of(self.losses, EVERY)

    def evaluate(self) -> None:
        """Nothing: the batches are fresh, so their losses tell."""


def means_of(values: Sequence[float], size: int) -> list[float]:
    """Means of neighbouring blocks of `size`; the last may be shorter."""
    return [sum(block) / len(block) for block in (values[k : k + size] for k in range(0, len(values), size))]


@dataclass(frozen=True)
class StepDown(Recipe):
    """The recipe of the synthetic tasks: Adam, its rate cut to 0.8 every 100 steps."""

    clip_gradient: float = 0.0

    def before_step(self, model: nn.Module, optimiser: torch.optim.Optimizer, step: int, per_epoch: int) -> None:
        """Clip the gradient, and set the learning rate of the step."""
        clip(model, self.clip_gradient)
        rate = self.learning_rate
        for _ in range(step // 100):
            rate *= 0.8
        optimiser.param_groups[0]["lr"] = rate


@dataclass(frozen=True)
class Published(Recipe):
    """The recipe of the paper's SHD code: AdamW, a rate that warms up and falls along a cosine, decays that learn faster.

    weight_decay : of AdamW, on weights; `decay_of_decays` : on synaptic decays, None: the same.
    decay_rate : how many times faster than weights synaptic decays are trained.
    warm_up, cosine_epochs, plateau : see `warmed_cosine`; without cosine epochs the rate is constant.
    clip_gradient : its largest norm; 0: as it is.
    """

    decay_of_decays: float | None = None
    decay_rate: float = 2.0
    warm_up: float = 0.05
    cosine_epochs: int = 40
    plateau: float = 0.05
    clip_gradient: float = 0.0

    def optimiser(self, model: Network) -> torch.optim.Optimizer:
        """AdamW with the decays in a group of their own."""
        decays = list(model.decays().values())
        weights = [parameter for parameter in model.parameters() if not any(parameter is decay for decay in decays)]
        groups = [{"params": weights, "weight_decay": self.weight_decay, "speed": 1.0}]
        if decays:
            own = self.weight_decay if self.decay_of_decays is None else self.decay_of_decays
            groups.append({"params": decays, "weight_decay": own, "speed": self.decay_rate})
        return torch.optim.AdamW(groups)

    def before_step(self, model: nn.Module, optimiser: torch.optim.Optimizer, step: int, per_epoch: int) -> None:
        """Clip the gradient, and set both learning rates of the step."""
        clip(model, self.clip_gradient)
        factor = warmed_cosine(step, self.cosine_epochs * per_epoch, self.warm_up, self.plateau) if self.cosine_epochs else 1.0
        for group in optimiser.param_groups:
            group["lr"] = self.learning_rate * group["speed"] * factor


def clip(model: nn.Module, norm: float) -> None:
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
