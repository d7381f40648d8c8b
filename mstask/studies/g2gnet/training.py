"""Training with rewiring and rate penalty; selection, history and bitwise resume are those of `mstask.training`."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mstask.data import Splits
from mstask.stats import macro_f1
from mstask.studies.g2gnet.networks import G2GNet, logits
from mstask.studies.g2gnet.rates import RatePenalty
from mstask.studies.g2gnet.rewiring import Rule, update
from mstask.training import (
    Best,
    Diverged,
    History,
    Outcome,
    Recipe,
    checkpoint_key,
    load_checkpoint,
    predict,
    save_checkpoint,
    tick,
)


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


def train(
    model: G2GNet,
    splits: Splits,
    regime: Regime,
    seed: int,
    checkpoint: Path | None = None,
    on_epoch: Callable[[History], None] | None = None,
) -> Trained:
    """Train on splits.train, select on splits.validation, report splits.test at the selected epoch.

    Arguments as in `mstask.training.train`, and the same promise: an interrupted run that starts again with the same
    `checkpoint` ends with the same numbers as an uninterrupted one.
    """
    device = next(model.parameters()).device
    train_x, train_y = splits.train.x.to(device), splits.train.y.to(device)
    validation_x, test_x = splits.validation.x.to(device), splits.test.x.to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=regime.learning_rate, weight_decay=regime.weight_decay)
    order = torch.Generator().manual_seed(seed)
    history, best = History(), Best()
    rewirings: list[dict[str, Any]] = []
    seconds = {"train": 0.0, "evaluation": 0.0, "checkpoint": 0.0}

    key = checkpoint_key(model, splits, regime, seed)
    if saved := load_checkpoint(checkpoint, key):
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        order.set_state(saved["order"])
        history, best, rewirings = History(**saved["history"]), Best(**saved["best"]), saved["rewirings"]

    while (done := len(history.train_loss)) < regime.max_epochs and done - best.epoch < regime.patience:
        clock = time.perf_counter()
        history.train_loss.append(train_epoch(model, optimiser, train_x, train_y, regime, order, done, rewirings))
        clock = tick(seconds, "train", clock)
        predictions, rates = predict(model, validation_x)
        history.validation_macro_f1.append(macro_f1(predictions, splits.validation.y, splits.n_classes)[0])
        history.firing_rates.append(rates)
        recent = history.validation_macro_f1[-regime.smoothing :]
        history.smoothed.append(sum(recent) / len(recent))
        if history.smoothed[-1] > best.score + regime.min_improvement:
            best = Best(done + 1, history.smoothed[-1], copy.deepcopy(model.state_dict()))
        clock = tick(seconds, "evaluation", clock)
        if checkpoint:
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "order": order.get_state()}
            state |= {"history": asdict(history), "best": vars(best), "rewirings": rewirings}
            save_checkpoint(checkpoint, key, state)
        tick(seconds, "checkpoint", clock)
        if on_epoch:
            on_epoch(history)

    model.load_state_dict(best.model)
    predictions, rates = predict(model, test_x)
    score, per_class = macro_f1(predictions, splits.test.y, splits.n_classes)
    outcome = Outcome(
        macro_f1=score,
        accuracy=(predictions == splits.test.y).double().mean().item(),
        per_class_f1=per_class,
        predictions=predictions.tolist(),
        best_epoch=best.epoch,
        epochs=len(history.train_loss),
        stopped="max_epochs" if len(history.train_loss) >= regime.max_epochs else "patience",
        firing_rates=rates,
        history=history,
        seconds=seconds,
    )
    return Trained(outcome, rewirings)


def train_epoch(
    model: G2GNet,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    regime: Regime,
    order: torch.Generator,
    done: int,
    rewirings: list[dict[str, Any]],
) -> float:
    """One pass in a fresh random order after `done` epochs; appends to `rewirings`, returns the mean cross-entropy."""
    model.train()
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    batches = torch.randperm(len(y), generator=order).to(x.device).split(regime.batch_size)
    for step, batch in enumerate(batches, start=done * len(batches)):
        signals = model.signals(x[batch])
        loss = nn.functional.cross_entropy(logits(signals), y[batch])
        total += loss.detach().double() * len(batch)
        if regime.penalty:
            loss = loss + regime.penalty(signals[1:-1], done + 1)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if regime.rule and step > 0 and step % regime.every == 0:
            rewirings.append({"step": step, "layers": update(model, optimiser, signals, regime.rule, step)})
    mean = (total / len(y)).item()
    if not math.isfinite(mean):
        raise Diverged(f"training diverged: the mean loss of an epoch is {mean}; a smaller learning rate may help")
    return mean
