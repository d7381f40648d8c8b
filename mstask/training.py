"""The one training loop: validation-selected, patient, checkpointed every epoch, resumed bit for bit."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mstask.data import Splits
from mstask.errors import MstaskError
from mstask.stats.scoring import macro_f1

log = logging.getLogger(__name__)

CHECKPOINT_FORMAT = "mstask-checkpoint/3"
DIGEST = hashlib.sha256().digest_size
EVALUATION_BATCH = 512


@dataclass(frozen=True)
class Recipe:
    """How to train (paper, protocol): Adam, cross-entropy, macro-F1 selection on validation.

    Selection looks at the moving average of the last `smoothing` epochs' validation macro-F1; an epoch is the best so far
    when that average rises by more than `min_improvement`. Training stops after `patience` epochs without a new best.
    With `select_on` = "test" the series "test_accuracy" that is watched takes the place of that average, and there is no
    validation: so did the paper's probe, whose figures are no test any more.
    The learning rate is constant (schedule "none"), or rises linearly over `warmup` epochs and then falls to 0 at
    `max_epochs` along half a cosine; see `learning_rate`. `weight_decay` is Adam's L2 term. A recipe with another optimiser
    overrides `optimiser` and `before_step`.
    """

    learning_rate: float = 1e-3
    batch_size: int = 128
    max_epochs: int = 200
    patience: int = 20
    smoothing: int = 5
    min_improvement: float = 1e-4
    select_on: Literal["validation", "test"] = "validation"
    weight_decay: float = 0.0
    schedule: Literal["none", "cosine"] = "none"
    warmup: int = 0

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of a network's parameters."""
        return torch.optim.Adam(model.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)

    def before_step(self, model: nn.Module, optimiser: torch.optim.Optimizer, step: int, per_epoch: int) -> None:
        """Set the learning rate of step `step` (from 0, `per_epoch` in each epoch); the gradients are known.

        A function of the step alone, so a resumed run needs no scheduler state.
        """
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(self, step // per_epoch)


class Diverged(MstaskError):
    """The loss of an epoch was not finite."""


@dataclass
class History:
    """What is remembered of every epoch.

    `smoothed` is the score that selects; firing rates are per layer, on the validation set; `watched` holds the series of the
    section's own.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_macro_f1: list[float] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)
    firing_rates: list[list[float]] = field(default_factory=list)
    watched: dict[str, list] = field(default_factory=dict)


@dataclass
class Best:
    """The selected epoch (1-based) and its model."""

    epoch: int = 0
    score: float = float("-inf")
    model: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The test figures of the selected epoch and how they came about; firing rates are per layer, on the test set."""

    macro_f1: float
    accuracy: float
    per_class_f1: list[float]
    predictions: list[int]
    best_epoch: int
    epochs: int
    stopped: str
    firing_rates: list[float]
    history: History
    seconds: dict[str, float]


def train(
    model: nn.Module,
    splits: Splits,
    recipe: Recipe,
    seed: int,
    checkpoint: Path | None = None,
    on_epoch: Callable[[History], None] | None = None,
    before_epoch: Callable[[Any], None] | None = None,
    watch: Callable[[Any], dict[str, Any]] | None = None,
) -> Outcome:
    """Train on splits.train, select on splits.validation, report splits.test at the selected epoch.

    Parameters
    ----------
    model : a network on the device to train on, thresholds calibrated; its weights afterwards are the selected epoch's.
    seed : of the order in which training examples are drawn.
    checkpoint : file written after every epoch and deleted by nobody; when it exists and belongs to the same model, data,
        recipe and seed, training continues from it and ends with the same numbers as an uninterrupted run.
    on_epoch : called after every epoch with the history so far.
    before_epoch : called before every epoch with the model, which it may change as a function of the model alone.
    watch : called after every epoch with the model; what it returns joins the history, by name.

    `seconds` of the outcome is the time spent by part (train, evaluation, checkpoint) since this call.
    """
    device = next(model.parameters()).device
    train_x, train_y = splits.train.x.to(device), splits.train.y.to(device)
    validation_x, test_x = splits.validation.x.to(device), splits.test.x.to(device)
    optimiser = recipe.optimiser(model)
    per_epoch = -(-len(train_y) // recipe.batch_size)
    order = torch.Generator().manual_seed(seed)
    history, best = History(), Best()
    seconds = {"train": 0.0, "evaluation": 0.0, "checkpoint": 0.0}

    key = checkpoint_key(model, splits, recipe, seed)
    saved = load_checkpoint(checkpoint, key)
    if saved:
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        order.set_state(saved["order"])
        torch.set_rng_state(saved["rng"])
        history, best = History(**saved["history"]), Best(**saved["best"])

    while (done := len(history.train_loss)) < recipe.max_epochs and done - best.epoch < recipe.patience:
        clock = time.perf_counter()
        if before_epoch:
            before_epoch(model)
        first = done * per_epoch
        before_step = partial(recipe.before_step, model, optimiser, per_epoch=per_epoch)
        history.train_loss.append(train_epoch(model, optimiser, train_x, train_y, recipe.batch_size, order, before_step, first))
        clock = tick(seconds, "train", clock)
        for name, value in (watch(model) if watch else {}).items():
            history.watched.setdefault(name, []).append(value)
        if recipe.select_on == "test":
            history.smoothed.append(history.watched["test_accuracy"][-1])
        else:
            predictions, rates = predict(model, validation_x)
            history.validation_macro_f1.append(macro_f1(predictions, splits.validation.y, splits.n_classes)[0])
            history.firing_rates.append(rates)
            recent = history.validation_macro_f1[-recipe.smoothing :]
            history.smoothed.append(sum(recent) / len(recent))
        if history.smoothed[-1] > best.score + recipe.min_improvement:
            best = Best(done + 1, history.smoothed[-1], copy.deepcopy(model.state_dict()))
        clock = tick(seconds, "evaluation", clock)
        if checkpoint:
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "order": order.get_state()}
            state |= {"rng": torch.get_rng_state(), "history": asdict(history), "best": vars(best)}
            save_checkpoint(checkpoint, key, state)
        tick(seconds, "checkpoint", clock)
        if on_epoch:
            on_epoch(history)

    model.load_state_dict(best.model)
    predictions, rates = predict(model, test_x)
    score, per_class = macro_f1(predictions, splits.test.y, splits.n_classes)
    return Outcome(
        macro_f1=score,
        accuracy=(predictions == splits.test.y).double().mean().item(),
        per_class_f1=per_class,
        predictions=predictions.tolist(),
        best_epoch=best.epoch,
        epochs=len(history.train_loss),
        stopped="max_epochs" if len(history.train_loss) >= recipe.max_epochs else "patience",
        firing_rates=rates,
        history=history,
        seconds=seconds,
    )


def learning_rate(recipe: Recipe, epoch: int) -> float:
    """Learning rate of an epoch (0-based)."""
    if recipe.schedule == "none":
        return recipe.learning_rate
    if epoch < recipe.warmup:
        return recipe.learning_rate * (epoch + 1) / recipe.warmup
    turn = (epoch - recipe.warmup) / (recipe.max_epochs - recipe.warmup)
    return recipe.learning_rate * (1 + math.cos(math.pi * turn)) / 2


def train_epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    batch_size: int,
    order: torch.Generator,
    before_step: Callable[[int], None] = lambda step: None,
    first: int = 0,
) -> float:
    """One pass over x [N, T, F], y [N] in a fresh random order; returns the mean cross-entropy per example.

    `before_step` is called before each step of the optimiser with its number, of which the epoch's first is `first`.
    """
    model.train()
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for step, batch in enumerate(torch.randperm(len(y), generator=order).to(x.device).split(batch_size), first):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        before_step(step)
        optimiser.step()
        total += loss.detach().double() * len(batch)
    mean = (total / len(y)).item()
    if not math.isfinite(mean):
        raise Diverged(f"training diverged: the mean loss of an epoch is {mean}; a smaller learning rate may help")
    return mean


@torch.no_grad()
def predict(model: nn.Module, x: Tensor, batch: int = EVALUATION_BATCH) -> tuple[Tensor, list[float]]:
    """Predicted classes int64 [N] on the CPU and, for spiking networks, each layer's mean firing rate over x [N, T, F]."""
    model.eval()
    spiking = hasattr(model, "forward_with_rates")
    classes, weighted = [], []
    for part in x.split(batch):
        logits, rates = model.forward_with_rates(part) if spiking else (model(part), part.new_zeros(0))
        classes.append(logits.argmax(-1))
        weighted.append(rates.double() * len(part))
    return torch.cat(classes).cpu(), (torch.stack(weighted).sum(0) / len(x)).tolist()


def tick(seconds: dict[str, float], part: str, since: float) -> float:
    """Add the time since `since` to a part; return the present time."""
    now = time.perf_counter()
    seconds[part] += now - since
    return now


def checkpoint_key(model: nn.Module, splits: Splits, recipe: Recipe, seed: int) -> str:
    """Digest of everything that must agree before a checkpoint may be continued, the initial weights included.

    The number of epochs allowed is left out, so that a run can be extended, unless the schedule depends on it.
    """
    settings = asdict(recipe)
    if recipe.schedule == "none":
        del settings["max_epochs"]
    device = next(model.parameters()).device.type
    digest = hashlib.sha256(json.dumps([settings, seed, splits.meta["fingerprint"], repr(model), device]).encode())
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(path: Path, key: str, state: dict[str, Any]) -> None:
    """Write the checkpoint, behind its own digest, so that a crash at any moment leaves the old file or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    content = io.BytesIO()
    torch.save({"format": CHECKPOINT_FORMAT, "key": key, **state}, content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(hashlib.sha256(content.getbuffer()).digest())
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise MstaskError(f"checkpoint {path} could not be written: {error.strerror or error}") from error


def load_checkpoint(path: Path | None, key: str) -> dict[str, Any] | None:
    """Read a checkpoint of the same run; a corrupt or foreign one is set aside with a warning and training starts anew."""
    if path is None or not path.exists():
        return None
    try:
        content = path.read_bytes()
        digest, content = content[:DIGEST], content[DIGEST:]
        problem = None if hashlib.sha256(content).digest() == digest else "is damaged or of another format"
        if problem is None:
            state = torch.load(io.BytesIO(content), weights_only=True)
            problem = None if state["key"] == key else "belongs to another model, data set, recipe, seed or device"
    except Exception as error:  # torch.load raises many types on foreign bytes
        problem = f"can't be read ({type(error).__name__})"
    if problem is None:
        return state
    aside = path.with_name(f"{path.name}.set-aside")
    os.replace(path, aside)
    log.warning("checkpoint %s %s: set aside as %s, starting anew", path, problem, aside.name)
    return None
