"""The ledger: what the papers claim, and what a set of result documents says of each claim.

`findings` states the one rule by which comparisons are judged, `fragility` works out what it would take to turn a verdict.
Claims that need another rule state it where they are declared, in each study's `claims.py`. For a prediction, "supported"
means that it came true.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any

from mstask import plugins, results
from mstask.claims.findings import Documents, Finding, find
from mstask.claims.fragility import describe, leave_one_out
from mstask.results.documents import Document


@dataclasses.dataclass(frozen=True)
class Entry:
    """A claim to be judged: `where` is its place in the paper, `needs` names the methods it needs by section id."""

    id: str
    text: str
    where: str
    needs: Mapping[str, tuple[str, ...]]
    test: Callable[[Documents], Finding]


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim and the verdict on it; `where` is its place in the paper, `needs` names methods by section id."""

    id: str
    text: str
    where: str
    verdict: str
    evidence: str
    fragility: str
    needs: dict[str, list[str]]


@cache
def entries() -> tuple[Entry, ...]:
    """Return every claim, in the order of the ledger."""
    return tuple(entry for part in plugins.everywhere("claims") for entry in part.CLAIMS)


def ledger(source: str = "embedded") -> list[Claim]:
    """Judge every claim by the documents of one voice: "published", "embedded", "real", "recorded" or "run".

    Raises
    ------
    ResultsError
        An unknown source, or a damaged document; a missing one is no error but a verdict.
    """
    documents: dict[str, Document | None] = {}
    for section in dict.fromkeys(section for entry in entries() for section in entry.needs):
        try:
            documents[section] = results.load(section, source)
        except results.MissingResult:
            documents[section] = None
    return judge(documents)


def judge(documents: Documents, ids: Collection[str] | None = None) -> list[Claim]:
    """Judge every claim, or those of the given ids, by documents (by section id; what is missing or None can't be tested)."""
    return [_judge(entry, documents) for entry in entries() if ids is None or entry.id in ids]


def as_json(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """Return claims as plain dictionaries with the keys id, text, where, verdict, evidence, fragility and needs."""
    return [dataclasses.asdict(claim) for claim in claims]


def _judge(entry: Entry, documents: Documents) -> Claim:
    finding = find(entry.test, documents)
    testable = finding.verdict != "not testable"
    removals = leave_one_out(entry.test, documents, entry.needs) if testable else []
    needs = {section: list(methods) for section, methods in entry.needs.items()}
    return Claim(entry.id, entry.text, entry.where, finding.verdict, finding.evidence, describe(finding, removals), needs)
