"""The one training loop: validation-selected, patient, checkpointed every epoch, resumed bit for bit.

`train` is what a paper section calls; a study with a step, look or state of its own derives from `Training` (gradient
descent on batches) or from `loop.Loop` (any learner at all).
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import logging
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mstask.data import Splits
from mstask.errors import MstaskError
from mstask.loop import Loop
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


class Training(Loop):
    """Gradient descent on splits.train, selection on splits.validation, the test at the selected epoch.

    What a study does otherwise it says in a class of its own: another `step`, `learn`, `evaluate` or `outcome`, and in
    `kept` the names of attributes of plain values that a checkpoint must hold besides.
    """

    kept: tuple[str, ...] = ()
    remembered: type = History
    """The class of the history."""

    def __init__(self, model: nn.Module, splits: Splits, recipe: Recipe, seed: int) -> None:
        self.model, self.splits, self.recipe, self.seed = model, splits, recipe, seed
        self.optimiser = recipe.optimiser(model)
        self.order = torch.Generator().manual_seed(seed)
        self.history, self.best = self.remembered(), Best()
        self.key = self.identity()

    @property
    def done(self) -> int:
        """Epochs that have ended."""
        return len(self.history.train_loss)

    def stopped(self) -> str | None:
        if self.done >= self.recipe.max_epochs:
            return "max_epochs"
        return "patience" if self.done - self.best.epoch >= self.recipe.patience else None

    def learn(self) -> None:
        """One pass over the training examples, x [N, T, F] and y [N], in a fresh random order."""
        x, y = self.examples
        self.model.train()
        total = torch.zeros((), dtype=torch.float64, device=x.device)
        batches = torch.randperm(len(y), generator=self.order).to(x.device).split(self.recipe.batch_size)
        for number, batch in enumerate(batches, start=self.done * len(batches)):
            total += self.step(x[batch], y[batch], number).detach().double() * len(batch)
        mean = (total / len(y)).item()
        if not math.isfinite(mean):
            raise Diverged(f"training diverged: the mean loss of an epoch is {mean}; a smaller learning rate may help")
        self.history.train_loss.append(mean)

    def step(self, x: Tensor, y: Tensor, number: int) -> Tensor:
        """Step `number` (from 0, over the whole run) of the optimiser, on a batch; returns the batch's mean loss."""
        loss = nn.functional.cross_entropy(self.model(x), y)
        self.descend(loss, number)
        return loss

    def descend(self, loss: Tensor, number: int) -> None:
        """Move the parameters against the gradient of a loss."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.recipe.before_step(self.model, self.optimiser, number, -(-len(self.examples[1]) // self.recipe.batch_size))
        self.optimiser.step()

    def evaluate(self) -> None:
        """Macro-F1 and firing rates on the validation set, and selection by the moving average of the former."""
        predictions, rates = predict(self.model, self.validation_x)
        self.history.validation_macro_f1.append(macro_f1(predictions, self.splits.validation.y, self.splits.n_classes)[0])
        self.history.firing_rates.append(rates)
        recent = self.history.validation_macro_f1[-self.recipe.smoothing :]
        self.select(sum(recent) / len(recent))

    def select(self, score: float) -> None:
        """Remember an epoch's score, and the model if the score is better than the best by enough."""
        self.history.smoothed.append(score)
        if score > self.best.score + self.recipe.min_improvement:
            self.best = Best(self.done, score, copy.deepcopy(self.model.state_dict()))

    def outcome(self, stopped: str) -> Outcome:
        """The test at the selected epoch, whose weights the model has afterwards."""
        test = self.splits.test
        self.model.load_state_dict(self.best.model)
        predictions, rates = predict(self.model, test.x.to(self.device))
        score, per_class = macro_f1(predictions, test.y, self.splits.n_classes)
        return Outcome(
            macro_f1=score,
            accuracy=(predictions == test.y).double().mean().item(),
            per_class_f1=per_class,
            predictions=predictions.tolist(),
            best_epoch=self.best.epoch,
            epochs=self.done,
            stopped=stopped,
            firing_rates=rates,
            history=self.history,
            seconds=self.seconds,
        )

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @cached_property
    def examples(self) -> tuple[Tensor, Tensor]:
        """The training examples on the model's device."""
        return self.splits.train.x.to(self.device), self.splits.train.y.to(self.device)

    @cached_property
    def validation_x(self) -> Tensor:
        """The validation examples on the model's device."""
        return self.splits.validation.x.to(self.device)

    def identity(self) -> str:
        """What must agree before a checkpoint may be continued."""
        return checkpoint_key(self.model, self.splits, self.recipe, self.seed)

    def save(self, checkpoint: Path) -> None:
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "order": self.order.get_state()}
        state |= {"rng": torch.get_rng_state(), "history": asdict(self.history), "best": vars(self.best)}
        save_checkpoint(checkpoint, self.key, state | {name: getattr(self, name) for name in self.kept})

    def resume(self, checkpoint: Path) -> None:
        saved = load_checkpoint(checkpoint, self.key)
        if saved is None:
            return
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.order.set_state(saved["order"])
        torch.set_rng_state(saved.get("rng", torch.get_rng_state()))
        self.history, self.best = self.remembered(**saved["history"]), Best(**saved["best"])
        for name in self.kept:
            setattr(self, name, saved[name])


class Watched(Training):
    """Training with a look of the section's own: see `train`."""

    before_epoch: Callable[[Any], None] | None = None
    watch: Callable[[Any], dict[str, Any]] | None = None

    def learn(self) -> None:
        if self.before_epoch:
            self.before_epoch(self.model)
        super().learn()

    def evaluate(self) -> None:
        for name, value in (self.watch(self.model) if self.watch else {}).items():
            self.history.watched.setdefault(name, []).append(value)
        if self.recipe.select_on == "test":
            self.select(self.history.watched["test_accuracy"][-1])
        else:
            super().evaluate()


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
    """
    training = Watched(model, splits, recipe, seed)
    training.before_epoch, training.watch = before_epoch, watch
    return training.outcome(training.run(checkpoint, on_epoch))


def learning_rate(recipe: Recipe, epoch: int) -> float:
    """Learning rate of an epoch (0-based)."""
    if recipe.schedule == "none":
        return recipe.learning_rate
    if epoch < recipe.warmup:
        return recipe.learning_rate * (epoch + 1) / recipe.warmup
    turn = (epoch - recipe.warmup) / (recipe.max_epochs - recipe.warmup)
    return recipe.learning_rate * (1 + math.cos(math.pi * turn)) / 2


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
