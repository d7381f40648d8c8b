"""The search for radar: what may vary, what a trial found, and which trials are selected.

A trial has two objectives, macro-F1 (to be raised) and mean firing (to be lowered). `on` says which a selection looks at: both
on the validation set, as this project does; or, as the paper's search did, macro-F1 on the test set, which is then no test
any more, and firing on the training examples that calibrate the thresholds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from mstask import results
from mstask.errors import MstaskError
from mstask.parameters import Parameters
from mstask.results.documents import Document
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


TRIAL = TypeAdapter(Trial)


@dataclass(frozen=True)
class Selection:
    """The points taken from a study: the highest macro-F1, and the least firing among those that come near it."""

    best: Trial
    efficient: Trial


@dataclass(frozen=True)
class OnTest:
    """Test macro-F1 of the trial chosen on validation and of that chosen on the test set itself; `gain` is the difference."""

    validation: float
    test: float
    gain: float


@dataclass(frozen=True)
class Found:
    """What a study found of one architecture: how many trials it has, how many ended whole, and what was selected.

    Without a complete trial nothing is selected, and the last three are None.
    """

    trials: int
    complete: int
    best: Trial | None = None
    efficient: Trial | None = None
    on_test: OnTest | None = None


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
    return TRIAL.dump_python(trial, exclude_none=True)


def from_plain(values: Mapping[str, Any]) -> Trial:
    """Inverse of `as_plain`."""
    try:
        return TRIAL.validate_python(values)
    except ValidationError as error:
        raise ResultsError(f"a trial of a study is damaged: {error}") from error


def trials_of(document: Document, architecture: str) -> list[Trial]:
    """All trials that a study's document holds for an architecture, of every seed."""
    cells = (cell for cell in document.cells if cell.method == architecture)
    return [from_plain(trial) for cell in cells for trial in (cell.result.details or {})["trials"]]


def selected_on(document: Document) -> On:
    """What the trials of a study's document were selected on."""
    found = {cell.parameters["select_on"] for cell in document.cells}
    if len(found) != 1:
        raise ResultsError(f"the study's cells were selected on {', '.join(sorted(found)) or 'nothing'}, expected one of both")
    return found.pop()


def studied(architecture: str, profile: str, data_source: str) -> tuple[Document, str]:
    """The study that tunes an architecture, and whether it is the reader's "run" or the project's "locked" one.

    The run of the same profile on the same data source counts, else the locked study of that data source.

    Raises
    ------
    MissingResult : neither has the architecture.
    """
    for origin, source in (("run", ("run", data_source, profile)), ("locked", (data_source,))):
        try:
            document = results.load(STUDY, *source)
        except MissingResult:
            continue
        if any(cell.method == architecture for cell in document.cells):
            return document, origin
    raise MissingResult(
        f"{architecture} has not been tuned on {data_source} data; make its study with "
        f"`python -m mstask run {STUDY} --profile {profile} --data {data_source} --methods {architecture}`"
    )


def chosen(method: str, parameters: Parameters) -> tuple[str, Trial, str]:
    """Architecture, selected trial and origin of the study ("run" or "locked") that a tuned network takes from it."""
    architecture = method.removesuffix(EFFICIENT)
    document, origin = studied(architecture, parameters.profile, parameters.data_source)
    points = select(trials_of(document, architecture), selected_on(document))
    return architecture, points.efficient if method.endswith(EFFICIENT) else points.best, origin


def read_from_study(place: Place, parameters: Parameters) -> dict[str, str]:
    """Digest of the configuration that a tuned network is built from; empty for a dense one, or before the study has run."""
    if place.method.removesuffix(EFFICIENT) not in section(STUDY).methods:
        return {}
    try:
        configuration = chosen(place.method, parameters)[1].configuration
    except ResultsError:  # none, or a damaged one, which is told when a cell needs it
        return {}
    return {STUDY: hashlib.sha256(json.dumps(asdict(configuration), sort_keys=True).encode()).hexdigest()}


def summary_of(document: Document) -> dict[str, Found]:
    """What a study's document says of each architecture; empty for other documents."""
    methods = dict.fromkeys(cell.method for cell in document.cells if "trials" in (cell.result.details or {}))
    return {method: _found(trials_of(document, method), selected_on(document)) for method in methods}


def _found(trials: list[Trial], on: On) -> Found:
    if not (ended := complete(trials)):
        return Found(len(trials), 0)
    points = select(trials, on)
    honest, peeking = (select(trials, looked).best.test_macro_f1 for looked in ("validation", "test"))
    return Found(len(trials), len(ended), points.best, points.efficient, OnTest(honest, peeking, peeking - honest))
