"""What became of the verdicts of the first edition, and why: recorded verdicts and runs beside the present ones.

`results/published/first-edition.json` holds, per voice, the verdict that the first edition gave on each claim, and per section
what its locked run was: the seeds, and a digest of every score (`scores`). A verdict whose sections all have the same runs as
then can only have changed by the rule.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from mstask import results
from mstask.claims import Claim
from mstask.results.documents import Document

FIRST = "first-edition"
RULE = "the rule"


class Ran(BaseModel):
    """A section's locked run: its seeds, and the digest of its scores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seeds: list[int]
    scores: str


class Edition(BaseModel):
    """The verdicts of an edition by voice and claim, and its runs by voice and section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    revision: str
    verdicts: dict[str, dict[str, str]]
    runs: dict[str, dict[str, Ran]]


@dataclass(frozen=True)
class Change:
    """A claim on which a voice says something else than it did: the verdict then, and what can have turned it."""

    voice: str
    claim: Claim
    before: str
    because: tuple[str, ...]


def first_edition() -> Edition:
    """The first edition, as recorded."""
    return Edition.model_validate(results.load(FIRST, "published").values)


def scores(document: Document) -> str:
    """A digest of what every cell scored, and of published figures: runs that share it are one run to every claim."""
    cells = sorted(f"{c.method}@{c.case}-{c.seed} {c.result.macro_f1!r} {c.result.accuracy!r}" for c in document.cells)
    means = sorted(f"{name} {mean.model_dump_json()}" for name, mean in document.means.items())
    return hashlib.sha256("\n".join([*cells, *means, json.dumps(document.values, sort_keys=True)]).encode()).hexdigest()


def ran(document: Document) -> Ran:
    """What a section's run was."""
    return Ran(seeds=sorted({cell.seed for cell in document.cells}), scores=scores(document))


def changes(ledgers: Mapping[str, Sequence[Claim] | None], edition: Edition) -> list[Change]:
    """Every claim that a voice judges otherwise than in an edition, in the order of the ledger."""
    found = []
    for voice, ledger in ledgers.items():
        told = edition.verdicts.get(voice, {})
        turned = [claim for claim in ledger or () if told.get(claim.id, claim.verdict) != claim.verdict]
        documents = results.load_present((section for claim in turned for section in claim.needs), voice)
        now = {section: ran(document) for section, document in documents.items()}
        why = dict(differing(edition.runs.get(voice, {}), now))
        for claim in turned:
            because = tuple(f"{section}: {why[section]}" for section in claim.needs if section in why)
            found.append(Change(voice, claim, told[claim.id], because or (RULE,)))
    return found


def differing(then: Mapping[str, Ran], now: Mapping[str, Ran]) -> Iterable[tuple[str, str]]:
    """The sections whose runs aren't what they were, and in what; a verdict on none of them was turned by the rule alone."""
    for section, run in now.items():
        if section not in then:
            yield section, "was not run"
        elif run.seeds != then[section].seeds:
            yield section, f"{len(run.seeds)} seeds instead of {len(then[section].seeds)}"
        elif run.scores != then[section].scores:
            yield section, "run anew by other code" if run.seeds else "the record of published figures differs"
