"""The search for radar: what may vary, what a trial found, and which trials are selected.

A trial has two objectives, macro-F1 (to be raised) and mean firing (to be lowered). `on` says which a selection looks at: both
on the validation set, as this project does; or, as the paper's search did, macro-F1 on the test set, which is then no test
any more, and firing on the training examples that calibrate the thresholds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from mstask import results
from mstask.errors import MstaskError
from mstask.parameters import Parameters
from mstask.results.documents import Cell, Document
from mstask.results.files import MissingResult, ResultsError
from mstask.section import Place, section

On = Literal["validation", "test"]
State = Literal["complete", "pruned", "diverged"]

STUDY = "study"
EFFICIENT = ".efficient"
"""Ends the name of a method that stands for an architecture's efficient point."""
EFFICIENT_TOLERANCE = 0.01
"""How much macro-F1 the efficient point may give away for firing less (paper, 4.2)."""

CHOICES: Mapping[str, tuple[Any, ...]] = {
    "width": (96, 128, 192, 256, 384),
    "n_layers": (3, 4, 5, 6),
    "beta": (0.85, 0.90, 0.95, 0.97, 0.99),
    "schedule": ("none", "cosine"),
    "surrogate_slope": (10.0, 25.0, 50.0),
    "target_rate": (0.10, 0.15, 0.20),
    "input": ("plain", "log1p"),
}
LEARNING_RATES = (3e-4, 4e-3)
"""Bounds of the log-uniform learning rate; with `CHOICES` the paper's search space."""


@dataclass(frozen=True)
class Configuration:
    """One point of the search space."""

    width: int
    n_layers: int
    beta: float
    learning_rate: float
    schedule: Literal["none", "cosine"]
    surrogate_slope: float
    target_rate: float
    input: Literal["plain", "log1p"]


@dataclass(frozen=True)
class Trial:
    """What came of one configuration.

    Scores are those of the epoch that validation selected, None where the trial ended before it had one: "pruned" for a
    low validation score, or "diverged". Firing is the mean over layers, spikes per neuron and step;
    `calibration_firing` is that on the calibration examples, over the last layers of a bank's paths, None in trials recorded
    before it was noted. `validation_macro_f1` is the smoothed score that selected the epoch.
    """

    number: int
    state: State
    configuration: Configuration
    n_parameters: int
    epochs: int | None = None
    best_epoch: int | None = None
    validation_macro_f1: float | None = None
    validation_firing: float | None = None
    test_macro_f1: float | None = None
    test_firing: float | None = None
    calibration_firing: float | None = None

    def macro_f1(self, on: On) -> float:
        """Macro-F1 of a complete trial."""
        return self.validation_macro_f1 if on == "validation" else self.test_macro_f1

    def firing(self, on: On) -> float:
        """Mean firing rate of a complete trial, spikes per neuron and step."""
        if on == "validation":
            return self.validation_firing
        return self.test_firing if self.calibration_firing is None else self.calibration_firing


@dataclass(frozen=True)
class Selection:
    """The points taken from a study: the highest macro-F1, and the least firing among those that come near it."""

    best: Trial
    efficient: Trial


def complete(trials: Iterable[Trial]) -> list[Trial]:
    """Trials that were trained to their end."""
    return [trial for trial in trials if trial.state == "complete"]


def pareto_front(trials: Iterable[Trial], on: On) -> list[Trial]:
    """Complete trials that no other beats in one objective without losing in the other, least firing first."""
    front: list[Trial] = []
    for trial in sorted(complete(trials), key=lambda t: (t.firing(on), -t.macro_f1(on), t.number)):
        same = front and (trial.firing(on), trial.macro_f1(on)) == (front[-1].firing(on), front[-1].macro_f1(on))
        if not front or same or trial.macro_f1(on) > front[-1].macro_f1(on):
            front.append(trial)
    return front


def select(trials: Iterable[Trial], on: On) -> Selection:
    """Best trial, and the one that fires least within `EFFICIENT_TOLERANCE` macro-F1 of it; the earlier trial wins a tie."""
    candidates = complete(trials)
    if not candidates:
        raise MstaskError("no trial of the study was trained to its end, so none can be selected")
    best = min(candidates, key=lambda t: (-t.macro_f1(on), t.firing(on), t.number))
    near = [t for t in candidates if t.macro_f1(on) >= best.macro_f1(on) - EFFICIENT_TOLERANCE]
    return Selection(best, min(near, key=lambda t: (t.firing(on), -t.macro_f1(on), t.number)))


def as_plain(trial: Trial) -> dict[str, Any]:
    """What a result document keeps of a trial."""
    return {name: value for name, value in asdict(trial).items() if value is not None}


def from_plain(values: Mapping[str, Any]) -> Trial:
    """Inverse of `as_plain`."""
    known = {field.name for field in fields(Trial)}
    try:
        configuration = Configuration(**values["configuration"])
        return Trial(**{k: v for k, v in values.items() if k in known} | {"configuration": configuration})
    except (KeyError, TypeError) as error:
        raise ResultsError(f"a trial of a study is damaged: {error}") from error


def trials_of(document: Document, architecture: str) -> list[Trial]:
    """All trials that a study's document holds for an architecture, of every seed."""
    return [from_plain(trial) for cell in _cells(document, architecture) for trial in (cell.result.details or {})["trials"]]


def selected_on(document: Document) -> On:
    """What the trials of a study's document were selected on."""
    found = {cell.parameters["select_on"] for cell in document.cells}
    if len(found) != 1:
        raise ResultsError(f"the study's cells were selected on {', '.join(sorted(found)) or 'nothing'}, expected one of both")
    return found.pop()


def selection(document: Document, architecture: str, on: On | None = None) -> Selection:
    """The points selected for an architecture; by default on what the study itself looked at."""
    return select(trials_of(document, architecture), on or selected_on(document))


def studied(architecture: str, profile: str, data_source: str) -> tuple[Document, str]:
    """The study that tunes an architecture, and whether it is the reader's "run" or the project's "locked" one.

    The run of the same profile on the same data source counts, else the locked study of that data source.

    Raises
    ------
    MissingResult : neither has the architecture.
    """
    for origin, source in (("run", ("run", data_source, profile)), ("locked", _locked(data_source))):
        try:
            document = results.load(STUDY, *source)
        except MissingResult:
            continue
        if _cells(document, architecture):
            return document, origin
    raise MissingResult(
        f"{architecture} has not been tuned on {data_source} data; make its study with "
        f"`python -m mstask run {STUDY} --profile {profile} --data {data_source} --methods {architecture}`"
    )


def chosen(method: str, parameters: Parameters) -> tuple[str, Trial, str]:
    """Architecture, selected trial and origin of the study ("run" or "locked") that a tuned network takes from it."""
    architecture = method.removesuffix(EFFICIENT)
    document, origin = studied(architecture, parameters.profile, parameters.data_source)
    points = selection(document, architecture)
    return architecture, points.efficient if method.endswith(EFFICIENT) else points.best, origin


def read_from_study(place: Place, parameters: Parameters) -> dict[str, str]:
    """Digest of the configuration that a tuned network is built from; empty for a dense one, or before the study has run."""
    if place.method.removesuffix(EFFICIENT) not in section(STUDY).methods:
        return {}
    try:
        configuration = chosen(place.method, parameters)[1].configuration
    except MissingResult:
        return {}
    return {STUDY: hashlib.sha256(json.dumps(asdict(configuration), sort_keys=True).encode()).hexdigest()}


def summary_of(document: Document) -> dict[str, dict[str, Any]]:
    """What a study's document says of each architecture, empty for other documents.

    Returns
    -------
    dict
        Per architecture: trials, complete, pruned, diverged (numbers of trials); best and efficient (the selected trials);
        on_test {validation, test, gain}: test macro-F1 of the trial chosen on validation and on the test set itself, and
        what the second choice adds. Without a complete trial only the numbers.
    """
    architectures = dict.fromkeys(cell.method for cell in document.cells if "trials" in (cell.result.details or {}))
    return {architecture: _architecture(document, architecture) for architecture in architectures}


def _architecture(document: Document, architecture: str) -> dict[str, Any]:
    trials = trials_of(document, architecture)
    numbers = {state: sum(trial.state == state for trial in trials) for state in ("complete", "pruned", "diverged")}
    if not complete(trials):
        return {"trials": len(trials)} | numbers
    points = selection(document, architecture)
    honest, peeking = (select(trials, on).best.test_macro_f1 for on in ("validation", "test"))
    on_test = {"validation": honest, "test": peeking, "gain": peeking - honest}
    taken = {"best": as_plain(points.best), "efficient": as_plain(points.efficient)}
    return {"trials": len(trials)} | numbers | taken | {"on_test": on_test}


def _locked(data_source: str) -> tuple[str, ...]:
    return ("embedded",) if data_source == "embedded" else ("run", data_source)


def _cells(document: Document, architecture: str) -> list[Cell]:
    return [cell for cell in document.cells if cell.method == architecture]
