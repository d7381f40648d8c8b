"""What one cell of the Eventprop sections does: make the network, train it on spike trains, test it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from sklearn.metrics import confusion_matrix

from mstask import stats
from mstask.cost import count_parameters
from mstask.data import DataError, Split, Splits
from mstask.job import Job, Measured
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.studies.eventprop import augment, radar, speech, yin_yang
from mstask.studies.eventprop.augment import Augmentation
from mstask.studies.eventprop.losses import Constants
from mstask.studies.eventprop.methods import INSTANT, METHODS, TASKS, Initial, Method
from mstask.studies.eventprop.networks import Architecture, EventpropNet
from mstask.studies.eventprop.parameters import EventpropParameters
from mstask.studies.eventprop.recording import Recording
from mstask.studies.eventprop.training import Outcome, Recipe, Regularisation, Rewiring, Schedule, train

PREPARATION_SEED = 0
SOURCES: dict[str, Callable[[str, str], Splits]] = {"speech": speech.spike_splits, "radar": radar.spike_splits}
"""Where a task's spike trains come from, by source and size; the others are Yin-Yang, the same from any source."""


def load(section: Section, parameters: EventpropParameters, case: str | None) -> Splits:
    """The spike trains of a task as the parameters ask: speakers left out, thinned to one count, the training part blended.

    What is random here is drawn from a fixed seed, so that all cells of a run share their data.
    """
    case = case or section.cases[0]
    splits = _generated(case, parameters.data_source, parameters.data_size)
    if parameters.speakers_left:
        splits = speech.leave_out(splits, parameters.speakers_left)
    rng, changes = np.random.default_rng(PREPARATION_SEED), []
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    if parameters.equal_spikes:
        fewest = int(min(np.diff(part.x.starts).min() for part in parts.values()))
        if not fewest:
            raise DataError(f"{splits.meta['name']} has a trial without spikes, so equal_spikes would leave none anywhere")
        parts = {name: Split(augment.thin(part.x, rng, fewest), part.y) for name, part in parts.items()}
        changes.append(f"thinned to {fewest} spikes")
    if parameters.blend:
        old = parts["train"]
        n = round(len(old.y) * parameters.blend_factor)
        x, y = augment.blend(old.x, old.y.numpy(), n, tuple(parameters.blend), TASKS[case].trial_ms, rng)
        parts["train"] = Split(x, torch.from_numpy(y))
        changes.append(f"blended by {parameters.blend} to {n} trials")
    if not changes:
        return splits
    told = f"{splits.meta['fingerprint']} {', '.join(changes)}"
    counts = splits.meta["counts"] | {"train": len(parts["train"].y)}
    meta = splits.meta | {"fingerprint": hashlib.sha256(told.encode()).hexdigest(), "counts": counts}
    return Splits(parts["train"], parts["validation"], parts["test"], splits.n_classes, meta)


@cache
def _generated(case: str, source: str, size: str) -> Splits:
    return SOURCES[case](source, size) if case in SOURCES else yin_yang.spike_splits(size)


def measure(job: Job[EventpropParameters]) -> Measured:
    """One network with one loss on one task; spike trains are simulated on the CPU whatever the job's device."""
    splits, case = job.splits, job.case or job.section.cases[0]
    method = METHODS[job.section.id][job.method]
    architecture, recipe = plan(method, case, splits.n_classes, job.parameters)
    net = EventpropNet(architecture, job.seed)
    outcome = train(net, splits, recipe, job.seed, job.checkpoint, job.on_epoch, _recording(job))
    macro_f1, per_class = stats.macro_f1(outcome.test.predictions, splits.test.y, splits.n_classes)
    measures = Measures(
        macro_f1=macro_f1,
        accuracy=outcome.test.accuracy(splits.test.y),
        per_class_f1=per_class,
        predictions=outcome.test.predictions.tolist(),
        best_epoch=outcome.best_epoch,
        epochs=len(outcome.history.train_loss),
        stopped=outcome.stopped,
        n_parameters=count_parameters(net),
        width=architecture.hidden[0],
        history={name: [float(value) for value in values] for name, values in vars(outcome.history).items()},
        details=_details(outcome, splits, net, recipe.loss, method.text),
    )
    return Measured(measures, outcome.seconds)


def plan(method: Method, case: str, n_classes: int, parameters: EventpropParameters) -> tuple[Architecture, Recipe]:
    """The network and the recipe of a method on a task."""
    task, p = TASKS[case].sized(parameters.budget), parameters
    # The small embedded speech set has every tenth channel only.
    scale = 10 if (case, p.data_source, p.data_size) == ("speech", "embedded", "small") else 1
    first_weights = Initial(scale * task.input.mean * p.input_scale, scale * task.input.sd * p.input_scale)
    output = task.instant_output if method.loss in INSTANT else task.output
    own = dict(method.architecture)
    settings = {
        "n_inputs": task.n_inputs,
        "n_classes": n_classes,
        "trial_ms": task.trial_ms,
        "hidden": (max(2, round(task.n_hidden * p.width_factor)),) * own.pop("n_layers", 1),
        "readout": "LIF" if method.spiking else "LI",
        "readout_step": task.readout_step,
        "tau_membrane": p.tau_membrane,
        "tau_synapse": p.tau_synapse,
        "threshold": p.threshold,
        "input_weights": first_weights,
        "delay_copies": p.delay_copies,
        "delay_ms": p.delay_ms,
        "output_weights": task.spiking_output if method.spiking else output,
    }
    strengths = Regularisation(p.too_many, p.too_few, p.spikes_target, p.batch_mean, p.layer_strength, p.layer_target)
    recipe = Recipe(
        method.loss,
        learning_rate=(task.spiking_rate if method.spiking else task.learning_rate) * p.rate_factor,
        max_epochs=min(p.max_epochs, method.epochs or task.epochs),
        patience=p.patience,
        batch_size=p.batch_size,
        samples_per_epoch=min(p.samples_per_epoch, task.samples),
        validation_samples=task.validated,
        trains=method.trains,
        schedule=Schedule(task.decay, p.ease_in, p.ema_fast, p.ema_slow, p.plateau_factor, p.plateau_wait),
        constants=Constants(*task.first, task.input_ms, task.input_gain, method.silent_label),
        regularisation=strengths if p.too_many or p.too_few or p.layer_strength else None,
        rewiring=Rewiring(first_weights, p.lift) if p.rewire else None,
        augmentation=Augmentation(p.shift, tuple(p.dilate), p.jitter, p.drop_input),
        drop_hidden=p.drop_hidden,
        select=p.select,
    )
    return Architecture(**(settings | own)), recipe


def _recording(job: Job[EventpropParameters]) -> Recording | None:
    """What the parameters ask to be saved, in a folder beside the cell's document."""
    if not job.parameters.record:
        return None
    folder = job.checkpoint.with_name(f"{job.checkpoint.name.split('.')[0]}.recording")
    return Recording(folder, tuple(map(tuple, job.parameters.record_at)), tuple(job.parameters.record))


def _details(outcome: Outcome, splits: Splits, net: EventpropNet, loss: str, text: str) -> dict[str, object]:
    """What only this experiment measures: spikes per test trial, and confusion matrices that have predictions as rows."""
    details: dict[str, object] = {
        "loss": loss,
        "text": text,
        "test_loss": outcome.test.loss,
        "last_epoch_accuracy": outcome.last.accuracy(splits.test.y),
        "input_spikes": len(splits.test.x.times) / len(splits.test.x),
        "hidden_spikes": outcome.test.hidden_spikes,
        "unanswered": outcome.test.unanswered,
        "confusion": confusion_matrix(outcome.test.predictions, splits.test.y, labels=range(splits.n_classes)).tolist(),
    }
    layer = net.hidden[0]
    if layer.tau_m.requires_grad:
        details |= {"tau_membrane": layer.tau_m.tolist(), "tau_synapse": layer.tau_s.tolist()}
    if layer.delays is not None:
        details["delays"] = layer.delays.flatten().tolist()
    return details
