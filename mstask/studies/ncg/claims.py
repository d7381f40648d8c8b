"""Claims about competing readout neurons: groups against single neurons, and what keeps every member of a group in use.

Scores are compared by the common rule of `mstask.claims.findings`, over data sets where a document has several. The published
document quotes accuracies of single data sets without seeds, so there a difference is fragile at best. How evenly a group is
used and how much a code of the input matters are no scores; `_balance` and `_code` say how they are judged.
"""

from __future__ import annotations

import dataclasses
from statistics import fmean
from typing import Any

from mstask.claims import Entry
from mstask.claims.findings import Documents, Finding, NotTestable, higher, listed, number, signed
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.studies.ncg.facts import (
    DATA,
    EXTRACTORS,
    ONE_THRESHOLD,
    PAIRS,
    TWO_THRESHOLDS,
    UNREGULATED,
    code_and_readout,
    over_cases,
    winner_shares,
)

SECTION = "ncg"
FAMILY = tuple(PAIRS.values())
"""Every pair whose scores a claim compares."""


def _groups(documents: Documents) -> Finding:
    return _scores_higher(documents, "groups")


def _groups_sstdp(documents: Documents) -> Finding:
    return _scores_higher(documents, "groups_sstdp")


def _regulation(documents: Documents) -> Finding:
    return _scores_higher(documents, "regulation")


def _labels(documents: Documents) -> Finding:
    return _scores_higher(documents, "labels")


def _balance(documents: Documents) -> Finding:
    """The share of the most frequent winner with two thresholds against one threshold and none.

    Supported: it is lower than both for every data set and seed. Fragile: lower than both on average. Contradicted: not.
    """
    document = _document(documents)
    shares = {name: winner_shares(document, name) for name in (TWO_THRESHOLDS, ONE_THRESHOLD, UNREGULATED)}
    if missing := [label(name) for name, values in shares.items() if not values]:
        raise NotTestable(f"Who wins how often is not known for {listed(missing)}.")
    places = sorted(set.intersection(*map(set, shares.values())), key=lambda place: (place[0] or "", place[1]))
    if not places:
        raise NotTestable("The three ways to regulate competition have no data set and seed in common.")
    means = {name: over_cases({place: values[place] for place in places}) for name, values in shares.items()}
    told = listed(f"{number(means[name], 2)} with {label(name)}" for name in shares)
    evidence = f"A class's most frequent winner takes this share of its samples: {told} (mean over {_places(places)})."
    leads = {name: {p: shares[name][p] - shares[TWO_THRESHOLDS][p] for p in places} for name in (ONE_THRESHOLD, UNREGULATED)}
    closest, place = min(((name, p) for name in leads for p in places), key=lambda pair: leads[pair[0]][pair[1]])
    fragility = f"Closest is {label(closest)} for {_place(place)}: its share is {signed(leads[closest][place])} away."
    if min(means[name] for name in leads) <= means[TWO_THRESHOLDS]:
        return Finding("contradicted", evidence, fragility)
    firm = leads[closest][place] > 0 and len({seed for _, seed in places}) > 1
    return Finding("supported" if firm else "fragile", evidence, fragility)


def _code(documents: Documents) -> Finding:
    """Supported: changing the code moves the score further than changing the readout at each of several seeds. Fragile: on
    average, or at a single seed. Contradicted: not on average."""
    changes = code_and_readout(_document(documents))
    if not changes:
        raise NotTestable("No two readouts were run on two codes of the same examples.")
    code, readout = (fmean(pair[i] for pair in changes.values()) for i in (0, 1))
    evidence = (
        f"Macro-F1 moves by {number(code)} when the code of the same examples changes, and by {number(readout)} when the "
        f"readout changes (mean absolute differences, {len(changes)} seed{'s' if len(changes) > 1 else ''})."
    )
    gaps = {seed: pair[0] - pair[1] for seed, pair in changes.items()}
    closest = min(gaps, key=gaps.__getitem__)
    fragility = f"Their difference is smallest at seed {closest}, {signed(gaps[closest])}; other codes may differ less."
    if code <= readout:
        return Finding("contradicted", evidence, fragility)
    return Finding("supported" if gaps[closest] > 0 and len(gaps) > 1 else "fragile", evidence, fragility)


def _scores_higher(documents: Documents, ingredient: str) -> Finding:
    """Judge "the score is higher with this ingredient", over data sets; published ones by the accuracies they quote."""
    document, (a, b) = _document(documents), PAIRS[ingredient]
    if document.source == "published":
        return _quoted_higher(document, a, b)
    whole = single_case(document)
    finding = higher({SECTION: whole}, SECTION, a, b, family=FAMILY)
    if not finding.statements or not whole.cases:
        return finding
    found: dict[str, Any] = dict(finding.statements[0].found)
    by_case: dict[str, list[dict[str, float]]] = {}
    for place, pair in found["seeds"].items():
        by_case.setdefault(place.rpartition("/")[0], []).append(pair)
    leads = {case: fmean(pair["difference"] for pair in pairs) for case, pairs in by_case.items()}
    told = listed(f"{DATA.get(case, case)} {signed(lead)}" for case, lead in leads.items())
    known = [pair for pairs in by_case.values() for pair in pairs if pair["low"] is not None]
    above = sum(pair["low"] > 0 for pair in known)
    evidence = f"{label(a)} − {label(b)} is {signed(found['difference'])} macro-F1 on average: {told}."
    if known:
        evidence += f" {above} of {len(known)} paired bootstrap intervals, one for each data set and seed, lie above 0."
    fragility = finding.fragility
    reach = [case for case, pairs in by_case.items() if any(pair["low"] is not None and pair["low"] <= 0 for pair in pairs)]
    if finding.verdict == "fragile" and reach:
        fragility = f"An interval reaches 0 on {listed(DATA.get(case, case) for case in reach)}."
    if finding.verdict == "contradicted":
        against = sum(lead <= 0 for lead in leads.values())
        fragility = (
            f"The average would have to rise by {number(-found['difference'])} to turn; {against} of {len(leads)} data sets go "
            "against the claim."
        )
    return dataclasses.replace(finding, evidence=evidence, fragility=fragility)


def _quoted_higher(document: Document, a: str, b: str) -> Finding:
    """Compare quoted accuracies, wherever both methods stand on the same data set and features."""
    pairs = {
        f"{DATA.get(data, data)} ({EXTRACTORS.get(features, features)})": (row[a], row[b])
        for features, sets in document.values.get("accuracy", {}).items()
        for data, row in sets.items()
        if a in row and b in row
    }
    if not pairs:
        raise NotTestable(f"No accuracies of {label(a)} and {label(b)} on the same data set are published or quoted.")
    told = listed(f"{number(x)} against {number(y)} on {where}" for where, (x, y) in pairs.items())
    difference = fmean(x - y for x, y in pairs.values())
    evidence = f"{label(a)} has an accuracy of {told}: difference {signed(difference)} (as third parties quote it, no seeds)."
    if difference <= 0:
        return Finding("contradicted", evidence, f"The difference would have to rise by {number(-difference)} to turn.")
    return Finding("fragile", evidence, f"Only quoted accuracies are known, and both only on {listed(pairs)}.")


def single_case(document: Document) -> Document:
    """The document itself; of one data set, a document without cases, in which seeds are the unit of every spread."""
    if len({cell.case for cell in document.cells}) != 1 or document.cells[0].case is None:
        return document
    return document.of_case(document.cells[0].case)


def _document(documents: Documents) -> Document:
    document = documents.get(SECTION)
    if document is None:
        raise NotTestable("There are no results for competing readout neurons.")
    return document


def _places(places: list[tuple[str | None, int]]) -> str:
    cases, seeds = ({place[i] for place in places} for i in (0, 1))
    counted = [f"{len(cases)} data set{'s' if len(cases) > 1 else ''}", f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''}"]
    return " and ".join(counted)


def _place(place: tuple[str | None, int]) -> str:
    case, seed = place
    return f"{DATA.get(case, case)}, seed {seed}" if case else f"seed {seed}"


_PAPER = "Goupy et al., NeurIPS 2024"
CLAIMS = (
    Entry(
        "ncg-groups",
        "With S2-STDP, a group of competing neurons per class scores higher than one neuron per class.",
        f"{_PAPER}, Table 1",
        {SECTION: PAIRS["groups"]},
        _groups,
    ),
    Entry(
        "ncg-groups-sstdp",
        "With SSTDP, a group of competing neurons per class scores higher than one neuron per class.",
        f"{_PAPER}, Table 1",
        {SECTION: PAIRS["groups_sstdp"]},
        _groups_sstdp,
    ),
    Entry(
        "ncg-regulation",
        "Groups whose competition is regulated by two thresholds (CR-2) score higher than groups left to themselves.",
        f"{_PAPER}, abstract and Section 5.3",
        {SECTION: PAIRS["regulation"]},
        _regulation,
    ),
    Entry(
        "ncg-balance",
        "Two thresholds (CR-2) balance the competition within groups better than one threshold (CR-1) or none.",
        f"{_PAPER}, Section 5.4 (for none)",
        {SECTION: (TWO_THRESHOLDS, ONE_THRESHOLD, UNREGULATED)},
        _balance,
    ),
    Entry(
        "ncg-labels",
        "Labelling one neuron of each group as non-target raises the score.",
        f"{_PAPER}, Section 5.3",
        {SECTION: PAIRS["labels"]},
        _labels,
    ),
    Entry(
        "ncg-code",
        "How the input is coded matters more than how the readout competes and learns.",
        "not in the paper",
        {SECTION: PAIRS["groups"]},
        _code,
    ),
)
