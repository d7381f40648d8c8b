"""The trials of a study, worked on by any number of processes of one machine: none is lost, none is done twice.

Optuna keeps the trials in an SQLite file. A process claims a trial by an operating-system lock on a file of its own, which
vanishes with the process: a trial that is marked as running and that nobody holds was abandoned (killed, power cut), and
the next process takes it over, with its parameters and its checkpoint. All changes of the study happen under one lock.

Each suggestion depends on the earlier trials, the seed and the trial's number alone. One process therefore makes the same
study however often it was stopped; with several, a suggestion sees the trials that happen to have ended by then.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from mstask.studies.tuning.search import CHOICES, LEARNING_RATES, Configuration, On, Trial, as_plain, from_plain

optuna.logging.set_verbosity(optuna.logging.WARNING)

DIRECTIONS = ("maximize", "minimize")
SPACE: dict[str, BaseDistribution] = {name: CategoricalDistribution(values) for name, values in CHOICES.items()}
SPACE["learning_rate"] = FloatDistribution(*LEARNING_RATES, log=True)
STATES = {"pruned": TrialState.PRUNED, "diverged": TrialState.FAIL}
WAIT = 1.0
"""Seconds between two looks at trials that other processes work on."""


@dataclass(frozen=True)
class Claim:
    """A trial that this process holds; `checkpoint` is the file from which its training continues."""

    number: int
    configuration: Configuration
    checkpoint: Path
    lock: FileLock


class Trials:
    """The trials of one study, kept in `folder`.

    Parameters
    ----------
    n_trials : how many there are to be; a study may be extended later.
    startup : trials drawn at random before the sampler (TPE, multivariate) begins.
    on : objectives that the sampler sees, "validation" or "test".
    """

    def __init__(self, folder: Path, n_trials: int, startup: int, seed: int, on: On) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.n_trials, self.startup, self.seed, self.on = folder, n_trials, startup, seed, on
        self.mutex = FileLock(folder / "study.lock")
        with self.mutex:
            storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'study.db'}")
            self.study = optuna.create_study(
                storage=storage, study_name="study", directions=DIRECTIONS, load_if_exists=True, sampler=_sampler(0, startup)
            )

    def run(self, attempt: Callable[[Claim], Trial]) -> list[Trial]:
        """Work on trials until all have ended, here or in other processes; returns them in order.

        Whatever `attempt` raises leaves its trial to be taken over by the next process.
        """
        while not self.ended():
            claim = self.claim()
            if claim is None:
                time.sleep(WAIT)
                continue
            try:
                self.finish(attempt(claim))
                claim.checkpoint.unlink(missing_ok=True)
            finally:
                claim.lock.release()
        return self.records()

    def claim(self) -> Claim | None:
        """Take over an abandoned trial, else begin a new one; None when all are done or held by others."""
        with self.mutex:
            trials = self._trials()
            for trial in trials:
                if trial.state == TrialState.RUNNING and (lock := self._lock(trial.number)):
                    return self._claim(trial.number, trial.params, lock)
            number = len(trials)
            if number >= self.n_trials or (lock := self._lock(number)) is None:
                return None
            params = suggest(trials, self.seed, number, self.startup)
            self.study.add_trial(optuna.create_trial(state=TrialState.RUNNING, params=params, distributions=SPACE))
            return self._claim(number, params, lock)

    def finish(self, trial: Trial) -> None:
        """Enter what came of a claimed trial."""
        with self.mutex:
            self.study.set_user_attr(_key(trial.number), as_plain(trial))
            if trial.state == "complete":
                self.study.tell(trial.number, [trial.macro_f1(self.on), trial.firing(self.on)])
            else:
                self.study.tell(trial.number, state=STATES[trial.state])

    def ended(self) -> bool:
        """Whether all trials have come to an end."""
        with self.mutex:
            trials = self._trials()
        return len(trials) == self.n_trials and all(trial.state.is_finished() for trial in trials)

    def records(self) -> list[Trial]:
        """What came of the trials that have ended, in order."""
        found = self.study.user_attrs
        return [from_plain(found[_key(t.number)]) for t in self._trials() if t.state.is_finished()]

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)[: self.n_trials]

    def _lock(self, number: int) -> FileLock | None:
        lock = FileLock(self.folder / f"{_key(number)}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        return lock

    def _claim(self, number: int, params: dict[str, Any], lock: FileLock) -> Claim:
        return Claim(number, Configuration(**params), self.folder / f"{_key(number)}.checkpoint.pt", lock)


def suggest(trials: Sequence[FrozenTrial], seed: int, number: int, startup: int) -> dict[str, Any]:
    """Parameters of trial `number` after the earlier `trials`: multivariate TPE, as in the paper.

    The paper's sampler is seeded once; here each trial has a seed derived from that one, so that a study that was stopped
    goes on as if it had not been.
    """
    own_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    sketch = optuna.create_study(directions=DIRECTIONS, sampler=_sampler(own_seed, startup))
    sketch.add_trials(trials)
    return sketch.ask(SPACE).params


def _sampler(seed: int, startup: int) -> optuna.samplers.TPESampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(n_startup_trials=startup, multivariate=True, constant_liar=True, seed=seed)


def _key(number: int) -> str:
    return f"trial-{number:04}"
