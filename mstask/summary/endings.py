"""What a score should be read with: whether training converged, whether a run fell apart, whether it learnt anything at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from mstask.results import endings
from mstask.results.documents import Cell, DataRecord, Document
from mstask.summary.comparisons import spread

VALIDATION = ("validation_macro_f1", "validation_accuracy")
"""Series of a cell's history that say how it did on validation after each epoch."""
FAR = 0.1
STANDARD_ERRORS = 6.0
"""A last epoch is far below the best one if it lies `FAR` below, and as many standard errors of the best score.

The best of 200 looks at noise of one standard error lies about 2.7 above the mean, and a single look seldom more than 3 below
it: of a network that doesn't change, best and last differ by less than six. On large validation sets that is very little, so a
tenth is asked for as well.
"""


@dataclass(frozen=True)
class Endings:
    """How many trainings converged, how many were cut by their budget, and of how many that isn't known."""

    converged: int
    cut: int
    unknown: int

    @property
    def runs(self) -> int:
        return self.converged + self.cut + self.unknown


@dataclass(frozen=True)
class Collapse:
    """A run whose last epoch lies far below its best one, both on validation."""

    case: str | None
    seed: int
    best_epoch: int
    best: float
    last: float


def how_ended(document: Document, method: str | None = None, case: str | None = None) -> Endings:
    """How the trainings of a method ended; of all methods without one, over all cases without one."""
    found = [ended for cell in _cells(document, method, case) for ended in endings.of_cell(cell)]
    return Endings(found.count(True), found.count(False), found.count(None))


def collapsed(document: Document, method: str | None = None, case: str | None = None) -> list[Collapse]:
    """The runs that fell apart; only those that recorded validation after every epoch can be told. See `FAR`."""
    found = []
    for cell in _cells(document, method, case):
        series = cell.result.series(*VALIDATION)
        examples = cell.data.counts.get("validation") if cell.data else None
        if not series or not examples:
            continue
        best, last = max(series), series[-1]
        if best - last > max(FAR, STANDARD_ERRORS * sqrt(best * (1 - best) / examples)):
            found.append(Collapse(cell.case, cell.seed, series.index(best) + 1, best, last))
    return found


def at_chance(document: Document, method: str, case: str | None = None) -> bool | None:
    """Whether a method's macro-F1 can't be told from what guessing scores; over cases, whether it can't in each.

    It can where the 95 % interval over seeds is clear of guessing, or that over the test examples at half of the seeds or more:
    a network that now and then learns nothing has learnt all the same. None where scores or the number of classes aren't known.
    """
    groups: dict[str | None, tuple[DataRecord, list[float]]] = {}
    for cell in _cells(document, method, case):
        if cell.result.macro_f1 is not None and cell.data:
            groups.setdefault(cell.case, (cell.data, []))[1].append(cell.result.macro_f1)
    return all(_touches_chance(scores, data) for data, scores in groups.values()) if groups else None


def remark(document: Document, method: str, case: str | None = None) -> str:
    """What a table says behind a score: " (2 of 3 cut, 1 collapsed, at chance)"; nothing where nothing is to be said.

    Where the budget cut every training of the document, that is said below the table instead.
    """
    whole = how_ended(document)
    ended, fell = how_ended(document, method, case), len(collapsed(document, method, case))
    said = [f"{ended.cut} of {ended.runs} cut"] if ended.cut and whole.cut < whole.runs else []
    said += [f"{fell} collapsed"] if fell else []
    said += ["at chance"] if at_chance(document, method, case) else []
    return f" ({', '.join(said)})" if said else ""


def _cells(document: Document, method: str | None, case: str | None) -> Iterator[Cell]:
    return (cell for cell in document.cells if method in (None, cell.method) and case in (None, cell.case))


def _touches_chance(scores: list[float], data: DataRecord) -> bool:
    guess, n_examples = data.chance, len(data.test_labels)
    low = spread(scores)["low"]
    clear = [score for score in scores if score - 1.96 * sqrt(score * (1 - score) / n_examples) > guess]
    return (low is None or low <= guess) and 2 * len(clear) < len(scores)
