"""One network, or one baseline, on one case of the recordings.

The spiking networks are the paper's in everything: stack, calibration, training, selection. The baselines see the same
parts: logistic regression, whose penalty validation selects, and the small convolutional network of the frontier.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from mstask import spiking
from mstask.cost import count_parameters
from mstask.data import Split, Splits, recorded
from mstask.job import Job, Measured
from mstask.networks import SmallCNN
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.stats.scoring import accuracy, macro_f1
from mstask.studies.recordings import transfer
from mstask.studies.recordings.parameters import LOGISTIC, SMALL_CNN, RecordingsParameters
from mstask.studies.tuning import cnn
from mstask.training import train

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""Values of scikit-learn's C from which the validation part selects, the smallest where several are best."""
ITERATIONS = 1000
POOLED = 10
"""Neighbouring channels of the ear that logistic regression sees as one, by their sum."""
WIDE = 100
"""Channels from which on they are pooled so."""
NARROW = 8
"""Bins that three poolings of the convolutional network need; a narrower picture has each of its lines repeated."""


def load(section: Section, parameters: RecordingsParameters, case: str) -> Splits:
    """The data of a case: a set of recordings with a group held out, or embedded and recorded speech."""
    if case in transfer.CASES:
        return transfer.load(case, parameters.data_size)
    return recorded.load_case(case, parameters.data_size)


def measure(job: Job[RecordingsParameters]) -> Measured:
    """One cell."""
    if job.method == LOGISTIC:
        return linear(job)
    return convolutional(job) if job.method == SMALL_CNN else spiking.trained(of_domain(job))


def of_domain(job: Job[RecordingsParameters]) -> Job:
    """The job with the window that the paper gives STFT-IF in the domain of the case."""
    if job.splits.meta["name"].startswith("radar"):
        return job
    window = job.parameters.audio_window_len
    return replace(job, parameters=job.parameters.model_copy(update={"window_len": window}))


def convolutional(job: Job[RecordingsParameters]) -> Measured:
    """The SmallCNN by the recipe of the frontier, on the picture [frames, bins]."""
    channels = cnn.channels_of(SMALL_CNN)
    torch.manual_seed(job.seed)
    model = SmallCNN(job.splits.n_classes, channels).to(job.device, memory_format=torch.channels_last)
    outcome = train(model, widened(job.splits), cnn.recipe(job.parameters), job.seed, job.checkpoint, job.on_epoch)
    own = spiking.of_outcome(outcome) | {"firing_rates": None}
    measures = Measures(**own, n_parameters=count_parameters(model), details={"channels": list(channels)})
    return Measured(measures, outcome.seconds)


def widened(splits: Splits) -> Splits:
    """The splits, each line of bins repeated as often as a picture needs to be `NARROW` bins wide."""
    times = -(-NARROW // splits.train.x.shape[-1])
    wide = [Split(p.x.repeat_interleave(times, dim=-1), p.y) for p in (splits.train, splits.validation, splits.test)]
    return splits if times == 1 else Splits(*wide, splits.n_classes, splits.meta)  # type: ignore[call-arg]  # three parts


def linear(job: Job[RecordingsParameters]) -> Measured:
    """Logistic regression on all values of an example, each standardised; nothing about it is random."""
    started = time.perf_counter()
    splits, n_classes = job.splits, job.splits.n_classes
    scaler = StandardScaler().fit(flat(splits.train.x))
    train_x, validation_x, test_x = (scaler.transform(flat(p.x)) for p in (splits.train, splits.validation, splits.test))
    fitted = [LogisticRegression(C=c, max_iter=ITERATIONS).fit(train_x, splits.train.y.numpy()) for c in PENALTIES]
    scores = [macro_f1(model.predict(validation_x), splits.validation.y, n_classes)[0] for model in fitted]
    chosen = int(np.argmax(scores))
    predictions = fitted[chosen].predict(test_x)
    score, per_class = macro_f1(predictions, splits.test.y, n_classes)
    measures = Measures(
        macro_f1=score,
        accuracy=accuracy(predictions, splits.test.y, n_classes),
        per_class_f1=per_class,
        predictions=predictions,
        n_parameters=fitted[chosen].coef_.size + fitted[chosen].intercept_.size,
        details={"penalty": PENALTIES[chosen], "validation_macro_f1": scores},
    )
    return Measured(measures, {"train": time.perf_counter() - started})


def flat(x: Tensor) -> np.ndarray:
    """Examples [N, T, F] as vectors, float64; where channels are many, neighbours are summed."""
    values = x.double().numpy()
    if values.shape[-1] >= WIDE:
        values = values.reshape(*values.shape[:2], -1, POOLED).sum(axis=-1)
    return values.reshape(len(values), -1)
