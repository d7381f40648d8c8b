"""Trains locked cells anew with the present code, in a scratch folder, and compares what they measure with what is locked."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mstask import results
from mstask.cell import data_record, device_to_use, load
from mstask.errors import MstaskError, UsageError, nearest
from mstask.job import Job
from mstask.lab.status import still_known
from mstask.paths import results_in
from mstask.results import locks
from mstask.results.documents import Cell, DataRecord, Measures
from mstask.section import checked, section


@dataclass(frozen=True)
class Repeat:
    """A locked cell, and what came of training it again: the names of what differs, none where all is equal bit by bit.

    `converged`, which follows from other measures, isn't compared.
    """

    locked: Cell
    measures: Measures
    data: DataRecord

    @property
    def differing(self) -> list[str]:
        """Names of the data's and the measures' fields that differ; of details, those that were locked.

        New ones aren't compared, nor what says whose run of another section a cell built on: here it is always the locked one.
        """
        about, again = self.locked.result, self.measures
        found = ["data"] if self.locked.data is not None and self.locked.data != self.data else []
        fields = [name for name in Measures.model_fields if name not in ("details", "converged")]
        found += [name for name in fields if getattr(about, name) != getattr(again, name)]
        origins = section(self.locked.section).after
        before, now = about.details or {}, again.details or {}
        return found + [f"details.{name}" for name in sorted(before) if name not in origins and before[name] != now.get(name)]

    def __str__(self) -> str:
        score = self.locked.result.macro_f1
        shown = "" if score is None else f", macro-F1 {score:.4f}"
        if not self.differing:
            return f"{self.locked.label}: the same bit by bit{shown}"
        if score is not None and self.measures.macro_f1 != score:
            shown += f", now {self.measures.macro_f1:.4f}"
        made, here = self.locked.provenance, results.machine()
        elsewhere = f"; it was made on {made.machine}, this is {here}" if made and made.machine != here else ""
        answers = _answers(self.locked.result, self.measures)
        return f"{self.locked.label}: differs in {', '.join(self.differing)}{shown}{answers}{elsewhere}"


def chosen(
    section_id: str,
    source: str = "embedded",
    methods: Sequence[str] | None = None,
    cases: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> list[Cell]:
    """Return the locked cells of a section with these names; of all, the one that took the shortest where none are given.

    Raises
    ------
    MissingResult
        Nothing of the section is locked.
    UsageError
        A name that no locked cell has.
    MstaskError
        Cells that were not run here.
    """
    cells = [cell for cell in results.load(section_id, source).cells if cell.parameters and cell.timing and cell.provenance]
    if not cells:
        raise MstaskError(f"no cell of section {section_id} records how it was run")
    every = cells
    for field, wanted in (("method", methods), ("case", cases), ("seed", seeds)):
        known = {str(getattr(cell, field)): getattr(cell, field) for cell in every}
        for name in wanted or ():
            if str(name) not in known:
                raise UsageError(
                    f"no locked cell of section {section_id} has the {field} {name!r}: {nearest(str(name), known)}"
                )
        cells = [cell for cell in cells if wanted is None or getattr(cell, field) in wanted]
    if not cells:
        raise UsageError(f"no locked cell of section {section_id} has these methods, cases and seeds together")
    return (
        cells if methods or cases or seeds else [min(cells, key=lambda cell: cell.timing.seconds if cell.timing else math.inf)]
    )


def repeat(cells: Sequence[Cell]) -> Iterator[Repeat]:
    """Train each cell again with its own parameters and number of threads; results on disk are left alone.

    Parameters that the section has no more are left out; whether that matters, the comparison shows.

    Raises
    ------
    MstaskError
        The section has other parameters now; one that it had not then must stand at its value in the protocol.
    """
    for cell in cells:
        about = section(cell.section)
        parameters = checked(cell.section, **still_known(cell.section, cell.parameters))
        recorded = {**about.protocol, **cell.parameters}
        if changed := [name for name, value in parameters.of_cell().items() if recorded.get(name) != value]:
            raise MstaskError(
                f"{cell.label} can't be repeated: section {cell.section} has other parameters now ({', '.join(changed)})"
            )
        splits = load(cell.section, parameters, cell.case)
        with results_apart() as folder:
            checkpoint = folder / "checkpoint.pt"
            job = Job(about, cell.method, cell.case, cell.seed, parameters, splits, device_to_use(about), checkpoint)
            with _threads(cell.provenance.threads if cell.provenance else 1):
                measures = about.experiment().measure(job).measures
        yield Repeat(cell, measures, data_record(splits))


@contextlib.contextmanager
def results_apart() -> Iterator[Path]:
    """A results folder for the time being, with the locked documents alone: a study's finished trials would be taken over."""
    own = results.runs_root().absolute()
    with tempfile.TemporaryDirectory(prefix="mstask-repeat-") as name:
        for kept in (own / locked for locked in (*locks.KEPT, locks.MANIFEST)):
            if kept.exists():
                (Path(name) / kept.name).symlink_to(kept)
        with results_in(Path(name)):
            yield Path(name)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute on this many threads: the order of sums, and with it their last bits, depends on it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _answers(before: Measures, now: Measures) -> str:
    if before.predictions is None or now.predictions is None or len(before.predictions) != len(now.predictions):
        return ""
    differing = sum(a != b for a, b in zip(before.predictions, now.predictions, strict=True))
    return f", {differing} of {len(before.predictions)} answers" if differing else ", every answer the same"
