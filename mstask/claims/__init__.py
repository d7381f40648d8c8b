"""The ledger: what the papers claim, and what a set of result documents says of each claim.

`rules` states the one decision and the six rules by which claims are judged, `evidence` what stands beside a verdict; claims
themselves are declared in each study's `claims.py`. For a prediction, "supported" means that it came true.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from functools import cache
from types import ModuleType

from mstask import plugins, results
from mstask.claims import words
from mstask.claims.evidence import Budget, Needs, Test, budget, by_paper_seeds, describe, folds_told, leave_one_out
from mstask.claims.figures import Documents, NotTestable
from mstask.claims.findings import Finding, find
from mstask.parameters import FULL, profile_of
from mstask.results.documents import Document
from mstask.summary.once import Same, once

OWN_PROTOCOL = "paper"
"""The profile that is the published protocol: what its budget cuts off was cut off in the paper too."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A claim to be judged: `where` is its place in the paper, `needs` names the methods it needs by section id.

    `cases` are the data sets it speaks of, where its sections have several; empty for all. A `general` claim speaks of radar
    or audio as such, not of the paper's own numbers: it is also judged by recordings that stand in for its sections. What is
    `settled` doesn't depend on how long networks were trained: also those that were cut off can contradict it.
    """

    id: str
    text: str
    where: str
    needs: Mapping[str, tuple[str, ...]]
    test: Callable[[Documents], Finding]
    cases: tuple[str, ...] = ()
    general: bool = False
    settled: bool = False


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim and the verdict on it.

    `where` is its place in the paper, `needs` names methods by section id. `rule`, `estimand`, `estimate`, `interval` (95 %,
    corrected for its family), `p`, `smallest` and `seeds` as in `mstask.claims.rules.Finding`; `profile` and `budget` say how
    the networks were trained, `demand` where the interval has to lie if not on one side of zero, `converged` whether all
    networks did (None where it isn't recorded), `paper_seeds` and `paper_interval` the verdict, and the interval of the same
    estimand, by the paper's three seeds where there are more.
    """

    id: str
    text: str
    where: str
    verdict: str
    evidence: str
    fragility: str
    needs: dict[str, list[str]]
    rule: str = ""
    estimand: str = ""
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    smallest: float | None = None
    seeds: int = 0
    profile: str = ""
    budget: str = ""
    converged: bool | None = None
    paper_seeds: str | None = None
    paper_interval: tuple[float, float] | None = None
    demand: str = ""

    @property
    def effect(self) -> str:
        """The estimate with its interval, and of what it is, in words; empty where nothing was estimated."""
        if self.estimate is None:
            return ""
        told = words.effect(self.estimand, self.estimate, self.interval)
        return f"{told}, {self.demand}" if self.demand and self.interval else told


@cache
def entries() -> tuple[Entry, ...]:
    """Return every claim, in the order of the ledger; an id that is used twice is an error."""
    return tuple(plugins.by_id("claims", "CLAIMS", "claim {!r} stands once more in {}").values())


def entries_of(ids: Collection[str] | None) -> tuple[Entry, ...]:
    """The entries of the given ids, of all claims for None."""
    return entries() if ids is None else _chosen(entries(), frozenset(ids))


@once
def _chosen(all_of_them: tuple[Entry, ...], ids: frozenset[str]) -> tuple[Entry, ...]:
    """Those of the given ids: the same tuple each time, by which what follows from it is found again."""
    return tuple(entry for entry in all_of_them if entry.id in ids)


def ledger(source: str = "embedded", ids: Collection[str] | None = None) -> list[Claim]:
    """Judge every claim, or those of the given ids, by one voice: "published", "embedded", "real", "recorded" or "run".

    "recorded" speaks of the general claims only, by what stands in for their sections.

    Raises
    ------
    ResultsError
        An unknown source, or a damaged document; a missing one is no error but a verdict.
    """
    instead = tuple(part for part in plugins.everywhere("stand_ins") if source == part.SOURCE)
    asked = entries_of(ids)
    needed = [section for entry in asked for section in entry.needs]
    documents = results.load_present([*needed, *(part.SECTION for part in instead)], source)
    return list(_ledger(asked, instead, tuple(map(Same, documents.values()))))


@once
def _ledger(asked: tuple[Entry, ...], instead: tuple[ModuleType, ...], kept: tuple[Same, ...]) -> list[Claim]:
    """Judge these claims by these documents, or the general ones by what stands in for them."""
    documents = {same.value.section: same.value for same in kept}
    for part in instead:
        documents |= part.stand_ins(documents[part.SECTION]) if part.SECTION in documents else {}
    return [_judge(entry, documents) for entry in asked if entry.general or not instead]


def judge(documents: Documents, ids: Collection[str] | None = None) -> list[Claim]:
    """Judge every claim, or those of the given ids, by documents (by section id; what is missing or None can't be tested)."""
    return [_judge(entry, documents) for entry in entries_of(ids)]


def judged(entry: Entry, documents: Documents) -> Finding:
    """Judge one statement as the ledger does, cautions included, without what stands beside a verdict."""
    return cautiously(entry.test, entry.needs, _concerned(entry, documents), entry.settled)


def cautiously(test: Test, needs: Needs, documents: Documents, settled: bool = False) -> Finding:
    """Judge a statement that isn't a claim of the ledger by the ledger's cautions; `needs` as an entry has them."""
    return _cautious(test, budget(documents, needs), settled)(documents)


def _concerned(entry: Entry, documents: Documents) -> Documents:
    """The documents that a claim needs, cut down to the cases that it speaks of."""
    needed = {section: documents.get(section) for section in entry.needs}
    if not entry.cases:
        return needed
    return {section: document and _of_cases(document, entry.cases) for section, document in needed.items()}


@once
def _of_cases(document: Document, cases: tuple[str, ...]) -> Document:
    return document.of_cases(cases)


def _cautious(statement: Test, trained: Budget, settled: bool) -> Test:
    """Return a statement's test with the two cautions: runs too small, and networks cut short of the paper's budget."""
    small = [profile for profile in trained.profiles if profile_of(profile) not in FULL]
    longer = any(profile != OWN_PROTOCOL for profile in trained.profiles)  # "paper+..." has other parameters
    short = trained.cut and not settled and longer

    def test(given: Documents) -> Finding:
        found = find(_of_one_source, statement, given)
        if small and found.verdict != "not testable":
            note = f"Runs of profile {small[0]} are too small to judge a claim. {found.evidence}"
            return dataclasses.replace(found, verdict="not testable", evidence=note, remark="", needed=None)
        if found.verdict == "contradicted" and short:
            note = "The figures go against it, but networks were cut off by a budget that isn't the paper's."
            return dataclasses.replace(found, verdict="undecided", remark=note)
        open_parts = [part for part in found.parts or (found,) if part.verdict == "undecided"]
        if found.needed is not None and short and any(part.against for part in open_parts):
            note = words.cut_told(found.unit)
            return dataclasses.replace(found, remark=f"{found.remark} {note}".strip(), needed=None)
        return found

    return test


def _of_one_source(statement: Test, given: Documents) -> Finding:
    """What a statement finds in documents of one source of data: a reader may have run one section on real, one on embedded."""
    if len(sources := sorted({found for document in given.values() if document and (found := document.data_source)})) > 1:
        raise NotTestable(f"Its sections were run on data of different sources: {' and '.join(sources)}.")
    return statement(given)


def _judge(entry: Entry, documents: Documents) -> Claim:
    documents = _concerned(entry, documents)
    trained = budget(documents, entry.needs)
    test = _cautious(entry.test, trained, entry.settled)
    finding = test(documents)
    testable = finding.verdict != "not testable"
    removals = leave_one_out(test, documents, entry.needs) if testable else []
    fewer = by_paper_seeds(finding, test, documents, entry.needs) if testable else None
    parts = (fewer, *fewer.parts) if fewer else ()
    return Claim(
        id=entry.id,
        text=entry.text,
        where=entry.where,
        verdict=finding.verdict,
        evidence=" ".join([finding.evidence, *folds_told(documents, entry.needs)]),
        fragility=describe(finding, removals),
        needs={section: list(methods) for section, methods in entry.needs.items()},
        rule=finding.rule,
        estimand=finding.estimand,
        estimate=finding.estimate,
        interval=finding.bounds,
        p=finding.p,
        smallest=finding.smallest,
        seeds=finding.seeds,
        profile=" and ".join(trained.profiles),
        budget=str(trained),
        converged=trained.cut == 0 if trained.converged + trained.cut == trained.networks > 0 else None,
        paper_seeds=fewer.verdict if fewer else None,
        paper_interval=next((part.bounds for part in parts if part.estimand == finding.estimand), None),
        demand=words.demand(finding.region, ranks=finding.rule == "place"),
    )
