"""The paper's experiment: calibrate thresholds once, train, select on validation, test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from mstask import data
from mstask.architectures import architecture, build
from mstask.calibration import calibrate_thresholds
from mstask.cost import count_parameters
from mstask.data import Splits
from mstask.job import Job, Measured
from mstask.networks import SpikingNet
from mstask.parameters import SpikingParameters, TrainingParameters
from mstask.protocol import PROTOCOL
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.training import Outcome, Recipe, train


def load(section: Section, parameters: SpikingParameters, case: str | None) -> Splits:
    """The section's data set in its own split, or with a case's pair of speakers held out ("speakers-0-1")."""
    if case is None:
        return data.load(section.data, parameters.data_source, parameters.data_size)
    from mstask.data.speech import load_pair

    pair = [int(speaker) for speaker in case.split("-")[1:]]
    return load_pair(pair, parameters.data_source, parameters.data_size)


def measure(job: Job[SpikingParameters]) -> Measured:
    """One network of the paper with one seed."""
    return trained(job)


def trained(
    job: Job[SpikingParameters],
    chosen: Recipe | None = None,
    before_epoch: Callable[[SpikingNet], None] | None = None,
    watch: Callable[[SpikingNet], dict[str, Any]] | None = None,
) -> Measured:
    """Build and calibrate the network of a job, train it by the paper's recipe (or the chosen one) and test it."""
    parameters, splits = job.parameters, job.splits
    torch.manual_seed(job.seed)
    model, width = build(job.method, parameters, splits.train.x.shape[-1], splits.n_classes)
    model.to(job.device)
    calibrate_thresholds(model, calibration_batch(job), parameters.target_rate)
    thresholds = [layer.neuron.threshold for layer in model.layers()]
    outcome = train(model, splits, chosen or recipe(parameters), job.seed, job.checkpoint, job.on_epoch, before_epoch, watch)
    measures = Measures(
        **of_outcome(outcome),
        n_parameters=count_parameters(model),
        width=width,
        thresholds=thresholds,
        details={"neurons": list(architecture(job.method).types)},
    )
    return Measured(measures, outcome.seconds)


def calibration_batch(job: Job[SpikingParameters]) -> torch.Tensor:
    """The first training examples [B, T, F], on the job's device."""
    return job.splits.train.x[: job.parameters.calibration_examples].to(job.device)


def recipe(parameters: TrainingParameters) -> Recipe:
    """The paper's way of training, with these parameters."""
    own = parameters.model_dump(include={"learning_rate", "batch_size", "max_epochs", "patience"})
    return Recipe(**own, smoothing=PROTOCOL.smoothing)


def of_outcome(outcome: Outcome) -> dict[str, object]:
    """What a result document keeps of a training."""
    kept = {name: value for name, value in vars(outcome).items() if name not in ("history", "seconds")}
    series = dict(vars(outcome.history))
    series |= series.pop("watched")
    return kept | {"history": {name: values for name, values in series.items() if values}}
