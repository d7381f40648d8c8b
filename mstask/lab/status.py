"""The state of each cell of every run: done, stale (its inputs have changed), failed or missing; and what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mstask import results
from mstask.errors import MstaskError
from mstask.identity import inputs, is_earlier
from mstask.parameters import Parameters, profile_of
from mstask.progress import duration
from mstask.results.files import read_json
from mstask.runs import FAILURE, UNKNOWN_CODE, find, made_by
from mstask.section import Place, checked, differing, grid, label, section, sections

STATES = ("done", "stale", "failed", "missing")
OTHER_SECTION = "the section has other parameters or names now"


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
            if profile in (None, profile_of(run.label)) and data in (None, run.data) and on_disk(run)
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
        given = {"profile": profile_of(name), "data_source": data}
        try:
            parameters = checked(section_id, **given | (_recorded(section_id, folder) if "+" in name else {}))
        except MstaskError:
            parameters = None
        fits = parameters is not None and label(section_id, parameters) == name
        found.append(Run(section_id, name, data, parameters if fits else None))
    return found


def on_disk(run: Run) -> list[Place]:
    """The cells of which a run has a document, or a note on how they failed, by the names of the files."""
    folder = results.run_folder(run.section, run.label, run.data)
    stems = [path.stem for path in results.cell_files(folder)]
    stems += [path.name.removeprefix(".").removesuffix(FAILURE) for path in sorted(folder.glob(f".*{FAILURE}"))]
    places = []
    for stem in dict.fromkeys(stems):
        name, _, seed = stem.rpartition("-")
        method, _, case = name.partition("@")
        if method and seed.isdigit():
            places.append(Place(method, case or None, int(seed)))
    return places


def kept(section_id: str) -> list[dict[str, Any]]:
    """By source of data: how many locked cells a section has, their cost, and how many were made by the present code."""
    sources = section(section_id).data_sources
    found = [(source, kept) for source in sources for kept in results.load_present([section_id], source).values()]
    return [of_document(document) | {"data": source} for source, document in found if document.cells]


def of_document(document: results.Document) -> dict[str, Any]:
    """How many cells a section's document has, their cost, and how many were made by the present code or can't be told."""
    about = section(document.section)
    common, own = inputs(about), {method: inputs(about, method) for method in about.added}
    made = [made_by(cell) for cell in document.cells]
    return {
        "section": document.section,
        "profile": document.profile,
        "cells": len(document.cells),
        "seconds": sum(cell.timing.seconds for cell in document.cells if cell.timing),
        "peak_memory": max((c.timing.peak_memory or 0 for c in document.cells if c.timing), default=0) or None,
        "present_code": sum(
            own.get(cell.method, common).items() <= found.items() for cell, found in zip(document.cells, made, strict=True)
        ),
        "earlier_scheme": sum(map(is_earlier, made)),
        "unknown_code": sum(not found for found in made),
    }


def _recorded(section_id: str, folder: Path) -> dict[str, Any]:
    """The parameters in a run's first readable document, or note on a failure."""
    for path in [*results.cell_files(folder), *sorted(folder.glob(f".*{FAILURE}"))]:
        try:
            recorded = read_json(path)["parameters"]
        except (results.ResultsError, LookupError, TypeError):
            continue
        return still_known(section_id, recorded)
    return {}


def still_known(section_id: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded parameters without those that the section has no more."""
    known = section(section_id).parameters.model_fields
    return {name: value for name, value in recorded.items() if name in known}


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
        rows.append([entry["section"], f"{entry['profile']}, {entry['data']}, locked", *counts, duration(entry["seconds"]), ""])
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
