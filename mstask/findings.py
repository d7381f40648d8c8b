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
then judged by, which favours it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mstask import summary
from mstask.documents import Document
from mstask.voices import label

Documents = Mapping[str, Document | None]

VERDICTS = ("contradicted", "not testable", "fragile", "supported")
"""From the one that decides a claim of several statements to the one that needs all of them."""

CAPACITY_TOLERANCE = 0.1
SUBJECTS = {
    "ablation": "the radar ablation",
    "disjoint": "speaker-disjoint audio",
    "frontier": "the CNN frontier on radar",
    "mixed": "mixed-speaker audio",
    "probe": "the audio probe (SHD in the paper)",
    "search": "tuned networks on radar",
    "square": "the audio neurons on radar",
}
"""Sections whose documents claims are judged by, and what they are about."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the documents say of one statement."""

    verdict: str
    evidence: str
    fragility: str


class NotTestable(Exception):
    """A document or figure that a statement needs is missing."""


def find(test: Callable[..., Finding], *arguments: Any) -> Finding:
    """Return what `test` finds, or that it can't be tested."""
    try:
        return test(*arguments)
    except NotTestable as missing:
        return Finding("not testable", str(missing), "No verdict until that is known.")


def scores(documents: Documents, section: str, *needed: str) -> tuple[Document, dict[str, Any]]:
    """Return a section's document and its summary, in which the needed methods have a macro-F1."""
    document = documents.get(section)
    if document is None:
        raise NotTestable(f"There are no results for {SUBJECTS[section]}.")
    summarised = summary.summarise(document)
    if missing := [name for name in needed if name not in summarised["rank"]]:
        why = "not published" if document.source == "published" else "not run"
        raise NotTestable(f"There is no figure of {listed(map(label, missing))} for {SUBJECTS[section]} ({why}).")
    return document, summarised


def every(*findings: Finding) -> Finding:
    """Combine statements that must all hold; the fragility is that of the statements that decide."""
    verdict = min((finding.verdict for finding in findings), key=VERDICTS.index)
    evidence = dict.fromkeys(finding.evidence for finding in findings)
    fragility = dict.fromkeys(finding.fragility for finding in findings if finding.verdict == verdict)
    return Finding(verdict, " ".join(evidence), " ".join(fragility))


def higher(documents: Documents, section: str, a: str, b: str, matched: bool = False) -> Finding:
    """Judge "method a scores higher than method b in this section", at matched capacity if so claimed."""
    return find(_higher, documents, section, a, b, matched)


def _higher(documents: Documents, section: str, a: str, b: str, matched: bool) -> Finding:
    document, summarised = scores(documents, section, a, b)
    found = summary.compare(document, a, b)
    score_a, score_b = (number(summarised["methods"][name]["macro_f1"]["mean"]) for name in (a, b))
    evidence = (
        f"{label(a)} {score_a}, {label(b)} {score_b} macro-F1: difference {signed(found['difference'])} ({_basis(found)})."
    )
    sizes = [summarised["methods"][name]["n_parameters"] for name in (a, b)]
    verdict, fragility = _weigh(found, sizes if matched and all(sizes) else None)
    return Finding(verdict, evidence, fragility)


def _weigh(found: dict[str, Any], sizes: list[int] | None) -> tuple[str, str]:
    """Apply the module's rule to a comparison; return verdict and fragility."""
    pair, n = f"{label(found['a'])} − {label(found['b'])}", found["n"]
    if found["difference"] <= 0:
        against = sum(value <= 0 for value in found["values"])
        seeds = f"; {against} of {n} seeds go against the claim" if n else "; only means are known"
        return "contradicted", f"{pair} would have to rise by {number(-found['difference'])} to turn{seeds}."
    reasons = _doubts(found)
    if sizes and max(sizes) > (1 + CAPACITY_TOLERANCE) * min(sizes):
        ratio = max(sizes) / min(sizes)
        reasons.append(f"Capacities differ: {sizes[0]:,} against {sizes[1]:,} parameters ({ratio:.2f} times).")
    if reasons:
        return "fragile", " ".join(reasons)
    if found["consistent"]:
        seed, closest = min(found["seeds"].items(), key=lambda item: item[1]["low"])
        return "supported", f"{pair} comes closest to 0 at seed {seed}, {_interval(closest)}; {n} seeds."
    return "supported", f"{pair} over {n} seeds has the interval {_interval(found)}."


def _doubts(found: dict[str, Any]) -> list[str]:
    """Return what keeps a positive difference from being firm, a sentence each."""
    pair = f"{label(found['a'])} − {label(found['b'])}"
    doubts = []
    if found["basis"] == "means":
        doubts.append("Only means are known, so the spread over seeds is not.")
    elif found["n"] < 2:
        doubts.append("There is a single seed.")
    if found["consistent"] is False:
        reach = [f"{_interval(i)} at seed {seed}" for seed, i in found["seeds"].items() if i["low"] <= 0]
        doubts.append(f"{pair} has an interval that reaches 0: {', '.join(reach)}.")
    if found["consistent"] is None and found["low"] is not None and found["low"] <= 0:
        doubts.append(f"{pair} over {found['n']} seeds has the interval {_interval(found)}, which reaches 0.")
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


def _interval(bounds: Mapping[str, Any]) -> str:
    return f"[{number(bounds['low'])}, {number(bounds['high'])}]"


def _basis(found: dict[str, Any]) -> str:
    """Say what a comparison rests on."""
    if found["basis"] == "means":
        return "means only"
    if found["consistent"] is not None:
        kind = "published intervals" if found["basis"] == "published intervals" else "paired bootstrap"
        return f"{kind}: " + ", ".join(f"seed {seed} {_interval(i)}" for seed, i in found["seeds"].items())
    if found["low"] is None:
        return "one seed"
    return f"{found['n']} seeds, 95 % interval {_interval(found)}"
