"""Look up the book's numbers: `source/section:dotted.path|format` in result documents, claims and protocol.

| reference | where it is looked up |
|---|---|
| `published/disjoint:best` | `mstask.summary.summarise` of the papers' figures |
| `embedded/ablation:methods.D1_H1.macro_f1.mean` | the same of this project's locked runs |
| `real/ncg?:best` | the same of locked runs on original data |
| `run/ablation:best` | the same of the reader's own runs, which may not exist |
| `claims/embedded:radar-winner.verdict` | the claims ledger of one voice, by claim id |
| `synthesis/embedded:wiring.radar.difference` | what matching each part gains, see `studies.synthesis.contests` |
| `claims/embedded:count.supported` | how many claims have a verdict; `all` is the number of claims |
| `originals/fsdd:commit` | what is known of openly licensed recordings, absent where there is no copy of them |
| `locked/embedded:cells` | what is locked of a voice: documents, cells, seconds and hours they took, whether they are intact |
| `changed/run` | the reader's runs with parameters of their own, a document each |
| `protocol:beta` | the constants of the paper's protocol |
| `protocol/probe:max_epochs` | the parameters of one section in its largest profile; `number` is its place in the paper |

What isn't there is an error, unless it belongs to the reader's run or the section ends in a question mark, as in
`embedded/ablation?:best`; then the page says so. In the documents given to an exhibit, `*` stands for every section.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sphinx.environment import BuildEnvironment

from mstask import claims, paths, results, summary
from mstask.claims.rules import SMALLEST
from mstask.claims.words import listed
from mstask.data import recorded
from mstask.data.originals import Original
from mstask.errors import MstaskError, nearest
from mstask.lab import locked
from mstask.protocol import PROTOCOL
from mstask.results import locks, voices
from mstask.section import section, sections, study_of
from mstask.studies.synthesis import contests as synthesis

CODE = (paths.ROOT / "mstask", Path(__file__).parent)
SOURCES = (*voices.VOICES, "claims", "synthesis", "locked", "changed", "originals", "protocol", "afternoon")
DECLARED = ("protocol", "afternoon")
"""Sources that are the declaration of a section, in the profile "paper" or "afternoon"."""


class BrokenReference(MstaskError):
    """A reference in the book that names no value; the message says which file and key, and what is there."""


class Absent(MstaskError):
    """A value that may be absent, and is: no error, the page says so instead."""


@dataclasses.dataclass(frozen=True)
class Reference:
    """One parsed reference.

    Parameters
    ----------
    source : "published", "embedded", "real", "recorded", "run", "claims", "synthesis", "locked", "changed", "protocol" or
        "afternoon".
    section : section id, or the voice for claims and locks, or "" for the protocol that all sections share.
    path : the keys below it.
    spec : a format specification of Python, or "label" for a method's display name.
    optional : whether the document may be absent.
    """

    source: str
    section: str
    path: tuple[str, ...]
    spec: str
    optional: bool

    @classmethod
    def parse(cls, text: str) -> Reference:
        where, _, spec = text.partition("|")
        stem, _, dotted = where.strip().partition(":")
        source, _, section = stem.partition("/")
        if source not in SOURCES:
            raise BrokenReference(f"{text!r} names no known source; {nearest(source, SOURCES)}")
        if source != "protocol" and not section:
            raise BrokenReference(f"{text!r} names no section; expected {source}/<section>:<key>")
        optional = section.endswith("?") or "run" in (source, section)
        return cls(source, section.rstrip("?"), tuple(filter(None, dotted.split("."))), spec.strip(), optional)

    @classmethod
    def every(cls, text: str) -> list[Reference]:
        """Parse a reference that may name every section by a star."""
        return [cls.parse(text.replace("*", name)) for name in (sections() if "*" in text else [""])]

    @property
    def stem(self) -> str:
        """The part that names a document: "source/section"."""
        return f"{self.source}/{self.section}" if self.section else self.source

    @property
    def voice(self) -> str:
        """Whose value it is: "published", "embedded", "real", "recorded", "run", "protocol" or "afternoon"."""
        return self.section if self.source in ("claims", "synthesis", "locked", "changed") else self.source

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Files and folders the value comes from; they need not exist."""
        kept, runs = locks.kept_folder, results.runs_root() / "runs"
        match self.source:
            case "protocol" | "afternoon":
                return ()
            case "claims" | "synthesis":
                return (*(kept(folder) for folder in locks.KEPT), runs)
            case "locked":
                return (kept(self.section), kept(self.section).parent / locks.MANIFEST, paths.ROOT / "notebooks")
            case "run":
                return (runs / self.section,)
            case "changed":
                return (runs,)
            case "originals":
                original = _original(self.section)
                return (paths.named(original.variable) or original.archive,)
            case _:
                return (kept(self.source) / f"{self.section}.json",)

    @property
    def shown(self) -> str:
        """What the value is read from, as a reader knows it."""
        match self.source:
            case "protocol" | "afternoon":
                module = f"{study_of(self.section).__name__}.declare" if self.section else "mstask.protocol"
                return f"{module.replace('.', '/')}.py"
            case "claims":
                return f"claims ledger, {self.section}"
            case "locked":
                return f"results/{locks.MANIFEST}"
            case "synthesis":
                return f"results of {', '.join(synthesis.SECTIONS)}, {self.section}"
            case "run":
                return f"results/runs/{self.section}"
            case "changed":
                return "results/runs"
            case "originals":
                return f"mstask/data/{self.section}.py"
            case _:
                return f"results/{self.source}/{self.section}.json"


class Sources:
    """Everything the pages of one build look up, each document read once."""

    def __init__(self) -> None:
        self._fingerprints: dict[str, str] = {}
        self._documents: dict[tuple[str, str], Any] = {}
        self._views: dict[tuple[str, str], Any] = {}

    def document(self, reference: Reference) -> Any:
        """Return the result document, or the claims or locks of a voice; `Absent` or `BrokenReference` where there is none."""
        key = (reference.source, reference.section)
        if key not in self._documents:
            self._documents[key] = self._load(reference)
        return self._documents[key]

    def exists(self, reference: Reference) -> bool:
        """Say whether there is a document that may be absent."""
        try:
            self.document(reference)
        except Absent:
            return False
        return True

    def value(self, reference: Reference) -> Any:
        """Return the value a reference names."""
        key = (reference.source, reference.section)
        if key not in self._views:
            self._views[key] = self._view(reference)
        return _descend(self._views[key], reference)

    def text(self, reference: Reference) -> tuple[str, Any]:
        """Return the value as the reader sees it, and in full."""
        value = self.value(reference)
        if value is None and reference.voice == "run":
            raise Absent("not available")
        try:
            return _format(value, reference.spec), value
        except (TypeError, ValueError) as error:
            place = f"{reference.shown}: {'.'.join(reference.path)}"
            raise BrokenReference(f"{place} = {value!r} can't be written as {reference.spec!r}: {error}") from error

    def fingerprint(self, stem: str) -> str:
        """Return a fingerprint of all that "source/section" is read from, or, for "", of the code."""
        if stem not in self._fingerprints:
            inputs = Reference.parse(stem).inputs if stem else CODE
            self._fingerprints[stem] = " ".join(digest(path) for path in inputs)
        return self._fingerprints[stem]

    @functools.cached_property
    def problems(self) -> list[str]:
        """Every way in which locked documents differ from their manifest."""
        return results.verify()

    def _load(self, reference: Reference) -> Any:
        if reference.source == "originals" and (absent := recorded.absence(_original(reference.section))):
            raise Absent(absent)
        try:
            if reference.source == "originals":
                return _original(reference.section)
            if reference.source == "claims":
                return _ledger(reference.section)
            if reference.source == "changed":
                return results.changed_runs()
            if reference.source == "locked":
                return locked.locked(reference.section, self.problems)
            if reference.source in DECLARED:
                return section(reference.section)
            if reference.source == "synthesis":
                return results.load_present(synthesis.SECTIONS, reference.section)
            return results.load(reference.section, reference.source)
        except MstaskError as error:
            missing = isinstance(error, results.MissingResult)
            if missing and reference.optional:
                raise Absent(voices.VOICES[reference.voice].absent) from error
            if reference.voice == "run":
                raise Absent(f"your run can't be read: {error}") from error
            raise BrokenReference(str(error)) from error

    def _view(self, reference: Reference) -> Any:
        if reference.source in DECLARED:
            return _protocol(reference.section, "paper" if reference.source == "protocol" else reference.source)
        document = self.document(reference)
        if reference.source == "originals":
            return document
        if reference.source == "locked":
            return _totals(document)
        if reference.source == "claims":
            counts = {verdict: sum(claim.verdict == verdict for claim in document) for verdict in voices.VERDICTS}
            return {claim.id: claim for claim in document} | {"all": len(document), "count": counts, "smallest": SMALLEST}
        if reference.source == "synthesis":
            return synthesis.overview(document)
        return summary.summarise(document)


def _original(name: str) -> Original:
    """Return the recordings of this name."""
    known = {original.name: original for original in recorded.ORIGINALS}
    if name not in known:
        raise BrokenReference(f"{name!r} names no recordings; {nearest(name, known)}")
    return known[name]


def _ledger(voice: str) -> list[claims.Claim]:
    """Return a voice's ledger; with no run at all, the reader's has nothing to say, nor those of real data and recordings."""
    if voice in ("real", "recorded") and not any(locks.kept_folder(voice).glob("*.json")):
        raise results.MissingResult(f"no run on {voices.DATA_NAMES[voice]} is locked")
    if voice == "run" and not next((results.runs_root() / "runs").glob("*/*-*/[!.]*.json"), None):
        raise results.MissingResult("nothing was run yet")
    return claims.ledger(voice)


def _totals(documents: list[locked.Locked]) -> dict[str, Any]:
    """Return what the locked documents of a voice add up to."""
    made = [one.made for one in documents if one.made]
    seconds = sum(m["seconds"] for m in made)
    return {
        "documents": len(documents),
        "cells": sum(m["cells"] for m in made),
        "seconds": seconds,
        "hours": seconds / 3600,
        "intact": not any(one.problems for one in documents),
    }


def _protocol(section_id: str, profile: str) -> dict[str, Any]:
    """Return the constants of the paper's protocol, or a section's place in the paper and its parameters in a profile."""
    if not section_id:
        return dataclasses.asdict(PROTOCOL)
    chosen = section(section_id)
    return {"number": chosen.number, **chosen.protocol, **chosen.size(profile)}


def _descend(value: Any, reference: Reference) -> Any:
    """Follow the path; a key that isn't there is an error that names the nearest ones."""
    for depth, part in enumerate(reference.path):
        fields = _fields(value)
        if part in fields:
            value = fields[part]
        elif isinstance(value, list | tuple) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif reference.voice == "run":
            raise Absent("not in your run")
        else:
            found = ".".join(reference.path[: depth + 1])
            raise BrokenReference(f"{reference.shown} has no key {found!r}; {_choices(value, part)}")
    return value


def _fields(value: Any) -> Mapping[str, Any]:
    """What a path may name in a value: keys of a mapping, fields and properties of a record; nothing in anything else."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        return vars(value)
    if not dataclasses.is_dataclass(value):
        return {}
    properties = (name for name, found in vars(type(value)).items() if isinstance(found, property))
    return vars(value) | {name: getattr(value, name) for name in properties}


def _choices(value: Any, part: str) -> str:
    if fields := _fields(value):
        return nearest(part, [str(key) for key in fields])
    if isinstance(value, list | tuple):
        return f"it is a list of {len(value)}"
    return f"it ends at {value!r}"


def _format(value: Any, spec: str) -> str:
    if isinstance(value, list | tuple):
        return listed(_format(item, spec) for item in value) if value else ""
    if value is None or _fields(value) or isinstance(value, Mapping):
        raise TypeError("it is no single value")
    if spec == "label":
        return voices.label(value)
    text = format(value, spec)
    return text if isinstance(value, str) else text.replace("-", "−")


def sources_of(env: BuildEnvironment) -> Sources:
    """Return the look-up of the build now running."""
    return env.app.mstask_sources


def digest(path: Path) -> str:
    """Return a fingerprint of a file's bytes, or of every JSON, Python and JavaScript file in a folder; "absent" if neither."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if not path.is_dir():
        return "absent"
    total = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.suffix in {".json", ".py", ".js"} and p.is_file()):
        total.update(f"{file.relative_to(path).as_posix()} {digest(file)}\n".encode())
    return total.hexdigest()
