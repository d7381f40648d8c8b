"""One cell of `equal-readout`: as many neurons for each class, with and without competition, and one neuron for each."""

from __future__ import annotations

from mstask.errors import MstaskError
from mstask.job import Job, Measured
from mstask.studies.ncg import measure as groups
from mstask.studies.ncg.measure import load
from mstask.studies.ncg.methods import SETTINGS_AT_LENGTH, tuned_at_length
from mstask.studies.ncg.names import AT_LENGTH
from mstask.studies.ncg.parameters import NCGParameters

__all__ = ["load", "measure"]


def measure(job: Job[NCGParameters]) -> Measured:
    """Train one readout with the settings that were chosen for it alone, at this length; see `measure.trained`."""
    chosen = tuned_at_length().get(str(job.case), {})
    if job.method not in chosen:
        advice = "choose them with benchmarks/ncg_settings.py --at-length"
        raise MstaskError(f"{SETTINGS_AT_LENGTH.name} has no settings {job.method!r} for {job.case!r}; {advice}")
    return groups.trained(job, AT_LENGTH[job.method], chosen[job.method])
