"""The study of an architecture: trials over the search space, towards high macro-F1 and little firing.

The cell's details hold every trial. Selection looks at validation; `select_on` = "test" repeats the paper's search, which
looked at macro-F1 on the test set and at firing on the calibration examples, to show what that is worth. Those figures are
recorded in either case and nothing else uses them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from mstask import neurons, results, spiking
from mstask.cell import device_to_use
from mstask.cost import count_parameters
from mstask.data import Splits
from mstask.identity import inputs
from mstask.job import Job, Measured
from mstask.loop import tick
from mstask.networks import SpikingNet
from mstask.results.documents import Measures
from mstask.section import resolve, section
from mstask.studies.tuning import tuned
from mstask.studies.tuning.parameters import StudyParameters
from mstask.studies.tuning.search import Trial, as_plain
from mstask.studies.tuning.trials import Claim, Trials
from mstask.training import Diverged, History, predict

load = spiking.load


class Pruned(Exception):
    """The trial is not worth its remaining epochs."""


def measure(job: Job[StudyParameters]) -> Measured:
    """The whole study of one architecture; other processes may work along by `join`."""
    done, seconds = run_trials(job)
    return Measured(Measures(details={"trials": [as_plain(trial) for trial in done]}), seconds)


def join(method: str, seed: int = 42, **given: Any) -> None:
    """Work along on a study that another process runs, until its trials have ended.

    `given` are the parameters of the run that is joined. No document is written: that is for the process that runs the cell.
    """
    chosen, parameters = section("study"), resolve("study", **given)
    run_trials(Job(chosen, method, None, seed, parameters, load(chosen, parameters, None), device_to_use(), Path()))


def run_trials(job: Job[StudyParameters]) -> tuple[list[Trial], dict[str, float]]:
    """Work on a job's trials until all have ended; returns them, and the seconds spent here by how a trial ended.

    They are kept in a folder of the present code and parameters, whatever their number, so that a study can be extended.
    """
    parameters = job.parameters
    settings = {k: v for k, v in parameters.of_cell().items() if k not in ("profile", "n_trials")}
    made_by = inputs(job.section)["code"], *neurons.identity().values()
    about: list[Any] = [job.section.id, job.method, job.seed, settings, job.splits.meta["fingerprint"], *made_by]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    folder = results.runs_root() / "runs" / "trials" / f"{job.method}-{job.seed}-{digest[:16]}"
    trials = Trials(folder, parameters.n_trials, parameters.startup_trials, job.seed, parameters.select_on)
    seconds: Counter[str] = Counter()

    def timed(claim: Claim) -> Trial:
        since = time.perf_counter()
        trial = attempt(job, claim)
        tick(seconds, trial.state, since)
        return trial

    return trials.run(timed), dict(seconds)


def attempt(job: Job[StudyParameters], claim: Claim) -> Trial:
    """Train one configuration, from its checkpoint where there is one, and say what came of it."""
    parameters, splits, configuration = job.parameters, job.splits, claim.configuration
    model = tuned.build(job.method, configuration, splits.train.x.shape[-1], splits.n_classes)
    about = {"number": claim.number, "configuration": configuration, "n_parameters": count_parameters(model)}

    def watch(history: History) -> None:
        if job.on_epoch:
            job.on_epoch(history)
        if hopeless(history, parameters):
            raise Pruned

    try:
        model, outcome = tuned.fit(replace(job, checkpoint=claim.checkpoint, on_epoch=watch), job.method, configuration)
    except Diverged:
        return Trial(state="diverged", **about)
    except Pruned:
        return Trial(state="pruned", epochs=parameters.prune_epoch, **about)
    history, selected = outcome.history, outcome.best_epoch - 1
    return Trial(
        state="complete",
        epochs=outcome.epochs,
        best_epoch=outcome.best_epoch,
        validation_macro_f1=history.smoothed[selected],
        validation_firing=fmean(history.firing_rates[selected]),
        test_macro_f1=outcome.macro_f1,
        test_firing=fmean(outcome.firing_rates),
        calibration_firing=calibration_firing(model, tuned.prepared(splits, configuration.input), parameters),
        **about,
    )


def calibration_firing(model: SpikingNet, splits: Splits, parameters: StudyParameters) -> float:
    """The paper's second objective: mean rate of the layers, in a bank of each path's last, on the calibration examples."""
    x = splits.train.x[: parameters.calibration_examples].to(next(model.parameters()).device)
    rates, depth = predict(model, x)[1], len(model.chains[0])
    return fmean(rates if len(model.chains) == 1 else rates[depth - 1 :: depth])


def hopeless(history: History, parameters: StudyParameters) -> bool:
    """Whether the smoothed validation score was below `prune_below` after `prune_epoch` epochs (paper, 4.2: after 31).

    Optuna's own pruners serve studies of one objective only.
    """
    reached = history.smoothed[: parameters.prune_epoch]
    return len(reached) == parameters.prune_epoch and reached[-1] < parameters.prune_below
