"""The paper's probe of the harness: thresholds are calibrated anew before every epoch (homeostasis).

The words of all speakers, as they are. After every epoch the test accuracy is noted, and the firing of each layer on the
examples that calibrate it. `select_on` = "test" repeats the paper's script: all of the first part is trained on, and the
figures are those of the epoch with the best test accuracy. By default validation selects, and nothing uses the noted accuracy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mstask import spiking
from mstask.calibration import calibrate_thresholds
from mstask.data import Splits
from mstask.data.speech import load_mixed
from mstask.job import Job, Measured
from mstask.networks import SpikingNet
from mstask.parameters import ProbeParameters
from mstask.section import Section
from mstask.training import predict


def load(section: Section, parameters: ProbeParameters, case: str | None) -> Splits:
    """The mixed split with its values as they are; without a validation part where the test set selects."""
    validation = parameters.select_on == "validation"
    return load_mixed(parameters.data_source, parameters.data_size, None, standardise=False, validation=validation)


def measure(job: Job[ProbeParameters]) -> Measured:
    """One network whose thresholds follow its weights; its firing after each epoch shows how far it strayed from there."""
    parameters, test = job.parameters, job.splits.test
    batch, test_x = spiking.calibration_batch(job), test.x.to(job.device)
    recipe = spiking.recipe(parameters)
    if parameters.select_on == "test":
        recipe = replace(recipe, select_on="test", min_improvement=0.0)

    def calibrate(model: SpikingNet) -> None:
        calibrate_thresholds(model, batch, parameters.target_rate)

    def watch(model: SpikingNet) -> dict[str, Any]:
        right = (predict(model, test_x)[0] == test.y).double().mean().item()
        return {"test_accuracy": right, "firing_rates": predict(model, batch)[1]}

    return spiking.trained(job, recipe, calibrate, watch)
