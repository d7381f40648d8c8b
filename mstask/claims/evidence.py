"""What stands beside a verdict: leaving one out, fewer seeds, and how the networks were trained.

- *Leaving one out*: the claim is judged again without each seed, and each case, of each section it needs. With three seeds
  the two that are left rarely decide anything.
- *The paper's seeds*: where a section has more seeds than the paper's three, the verdict that those three alone would give.
- *Budget*: how many of the networks that the claim needs stopped because validation had stopped improving, and how many were
  cut off by their budget. A claim can't be contradicted by networks that were cut, unless the budget is the paper's own.

The first two never change a verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from mstask.claims.figures import Documents
from mstask.claims.findings import Finding, find
from mstask.claims.words import count, listed, seeds_told, several, subject
from mstask.protocol import PROTOCOL
from mstask.results import endings
from mstask.results.documents import Cell, Document
from mstask.section import sections
from mstask.summary.comparisons import common_places, sets_of
from mstask.summary.endings import collapsed
from mstask.summary.once import once

Test = Callable[[Documents], Finding]
Needs = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Removal:
    """The verdict without one seed ("seed 42") or case of one section."""

    section: str
    left_out: str
    verdict: str


@dataclass(frozen=True)
class Budget:
    """How the networks that a claim needs were trained: how many converged or were cut off; of the rest it is not recorded.

    `collapsed` ended far below their own best epoch on validation.
    """

    profiles: tuple[str, ...] = ()
    networks: int = 0
    converged: int = 0
    cut: int = 0
    collapsed: int = 0

    def __str__(self) -> str:
        if not self.networks:
            return ""
        unknown = self.networks - self.converged - self.cut
        parts = {"converged": self.converged, "cut off by the budget": self.cut, "not recorded": unknown}
        told = listed(f"{n} {what}" for what, n in parts.items() if n)
        own = "its own best epoch" if self.collapsed == 1 else "their own best epochs"
        fell = f" {self.collapsed} ended far below {own} on validation." if self.collapsed else ""
        return f"{count(self.networks, 'network')} of profile {listed(self.profiles)}: {told}.{fell}"


def budget(documents: Documents, needs: Needs) -> Budget:
    """Return how the networks that a claim needs were trained."""
    profiles, ended, fell = set(), [], 0
    for section, methods in needs.items():
        document = documents.get(section)
        cells = rests_on(document, methods)
        profiles |= {cell.profile for cell in cells}
        ended += [end for cell in cells for end in endings.of_cell(cell)]
        if document and cells:
            fell += len(collapsed(document.model_copy(update={"cells": cells})))
    return Budget(tuple(sorted(profiles)), len(ended), ended.count(True), ended.count(False), fell)


def rests_on(document: Document | None, methods: Sequence[str]) -> list[Cell]:
    """The cells that a claim on these methods rests on: of each case those at seeds that all its methods have, or else all."""
    own = document.cells if document and document.source != "published" else []
    cells = [cell for cell in own if any(fnmatch(cell.method, pattern) for pattern in methods)]
    seeds: dict[str | None, dict[str, set[int]]] = {}
    for cell in cells:
        seeds.setdefault(cell.case, {}).setdefault(cell.method, set()).add(cell.seed)
    common = {case: set.intersection(*found.values()) for case, found in seeds.items()}
    return [cell for cell in cells if cell.seed in common[cell.case] or not common[cell.case]]


def folds_told(documents: Documents, needs: Needs) -> list[str]:
    """Say for each section that recordings stand in for, on how many of their folds all that the claim needs was run."""
    told = []
    for section, methods in needs.items():
        if (document := documents.get(section)) is None or not (sets := sets_of(document)):
            continue
        run = {case for case, _ in common_places(document, methods)}
        parts = [f"{name} ({n} of {count(len(own), 'fold')})" for name, own in sets.items() if (n := len(run & {*own}))]
        told += [f"Recordings for {subject(section)}: {listed(parts)}."] if parts else []
    return told


def leave_one_out(test: Test, documents: Documents, sections: Iterable[str]) -> list[Removal]:
    """Judge a claim without each seed and each case of the given sections, where there are at least two.

    A claim that can't be tested without a part (as one about a single case can't without it) isn't turned by its absence.
    """
    removals = []
    for section in sections:
        document = documents.get(section)
        for left_out, rest in _parts(document) if document else ():
            verdict = find(test, {**documents, section: rest}).verdict
            if verdict != "not testable":
                removals.append(Removal(section, left_out, verdict))
    return removals


NAMED = 4
"""Seeds and cases up to which they are named where leaving one out turns a verdict."""
PAPER_SEEDS = listed(map(str, PROTOCOL.seeds))
"""The three of Dikmen and Karadağ, as a reader sees them."""


def by_paper_seeds(finding: Finding, test: Test, documents: Documents, sections: Iterable[str]) -> Finding | None:
    """Return what the paper's seeds alone tell; None where no section has others beside them, or none that the claim uses."""
    fewer, more = dict(documents), False
    for section in sections:
        document = documents.get(section)
        seeds = {cell.seed for cell in document.cells} if document else set()
        if document and seeds > set(PROTOCOL.seeds):
            more = True
            fewer[section] = document.model_copy(update={"cells": [c for c in document.cells if c.seed in PROTOCOL.seeds]})
    found = find(test, fewer) if more else finding
    return found if (found.bounds, found.seeds) != (finding.bounds, finding.seeds) else None


def describe(finding: Finding, removals: Sequence[Removal]) -> str:
    """Return what a verdict hangs on, in sentences."""
    if finding.verdict == "not testable":
        return finding.remark
    needed = "" if finding.needed is None else seeds_told(finding.needed, finding.unit)
    return " ".join(filter(None, [finding.remark, needed, _told(finding, removals)]))


@once
def _parts(document: Document) -> list[tuple[str, Document]]:
    """Return the document without each seed and without each case, by what is left out."""
    parts = []
    for name in ("seed", "case"):
        values = sorted({v for cell in document.cells if (v := getattr(cell, name)) is not None})
        for value in values if len(values) > 1 else ():
            cells = [cell for cell in document.cells if getattr(cell, name) != value]
            parts.append((_named(name, value), document.model_copy(update={"cells": cells})))
    return parts


def _named(kind: str, value: Any) -> str:
    """Return what is left out, as a reader knows it: a seed, who or what was held out, or a data set."""
    if kind == "seed":
        return f"seed {value}"
    held_out = [section.held_out for section in sections().values() if value in section.cases]
    for prefix, owner in (pair for known in held_out for pair in known.items()):
        if value.startswith(prefix):
            return f"{owner} {value.removeprefix(prefix)}"
    return value


def _told(finding: Finding, removals: Sequence[Removal]) -> str:
    if not removals:
        return ""
    tried = Counter(removal.section for removal in removals)
    unit = "seed or case" if any(not removal.left_out.startswith("seed ") for removal in removals) else "seed"
    turning = [removal for removal in removals if removal.verdict != finding.verdict]
    verdicts = list(dict.fromkeys(removal.verdict for removal in turning))
    if not turning:
        return f"Leaving out any one {unit} changes nothing."
    if len(verdicts) == 1 and len(turning) == len(removals) > 1:
        return f"Without any one {unit} it is {verdicts[0]}."
    told = []
    for verdict in verdicts:
        parts = []
        for section, n in tried.items():
            names = [removal.left_out for removal in turning if (removal.verdict, removal.section) == (verdict, section)]
            many = f"any one of {len(names)} of the {n} {several(unit.replace(' or ', ' and '))}"
            where = f" for {subject(section)}" if len(tried) > 1 else ""
            parts += [(listed(names, "or") if len(names) <= NAMED else many) + where] if names else []
        told.append(f"Without {listed(parts, 'or')} it is {verdict}.")
    return " ".join(told)
