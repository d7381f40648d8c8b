"""Claims about competing readout neurons: groups against single neurons, and what keeps every member of a group in use.

Over several data sets their mean is judged, each counting the same, by one code of its examples. The published document
quotes accuracies of single data sets without seeds, so there a difference stays undecided.
"""

from __future__ import annotations

from functools import partial
from statistics import fmean

from mstask.claims import Entry
from mstask.claims.figures import Documents, NotTestable, results_of
from mstask.claims.findings import Finding, every
from mstask.claims.rules import difference, difference_of, difference_of_two, with_leads
from mstask.claims.words import listed, number, signed
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.studies.ncg.facts import (
    CODES,
    DATA,
    EXTRACTORS,
    ONE_CODE,
    ONE_THRESHOLD,
    PAIRS,
    TWO_THRESHOLDS,
    UNREGULATED,
    code_and_readout,
    winner_shares,
)

SECTION = "ncg"
FAMILY = tuple(PAIRS.values())
"""Every pair whose scores a claim compares."""


def _balance(documents: Documents) -> Finding:
    """The share of the most frequent winner is smaller with two thresholds than with one, and than with none."""
    document = results_of(documents, SECTION)
    shares = {name: winner_shares(document, name) for name in (TWO_THRESHOLDS, ONE_THRESHOLD, UNREGULATED)}
    if missing := [label(name) for name, values in shares.items() if not values]:
        raise NotTestable(f"Who wins how often is not known for {listed(missing)}.")
    what = "share of its samples that a class's most frequent winner takes"
    pairs = [{TWO_THRESHOLDS: shares[TWO_THRESHOLDS], other: shares[other]} for other in (ONE_THRESHOLD, UNREGULATED)]
    return every(*(difference_of(what, pair, smaller=True) for pair in pairs))


def _code(documents: Documents) -> Finding:
    found = code_and_readout(results_of(documents, SECTION))
    if found is None:
        raise NotTestable("No two readouts were run on two codes of the same digits.")
    names = "another code of the same examples", "another readout"
    return difference_of_two("change of macro-F1", names, found)


def _scores_higher(ingredient: str, documents: Documents) -> Finding:
    """Judge "the score is higher with this ingredient", over data sets; published ones by the accuracies they quote."""
    document, (a, b) = results_of(documents, SECTION), PAIRS[ingredient]
    if document.source == "published":
        return _quoted_higher(document, a, b)
    found = difference(documents, SECTION, a, b, family=FAMILY)
    return with_leads(found, document, a, b, lambda case: DATA.get(case, case))


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
    lead = fmean(x - y for x, y in pairs.values())
    evidence = f"{label(a)} has an accuracy of {told}: difference {signed(lead)} (as third parties quote it, means only)."
    doubt = f"Only quoted accuracies are known, and both only on {listed(pairs)}."
    return Finding("undecided", evidence, doubt, "difference", f"accuracy, {label(a)} − {label(b)}", lead)


_PAPER = "Goupy et al., NeurIPS 2024"
CLAIMS = (
    Entry(
        "ncg-groups",
        "With S2-STDP, a group of competing neurons per class scores higher than one neuron per class.",
        f"{_PAPER}, Table 1",
        {SECTION: PAIRS["groups"]},
        partial(_scores_higher, "groups"),
        ONE_CODE,
    ),
    Entry(
        "ncg-groups-sstdp",
        "With SSTDP, a group of competing neurons per class scores higher than one neuron per class.",
        f"{_PAPER}, Table 1",
        {SECTION: PAIRS["groups_sstdp"]},
        partial(_scores_higher, "groups_sstdp"),
        ONE_CODE,
    ),
    Entry(
        "ncg-regulation",
        "Groups whose competition is regulated by two thresholds (CR-2) score higher than groups left to themselves.",
        f"{_PAPER}, abstract and Section 5.3",
        {SECTION: PAIRS["regulation"]},
        partial(_scores_higher, "regulation"),
        ONE_CODE,
    ),
    Entry(
        "ncg-balance",
        "Two thresholds (CR-2) balance the competition within groups better than one threshold (CR-1) or none.",
        f"{_PAPER}, Section 5.4 (for none)",
        {SECTION: (TWO_THRESHOLDS, ONE_THRESHOLD, UNREGULATED)},
        _balance,
        ONE_CODE,
    ),
    Entry(
        "ncg-labels",
        "Labelling one neuron of each group as non-target raises the score.",
        f"suggested by the ablation of {_PAPER}, Section 5.3, whose values couldn't be read",
        {SECTION: PAIRS["labels"]},
        partial(_scores_higher, "labels"),
        ONE_CODE,
    ),
    Entry(
        "ncg-code",
        "On digits, how the input is coded matters more than how the readout competes and learns.",
        "not in the paper",
        {SECTION: ("*",)},
        _code,
        CODES[0],
    ),
)
