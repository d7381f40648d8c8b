"""The rule by which a claim is judged: comparisons in, a verdict with its evidence and fragility out.

A claim is one statement "A scores higher than B", or several that must all hold.

- *supported*: A is higher in the mean over seeds, and every seed's paired bootstrap interval of A - B lies
  above 0; where no intervals exist for every seed, the 95 % Student-t interval of the per-seed differences does.
  Leaving out any one seed can't change the sign of such a difference.
- *fragile*: A is higher in the mean, but an interval reaches 0, or there is a single seed, or only means are
  known, or the claim is about matched capacity and the parameter counts differ by more than a tenth.
- *contradicted*: A is not higher in the mean.
- *not testable*: a needed document or figure is missing; the evidence says which.

Of several statements the worst counts: contradicted, then not testable, then fragile. A rank is claimed as two
statements, against the neighbours in the ranking. "The best homogeneous network" is picked by the figures that it is
then judged by, which favours it. What it would take to turn a verdict is worked out in `mstask.claims.fragility`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from mstask import stats, summary
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.summary.comparisons import compare, contrast, contrast_inference, inference, share_seeds

Documents = Mapping[str, Document | None]
Family = Sequence[tuple[str, str]]

VERDICTS = ("contradicted", "not testable", "fragile", "supported")
"""From the one that decides a claim of several statements to the one that needs all of them."""

CAPACITY_TOLERANCE = 0.1
SUBJECTS = {
    "ablation": "the radar ablation",
    "disjoint": "speaker-disjoint audio",
    "eventprop": "Eventprop's losses",
    "eventprop-gradients": "the gradients of event-based networks",
    "eventprop-yin-yang": "the published network on Yin-Yang",
    "eventprop/speech": "spoken digits",
    "eventprop/yin-yang": "Yin-Yang, 60 ms",
    "eventprop/yin-yang-long": "Yin-Yang, 400 ms",
    "frontier": "the CNN frontier on radar",
    "g2gnet": "G2GNet's wirings",
    "hetsyn": "HetSyn's tasks",
    "mixed": "mixed-speaker audio",
    "ncg": "competing readout neurons",
    "probe": "the audio probe (mixed speakers)",
    "rotation": "audio with rotating held-out speakers",
    "search": "tuned networks on radar",
    "square": "the audio neurons on radar",
}
"""What the sections that claims are judged by are about."""


@dataclasses.dataclass(frozen=True)
class Statement:
    """One judged comparison: what `compare` or `contrast` found, and what its fragility is worked out from."""

    found: Mapping[str, Any]
    unequal: bool
    corrected: Callable[[], Corrected | None]

    @property
    def floor(self) -> float | None:
        """The lowest end of the intervals that must all lie above 0, None where there are none."""
        if self.found["consistent"] is not None:
            return min(pair["low"] for pair in self.found["seeds"].values())
        return self.found["low"]

    def verdict(self, margin: float = 0.0) -> str:
        """Return the verdict where a lead must exceed `margin` instead of 0."""
        if self.found["difference"] <= margin:
            return "contradicted"
        firm = self.floor is not None and self.floor > margin and self.found["n"] > 1 and not self.unequal
        return "supported" if firm else "fragile"


@dataclasses.dataclass(frozen=True)
class Corrected:
    """A two-sided p-value after Holm's correction over a family of comparisons, with its simulation error and its test."""

    p: float
    error: float
    family: int
    basis: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the documents say of one claim; `statements` are the comparisons that it was judged by, if any."""

    verdict: str
    evidence: str
    fragility: str
    statements: tuple[Statement, ...] = ()


class NotTestable(Exception):
    """A document or figure that a statement needs is missing."""


def find(test: Callable[..., Finding], *arguments: Any) -> Finding:
    """Return what `test` finds, or that it can't be tested."""
    try:
        return test(*arguments)
    except NotTestable as missing:
        return Finding("not testable", str(missing), "No verdict until that is known.")


def scores(documents: Documents, section: str, *needed: str) -> tuple[Document, dict[str, Any]]:
    """Return a section's document and its `standings`, in which the needed methods have a macro-F1."""
    document = documents.get(section)
    if document is None:
        raise NotTestable(f"There are no results for {subject(section)}.")
    found = summary.standings(document)
    if missing := [name for name in needed if name not in found["rank"]]:
        why = "not published" if document.source == "published" else "not run"
        raise NotTestable(f"There is no figure of {listed(map(label, missing))} for {subject(section)} ({why}).")
    return document, found


def _comparable(documents: Documents, section: str, a: str, b: str) -> tuple[Document, dict[str, Any]]:
    document, standing = scores(documents, section, a, b)
    if not share_seeds(document, a, b):
        raise NotTestable(f"{label(a)} and {label(b)} have no seed in common for {subject(section)}.")
    return document, standing


def subject(section: str) -> str:
    """Return what a section's figures are about, in words."""
    return SUBJECTS.get(section, f"section {section}")


def every(*findings: Finding) -> Finding:
    """Combine statements that must all hold; the fragility is that of the statements that decide."""
    verdict = min((finding.verdict for finding in findings), key=VERDICTS.index)
    evidence = dict.fromkeys(finding.evidence for finding in findings)
    fragility = dict.fromkeys(finding.fragility for finding in findings if finding.verdict == verdict)
    statements = tuple(statement for finding in findings for statement in finding.statements)
    return Finding(verdict, " ".join(evidence), " ".join(fragility), statements)


def higher(documents: Documents, section: str, a: str, b: str, matched: bool = False, family: Family = ()) -> Finding:
    """Judge "method a scores higher than method b in this section", at matched capacity if so claimed.

    `family` lists the pairs among which its p-value is corrected; "best" stands for the best homogeneous network.
    """
    return find(_higher, documents, section, a, b, matched, family)


def _higher(documents: Documents, section: str, a: str, b: str, matched: bool, family: Family) -> Finding:
    document, standing = _comparable(documents, section, a, b)
    found = compare(document, a, b)
    score_a, score_b = (number(standing["methods"][name]["macro_f1"]["mean"]) for name in (a, b))
    evidence = (
        f"{label(a)} {score_a}, {label(b)} {score_b} macro-F1: difference {signed(found['difference'])} ({_basis(found)})."
    )
    sizes = [standing["methods"][name]["n_parameters"] for name in (a, b)]
    unequal = matched and all(sizes) and max(sizes) > (1 + CAPACITY_TOLERANCE) * min(sizes)
    statement = Statement(found, unequal, partial(_corrected, document, (a, b), tuple(family)))
    return judged(statement, evidence, [_capacities(sizes)] if unequal else [])


def best_of(
    documents: Documents, section: str, winner: str, field: Sequence[str], matched: bool = False, family: Family = ()
) -> Finding:
    """Judge "the winner scores higher than every other of the field", told by the closest rival that decides."""
    _, standing = scores(documents, section, *field)
    rivals = sorted((name for name in field if name != winner), key=standing["rank"].__getitem__)
    found = [higher(documents, section, winner, rival, matched, family) for rival in rivals]
    whole = every(*found)
    first, *others = (finding for finding in found if finding.verdict == whole.verdict)
    more = f" The verdict is the same against {len(others)} more." if others else ""
    return dataclasses.replace(whole, evidence=first.evidence + more, fragility=first.fragility)


def contrasted(documents: Documents, first: tuple[str, str, str], second: tuple[str, str, str]) -> Finding:
    """Judge "the lead of a over b in one section is larger than that of c over d in another"; each (section, a, b).

    The test examples differ, so no bootstrap pairs them by seed: the interval is that of the per-seed differences of
    differences. Where predictions are known the hierarchical bootstrap's interval stands beside it.
    """
    chosen = [(_comparable(documents, section, a, b)[0], a, b) for section, a, b in (first, second)]
    compared = [compare(*pair) for pair in chosen]
    names = tuple(f"the lead for {subject(section)}" for section, *_ in (first, second))
    found = contrast(*compared, names)
    sure = contrast_inference(*chosen)
    leads = [pair["difference"] for pair in compared]
    told = [
        f"{label(a)} − {label(b)} is {signed(lead)} for {subject(section)}"
        for (section, a, b), lead in zip((first, second), leads, strict=True)
    ]
    hierarchical = f"; hierarchical bootstrap {interval(vars(sure.hierarchical))}" if sure.hierarchical else ""
    evidence = f"{told[0]}, {told[1]}: they differ by {signed(found['difference'])} ({_basis(found)}{hierarchical})."
    corrected = None if sure.p is None else Corrected(sure.p, sure.p_error, 1, sure.p_basis)
    return judged(Statement(found, False, lambda: corrected), evidence, [])


def judged(statement: Statement, evidence: str, doubts: Sequence[str]) -> Finding:
    """Return the finding of one comparison; `doubts` are reasons for "fragile" besides the spread of the scores."""
    found, verdict = statement.found, statement.verdict()
    pair, n = f"{label(found['a'])} − {label(found['b'])}", found["n"]
    if verdict == "contradicted":
        against = sum(value <= 0 for value in found["values"])
        seeds = f"; {against} of {n} seeds go against the claim" if n else "; only means are known"
        fragility = f"{pair} would have to rise by {number(-found['difference'])} to turn{seeds}."
    elif verdict == "fragile":
        fragility = " ".join([*_doubts(found), *doubts])
    elif found["consistent"]:
        seed, closest = min(found["seeds"].items(), key=lambda item: item[1]["low"])
        fragility = f"{pair} comes closest to 0 at seed {seed}, {interval(closest)}; {n} seeds."
    else:
        fragility = f"{pair} over {n} seeds has the interval {interval(found)}."
    return Finding(verdict, evidence, fragility, (statement,))


def _corrected(document: Document, pair: tuple[str, str], family: Family) -> Corrected | None:
    """Correct a pair's p-value over those pairs of its family that the document knows; None without a p-value."""
    standing = summary.standings(document)
    named = [[standing["best_homogeneous"] if name == "best" else name for name in members] for members in family]
    others = (members for members in named if set(members) <= set(standing["rank"]) and len(set(members)) == 2)
    pairs = dict.fromkeys([frozenset(pair), *map(frozenset, others)])
    tested = [inference(document, *sorted(members)) for members in pairs if share_seeds(document, *members)]
    if tested[0].p is None:
        return None
    known = [test.p for test in tested if test.p is not None]
    adjusted = stats.holm(known)[0]
    return Corrected(adjusted, tested[0].p_error * (adjusted / known[0] if known[0] else 1.0), len(known), tested[0].p_basis)


def _capacities(sizes: Sequence[int]) -> str:
    ratio = max(sizes) / min(sizes)
    return f"Capacities differ: {sizes[0]:,} against {sizes[1]:,} parameters ({ratio:.2f} times)."


def _doubts(found: Mapping[str, Any]) -> list[str]:
    """Return what keeps a positive difference from being firm, a sentence each."""
    pair = f"{label(found['a'])} − {label(found['b'])}"
    doubts = []
    if found["basis"] == "means":
        doubts.append("Only means are known, so the spread over seeds is not.")
    elif found["n"] < 2:
        doubts.append("There is a single seed.")
    if found["consistent"] is False:
        reach = [f"{interval(i)} at seed {seed}" for seed, i in found["seeds"].items() if i["low"] <= 0]
        doubts.append(f"{pair} has an interval that reaches 0: {', '.join(reach)}.")
    if found["consistent"] is None and found["low"] is not None and found["low"] <= 0:
        doubts.append(f"{pair} over {found['n']} seeds has the interval {interval(found)}, which reaches 0.")
    return doubts


def number(value: float, digits: int = 3) -> str:
    """Format a figure with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    """Format a difference with its sign."""
    return f"{value:+.3f}".replace("-", "−")


def listed(names: Iterable[str]) -> str:
    """Join names as "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def interval(bounds: Mapping[str, Any]) -> str:
    """Format an interval."""
    return f"[{number(bounds['low'])}, {number(bounds['high'])}]"


def _basis(found: dict[str, Any]) -> str:
    """Say what a comparison rests on."""
    if found["basis"] == "means":
        return "means only"
    if found["consistent"] is not None:
        kind = "published intervals" if found["basis"] == "published intervals" else "paired bootstrap"
        return f"{kind}: " + ", ".join(f"seed {seed} {interval(i)}" for seed, i in found["seeds"].items())
    if found["low"] is None:
        return "one seed"
    return f"{found['n']} seeds, 95 % interval {interval(found)}"
