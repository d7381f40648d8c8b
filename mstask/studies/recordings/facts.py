"""The crossing on recordings as numbers: every set of recordings by itself, and what carries over from embedded speech."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from mstask.data import recorded
from mstask.results.documents import Document
from mstask.stats.ranks import rank_correlation
from mstask.studies.matching.declare import AUDIO_NEURONS
from mstask.studies.recordings.declare import NEURONS, RECORDINGS
from mstask.studies.recordings.names import TO_EMBEDDED, TO_RECORDED
from mstask.summary import standings
from mstask.summary.comparisons import spread

SETS: dict[str, tuple[str, ...]] = {
    "speech": tuple(recorded.SPEECH),
    "speech_mixed": (recorded.SPEECH_MIXED,),
    "neuroradar": tuple(recorded.NEURORADAR),
    "neuroradar_days": tuple(recorded.DAYS),
    "radhar": tuple(recorded.RADHAR),
    "acconeer": tuple(recorded.ACCONEER),
    "to_recorded": (TO_RECORDED,),
    "to_embedded": (TO_EMBEDDED,),
}
"""Cases that together test every group of a set once, by a name that a page can use."""
RADAR_SETS = ("neuroradar", "radhar", "acconeer")
PAIR = ("Doppler-LIF", "CrossInhib-LIF")
"""The two neuron types of the paper's crossing: the radar's, and the audio's."""
COUNTERPART = {"speech": "disjoint", "speech_mixed": "mixed"}
"""Sections that ask on embedded speech what a set of recordings asks on people's."""


def facts(document: Document) -> dict[str, Any]:
    """Return numbers for sentences on the recordings; nothing of other sections.

    `sets` : per set of `SETS` that was run what `of_set` returns; `crossing` : what `crossing` returns.
    """
    if document.section != RECORDINGS.id:
        return {}
    found = {name: of_set(document, cases) for name, cases in SETS.items()}
    return {"sets": {name: about for name, about in found.items() if about}, "crossing": crossing(document)}


def of_set(document: Document, cases: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what was found on the cases of a set, None where none was run.

    `chance` is 1 / classes; `methods` has per method macro_f1 as `spread` over folds, each the mean of its seeds (over seeds
    where there is one fold), and accuracy; `ranking`, `rank` and `best` are of the neuron types alone.
    """
    scores, accuracies = by_method(document, cases), by_method(document, cases, "accuracy")
    if not scores:
        return None
    methods = {
        name: {"macro_f1": over_folds(folds), "accuracy": fmean(fmean(seeds) for seeds in accuracies[name].values())}
        for name, folds in scores.items()
    }
    ranking = sorted((n for n in NEURONS if n in methods), key=lambda name: -methods[name]["macro_f1"]["mean"])
    record = next(record for case, record in (document.cases or {}).items() if case in cases)
    return {
        "chance": 1 / len(record.class_names),
        "folds": sorted({case for folds in scores.values() for case in folds}),
        "methods": methods,
        "ranking": ranking,
        "rank": {name: place for place, name in enumerate(ranking, start=1)},
        "best": ranking[0] if ranking else None,
    }


def by_method(document: Document, cases: tuple[str, ...], what: str = "macro_f1") -> dict[str, dict[str, list[float]]]:
    """Return a score by method and case, one value per seed in the order of the seeds."""
    found: dict[str, dict[str, list[float]]] = {}
    for cell in sorted(document.cells, key=lambda cell: cell.seed):
        if cell.case in cases:
            found.setdefault(cell.method, {}).setdefault(cell.case, []).append(getattr(cell.result, what))
    return found


def over_folds(folds: dict[str, list[float]]) -> dict[str, Any]:
    """Return the spread over folds of the means over seeds; over seeds where there is one fold."""
    return spread([fmean(seeds) for seeds in folds.values()] if len(folds) > 1 else next(iter(folds.values())))


def crossing(document: Document) -> dict[str, Any]:
    """Return how much Doppler-LIF is ahead of CrossInhib-LIF: per set `difference` with the interval over folds, as `spread`.

    `best_radar` is the radar set where it is furthest ahead.
    """
    differences = {}
    for name, cases in SETS.items():
        scores = by_method(document, cases)
        if not set(PAIR) <= scores.keys():
            continue
        first, second = (scores[neuron] for neuron in PAIR)
        pairs = {
            case: [a - b for a, b in zip(first[case], second[case], strict=True)]
            for case in first
            if case in second and len(first[case]) == len(second[case])
        }
        if pairs:
            differences[name] = over_folds(pairs)
    radar = {name: found["mean"] for name, found in differences.items() if name in RADAR_SETS}
    return {"sets": differences, "best_radar": max(radar, key=radar.__getitem__, default=None)}


def agreement(document: Document, other: Document, name: str) -> dict[str, float] | None:
    """Return how alike a set of recordings and a document on embedded data rank the neuron types that both have.

    Spearman's rho with its exact p, and the number of neuron types; None for fewer than three. `COUNTERPART` says which
    section asks the same question; on radar that is the square, of whose three neuron types `AUDIO_NEURONS` has all.
    """
    own = of_set(document, SETS[name])
    methods = standings(other)["methods"]
    common = [n for n in AUDIO_NEURONS if own and n in own["methods"] and n in methods and methods[n]["macro_f1"]["mean"]]
    if own is None or len(common) < 3:
        return None
    pairs = [(own["methods"][n]["macro_f1"]["mean"], methods[n]["macro_f1"]["mean"]) for n in common]
    rho, p = rank_correlation(*zip(*pairs, strict=True))
    return {"rho": rho, "p": p, "n": len(common)}
