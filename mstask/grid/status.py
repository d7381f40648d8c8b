"""The state of each cell of every run: done, stale (its inputs have changed), failed or missing; and what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mstask import results
from mstask.errors import MstaskError
from mstask.grid.inputs import inputs, is_earlier, of_cell
from mstask.grid.progress import duration
from mstask.parameters import Parameters
from mstask.results.files import read_json
from mstask.sections import Place, checked, differing, grid, label, section, sections

STATES = ("done", "stale", "failed", "missing")
UNKNOWN_CODE = "made before code was recorded"
EARLIER_SCHEME = "whether its code has changed is unknown: it was recorded by an earlier scheme"
FAILURE = ".failure.json"
OTHER_SECTION = "the section has other parameters or names now"


@dataclass(frozen=True)
class Found:
    """A cell's document as far as it can be read, its state, why it isn't simply done, and what has changed since."""

    cell: results.Cell | None
    state: str
    note: str = ""
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """What is known of one cell; `note` says why it isn't simply done, `seconds` what its document cost, `differs` which
    parameters of its run aren't the profile's ("max_epochs=1")."""

    section: str
    profile: str
    data: str
    method: str
    case: str | None
    seed: int
    state: str
    note: str = ""
    seconds: float | None = None
    differs: str = ""


@dataclass(frozen=True)
class Run:
    """A folder of cells: the profile and what follows it ("quick+1f2e3d4c"), the data source, and the parameters; None where
    the section can't have them any more."""

    section: str
    label: str
    data: str
    parameters: Parameters | None


def path_of(section_id: str, place: Place, parameters: Parameters) -> Path:
    """The file of a cell's document."""
    return results.cell_path(
        section_id, label(section_id, parameters), parameters.data_source, place.method, place.seed, place.case
    )


def failure_path(path: Path) -> Path:
    """The file that says how a cell failed, beside the document it didn't write."""
    return path.with_name(f".{path.stem}{FAILURE}")


def find(section_id: str, place: Place, parameters: Parameters, fingerprint: str | None = None) -> Found:
    """Look for a cell's document and compare what made it with what would make it now.

    With a fingerprint the data is compared too. A document that doesn't say which code made it counts as done.
    """
    path = path_of(section_id, place, parameters)
    try:
        cell = results.read_cell(path)
    except results.MissingResult:
        failure = _failure(path)
        return Found(None, "failed" if failure else "missing", failure)
    except results.ResultsError as error:
        return Found(None, "missing", str(error))
    changed = tuple(_changed(cell, section_id, place, parameters, fingerprint))
    if changed:
        told = EARLIER_SCHEME if changed == ("code",) and is_earlier(_made(cell)) else f"changed: {', '.join(changed)}"
        return Found(cell, "stale", told, changed)
    known = cell.provenance is not None and cell.provenance.inputs is not None
    return Found(cell, "done", "" if known else UNKNOWN_CODE)


def finished(section_id: str, place: Place, parameters: Parameters, fingerprint: str | None = None) -> results.Cell | None:
    """The document of a cell that was already run with these inputs, or None."""
    found = find(section_id, place, parameters, fingerprint)
    return found.cell if found.state == "done" else None


def of_run(run: Run) -> Iterator[State]:
    """The state of every cell that a run has, and of a profile's own run also of those that are missing."""
    about, parameters = section(run.section), run.parameters
    found = on_disk(run)
    differs = ""
    if parameters is not None:
        changed = differing(run.section, parameters.of_cell())
        differs = ", ".join(f"{name}={value}" for name, (value, _) in changed.items())
        found = list(dict.fromkeys([*([] if changed else grid(parameters)), *found]))
    for place in found:
        known = place.method in about.methods and (place.case in about.cases if about.cases else place.case is None)
        if parameters is None or not known:
            yield State(run.section, run.label, run.data, *place, "stale", OTHER_SECTION)
            continue
        one = find(run.section, place, parameters)
        seconds = one.cell.timing.seconds if one.cell and one.cell.timing else None
        yield State(run.section, run.label, run.data, *place, one.state, one.note, seconds, differs)


def everything(chosen: list[str], profile: str | None = None, data: str | None = None) -> list[State]:
    """The state of every cell of the sections' runs; of a section without any run, those of its profile (quick)."""
    states: list[State] = []
    for section_id in chosen or list(sections()):
        runs = [
            run
            for run in existing(section_id)
            if profile in (None, run.label.partition("+")[0]) and data in (None, run.data) and on_disk(run)
        ]
        if not runs:
            plain = checked(section_id, profile=profile, data_source=data)
            runs = [Run(section_id, plain.profile, plain.data_source, plain)]
        states += (state for run in runs for state in of_run(run))
    return states


def existing(section_id: str) -> list[Run]:
    """Every run that a section has in the results folder."""
    found = []
    for folder in sorted((results.runs_root() / "runs" / section_id).glob("*-*")):
        name, _, data = folder.name.rpartition("-")
        given = {"profile": name.partition("+")[0], "data_source": data}
        try:
            parameters = checked(section_id, **given | (_recorded(section_id, folder) if "+" in name else {}))
        except MstaskError:
            parameters = None
        fits = parameters is not None and label(section_id, parameters) == name
        found.append(Run(section_id, name, data, parameters if fits else None))
    return found


def on_disk(run: Run) -> list[Place]:
    """The cells of which a run has a document, or a note on how they failed, by the names of the files."""
    folder = results.cell_path(run.section, run.label, run.data, "any", 0).parent
    stems = [path.stem for path in sorted(folder.glob("[!.]*.json"))]
    stems += [path.name.removeprefix(".").removesuffix(FAILURE) for path in sorted(folder.glob(f".*{FAILURE}"))]
    places = []
    for stem in dict.fromkeys(stems):
        name, _, seed = stem.rpartition("-")
        method, _, case = name.partition("@")
        if method and seed.isdigit():
            places.append(Place(method, case or None, int(seed)))
    return places


def kept(section_id: str) -> dict[str, Any] | None:
    """How many locked cells a section has, their cost, and how many were made by the present code; None without any."""
    try:
        return of_document(results.load(section_id, "embedded"))
    except results.ResultsError:
        return None


def of_document(document: results.Document) -> dict[str, Any]:
    """How many cells a section's document has, their cost, and how many were made by the present code or can't be told."""
    now = inputs(section(document.section))
    made = [_made(cell) for cell in document.cells]
    return {
        "section": document.section,
        "profile": document.profile,
        "cells": len(document.cells),
        "seconds": sum(cell.timing.seconds for cell in document.cells if cell.timing),
        "present_code": sum(now.items() <= found.items() for found in made),
        "earlier_scheme": sum(map(is_earlier, made)),
        "unknown_code": sum(not found for found in made),
    }


def _changed(cell: results.Cell, section_id: str, place: Place, parameters: Parameters, fingerprint: str | None) -> list[str]:
    """What differs between a document and what is asked for now."""
    changed = [name for name, value in parameters.of_cell().items() if cell.parameters.get(name) != value]
    if (cell.section, cell.method, cell.case, cell.seed) != (section_id, *place):
        changed.append(f"it holds {cell.label}")
    if fingerprint is not None and (cell.data is None or cell.data.fingerprint != fingerprint):
        changed.append("data")
    if made := _made(cell):
        now = of_cell(section(section_id), place, parameters)
        names = made.keys() | now.keys() if not is_earlier(made) else (made.keys() | now.keys()) - {"notebook"}
        changed += [name for name in sorted(names) if made.get(name) != now.get(name)]
    return changed


def _made(cell: results.Cell) -> dict[str, str]:
    """The digests that a cell recorded of what made it; none where it was made before there were any."""
    return (cell.provenance.inputs if cell.provenance else None) or {}


def _failure(path: Path) -> str:
    try:
        values = read_json(failure_path(path))
        return f"{values['error']} ({values['notebook']})"
    except (results.ResultsError, LookupError, TypeError):
        return ""


def record_failure(path: Path, error: str, notebook: str, parameters: Parameters) -> None:
    """Remember how a cell failed, until it is done."""
    record = {"error": error, "notebook": notebook, "parameters": parameters.of_cell()}
    results.write_atomic(failure_path(path), results.dumps(record))


def _recorded(section_id: str, folder: Path) -> dict[str, Any]:
    """The parameters in a run's first readable document, or note on a failure."""
    for path in [*sorted(folder.glob("[!.]*.json")), *sorted(folder.glob(f".*{FAILURE}"))]:
        try:
            recorded = read_json(path)["parameters"]
        except (results.ResultsError, LookupError, TypeError):
            continue
        return {name: value for name, value in recorded.items() if name in section(section_id).parameters.model_fields}
    return {}


def summary(states: list[State], kept: list[dict[str, Any]]) -> str:
    """A table of runs with the number of cells in each state and their cost, and what isn't simply done, cell by cell."""
    runs: dict[tuple[str, str, str, str], list[State]] = {}
    for state in states:
        runs.setdefault((state.section, state.profile, state.data, state.differs), []).append(state)
    rows = [["section", "run", *STATES, "cost", "changed"]]
    for (name, profile, data, differs), found in runs.items():
        counts = [str(sum(state.state == wanted for state in found)) for wanted in STATES]
        rows.append([name, f"{profile}, {data}", *counts, duration(sum(state.seconds or 0 for state in found)), differs])
    for entry in kept:
        changed = entry["cells"] - entry["present_code"] - entry["earlier_scheme"] - entry["unknown_code"]
        counts = [str(entry["cells"] - changed), str(changed), "0", "0"]
        rows.append([entry["section"], f"{entry['profile']}, locked", *counts, duration(entry["seconds"]), ""])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for state in states:
        if state.state in ("stale", "failed") or (state.state == "missing" and state.note):
            place = Place(state.method, state.case, state.seed)
            lines.append(f"{state.state}: {state.section} {place} ({state.profile}, {state.data}): {state.note}")
    if unknown := sum(state.note == UNKNOWN_CODE for state in states) + sum(entry["unknown_code"] for entry in kept):
        lines.append(f"{unknown} cells counted as done were {UNKNOWN_CODE}.")
    if earlier := sum(entry["earlier_scheme"] for entry in kept):
        lines.append(f"{earlier} locked cells counted as done recorded their code by an earlier scheme: it can't be compared.")
    return "\n".join(lines)
