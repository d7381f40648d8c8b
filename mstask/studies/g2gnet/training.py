"""Training with rewiring and rate penalty, by the loop of `mstask.training`.

The penalty regularises firing: after a warm-up it pulls every hidden neuron's rate to a falling target, ever more firmly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mstask.data import Splits
from mstask.errors import MstaskError
from mstask.studies.g2gnet.networks import G2GNet, logits
from mstask.studies.g2gnet.rewiring import Rule, update
from mstask.training import History, Outcome, Recipe, Training

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


@dataclass(frozen=True)
class Regime(Recipe):
    """A recipe whose Adam has the sources' weight decay; with `rule`, connections move after every `every`-th step.

    Steps are batches, counted from 0 over the whole run; step 0 moves nothing.
    """

    weight_decay: float = 1e-4
    rule: Rule | None = None
    every: int = 1000
    penalty: RatePenalty | None = None


@dataclass(frozen=True)
class Trained:
    """What training gave, and per rewiring of the connections its step and what happened in each layer."""

    outcome: Outcome
    rewirings: list[dict[str, Any]]


class Rewired(Training):
    """Minimises cross-entropy and penalty, tells the cross-entropy, and moves connections by the signals of a batch."""

    kept = ("rewirings",)
    if TYPE_CHECKING:
        model: G2GNet
        recipe: Regime

    def __init__(self, model: G2GNet, splits: Splits, regime: Regime, seed: int) -> None:
        self.rewirings: list[dict[str, Any]] = []
        super().__init__(model, splits, regime, seed)

    def step(self, x: Tensor, y: Tensor, number: int) -> Tensor:
        regime, signals = self.recipe, self.model.signals(x)
        loss = nn.functional.cross_entropy(logits(signals), y)
        # The epoch under way is the one after those done: a penalty counts epochs from 1.
        self.descend(loss + regime.penalty(signals[1:-1], self.done + 1) if regime.penalty else loss, number)
        if regime.rule and number > 0 and number % regime.every == 0:
            layers = update(self.model, self.optimiser, signals, regime.rule, number)
            self.rewirings.append({"step": number, "layers": layers})
        return loss


def train(
    model: G2GNet,
    splits: Splits,
    regime: Regime,
    seed: int,
    checkpoint: Path | None = None,
    on_epoch: Callable[[History], None] | None = None,
) -> Trained:
    """Train, select and test; arguments and the promise about resuming are those of `mstask.training.train`."""
    training = Rewired(model, splits, regime, seed)
    outcome = training.outcome(training.run(checkpoint, on_epoch))
    return Trained(outcome, training.rewirings)
