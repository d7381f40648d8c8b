"""Locks: what `results/manifest.json` says of each kept document, and whether it is still true."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import ValidationError

from mstask import paths
from mstask.results.documents import SCHEMA, DataRecord, Document, Provenance, describe, dumps, unchanged
from mstask.results.files import ResultsError, read_json, write_atomic
from mstask.stats import scoring

KEPT = ("published", "embedded", "real", "recorded")
"""Folders of locked documents, named like the source that documents in each must state: the papers' figures, runs on embedded
data, runs on the papers' own recordings and pictures, and runs on openly licensed recordings."""

MANIFEST = "manifest.json"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def kept_folder(name: str) -> Path:
    """Return the folder of kept documents `name`: the user's if there is one, else the checkout's."""
    own = paths.results_dir() / name
    return own if own.exists() else paths.ROOT / "results" / name


def kept_entries() -> dict[str, dict[str, Any]]:
    """Return the manifest's entry of every locked document that counts, by its name ("embedded/ablation.json")."""
    roots = {folder: kept_folder(folder).parent for folder in KEPT}
    known = {root: read_manifest(root) for root in dict.fromkeys(roots.values())}
    return {name: entry for root in known for name, entry in known[root].items() if roots.get(name.partition("/")[0]) == root}


def lock(path: str | Path) -> Path:
    """Record the document at `path` in the manifest of its results folder, and return the manifest's path.

    Refused is what isn't valid, lies elsewhere, isn't in canonical form, or has scores that don't follow from its predictions.

    Parameters
    ----------
    path
        A document in `published/`, `embedded/`, `real/` or `recorded/` of a results folder.
    """
    path = Path(path).resolve()
    folder, root = path.parent.name, path.parent.parent
    if folder not in KEPT or path.suffix != ".json":
        raise ResultsError(f"{path} can't be locked: expected a .json file in a folder named {', '.join(KEPT)}")
    document, problems = _inspect(path)
    if document is None or problems:
        raise ResultsError(f"{path} can't be locked: {'; '.join(problems)}")
    name, entry = f"{folder}/{path.name}", describe_file(path, document)
    with FileLock(root / "runs" / f".{MANIFEST}.lock"):
        files = read_manifest(root)
        previous = files.get(name, {})
        same = {**previous, "locked": None} == {**entry, "locked": None}
        files[name] = {**entry, "locked": (same and previous.get("locked")) or now()}
        write_atomic(root / MANIFEST, dumps({"schema_version": SCHEMA, "files": files}))
    return root / MANIFEST


def verify(root: str | Path | None = None) -> list[str]:
    """Return every way in which the locked documents differ from their manifest; empty means intact.

    Parameters
    ----------
    root
        A results folder; by default those in use, of the user (`MSTASK_RESULTS`) and of the checkout.
    """
    if root is not None:
        return _verify(Path(root), KEPT)
    folders: dict[Path, list[str]] = {}
    for name in KEPT:
        folders.setdefault(kept_folder(name).parent, []).append(name)
    return [problem for own, names in folders.items() for problem in _verify(own, names)]


def _verify(root: Path, folders: Sequence[str]) -> list[str]:
    try:
        files = read_manifest(root)
    except ResultsError as error:
        return [str(error)]
    present = {f"{folder}/{p.name}" for folder in folders for p in (root / folder).glob("*.json")}
    others = set(KEPT) - set(folders)
    files = {name: entry for name, entry in files.items() if name.partition("/")[0] not in others}
    problems = [] if files or present else [f"{root}: no locked documents found"]
    for name in sorted(present | set(files)):
        if name not in files:
            problems.append(f"{name}: not in {MANIFEST}; lock it or remove it")
        elif name not in present:
            problems.append(f"{name}: listed in {MANIFEST}, but the file is missing")
        else:
            problems += _verify_file(root / name, name, files[name])
    return problems


def read_manifest(root: Path) -> dict[str, dict[str, Any]]:
    """Return the manifest's entries by file name, empty when there is no manifest yet."""
    path = root / MANIFEST
    if not path.exists():
        return {}
    values = read_json(path)
    if not isinstance(values, dict) or set(values) != {"schema_version", "files"}:
        raise ResultsError(f"{path} is no manifest: expected an object of schema_version and files")
    if values["schema_version"] != SCHEMA:
        raise ResultsError(f"{path} has schema version {values['schema_version']!r}, expected {SCHEMA!r}")
    files = values["files"]
    if not isinstance(files, dict) or not all(isinstance(entry, dict) for entry in files.values()):
        raise ResultsError(f"{path} is no manifest: files should map each file name to its entry")
    return files


def describe_file(path: Path, document: Document) -> dict[str, Any]:
    """Return a document's manifest entry without the time of locking; all of it follows from the file."""
    made = [cell.provenance for cell in document.cells if cell.provenance is not None]
    if own := document.values.get("provenance"):
        made.append(Provenance.model_validate(own))
    versions = {name for p in made for name in p.versions}
    cases = {"cases": {case: _identity(data) for case, data in document.cases.items()}} if document.cases else {}
    return cases | {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "section": document.section,
        "source": document.source,
        "profile": document.profile,
        "reference": document.reference,
        "cells": len(document.cells),
        "command": "published" if document.source == "published" else _distinct(p.command for p in made),
        "revision": _distinct(p.revision for p in made),
        "dirty": any(p.dirty for p in made),
        "versions": {v: _distinct(p.versions.get(v, "none") for p in made) for v in sorted(versions)},
        "machine": _distinct(p.machine for p in made),
        "device": _distinct(p.device for p in made),
        "threads": sorted({p.threads for p in made}),
        "data": document.data and _identity(document.data),
    }


def _identity(data: DataRecord) -> dict[str, str]:
    return {"name": data.name, "size": data.size, "fingerprint": data.fingerprint}


def check_cells(document: Document) -> list[str]:
    """Return every way in which a document's cells don't hold what they say, or don't fit together."""
    return check_scores(document) + check_parameters(document)


def check_scores(document: Document) -> list[str]:
    """Return the cells whose stored scores don't follow from their predictions and the test labels."""
    problems = []
    for cell in document.cells:
        if cell.result.predictions is None or cell.data is None:
            continue
        n_classes = len(cell.data.class_names)
        scores = {
            "macro_f1": scoring.macro_f1(cell.result.predictions, cell.data.test_labels, n_classes)[0],
            "accuracy": scoring.accuracy(cell.result.predictions, cell.data.test_labels),
        }
        for name, computed in scores.items():
            stored = getattr(cell.result, name)
            if stored is not None and abs(stored - computed) > 1e-6:
                problems.append(f"cell {cell.label} says {name} {stored}, its predictions give {computed}")
    return problems


def check_parameters(document: Document) -> list[str]:
    """Return the cells whose parameters aren't those of the document's first cell; lists said of early cells what they held."""
    plain = [{k: v for k, v in cell.parameters.items() if not isinstance(v, list)} for cell in document.cells]
    return [
        f"cell {cell.label} ran with other parameters than cell {document.cells[0].label}: {', '.join(sorted(differing))}"
        for cell, own in zip(document.cells, plain, strict=True)
        if (differing := {name for name in plain[0].keys() | own.keys() if plain[0].get(name) != own.get(name)})
    ]


def _inspect(path: Path) -> tuple[Document | None, list[str]]:
    try:
        document = unchanged(path)
    except ResultsError as error:
        return None, [str(error)]
    problems = check_cells(document)
    if path.stem != document.section:
        problems.append(f"the file is named {path.name}, but its section is {document.section!r}")
    if document.source != path.parent.name:
        problems.append(f"the folder is {path.parent.name!r}, but the document's source is {document.source!r}")
    for name, data in [("", document.data), *(document.cases or {}).items()]:
        if data is not None and document.source in KEPT[1:] and data.source != document.source:
            where = f"case {name!r}" if name else "the data"
            problems.append(f"{where} is {data.source}, but the document's source is {document.source!r}")
    if own := document.values.get("provenance"):
        try:
            Provenance.model_validate(own)
        except ValidationError as error:
            problems.append(f"provenance: {describe(error)}")
    if path.read_bytes() != dumps(document).encode("utf-8"):
        problems.append("the file isn't in canonical form; write it with mstask.results.write_document")
    return document, problems


def _verify_file(path: Path, name: str, entry: dict[str, Any]) -> list[str]:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return [f"{name}: could not be read: {error.strerror}"]
    problems = []
    if found != entry.get("sha256"):
        problems.append(f"{name}: SHA-256 is {found}, the manifest says {entry.get('sha256')}")
    expected, others = _described(path, found)
    problems += [f"{name}: {problem}" for problem in others]
    if not problems:
        wrong = [k for k in sorted(expected.keys() | (entry.keys() - {"locked"})) if expected.get(k) != entry.get(k)]
        problems += [f"{name}: the manifest's {k} is {entry.get(k)!r}, the file says {expected.get(k)!r}" for k in wrong]
        if not _TIME.fullmatch(str(entry.get("locked"))):
            problems.append(f"{name}: the manifest's time of locking is {entry.get('locked')!r}, expected UTC")
    return problems


@lru_cache(maxsize=256)
def _described(path: Path, digest: str) -> tuple[dict[str, Any], list[str]]:
    """What a manifest should say of a file, and what is wrong with it; worked out once for the same bytes (their SHA-256)."""
    document, problems = _inspect(path)
    return ({} if document is None or problems else describe_file(path, document)), problems


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))
