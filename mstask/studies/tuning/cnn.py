"""The dense reference: a small convolutional network on the radar picture, by the recipe of the paper's CNN frontier.

Where that recipe is silent, the paper's protocol holds: batch 128, macro-F1 on validation smoothed over 5 epochs, patience 20.
"""

from __future__ import annotations

import torch

from mstask.cost import cnn_operations, count_parameters
from mstask.job import Job, Measured
from mstask.networks import SmallCNN
from mstask.protocol import PROTOCOL
from mstask.results.documents import Measures
from mstask.spiking import of_outcome
from mstask.studies.tuning.parameters import TunedParameters
from mstask.training import Recipe, train

SMALL_CNN = "SmallCNN"
"""The compact network of the paper's final table, by its name there."""


def channels_of(method: str) -> tuple[int, ...] | None:
    """Channels of the three blocks that a method names ("CNN-8-16-32"), None for a spiking network."""
    if method == SMALL_CNN:
        return (16, 32, 64)
    return tuple(int(part) for part in method.split("-")[1:]) if method.startswith("CNN-") else None


def trained(job: Job[TunedParameters], channels: tuple[int, ...]) -> Measured:
    """Train a SmallCNN and count its operations; the cosine ends at `cnn_epochs`."""
    parameters, splits = job.parameters, job.splits
    torch.manual_seed(job.seed)
    model = SmallCNN(splits.n_classes, channels).to(job.device, memory_format=torch.channels_last)
    outcome = train(model, splits, recipe(parameters), job.seed, job.checkpoint, job.on_epoch)
    cost = cnn_operations(channels, splits.n_classes, splits.train.x.shape[-1])
    measures = Measures(
        **of_outcome(outcome) | {"firing_rates": None},
        n_parameters=count_parameters(model),
        macs=cost["macs"],
        energy_uJ=cost["energy_uJ"],
        details={"channels": list(channels)},
    )
    return Measured(measures, outcome.seconds)


def recipe(parameters: TunedParameters) -> Recipe:
    """Adam with weight decay and a learning rate that falls to zero along half a cosine."""
    return Recipe(
        learning_rate=parameters.cnn_learning_rate,
        weight_decay=parameters.cnn_weight_decay,
        schedule="cosine",
        batch_size=parameters.batch_size,
        max_epochs=parameters.cnn_epochs,
        patience=parameters.patience,
        smoothing=PROTOCOL.smoothing,
    )
