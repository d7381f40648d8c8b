"""One cell of section 5.3: a readout of competing neurons, trained by supervised STDP and tested."""

from __future__ import annotations

from typing import Any

import numpy as np

from mstask.data import DataError, Splits
from mstask.job import Job, Measured
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.stats import accuracy, macro_f1
from mstask.studies.ncg import inputs, spikes
from mstask.studies.ncg.config import Config
from mstask.studies.ncg.methods import Schedule, Settings, configuration, settings
from mstask.studies.ncg.names import METHODS, Method
from mstask.studies.ncg.parameters import NCGParameters
from mstask.studies.ncg.training import Fit, History, fit, most_frequent_winner

STOPPED = {"early_stopping": "patience", "epochs": "max_epochs"}
WATCHED_CLASS = 0


def load(section: Section, parameters: NCGParameters, case: str | None) -> Splits:
    """The data set of a case as dense first-spike times x [N, 1, D]."""
    if case is None:
        raise DataError(f"section {section.id} needs a case, one of {', '.join(section.cases)}")
    return inputs.load(case, parameters.data_source, parameters.data_size)


def measure(job: Job[NCGParameters]) -> Measured:
    """Train one readout, validate it every epoch, and test the last one, as the paper does; see `trained`."""
    return trained(job, METHODS[job.method], settings(job.case, job.method))


def trained(job: Job[NCGParameters], method: Method, chosen: Settings) -> Measured:
    """Train a readout with these settings, scaled as the parameters say, and test its last epoch.

    What the epoch with the best validation accuracy had on the test set stands in the details, "best_epoch" and its accuracy.
    `history` has "train_accuracy", "validation_accuracy" and "most_frequent_winner" per epoch. `details` say how the
    method was configured, who won how often (per neuron, on samples of its own class in the last epoch, and per epoch for
    the neurons of class 0) and which share of a class's samples its most frequent winner wins.
    """
    train, validation, test = inputs.spike_lists(job.splits)
    spikes.require_spikes(train, f"the training part of {job.case}")
    config = configured(job, method, chosen, train.spikes_per_sample)
    made = fit(
        config,
        train,
        validation,
        test,
        seed=job.seed,
        n_classes=job.splits.n_classes,
        checkpoint=job.checkpoint,
        on_epoch=job.on_epoch,
    )
    decisions = made.readout.decide(test)
    predictions = decisions.classes
    score, per_class = macro_f1(predictions, test.labels, job.splits.n_classes)
    measures = Measures(
        macro_f1=score,
        accuracy=accuracy(predictions, test.labels),
        per_class_f1=per_class,
        predictions=predictions.tolist(),
        epochs=made.readout.epochs,
        stopped=STOPPED[made.stopped],
        n_parameters=made.readout.weights.size,
        width=config.layer.n_neurons,
        thresholds=[config.layer.firing_threshold],
        history=history(made, job.splits.n_classes),
        details=details(made, job, method, config)
        | at_best_epoch(made.history)
        | {
            "silent_test_share": float(np.mean(decisions.times >= test.max_time)),
            "spikes_per_sample": train.spikes_per_sample,
        },
    )
    return Measured(measures, made.seconds)


def configured(job: Job[NCGParameters], method: Method, chosen: Settings, spikes_per_sample: float) -> Config:
    """The configuration of a job: a method with the settings chosen for its data set, scaled as the parameters say."""
    parameters = job.parameters
    scaled = chosen.scaled(parameters.threshold_scale, parameters.rate_scale, parameters.regulation_scale)
    schedule = Schedule(parameters.max_epochs, parameters.patience, parameters.annealing, parameters.reference_timing)
    return configuration(method, scaled, schedule, job.splits.n_classes, spikes_per_sample)


def at_best_epoch(history: History) -> dict[str, Any]:
    """The first epoch, from 1, with the best validation accuracy, and the accuracy on the test set after it."""
    best = int(np.argmax(history.validation_accuracy))
    return {"best_epoch": best + 1, "best_epoch_accuracy": history.test_accuracy[best]}


def history(made: Fit, n_classes: int) -> dict[str, list[float]]:
    """What a result document keeps of every epoch."""
    winners = [float(np.mean(most_frequent_winner(wins, n_classes))) for wins in made.history.wins]
    return {
        "train_accuracy": made.history.train_accuracy,
        "validation_accuracy": made.history.validation_accuracy,
        "most_frequent_winner": winners,
    }


def details(made: Fit, job: Job[NCGParameters], method: Method, config: Config) -> dict[str, Any]:
    """What only this section measures: the configuration, and who wins the competition within the groups."""
    n_classes = job.splits.n_classes
    watched = slice(WATCHED_CLASS * method.group, (WATCHED_CLASS + 1) * method.group)
    last = made.history.wins[-1]
    return {
        "rule": method.family,
        "group": method.group,
        "coding": job.splits.meta["coding"],
        "configuration": config.model_dump(exclude_none=True),
        "wins": last,
        "updates": made.history.updates[-1],
        "most_frequent_winner": most_frequent_winner(last, n_classes),
        "watched_class": WATCHED_CLASS,
        "watched_wins": [wins[watched] for wins in made.history.wins],
        "watched_updates": [[sum(pair) for pair in updates[watched]] for updates in made.history.updates],
    }
