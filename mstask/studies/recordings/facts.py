"""The crossing on recordings as numbers: every set of recordings by itself, and how embedded data of its kind compares."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from mstask import claims, results
from mstask.claims.rules import agreement, difference
from mstask.data import recorded
from mstask.results.documents import Document
from mstask.stats import rank_correlation
from mstask.studies.matching.declare import ALL_NEURONS
from mstask.studies.recordings.declare import RECORDINGS
from mstask.studies.recordings.parameters import LOGISTIC, TO_EMBEDDED, TO_RECORDED
from mstask.studies.recordings.stand_ins import HOMOGENEOUS, view
from mstask.summary import ranked, standings
from mstask.summary.comparisons import common_places, in_common, mean_score, spread, unit_scores

SETS: dict[str, tuple[str, ...]] = {
    "speech": tuple(recorded.SPEECH),
    "speech_mixed": (recorded.SPEECH_MIXED,),
    "radhar": tuple(recorded.RADHAR),
    "neuroradar": tuple(recorded.NEURORADAR),
    "neuroradar_days": tuple(recorded.DAYS),
    "acconeer": tuple(recorded.ACCONEER),
    "to_recorded": (TO_RECORDED,),
    "to_embedded": (TO_EMBEDDED,),
}
"""Cases that together test every group of a set once, by a name that a page can use.

Two leave a group untested: "acconeer" the day 2022-07-14, "neuroradar_days" the first day.
"""
NAMES = {
    "speech": "six men's speech, an unfamiliar speaker",
    "speech_mixed": "six men's speech, speakers mixed",
    "radhar": "RadHAR",
    "neuroradar": "NeuroRadar",
    "neuroradar_days": "NeuroRadar, from day to day",
    "acconeer": "Acconeer",
}
RADAR_SETS = ("radhar", "neuroradar", "acconeer")
"""In the order in which the first to be shown is sought; see `first_radar`."""
PAIR = ("Doppler-LIF", "CrossInhib-LIF")
"""The two neuron types of the paper's crossing: the radar's, and the audio's."""
EMBEDDED = ("disjoint", "mixed", "square", "ablation")
"""Sections on embedded data that recordings are compared with."""
ANSWERS = {
    "supported": "Yes: embedded {kind} ranks the neuron types as {name} does.",
    "contradicted": "No: embedded {kind} ranks the neuron types otherwise than {name} does.",
    "undecided": "Not shown: that embedded {kind} ranks the neuron types as {name} does.",
    "not testable": "Not judged, for want of runs: whether embedded {kind} ranks the neuron types as {name} does.",
}


def facts(document: Document) -> dict[str, Any]:
    """Return numbers for sentences on the recordings.

    `sets` : per set of `SETS` what `of_set` returns, None where none of it was run; `crossing` : what `crossing` returns;
    `stand_in` : per set what `stand_in` returns.
    """
    if document.section != RECORDINGS.id:
        return {}
    found = {name: of_set(document, name) for name in SETS}
    embedded = results.load_present(EMBEDDED, "embedded")
    compared = {name: stand_in(document, name, embedded) for name in SETS}
    return {"sets": found, "crossing": crossing(document), "stand_in": compared}


def of_set(document: Document, name: str) -> dict[str, Any] | None:
    """Return what was found on a set, None where none of it was run.

    `chance` is 1 / classes; `folds` are the cases that count, those that all neuron types of the set were run on;
    `seeds` likewise. `methods` has per method macro_f1 as `standings` has it for folds, and accuracy; `ranking`,
    `rank` and `best` are of the neuron types alone. `linear` is how much higher logistic regression scores than `best`: mean
    over folds, and low and high, the interval over them.
    """
    own = shared(document, name)
    if own is None:
        return None
    methods = {
        method: {"macro_f1": about["macro_f1"], "accuracy": about["accuracy"]["mean"]}
        for method, about in standings(own)["methods"].items()
    }
    ranks = ranked({name: methods[name]["macro_f1"]["mean"] for name in ALL_NEURONS if name in methods})
    return {
        "name": NAMES.get(name, name),
        "chance": next(iter((own.cases or {}).values())).chance,
        "folds": sorted({cell.case for cell in own.cells if cell.case}),
        "seeds": sorted({cell.seed for cell in own.cells}),
        "methods": methods,
        **ranks,
        "linear": _linear(own, ranks["ranking"]),
    }


def _linear(own: Document, ranking: list[str]) -> dict[str, float | None] | None:
    """The lead of logistic regression over the best neuron type, fold by fold, whose seeds are averaged first."""
    if not ranking:
        return None
    linear, neuron = (unit_scores(own, name) for name in (LOGISTIC, ranking[0]))
    leads = [linear[fold] - neuron[fold] for fold in linear if fold in neuron]
    return {name: spread(leads)[name] for name in ("mean", "low", "high")} if leads else None


def shared(document: Document, name: str) -> Document | None:
    """Return a set's cells of the folds and seeds that all of its neuron types were run with; None where there are none.

    A baseline, which may know no seeds, counts with all its cells on these folds.
    """
    own = view(document, RECORDINGS.id, {name: SETS[name]})
    neurons = [n for n in ALL_NEURONS if any(cell.method == n for cell in own.cells)]
    places = set(common_places(own, neurons)) if neurons else {(cell.case, cell.seed) for cell in own.cells}
    folds = {case for case, _ in places}
    cells = [c for c in own.cells if c.case in folds and (c.method not in neurons or (c.case, c.seed) in places)]
    return own.model_copy(update={"cells": cells}) if cells else None


def crossing(document: Document) -> dict[str, Any]:
    """Return how much Doppler-LIF is ahead of CrossInhib-LIF.

    `sets` has per set, over the folds and seeds that both were run with, the `scores` of each as `standings` has them, their
    difference as the ledger's rule estimates it (mean, low, high), the number of `folds` and the `verdict` on
    "Doppler-LIF is ahead" on radar, or "CrossInhib-LIF is ahead" on speech; `first` is `first_radar`.
    """
    found = {}
    both = document.model_copy(update={"cells": [cell for cell in document.cells if cell.method in PAIR]})
    for name in SETS:
        if (own := shared(both, name)) is None:
            continue
        a, b = PAIR if name.startswith(("radhar", "neuroradar", "acconeer")) else PAIR[::-1]
        judged = claims.cautiously(
            partial(difference, section=RECORDINGS.id, a=a, b=b), {RECORDINGS.id: PAIR}, {RECORDINGS.id: own}
        )
        if judged.estimate is not None:
            sign = 1 if a == PAIR[0] else -1
            low, high = sorted(sign * bound for bound in judged.bounds) if judged.bounds else (None, None)
            found[name] = {
                "mean": sign * judged.estimate,
                "low": low,
                "high": high,
                "verdict": judged.verdict,
                "folds": len({cell.case for cell in own.cells}),
                "scores": {neuron: standings(own)["methods"][neuron]["macro_f1"] for neuron in PAIR},
            }
    return {"sets": found, "first": first_radar(document)}


def first_radar(document: Document) -> str | None:
    """Return the radar set that is drawn first: the one with most folds that both neurons of the crossing were run on.

    More folds, more people or passes: no score plays a part. Of equals the first in `RADAR_SETS`.
    """
    folds = {n: {case for case, _ in common_places(view(document, RECORDINGS.id, {n: SETS[n]}), PAIR)} for n in RADAR_SETS}
    first = max(RADAR_SETS, key=lambda name: len(folds[name]))
    return first if folds[first] else None


def stand_in(document: Document, name: str, embedded: Mapping[str, Document]) -> dict[str, Any] | None:
    """Return whether embedded data ranks neuron types as a set of recordings does, by the ledger's rule for rankings.

    Speech is compared with the section that asks the same of synthetic speakers; radar with simulated radar, the neuron types
    of the square and those of the ablation's networks of one type together. None for fewer than three types in common.
    """
    own, other = shared(document, name), counterpart(name, embedded)
    if own is None or other is None:
        return None
    rank, known = standings(own)["rank"], standings(other)["rank"]
    common = [n for n in ALL_NEURONS if n in rank and n in known]
    if len(common) < 3:
        return None
    words = f"the rankings of {len(common)} neuron types, recorded and embedded"
    judged = claims.cautiously(
        lambda given: agreement([(given[RECORDINGS.id], common), (other, common)], words),
        {RECORDINGS.id: common},
        {RECORDINGS.id: own},
    )
    kind, (low, high) = "speech" if name.startswith("speech") else "radar", judged.bounds or (None, None)
    scores = [[mean_score(in_common(document, common), n) for n in common] for document in (own, other)]
    return {
        "types": len(common),
        "rho": judged.estimate,
        "low": low,
        "high": high,
        "p": rank_correlation(*scores)[1] if judged.estimate is not None else None,
        "verdict": judged.verdict,
        "evidence": judged.evidence,
        "answer": ANSWERS[judged.verdict].format(kind=kind, name=NAMES[name].partition(",")[0]),
    }


def counterpart(name: str, embedded: Mapping[str, Document]) -> Document | None:
    """Return the document on embedded data that asks what a set of recordings asks; None where there is none."""
    if name in ("speech", "speech_mixed"):
        return embedded.get("disjoint" if name == "speech" else "mixed")
    square, ablation = embedded.get("square"), embedded.get("ablation")
    if name not in NAMES or square is None:
        return None
    present = {cell.method for cell in square.cells}
    others = {method: neuron for neuron, method in HOMOGENEOUS.items() if neuron not in present}
    more = [
        c.model_copy(update={"method": others[c.method]}) for c in (ablation.cells if ablation else []) if c.method in others
    ]
    return square.model_copy(update={"cells": [*square.cells, *more]})
