"""The locked documents of a voice: what the manifest says of each, what is wrong with it, and what the present code made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mstask import results
from mstask.lab import status
from mstask.lab.exhibits_parameters import counted
from mstask.parameters import FULL, LISTS, DataSource
from mstask.results import locks
from mstask.section import checked, grid, label, section, sections


@dataclass(frozen=True)
class Locked:
    """One locked document.

    Attributes
    ----------
    name : "embedded/ablation.json", its file under `results/`.
    title : what it is about.
    document : None where the file can't be read.
    entry : its entry in the manifest.
    problems : every way in which file and manifest differ; empty means intact.
    made : of a section's document, what `mstask.lab.status.of_document` returns; else None.
    """

    name: str
    title: str
    document: results.Document | None
    entry: Mapping[str, Any]
    problems: tuple[str, ...]
    made: Mapping[str, Any] | None

    @property
    def section(self) -> str:
        return self.name.partition("/")[2].removesuffix(".json")

    @property
    def path(self) -> Path:
        """Where it lies."""
        folder, _, file = self.name.partition("/")
        return locks.kept_folder(folder) / file


def lock(section_id: str, profile: str | None, data_source: DataSource) -> Path:
    """Lock a section's run as `results.lock_run` does, if each of its cells was made with the parameters of its profile.

    Without a profile it is the larger one of those that are made to be locked. The document's `budget` is the `shortfall`.

    Raises
    ------
    ResultsError
        The locked run of the same profile has cells that this one lacks, or a cell goes by the name of a profile whose
        parameters it doesn't have.
    """
    runs = {name: results.run_cells(section_id, name, data_source) for name in ([profile] if profile else FULL)}
    profile = next((name for name in reversed(runs) if runs[name]), profile or FULL[-1])
    for cell in runs[profile]:
        made = checked(section_id, **status.still_known(section_id, cell.parameters))
        if label(section_id, made) != cell.profile:
            usual = checked(section_id, profile=made.profile, data_source=data_source).of_cell()
            own = ", ".join(f"{n} {v!r}" for n, v in made.of_cell().items() if v != usual[n]) or "no parameter of its own"
            raise results.ResultsError(
                f"the cell {cell.label} of section {section_id} is called {cell.profile!r}, but has {own}: run it again"
            )
    refuse_to_lose(section_id, data_source, runs[profile])
    said = shortfall(section_id, data_source, runs[profile])
    return results.lock_run(section_id, profile, data_source, said, section(section_id).title)


def refuse_to_lose(section_id: str, data_source: DataSource, cells: Sequence[results.Cell]) -> None:
    """Raise a ResultsError where the locked run has cells that are not among these, or can't be read."""
    try:
        before = results.read_document(results.runs_root() / data_source / f"{section_id}.json")
    except results.MissingResult:
        return
    places = {(cell.method, cell.case, cell.seed) for cell in cells}
    lost = [cell.label for cell in before.cells if (cell.method, cell.case, cell.seed) not in places]
    if cells and lost:
        raise results.ResultsError(
            f"the locked run of section {section_id} has {len(before.cells)} cells, this one {len(cells)}, without {lost[0]}"
            f"{f' and {len(lost) - 1} more' if len(lost) > 1 else ''}: run them, or delete the locked document first"
        )


def shortfall(section_id: str, data_source: str, cells: Sequence[results.Cell]) -> str | None:
    """In what cells of a section aren't the published protocol, read from their parameters; None where in nothing.

    Parameters that the section got after the cells were made are those of the cells' profile.
    """
    chosen, paper = section(section_id), checked(section_id, profile="paper", data_source=data_source)
    made = checked(section_id, **status.still_known(section_id, cells[0].parameters)) if cells else paper
    found = [
        f"{name} {counted(name, getattr(made, name), chosen)} instead of {counted(name, value, chosen)}"
        for name, value in paper.of_cell().items()
        if name != "profile" and getattr(made, name) != value
    ]
    parts = [{getattr(cell, name.removesuffix("s")) for cell in cells} for name in LISTS]
    for name, part in zip(LISTS, parts, strict=True):
        own = part - {None}
        if lacking := set(getattr(paper, name)) - own - set(chosen.added):
            found.append(f"{len(own)} of {len(own) + len(lacking)} {name}")
    run = {(cell.method, cell.case, cell.seed) for cell in cells}
    wanted = [place for place in grid(paper) if all(part in own for part, own in zip(place, parts, strict=True))]
    if left := sum(place not in run for place in wanted):
        found.append(f"{left} of these {len(wanted)} cells not run")
    known = {cell.data.name for cell in cells if cell.data and cell.case is None}
    found += [f"data {name} instead of {chosen.data}" for name in sorted(known - {chosen.data})]
    said = [", ".join(found)] if found else []
    return " ".join(f"{one}." for one in (*said, *chosen.reasons)) or None


def locked(source: str, problems: Sequence[str] | None = None) -> list[Locked]:
    """Return the locked documents of "published" or of a source of data: sections in the order of the book, then others.

    `problems` is what `results.verify` says, where it was asked already.

    Raises
    ------
    MissingResult
        There are none.
    """
    entries = locks.kept_entries()
    names = {name.partition("/")[2].removesuffix(".json"): name for name in entries if name.startswith(f"{source}/")}
    if not names:
        raise results.MissingResult(f"no {source} document is locked in {locks.kept_folder(source).parent}")
    problems = results.verify() if problems is None else problems
    order = [name for name in sections() if name in names]
    return [_locked(names[name], entries[names[name]], problems) for name in [*order, *sorted(names.keys() - set(order))]]


def _locked(name: str, entry: Mapping[str, Any], problems: Sequence[str]) -> Locked:
    source, _, file = name.partition("/")
    section_id = file.removesuffix(".json")
    try:
        document = results.load(section_id, source)
    except results.ResultsError:
        document = None
    known = sections().get(section_id)
    made = status.of_document(document) if document and document.cells and known and source != "published" else None
    title = known.title if known else document.title if document else section_id
    return Locked(name, title, document, entry, tuple(p for p in problems if p.startswith(f"{name}: ")), made)
