"""What it would take to turn a verdict: another margin, one seed less, a correction for many comparisons.

- *Margin*: the smallest lead that would have to be required, instead of any lead, for the verdict of a claim made of
  comparisons to change.
- *Leaving one out*: the claim is judged again without each seed, and each case, of each section it needs. A spread over
  two seeds says little, so a claim that rests on the interval over three rarely survives this.
- *Holm*: the two-sided p-values of the claim's comparisons, corrected over the family of all comparisons that claims make
  in that section. The verdict doesn't depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mstask.claims.findings import Documents, Finding, find, number, subject
from mstask.results.documents import Document

SIGNIFICANT = 0.05

Test = Callable[[Documents], Finding]


@dataclass(frozen=True)
class Removal:
    """The verdict without one seed ("seed 42") or case of one section."""

    section: str
    left_out: str
    verdict: str


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


def margin(finding: Finding) -> float | None:
    """Return the smallest margin at which the verdict changes; None where it isn't one of comparisons.

    Up to this margin a supported or fragile verdict stands and from it on the next weaker one holds; a contradicted
    claim stops being one as soon as a larger deficit than minus this margin is forgiven.
    """
    judged = finding.statements
    if not judged or finding.verdict == "not testable":
        return None
    if finding.verdict == "supported":
        return min(statement.floor for statement in judged)
    return min(statement.found["difference"] for statement in judged)


def describe(finding: Finding, removals: Sequence[Removal]) -> str:
    """Return all that is known of a verdict's fragility, in sentences."""
    if finding.verdict == "not testable":
        return finding.fragility
    return " ".join(filter(None, [finding.fragility, _margin(finding), _removals(finding, removals), _holm(finding)]))


def _parts(document: Document) -> Iterable[tuple[str, Document]]:
    """Return the document without each seed and without each case, by what is left out."""
    for name in ("seed", "case"):
        values = sorted({v for cell in document.cells if (v := getattr(cell, name)) is not None})
        for value in values if len(values) > 1 else ():
            cells = [cell for cell in document.cells if getattr(cell, name) != value]
            yield _named(name, value), document.model_copy(update={"cells": cells})


def _named(kind: str, value: Any) -> str:
    """Return what is left out, as a reader knows it: a seed, speakers that were held out, or a data set."""
    if kind == "seed":
        return f"seed {value}"
    return f"held-out {value}" if value.startswith("speakers") else value


def _margin(finding: Finding) -> str:
    least = margin(finding)
    if least is None or finding.verdict == "contradicted":
        return ""
    weaker = {"supported": "leave it fragile", "fragile": "contradict it"}[finding.verdict]
    digits = max(3, math.ceil(-math.log10(least)))
    return f"Requiring a lead of more than {number(least, digits)} would {weaker}."


def _removals(finding: Finding, removals: Sequence[Removal]) -> str:
    if not removals:
        return ""
    several = len({removal.section for removal in removals}) > 1
    unit = "seed or case" if any(not removal.left_out.startswith("seed ") for removal in removals) else "seed"
    turned: dict[str, list[str]] = {}
    for removal in removals:
        if removal.verdict != finding.verdict:
            where = f" for {subject(removal.section)}" if several else ""
            turned.setdefault(removal.verdict, []).append(removal.left_out + where)
    if not turned:
        return f"Leaving out any one {unit} changes nothing."
    if len(turned) == 1 and len(removals) > 1 and len(*turned.values()) == len(removals):
        return f"Without any one {unit} it is {next(iter(turned))}."
    return " ".join(f"Without {' or '.join(names)} it is {verdict}." for verdict, names in turned.items())


def _holm(finding: Finding) -> str:
    against = finding.verdict == "contradicted"
    judged = [s for s in finding.statements if not against or s.verdict() == "contradicted"]
    corrected = [c for statement in judged if (c := statement.corrected()) is not None]
    if not corrected or len(corrected) < len(judged):
        return ""
    chosen = (min if against else max)(corrected, key=lambda c: c.p)
    p = "p < 0.001" if chosen.p < 0.001 else f"p = {chosen.p:.3f}"
    family = f"After Holm's correction over {chosen.family} comparisons {p}" if chosen.family > 1 else f"The test gives {p}"
    difference = "the difference against it" if against else "the difference"
    outcome = "stands" if chosen.p < SIGNIFICANT else "may be chance"
    if abs(chosen.p - SIGNIFICANT) < 2 * chosen.error:
        outcome = "is at the edge of chance"
    return f"{family} ({chosen.basis}): {difference} {outcome}."
