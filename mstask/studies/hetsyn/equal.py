"""One cell of `equal-synapse`: HetSynLIF as published, or HomNeuLIF with so many neurons that it learns as many values.

Both hidden layers of the wide network grow alike: twice as many neurons in the first as in the second, as published.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from mstask.cost import count_parameters, solve_width
from mstask.job import Job, Measured
from mstask.results.documents import Measures
from mstask.spiking import of_outcome
from mstask.studies.hetsyn.measure import load, recipe
from mstask.studies.hetsyn.names import EQUAL_METHODS, WIDE
from mstask.studies.hetsyn.networks import Network
from mstask.studies.hetsyn.parameters import EpochParameters
from mstask.studies.hetsyn.settings import SETTINGS, Setting
from mstask.training import train

__all__ = ["load", "measure", "sized"]

HETEROGENEOUS, _ = EQUAL_METHODS


def measure(job: Job[EpochParameters]) -> Measured:
    """Train as the section on HetSyn does, and test."""
    model = network(job)
    outcome = train(model, job.splits, recipe(job.parameters, job.case), job.seed, job.checkpoint, job.on_epoch)
    about = {"n_parameters": count_parameters(model), "details": {"hidden": list(model.sizes[1:-1])}}
    return Measured(Measures(**of_outcome(outcome), **about), outcome.seconds)


def network(job: Job[EpochParameters]) -> Network:
    """The network of a cell; its weights follow from the seed."""
    inputs, outputs = job.splits.train.x.shape[-1], job.splits.n_classes
    method, setting = sized(job.method, SETTINGS[job.case], inputs, outputs)
    torch.manual_seed(job.seed)
    return setting.network(method, inputs, outputs, job.parameters.dropout, job.parameters.threshold).to(job.device)


def sized(name: str, setting: Setting, inputs: int, outputs: int) -> tuple[str, Setting]:
    """What a method's network is made of, and its setting: the published sizes, or those that learn as many values."""
    if name != WIDE:
        return name, setting
    target = count_parameters(setting.network(HETEROGENEOUS, inputs, outputs))
    width, _ = solve_width(lambda width: _of_width(setting, width).network("HomNeuLIF", inputs, outputs), target)
    return "HomNeuLIF", _of_width(setting, width)


def _of_width(setting: Setting, width: int) -> Setting:
    """The setting with the same shape and so many neurons in the last hidden layer."""
    return replace(setting, hidden=tuple(width * n // setting.hidden[-1] for n in setting.hidden))
