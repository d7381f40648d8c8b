"""Tuned networks: the configurations that the study selected, trained anew and tested, beside the dense reference.

A method is an architecture at its best point ("Doppler-LIF") or at the point that fires least near it
("Doppler-LIF.efficient"), or a convolutional network ("SmallCNN", "CNN-8-16-32").
"""

from __future__ import annotations

import dataclasses

import torch

from mstask import spiking
from mstask.architectures import ABLATED
from mstask.calibration import calibrate_thresholds
from mstask.cost import count_parameters, energy_uJ, spiking_operations
from mstask.data import Split, Splits
from mstask.errors import MstaskError
from mstask.job import Job, Measured
from mstask.networks import PathBankNet, SpikingNet, VerticalNet, own_options
from mstask.protocol import PROTOCOL
from mstask.results.documents import Measures
from mstask.runs import finished
from mstask.section import Place
from mstask.studies.tuning import cnn, search
from mstask.studies.tuning.parameters import StudyParameters, TunedParameters
from mstask.studies.tuning.search import Configuration
from mstask.training import Outcome, Recipe, train

load = spiking.load

BANK = "D2_concat"
WARMUP_EPOCHS = 5
TABLE = "search"


def measure(job: Job[TunedParameters]) -> Measured:
    """One tuned network with one seed, and its operations; one that the final table already holds is taken from there."""
    if (known := in_table(job)) is not None:
        return known
    if channels := cnn.channels_of(job.method):
        return cnn.trained(job, channels)
    architecture, trial, origin = search.chosen(job.method, job.parameters)
    configuration = trial.configuration
    model, outcome = fit(job, architecture, configuration)
    rate = sum(outcome.firing_rates) / len(outcome.firing_rates)
    measures = Measures(
        **spiking.of_outcome(outcome),
        n_parameters=count_parameters(model),
        width=configuration.width,
        thresholds=[layer.neuron.threshold for layer in model.layers()],
        energy_uJ=energy(architecture, configuration.n_layers, configuration.width, job.splits, rate),
        details={"configuration": dataclasses.asdict(configuration), "trial": trial.number, "study": origin},
    )
    return Measured(measures, outcome.seconds)


def fit(
    job: Job[StudyParameters] | Job[TunedParameters], architecture: str, configuration: Configuration
) -> tuple[SpikingNet, Outcome]:
    """Build, calibrate, train and test a configuration on the job's data; returns the network of the best epoch as well."""
    splits = prepared(job.splits, configuration.input)
    torch.manual_seed(job.seed)
    model = build(architecture, configuration, splits.train.x.shape[-1], splits.n_classes)
    model.dense_above(job.parameters.dense_above)
    model.to(job.device)
    batch = splits.train.x[: job.parameters.calibration_examples].to(job.device)
    calibrate_thresholds(model, batch, configuration.target_rate)
    chosen = recipe(configuration, job.parameters)
    return model, train(model, splits, chosen, job.seed, job.checkpoint, job.on_epoch)


def recipe(configuration: Configuration, parameters: StudyParameters | TunedParameters) -> Recipe:
    """How a configuration is trained: its own learning rate and schedule, the rest as in all sections."""
    return Recipe(
        learning_rate=configuration.learning_rate,
        schedule=configuration.schedule,
        warmup=WARMUP_EPOCHS if configuration.schedule == "cosine" else 0,
        batch_size=parameters.batch_size,
        max_epochs=parameters.max_epochs,
        patience=parameters.patience,
        smoothing=PROTOCOL.smoothing,
    )


def build(architecture: str, configuration: Configuration, in_features: int, n_classes: int) -> SpikingNet:
    """The network of a configuration: a stack of one neuron type, or a bank with the types of the ablation.

    As in the paper's search, each path of the bank is as wide as a stack would be, and STFT-IF keeps its own window.
    """
    wanted = {"beta": configuration.beta, "surrogate_slope": configuration.surrogate_slope}
    width, depth = configuration.width, configuration.n_layers
    if architecture != BANK:
        return VerticalNet(in_features, n_classes, [architecture] * depth, width, own_options([architecture], wanted))
    types = ABLATED[BANK].types
    return PathBankNet(in_features, n_classes, types, width, depth, own_options(types, wanted))


def energy(architecture: str, n_layers: int, width: int, splits: Splits, rate: float) -> float:
    """Operation-count proxy in microjoule at a mean firing rate.

    In a bank the stem and each path's first layer see real values (F W T + P W^2 T), the rest see spikes.
    """
    steps, in_features = splits.train.x.shape[1:]
    if architecture != BANK:
        return spiking_operations(in_features, splits.n_classes, width, n_layers, steps, rate)["energy_uJ"]
    paths = len(ABLATED[BANK].types)
    macs = in_features * width * steps + paths * (width * width * steps + width * splits.n_classes)
    synaptic = paths * (n_layers - 1) * rate * width * width * steps
    return energy_uJ(macs, synaptic)


def prepared(splits: Splits, transform: str) -> Splits:
    """The standardised inputs as they are ("plain"), or after log1p(max(x, 0)) of the raw values, standardised again."""
    if transform == "plain":
        return splits
    mean, sd = splits.meta["mean"], splits.meta["sd"] + 1e-6

    def compressed(part: Split) -> torch.Tensor:
        return torch.log1p((part.x * sd + mean).clamp(min=0))

    train_x = compressed(splits.train)
    new_mean, new_sd = train_x.double().mean().item(), train_x.double().std(correction=0).item()
    if new_sd == 0:
        raise MstaskError("the radar pictures have no positive value, so log1p leaves nothing; search the plain input only")
    parts = [Split((compressed(p) - new_mean) / (new_sd + 1e-6), p.y) for p in (splits.train, splits.validation, splits.test)]
    meta = splits.meta | {"mean": new_mean, "sd": new_sd, "fingerprint": f"{splits.meta['fingerprint']}+{transform}"}
    return Splits(*parts, splits.n_classes, meta)  # type: ignore[call-arg]  # three parts


def in_table(job: Job[TunedParameters]) -> Measured | None:
    """The frontier's references stand in the final table: what was measured there on the same data with the same seed,
    parameters, code and configuration, None if it was not. Equal jobs give equal measures, so this only saves time."""
    if job.section.id == TABLE:
        return None
    compact = cnn.channels_of(job.method) == cnn.channels_of(cnn.SMALL_CNN)
    place = Place(cnn.SMALL_CNN if compact else job.method, None, job.seed)
    cell = finished(TABLE, place, job.parameters, job.splits.meta["fingerprint"])
    return cell and Measured(cell.result, dict(cell.timing.parts) if cell.timing else {})
