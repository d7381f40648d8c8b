"""The paper's probe of the harness: thresholds are calibrated anew before every epoch (homeostasis)."""

from __future__ import annotations

from mstask.calibration import calibrate_thresholds
from mstask.experiments import Job, Measured, spiking

load = spiking.load


def measure(job: Job) -> Measured:
    """One network whose thresholds follow its weights; its firing after each epoch shows how far it strayed from there."""
    batch = spiking.calibration_batch(job)
    return spiking.trained(job, lambda model: calibrate_thresholds(model, batch, job.parameters.target_rate))
