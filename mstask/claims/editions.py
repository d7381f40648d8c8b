"""What became of the verdicts of the first edition, and why: recorded verdicts and runs beside the present ones.

`results/published/first-edition.json` holds, per voice, the verdict that the first edition gave on each claim, and per section
what its locked run was: the seeds, and a digest of every score (`scores`). A verdict whose sections all have the same runs as
then can only have changed by the rule.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mstask import results
from mstask.claims import Claim
from mstask.claims.evidence import rests_on
from mstask.results.documents import Document, Record
from mstask.summary.once import once

FIRST = "first-edition"
RULE = "the rule"


class Ran(Record):
    """A section's locked run: its seeds, and the digest of its scores."""

    seeds: list[int]
    scores: str


class Edition(Record):
    """The verdicts of an edition by voice and claim, and its runs by voice and section."""

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


@once
def scores(document: Document, seeds: tuple[int, ...] | None = None) -> str:
    """A digest of what every cell scored, of some seeds or all, and of published figures: one run to every claim shares it."""
    own = (cell for cell in document.cells if seeds is None or cell.seed in seeds)
    cells = sorted(f"{c.method}@{c.case}-{c.seed} {c.result.macro_f1!r} {c.result.accuracy!r}" for c in own)
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
        then = edition.runs.get(voice, {})
        for claim in turned:
            known = {section: methods for section, methods in claim.needs.items() if section in documents}
            why = {section: differs(then.get(section), documents[section], methods) for section, methods in known.items()}
            because = tuple(f"{section}: {reason}" for section, reason in why.items() if reason)
            found.append(Change(voice, claim, told[claim.id], because or (RULE,)))
    return found


def differs(then: Ran | None, document: Document, methods: Sequence[str]) -> str:
    """In what the runs that a claim rests on aren't those of an edition; "" where they are: the rule alone turned it."""
    run = ran(document)
    if then is None:
        return "was not run"
    if (run.seeds, run.scores) == (then.seeds, then.scores):
        return ""
    if not run.seeds:
        return "the record of published figures differs"
    n = len({cell.seed for cell in rests_on(document, methods)})
    more = f"{n} seeds instead of {len(then.seeds)}" if n != len(then.seeds) else ""
    anew = "run anew by other code, or with other methods" if scores(document, tuple(then.seeds)) != then.scores else ""
    return " and ".join(filter(None, [more, anew]))
