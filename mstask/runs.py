"""Where the document of a cell lies, and whether what made it is what would make it now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mstask import results
from mstask.identity import is_earlier, of_cell
from mstask.parameters import Parameters
from mstask.results.files import read_json
from mstask.section import Place, label, section

UNKNOWN_CODE = "made before code was recorded"
EARLIER_SCHEME = "whether its code has changed is unknown: it was recorded by an earlier scheme"
FAILURE = ".failure.json"


@dataclass(frozen=True)
class Found:
    """A cell's document as far as it can be read, its state, why it isn't simply done, and what has changed since."""

    cell: results.Cell | None
    state: Literal["done", "stale", "failed", "missing"]
    note: str = ""
    changed: tuple[str, ...] = ()


def path_of(section_id: str, place: Place, parameters: Parameters) -> Path:
    """The file of a cell's document."""
    return results.cell_path(
        section_id, label(section_id, parameters), parameters.data_source, place.method, place.seed, place.case
    )


def last_written(section_id: str, parameters: Parameters) -> float:
    """When the newest document of a section's run was written, in seconds since the epoch; 0 without any."""
    folder = results.run_folder(section_id, label(section_id, parameters), parameters.data_source)
    return max((path.stat().st_mtime for path in results.cell_files(folder)), default=0.0)


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
        told = EARLIER_SCHEME if changed == ("code",) and is_earlier(made_by(cell)) else f"changed: {', '.join(changed)}"
        return Found(cell, "stale", told, changed)
    known = cell.provenance is not None and cell.provenance.inputs is not None
    return Found(cell, "done", "" if known else UNKNOWN_CODE)


def finished(section_id: str, place: Place, parameters: Parameters, fingerprint: str | None = None) -> results.Cell | None:
    """The document of a cell that was already run with these inputs, or None."""
    found = find(section_id, place, parameters, fingerprint)
    return found.cell if found.state == "done" else None


def record_failure(path: Path, error: str, notebook: str, parameters: Parameters) -> None:
    """Remember how a cell failed, until it is done."""
    record = {"error": error, "notebook": notebook, "parameters": parameters.of_cell()}
    results.write_atomic(failure_path(path), results.dumps(record))


def made_by(cell: results.Cell) -> dict[str, str]:
    """The digests that a cell recorded of what made it; none where it was made before there were any."""
    return (cell.provenance.inputs if cell.provenance else None) or {}


def _changed(cell: results.Cell, section_id: str, place: Place, parameters: Parameters, fingerprint: str | None) -> list[str]:
    """What differs between a document and what is asked for now."""
    changed = [name for name, value in parameters.of_cell().items() if cell.parameters.get(name) != value]
    if (cell.section, cell.method, cell.case, cell.seed) != (section_id, *place):
        changed.append(f"it holds {cell.label}")
    if fingerprint is not None and (cell.data is None or cell.data.fingerprint != fingerprint):
        changed.append("data")
    if made := made_by(cell):
        now = of_cell(section(section_id), place, parameters)
        names = made.keys() | now.keys() if not is_earlier(made) else (made.keys() | now.keys()) - {"notebook"}
        changed += [name for name in sorted(names) if made.get(name) != now.get(name)]
    return changed


def _failure(path: Path) -> str:
    try:
        values = read_json(failure_path(path))
        return f"{values['error']} ({values['notebook']})"
    except (results.ResultsError, LookupError, TypeError):
        return ""
