"""Training on spike trains, by the loop of `mstask.training`: Adam with schedules, augmentation and regularisation.

What is random in epoch e is drawn from generators seeded with (seed, e), so nothing but parameters, optimiser and
counters has to be saved. The true gradient of a spike count is zero almost everywhere, so regularisation and rewiring are
heuristics; finite differences of the loss can't confirm them.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mstask.data import Split, Splits
from mstask.loop import Loop, tick
from mstask.studies.eventprop import losses
from mstask.studies.eventprop.augment import Augmentation
from mstask.studies.eventprop.events import EventpropError, Spikes
from mstask.studies.eventprop.layers import Fired, SpikingLayer
from mstask.studies.eventprop.losses import Constants
from mstask.studies.eventprop.methods import Initial
from mstask.studies.eventprop.networks import EventpropNet
from mstask.studies.eventprop.recording import Recording
from mstask.training import Best, Diverged, load_checkpoint, save_checkpoint

EVALUATION_BATCH = 128
EASE_FROM = 1e-3
"""Share of the full rate at which an ease-in starts."""


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves; by default it doesn't.

    decay
        Factor after every epoch.
    ease_in
        The rate starts at a thousandth and is multiplied by this before every later batch until it is full; 1: no ease-in.
    fast, slow, plateau_factor, wait
        After each epoch two averages of the accuracy move, ``average <- keep average + (1 - keep) accuracy`` from 0, with
        keep `fast` and `slow`. Once more than `wait` epochs lie behind the last change and the fast average is not
        above the slow one, the rate is multiplied by `plateau_factor`; 1: never.
    """

    decay: float = 1.0
    ease_in: float = 1.0
    fast: float = 0.8
    slow: float = 0.95
    plateau_factor: float = 1.0
    wait: int = 50


@dataclass
class Rate:
    """A rate under way: `value` of the next batch, and what the schedule remembers; plain numbers, as a checkpoint wants."""

    full: float
    eased: float
    fast: float = 0.0
    slow: float = 0.0
    epoch: int = 0
    changed: int = 0

    @classmethod
    def begin(cls, rate: float, schedule: Schedule) -> Rate:
        return cls(full=rate, eased=EASE_FROM if schedule.ease_in > 1 else 1.0)

    @property
    def value(self) -> float:
        return self.full * self.eased

    def after_batch(self, schedule: Schedule) -> None:
        self.eased = min(1.0, self.eased * schedule.ease_in)

    def after_epoch(self, schedule: Schedule, accuracy: float) -> None:
        self.epoch += 1
        self.full *= schedule.decay
        self.fast = schedule.fast * self.fast + (1 - schedule.fast) * accuracy
        self.slow = schedule.slow * self.slow + (1 - schedule.slow) * accuracy
        if schedule.plateau_factor != 1 and self.epoch - self.changed > schedule.wait and self.fast <= self.slow:
            self.full *= schedule.plateau_factor
            self.changed = self.epoch


@dataclass(frozen=True)
class Regularisation:
    """What is added to lam_V after every spike of neuron j in a trial with n_j of its spikes, n in the whole layer.

    Per neuron (REG_TYPE "simple"): -strength (n_j - target)/B, with `too_many` as strength above the target, `too_few`
    below; with `batch_mean` n_j is the mean over the batch. Over the layer ("Thomas1"): where n exceeds `layer_target`, also
    -layer_strength (n - layer_target)/(N B). Batch size B, layer size N. Strength 0 everywhere is no regularisation.

    The strengths belong to the exact scale of the loss; those of the reference implementation, whose loss forces are
    tau_m times too small, must be multiplied by tau_m in ms.
    """

    too_many: float = 0.0
    too_few: float = 0.0
    target: float = 14.0
    batch_mean: bool = False
    layer_strength: float = 0.0
    layer_target: float = 10000.0

    def push(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The term for spike counts [B, N], of the same shape."""
        n_trials, n_neurons = counts.shape
        n = np.broadcast_to(counts.mean(axis=0), counts.shape) if self.batch_mean else counts
        term = -np.where(n > self.target, self.too_many, self.too_few) * (n - self.target)
        surplus = np.maximum(counts.sum(axis=1, keepdims=True) - self.layer_target, 0.0)
        return (term - self.layer_strength * surplus / n_neurons) / n_trials


@dataclass(frozen=True)
class Rewiring:
    """What happens after an epoch to the incoming feed-forward weights of neurons that never fired in it.

    They are drawn anew from `redraw`, or, where `lift` isn't 0, all raised by it.
    """

    redraw: Initial
    lift: float = 0.0

    def apply(self, layer: SpikingLayer, counts: NDArray[np.int64], rng: np.random.Generator) -> int:
        """Rewire the neurons whose spike count [N] over the epoch is 0; returns how many."""
        silent = np.flatnonzero(counts == 0)
        with torch.no_grad():
            if self.lift:
                layer.weights[:, silent] += self.lift
            else:
                drawn = rng.normal(self.redraw.mean, self.redraw.sd, (layer.weights.shape[0], len(silent)))
                layer.weights[:, silent] = torch.from_numpy(drawn)
        return len(silent)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    `trains` names the kinds of parameters that learn: "hidden" and "readout" weights, "taus" and "readout taus", "delays".
    Where `samples_per_epoch` isn't None an epoch draws that many of the training trials, and where `validation_samples`
    isn't, the first that many of the validation trials count. The selected epoch has the best accuracy on `select`, the
    earlier one on a tie; training stops after `patience` epochs without a new best, where that isn't 0.
    """

    loss: str
    learning_rate: float = 5e-3
    max_epochs: int = 100
    patience: int = 0
    batch_size: int = 32
    samples_per_epoch: int | None = None
    validation_samples: int | None = None
    trains: tuple[str, ...] = ("hidden", "readout")
    adam: tuple[float, float, float] = (0.9, 0.999, 1e-8)
    schedule: Schedule = field(default_factory=Schedule)
    constants: Constants = field(default_factory=Constants)
    regularisation: Regularisation | None = None
    rewiring: Rewiring | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    drop_hidden: float = 0.0
    select: Literal["validation", "training"] = "validation"

    def __post_init__(self) -> None:
        losses.get(self.loss)
        if unknown := set(self.trains) - set(TRAINABLE):
            raise EventpropError(f"{unknown.pop()!r} can't be trained, only {', '.join(TRAINABLE)}")


TRAINABLE = ("hidden", "readout", "taus", "readout taus", "delays")


@dataclass
class History:
    """What is remembered of every epoch; the last four of all hidden layers on the training trials."""

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    hidden_spikes: list[float] = field(default_factory=list)
    silent_neurons: list[int] = field(default_factory=list)
    rewired: list[int] = field(default_factory=list)
    steepest: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Tested:
    """A network's answers to a set of trials: predictions [N], mean loss, hidden spikes per trial.

    `unanswered` is the share of trials without any output spike.
    """

    predictions: NDArray[np.int64]
    loss: float
    hidden_spikes: float
    unanswered: float

    def accuracy(self, labels: Tensor) -> float:
        return float((self.predictions == labels.numpy()).mean())


@dataclass(frozen=True)
class Outcome:
    """What training gave: the tests at the selected and at the last epoch, why it ended, the history, seconds by part."""

    test: Tested
    last: Tested
    best_epoch: int
    stopped: str
    history: History
    seconds: dict[str, float]


class Descent(Loop):
    """Exact gradients descended on splits.train, batch by batch; the checkpoint holds parameters, optimiser and counters."""

    history: History

    def __init__(
        self, net: EventpropNet, splits: Splits, recipe: Recipe, seed: int, recording: Recording | None = None
    ) -> None:
        self.net, self.splits, self.recipe, self.seed, self.recording = net, splits, recipe, seed, recording
        self.rate = Rate.begin(recipe.learning_rate, recipe.schedule)
        trained = choose_trainable(net, recipe)
        self.optimiser = torch.optim.Adam(trained, lr=self.rate.value, betas=recipe.adam[:2], eps=recipe.adam[2])
        self.history, self.best = History(), Best()
        self.validation = beginning(splits.validation, recipe.validation_samples)
        self.key = checkpoint_key(net, splits, recipe, seed)

    @property
    def done(self) -> int:
        """Epochs that have ended."""
        return len(self.history.train_loss)

    def stopped(self) -> str | None:
        if self.done >= self.recipe.max_epochs:
            return "max_epochs"
        return "patience" if 0 < self.recipe.patience <= self.done - self.best.epoch else None

    def learn(self) -> None:
        """One pass over the training trials, or over the recipe's number of them."""
        part, recipe, history = self.splits.train, self.recipe, self.history
        rng = np.random.default_rng([self.seed, self.done, 0])
        order = rng.permutation(len(part.y))[: recipe.samples_per_epoch]
        total, right, steepest = 0.0, 0, 0.0
        counts = [np.zeros(layer.size, np.int64) for layer in self.net.hidden]
        for batch, start in enumerate(range(0, len(order), recipe.batch_size)):
            rows = order[start : start + recipe.batch_size]
            labels = part.y[torch.from_numpy(rows)]
            scores, loss, fired = self.step(part.x.take(rows), labels, rng, batch)
            total += loss * len(rows)
            right += int((scores.argmax(dim=1) == labels).sum())
            steepest = max(steepest, *(layer.steepest for layer in fired))
            for sums, layer in zip(counts, fired, strict=True):
                sums += layer.spikes.counts().sum(axis=0)
        rewired = 0
        if recipe.rewiring:
            rewired = sum(recipe.rewiring.apply(layer, n, rng) for layer, n in zip(self.net.hidden, counts, strict=True))
        history.train_loss.append(total / len(order))
        history.train_accuracy.append(right / len(order))
        history.hidden_spikes.append(float(sum(n.sum() for n in counts)) / len(order))
        history.silent_neurons.append(int(sum((n == 0).sum() for n in counts)))
        history.rewired.append(rewired)
        history.steepest.append(steepest)

    def step(self, inputs: Spikes, labels: Tensor, rng: np.random.Generator, batch: int) -> tuple[Tensor, float, list[Fired]]:
        """One step of the optimiser, on an augmented batch: its scores and mean loss before, and what the hidden layers did."""
        net, recipe = self.net, self.recipe
        push = recipe.regularisation.push if recipe.regularisation else None
        inputs = recipe.augmentation.apply(inputs, net.architecture.trial_ms, rng)
        outputs, fired = net(inputs, push, recipe.drop_hidden, rng)
        scores, loss = losses.get(recipe.loss).judged(outputs, labels, recipe.constants)
        if not math.isfinite(loss.item()):
            raise Diverged(f"training diverged: a batch's loss is {loss.item()}; a smaller learning rate may help")
        if self.recording:
            self.recording.save(net, outputs, fired, epoch=self.done, batch=batch)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate.value
        self.optimiser.zero_grad()
        if loss.requires_grad:
            loss.backward()
        self.optimiser.step()
        net.clamp()
        self.rate.after_batch(recipe.schedule)
        return scores, loss.item(), fired

    def evaluate(self) -> None:
        """Loss and accuracy on the validation trials; the rate moves, and a better epoch is selected."""
        tested = test(self.net, self.validation, self.recipe)
        self.history.validation_loss.append(tested.loss)
        self.history.validation_accuracy.append(tested.accuracy(self.validation.y))
        watched = self.history.validation_accuracy if self.recipe.select == "validation" else self.history.train_accuracy
        self.rate.after_epoch(self.recipe.schedule, watched[-1])
        if watched[-1] > self.best.score:
            self.best = Best(self.done, watched[-1], copy.deepcopy(self.net.state_dict()))

    def save(self, checkpoint: Path) -> None:
        state = {"model": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "rate": asdict(self.rate)}
        save_checkpoint(checkpoint, self.key, state | {"history": asdict(self.history), "best": vars(self.best)})

    def resume(self, checkpoint: Path) -> None:
        if saved := load_checkpoint(checkpoint, self.key):
            self.net.load_state_dict(saved["model"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.rate, self.history, self.best = Rate(**saved["rate"]), History(**saved["history"]), Best(**saved["best"])

    def outcome(self, stopped: str) -> Outcome:
        """The tests at the last epoch and at the selected one, whose parameters the net has afterwards."""
        clock = time.perf_counter()
        last = test(self.net, self.splits.test, self.recipe)
        self.net.load_state_dict(self.best.model)
        at_best = last if self.best.epoch == self.done else test(self.net, self.splits.test, self.recipe)
        tick(self.seconds, "evaluation", clock)
        return Outcome(at_best, last, self.best.epoch, stopped, self.history, self.seconds)


def train(
    net: EventpropNet,
    splits: Splits,
    recipe: Recipe,
    seed: int,
    checkpoint: Path | None = None,
    on_epoch: Callable[[History], None] | None = None,
    recording: Recording | None = None,
) -> Outcome:
    """Train on splits.train, select, and test on splits.test; the parts' `x` are `Spikes`.

    A checkpoint of the same network, data, recipe and seed is continued to the same numbers; more epochs may be allowed.
    `recording` saves traces and weights of chosen batches. The net ends with the selected epoch's parameters.

    Raises
    ------
    EventpropError
        The loss doesn't suit the readout, or nothing of the network is to be trained.
    Diverged
        A batch's loss isn't finite.
    """
    descent = Descent(net, splits, recipe, seed, recording)
    return descent.outcome(descent.run(checkpoint, on_epoch))


def beginning(part: Split, n: int | None) -> Split:
    """The first n trials of a part, all of them where n is None or larger."""
    if n is None or n >= len(part.y):
        return part
    return Split(part.x.take(np.arange(n)), part.y[:n])


def choose_trainable(net: EventpropNet, recipe: Recipe) -> list[torch.nn.Parameter]:
    """Let gradients flow to the recipe's parameters only, and return these."""
    if losses.get(recipe.loss).spiking != (net.architecture.readout == "LIF"):
        raise EventpropError(f"loss {recipe.loss!r} can't judge a readout of {net.architecture.readout} neurons")
    chosen = []
    for name, parameter in net.named_parameters():
        readout = name.startswith("readout.")
        kind = name.rsplit(".", 1)[-1]
        if kind.startswith("tau"):
            group = "readout taus" if readout else "taus"
        elif kind.endswith("delays"):
            group = "delays"
        else:
            group = "readout" if readout else "hidden"
        parameter.requires_grad_(group in recipe.trains)
        if group in recipe.trains:
            chosen.append(parameter)
    if not chosen:
        raise EventpropError(f"nothing to train: the network has none of {', '.join(recipe.trains) or 'no parameters'}")
    return chosen


@torch.no_grad()
def test(net: EventpropNet, part: Split, recipe: Recipe) -> Tested:
    """Run all trials of a part without augmentation."""
    loss = losses.get(recipe.loss)
    predictions, total, spikes, unanswered = [], 0.0, 0, 0
    for start in range(0, len(part.y), EVALUATION_BATCH):
        rows = np.arange(start, min(start + EVALUATION_BATCH, len(part.y)))
        labels = part.y[torch.from_numpy(rows)]
        outputs, fired = net(part.x.take(rows))
        scores, value = loss.judged(outputs, labels, recipe.constants)
        total += value.item() * len(rows)
        predictions.append(scores.argmax(dim=1).numpy())
        spikes += sum(len(layer.spikes.times) for layer in fired)
        if outputs.first is not None:
            unanswered += int(torch.isinf(outputs.first).all(dim=1).sum())
    n = len(part.y)
    return Tested(np.concatenate(predictions), total / n, spikes / n, unanswered / n)


def checkpoint_key(net: EventpropNet, splits: Splits, recipe: Recipe, seed: int) -> str:
    """Digest of what must agree before a checkpoint may be continued; when training stops is left out."""
    settings = asdict(recipe) | {"max_epochs": None, "patience": None}
    told = [settings, asdict(net.architecture), seed, splits.meta["fingerprint"]]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for parameter in net.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    return digest.hexdigest()
