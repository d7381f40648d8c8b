"""Results: the cells of a run, the documents they merge into, and the locks on documents that are kept.

Layout of the results folder (`MSTASK_RESULTS`, or `results/` of the checkout)::

    published/<section>.json                                    the papers' figures
    embedded/<section>.json                                     this project's locked runs on the data that comes with it
    real/<section>.json                                         locked runs on original data, the project's or a lab's
    recorded/<section>.json                                     locked runs on openly licensed recordings
    runs/<section>/<profile>-<data source>/<method>-<seed>.json the reader's cells, one file each (<method>@<case>-<seed>)
    manifest.json                                               the locks
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mstask import paths
from mstask.errors import nearest
from mstask.parameters import PROFILES, profile_of
from mstask.paths import results_dir as runs_root
from mstask.results.documents import (
    SCHEMA,
    Cell,
    DataRecord as DataRecord,
    DataSource,
    Document,
    Measures as Measures,
    Provenance,
    Source,
    Timing as Timing,
    describe,
    dumps,
    read_record,
    sealed as sealed,
    unchanged,
)
from mstask.results.files import MissingResult, ResultsError, write_atomic
from mstask.results.locks import check_cells, kept_folder, lock, now, verify as verify

DATA_SOURCES = ("real", "recorded", "embedded")
SOURCES = ("published", "embedded", "real", "recorded", "run")
COMPUTING = ("mstask", "notebooks", "benchmarks", "pyproject.toml", "requirements.txt", "constraints.txt")
"""What of the checkout can change a number: files of one's own beside it don't."""
PACKAGES = ("torch", "numpy", "numba", "scipy", "scikit-learn")


def provenance(command: str, device: str = "cpu") -> Provenance:
    """Return what made a result now: revision, versions, machine and threads; no host, user or folder names."""
    import torch

    revision = paths.git("rev-parse", "HEAD")
    changed = paths.git("status", "--porcelain", "--", *COMPUTING)
    for folder, shown in ((str(paths.ROOT), "."), (str(paths.home()), "~")):
        command = re.sub(rf"{re.escape(folder)}(?![\w.-])", shown, command) if len(folder) > 1 else command
    return Provenance(
        revision=revision or "unknown",
        dirty=changed != "" or not revision,
        command=command,
        versions={"python": platform.python_version()} | {p: paths.version(p) or "none" for p in PACKAGES},
        machine=machine(),
        threads=torch.get_num_threads(),
        device=device,
        created=now(),
    )


def machine() -> str:
    """Return which machine this is: processor, cores and system."""
    return f"{_cpu()}, {os.cpu_count()} logical cores, {platform.system()} {platform.machine()}"


def cell_path(section: str, profile: str, data_source: str, method: str, seed: int, case: str | None = None) -> Path:
    """Return the file of one cell of a run."""
    place = f"{method}@{case}-{seed}" if case else f"{method}-{seed}"
    return run_folder(section, profile, data_source) / f"{place}.json"


def run_folder(section: str, profile: str, data_source: str) -> Path:
    """Return the folder of a run."""
    return runs_root() / "runs" / section / f"{profile}-{data_source}"


def cell_files(folder: Path) -> list[Path]:
    """Return the documents of cells in a run's folder, in order."""
    return sorted(folder.glob("[!.]*.json"))


def write_cell(path: str | Path, cell: Cell) -> None:
    """Write one cell to its file, whole or not at all."""
    write_atomic(path, dumps({"schema_version": SCHEMA, **cell.model_dump()}))


def read_cell(path: str | Path) -> Cell:
    """Read and check one cell's file."""
    return read_record(path, Cell)


def comparable(cell: Cell) -> dict[str, Any]:
    """Return all of a cell that must be equal between identical runs: no timing, no provenance."""
    return cell.model_copy(update={"timing": None, "provenance": None}).model_dump()


def write_document(path: str | Path, document: Document) -> None:
    """Write a document to its file in canonical form, whole or not at all."""
    write_atomic(path, dumps(document))


def read_document(path: str | Path) -> Document:
    """Read and check one document's file."""
    return read_record(path, Document)


def merge(
    cells: Iterable[Cell],
    *,
    source: Source = "run",
    reference: str | None = None,
    budget: str | None = None,
    title: str | None = None,
) -> Document:
    """Gather cells of one section, profile and data set into a document, ordered by case, method and seed."""
    cells = sorted(cells, key=lambda cell: (cell.case or "", cell.method, cell.seed))
    if not cells:
        raise ResultsError("no cells to merge, expected at least one")
    first = cells[0]
    origin = f"{first.data.source} data" if first.data else "unrecorded data"
    try:
        return Document(
            section=first.section,
            source=source,
            profile=first.profile,
            title=title or first.section.capitalize(),
            reference=reference or f"Own run, profile {first.profile}, {origin}",
            budget=budget,
            cells=cells,
        )
    except ValidationError as error:
        raise ResultsError(f"the cells of section {first.section!r} don't fit together: {describe(error)}") from None


def run_cells(section: str, profile: str, data_source: str) -> list[Cell]:
    """Read all cells of one run; a cell filed under another run's folder is an error naming the file."""
    cells = []
    for path in cell_files(run_folder(section, profile, data_source)):
        cell = read_cell(path)
        source = cell.data.source if cell.data else data_source
        if path != cell_path(cell.section, cell.profile, source, cell.method, cell.seed, cell.case):
            raise ResultsError(f"{path} holds cell {cell.label} ({cell.profile}, {source}), which belongs elsewhere")
        cells.append(cell)
    return cells


def load(section: str, source: str = "embedded", data_source: str | None = None, profile: str | None = None) -> Document:
    """Return the document of a section in one of the voices.

    Parameters
    ----------
    section
        "ablation", "disjoint", ...
    source
        "published" (the papers' figures), "embedded" (this project's locked runs), "real" (locked runs on original data),
        "recorded" (locked runs on openly licensed recordings) or "run" (the reader's).
    data_source, profile
        Which run is meant. By default one of a larger profile counts more than one of a smaller, and real data or
        recordings more than embedded data.

    What nobody has made is a `MissingResult`, which says how to make it; what is damaged or doesn't fit a `ResultsError`.
    """
    if source not in SOURCES:
        raise ResultsError(f"unknown source {source!r}: {nearest(str(source), SOURCES)}")
    if source != "run":
        return _load_kept(section, source)
    for chosen_profile in [profile] if profile else reversed(PROFILES):
        for chosen_data in [data_source] if data_source else DATA_SOURCES:
            if cells := run_cells(section, chosen_profile, chosen_data):
                return merge(cells)
    for what, value, valid in (("profile", profile, PROFILES), ("source of data", data_source, DATA_SOURCES)):
        if value and profile_of(value) not in valid:
            raise ResultsError(f"unknown {what} {value!r}: {nearest(value, valid)}")
    if said := _cannot_be_made(section, data_source):
        raise MissingResult(f"no run of section {section!r}: {said}")
    wanted = "".join(f" --{k} {v}" for k, v in (("profile", profile), ("data", data_source)) if v)
    folder = runs_root() / "runs" / section
    others = sorted(path.name for path in folder.glob("*") if path.is_dir())
    raise MissingResult(
        f"no {'such ' if wanted else ''}run of section {section!r} in {folder}"
        f"{' (found: ' + ', '.join(others) + ')' if others else ''}; make one with "
        f"`python -m mstask run {section}{wanted}`"
    )


def load_present(sections: Iterable[str], source: str = "embedded") -> dict[str, Document]:
    """Return by section the documents that a voice has, as `load` finds them; sections without one are left out."""
    found = {}
    for section in dict.fromkeys(sections):
        with contextlib.suppress(MissingResult):
            found[section] = load(section, source)
    return found


def changed_runs() -> list[Document]:
    """Return the runs with parameters of the reader's own ("quick+1f2e3d4c"), in the order of their folders."""
    folders = [path for path in sorted((runs_root() / "runs").glob("*/*+*-*")) if path.is_dir()]
    runs = [run_cells(path.parent.name, *path.name.rsplit("-", 1)) for path in folders]
    if not any(runs):
        raise MissingResult(f"no run with changed parameters in {runs_root() / 'runs'}")
    return [merge(cells) for cells in runs if cells]


def lock_run(
    section: str,
    profile: str = "paper",
    data_source: DataSource = "embedded",
    budget: str | None = None,
    title: str | None = None,
) -> Path:
    """Merge a run's cells, write them as the section's kept document, lock it, and return its path.

    It goes to the folder of its data source: `embedded/`, `real/` or `recorded/`. `budget` says in a sentence how the run falls
    short of the paper's protocol. `title` is the section's.
    """
    cells = run_cells(section, profile, data_source)
    if not cells:
        raise MissingResult(
            f"no cells of section {section!r} with profile {profile!r} on {data_source} data in "
            f"{runs_root() / 'runs'}; run `python -m mstask run {section} --profile {profile} "
            f"--data {data_source}` first"
        )
    reference = f"This project's run, profile {profile}, {data_source} data"
    document = merge(cells, source=data_source, reference=reference, budget=budget, title=title)
    path = runs_root() / data_source / f"{section}.json"
    if problems := check_cells(document):
        raise ResultsError(f"{path} isn't written, since it couldn't be locked: {'; '.join(problems)}")
    write_document(path, document)
    lock(path)
    return path


def _load_kept(section: str, folder: str) -> Document:
    path = kept_folder(folder) / f"{section}.json"
    try:
        document = unchanged(path)
    except MissingResult:
        if lacking := paths.lacking(f"{folder} results of {section!r} are in the repository"):
            raise MissingResult(lacking) from None
        if folder == "published":
            raise MissingResult(f"{path} does not exist: no figures are published for {section!r}") from None
        if said := _cannot_be_made(section, folder):
            raise MissingResult(f"{path} does not exist: {said}") from None
        data = "" if folder == "embedded" else f" --data {folder}"
        raise MissingResult(
            f"{path} does not exist; make it with `python -m mstask run {section} --profile paper{data}` "
            f"and `python -m mstask lock {section}{data}`"
        ) from None
    if document.section != section:
        raise ResultsError(f"{path} holds section {document.section!r}, expected {section!r}")
    return document


def _cannot_be_made(section: str, data_source: str | None) -> str:
    """Say why no run could make a section's document on this source of data; empty where one could."""
    from mstask.section import sections

    known = sections()
    if section not in known:
        return f"there is no such section; {nearest(section, known)}"
    if data_source and data_source not in known[section].data_sources:
        return f"that section has no {data_source} data, but {' and '.join(known[section].data_sources)}"
    return ""


def _cpu() -> str:
    """Return the processor's model name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown processor")
