"""The tasks that losses are compared on, and how each is trained; settings of the papers where they have them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mstask.data import DataError, Split, Splits
from mstask.studies.eventprop import augment, radar, speech, yin_yang
from mstask.studies.eventprop.networks import Initial

if TYPE_CHECKING:
    from mstask.studies.eventprop.declare import EventpropParameters

PREPARATION_SEED = 0
YIN_YANG_SIZES = {"small": (400, 100, 200), "medium": (2000, 500, 1000), "paper": (5000, 1000, 1000)}
"""Trials for training, validation and test by data size; "paper" is the published set."""


@dataclass(frozen=True)
class Task:
    """A task: its trial in ms, its network, and how it is trained.

    `spiking_output` is the initial output weight of first-spike losses, `instant_output` of losses that judge single instants
    of the voltage, `output` of the others; the last two differ where scores wouldn't begin equally large. `input_gain` and
    `input_ms` belong to the loss "input". `spiking_rate` is the learning rate of first-spike losses. An epoch draws at most
    `samples` training trials and is judged by at most `validated` of the validation trials.
    """

    title: str
    trial_ms: float
    n_inputs: int
    n_hidden: int
    readout_step: float
    learning_rate: float
    spiking_rate: float
    decay: float
    epochs: int
    samples: int
    validated: int
    first: tuple[float, float, float]
    input: Initial
    output: Initial
    instant_output: Initial
    spiking_output: Initial
    input_gain: float
    input_ms: float


YIN_YANG = Task(
    title="Yin-Yang, 60 ms",
    trial_ms=60.0,
    n_inputs=yin_yang.N_CHANNELS,
    n_hidden=200,
    readout_step=0.5,
    learning_rate=5e-3,
    spiking_rate=5e-3,
    decay=0.95,
    epochs=15,
    samples=5000,
    validated=1000,
    first=(0.5, 6.4, 3e-3),
    input=Initial(1.5, 0.78),
    output=Initial(0.2, 0.37),
    instant_output=Initial(0.2, 0.37),
    spiking_output=Initial(0.93, 0.1),
    input_gain=20.0,
    input_ms=20.0,
)
"""Wunderlich & Pehle's network and rates; voltage losses as measured for the long trials."""

TASKS = {
    "yin-yang": YIN_YANG,
    "yin-yang-long": Task(
        **vars(YIN_YANG)
        | {
            "title": "Yin-Yang, 400 ms",
            "trial_ms": 400.0,
            "n_hidden": 100,
            "learning_rate": 0.02,
            "epochs": 12,
            "samples": 2500,
        }
    ),
    "speech": Task(
        title="Spoken digits",
        trial_ms=speech.TRIAL_MS,
        n_inputs=700,
        n_hidden=128,
        readout_step=1.0,
        learning_rate=2e-3,
        spiking_rate=2e-3,
        decay=1.0,
        epochs=10,
        samples=1800,
        validated=400,
        first=(1.0, 100.0, 5e-5),
        input=Initial(0.02, 0.01),
        output=Initial(0.0, 1.5),
        instant_output=Initial(0.0, 0.3),
        spiking_output=Initial(1.2, 0.6),
        input_gain=0.2,
        input_ms=20.0,
    ),
    "radar": Task(
        title="Radar",
        trial_ms=radar.TRIAL_MS,
        n_inputs=len(radar.LEVELS) * 64,
        n_hidden=128,
        readout_step=0.5,
        learning_rate=5e-3,
        spiking_rate=5e-3,
        decay=0.95,
        epochs=6,
        samples=3151,
        validated=400,
        first=(1.0, 100.0, 5e-5),
        input=Initial(0.03, 0.03),
        output=Initial(0.0, 0.3),
        instant_output=Initial(0.0, 0.3),
        spiking_output=Initial(0.4, 0.2),
        input_gain=0.2,
        input_ms=20.0,
    ),
}
"""Speech has the reference implementation's weights and the rate of its comparison of losses, with two exceptions for want of
steps: no ease-in, which would last as long as two epochs do here, and larger output weights where a mean voltage is judged,
which would otherwise take most of the training to grow. The input gain makes the mean weight about 1.
Radar isn't in the papers; its values are this project's."""


def input_weights(task: str, source: str, size: str) -> Initial:
    """Initial input weights of a task; tenfold for the small embedded speech set, which has every tenth channel only."""
    weights = TASKS[task].input
    if (task, source, size) == ("speech", "embedded", "small"):
        return Initial(10 * weights.mean, 10 * weights.sd)
    return weights


def load(task: str, source: str, size: str) -> Splits:
    """The data of a task as spike trains; Yin-Yang is generated and the same from any source."""
    if task == "speech":
        return speech.load(source, size)
    if task == "radar":
        return radar.load(source, size)
    return load_yin_yang(size)


def prepared(splits: Splits, case: str, parameters: EventpropParameters) -> Splits:
    """The spike trains as the parameters ask: speakers left out, trials thinned to one count, the training part blended.

    What is random here is drawn from a fixed seed, so that all cells of a run share their data.
    """
    if parameters.speakers_left:
        splits = speech.leave_out(splits, parameters.speakers_left)
    rng = np.random.default_rng(PREPARATION_SEED)
    train, validation, test = splits.train, splits.validation, splits.test
    changes = []
    if parameters.equal_spikes:
        whole = speech.joined(speech.joined(train.x, validation.x), test.x)
        fewest = int(np.diff(whole.starts).min())
        if not fewest:
            raise DataError(f"{splits.meta['name']} has a trial without spikes, so equal_spikes would leave none anywhere")
        train, validation, test = (Split(augment.thin(p.x, rng, fewest), p.y) for p in (train, validation, test))
        changes.append(f"thinned to {fewest} spikes")
    if parameters.blend:
        n = round(len(train.y) * parameters.blend_factor)
        x, y = augment.blend(train.x, train.y.numpy(), n, tuple(parameters.blend), TASKS[case].trial_ms, rng)
        train = Split(x, torch.from_numpy(y))
        changes.append(f"blended by {parameters.blend} to {n} trials")
    if not changes:
        return splits
    told = f"{splits.meta['fingerprint']} {', '.join(changes)}"
    meta = splits.meta | {"fingerprint": hashlib.sha256(told.encode()).hexdigest()}
    return Splits(train, validation, test, splits.n_classes, meta | {"counts": meta["counts"] | {"train": len(train.y)}})


def load_yin_yang(size: str) -> Splits:
    """The Yin-Yang set, or the first trials of each of its parts."""
    parts, counts, digest = [], {}, hashlib.sha256(f"yin-yang, {yin_yang.LAST_INPUT} ms".encode())
    for (name, seed), n in zip(yin_yang.SEEDS.items(), YIN_YANG_SIZES[size], strict=True):
        xy, labels = yin_yang.points(n, seed)
        digest.update(xy.tobytes() + labels.tobytes())
        parts.append(Split(yin_yang.encode(xy), torch.from_numpy(labels)))
        counts[name] = n
    meta = {"name": "yin-yang", "source": "embedded", "size": size, "fingerprint": digest.hexdigest()}
    return Splits(*parts, 3, meta | {"class_names": list(yin_yang.CLASS_NAMES), "counts": counts})
