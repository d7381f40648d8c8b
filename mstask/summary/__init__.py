"""Numbers derived from a result document. They are computed when read and never stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from mstask import plugins
from mstask.results.documents import Cell, Document
from mstask.section import sections, study_of
from mstask.summary.comparisons import (
    BEST,
    Comparison,
    combination,
    compare,
    over_sets,
    rank_stability,
    sets_of,
    share_seeds,
    spread,
    with_best,
)
from mstask.summary.endings import at_chance, collapsed, how_ended as how_ended, remark as remark
from mstask.summary.once import once

DENSE = "CNN"
HETEROGENEOUS = ("D1_", "D2_")
PAIRS = (
    ("D2_concat", "D1_H1"),
    ("D1_H1", "D1_rev"),
    ("D1_H1", "D1_perm1"),
    ("CrossInhib-LIF", "Doppler-LIF"),
    ("Doppler-LIF", "Vanilla-LIF"),
    ("Doppler-LIF", "Parametric-LIF"),
    ("Vanilla-LIF", "Parametric-LIF"),
    ("SmallCNN", "Doppler-LIF"),
)
COMPARISONS = {f"{a}-best": (a, BEST) for a in ("D1_H1", "D2_concat", "D1_rev")} | {f"{a}-{b}": (a, b) for a, b in PAIRS}
"""Comparisons the paper makes."""


def summarise(document: Document) -> dict[str, Any]:
    """Return everything the book says about a document, as nested plain dictionaries.

    Returns
    -------
    dict
        methods, ranking, rank, best, best_homogeneous
            As `standings` returns them.
        comparisons
            Per key "A-B" what `compare` returns.
        rank_stability
            What `mstask.summary.comparisons.rank_stability` returns for all ranked methods.
        cases
            Per case: ranking, rank and best; empty where the document has no cases.
        facts
            What only this section measures, as numbers for sentences; see `facts`.
        collapsed
            How many trainings fell apart.
        data, cells
            The data record without labels; how many cells there are.
        section, source, profile, budget, values
            As in the document.
    """
    found = standings(document)
    return {
        **{name: getattr(document, name) for name in ("section", "source", "profile", "budget", "values")},
        **found,
        "comparisons": _comparisons(document, found["ranking"]),
        "rank_stability": rank_stability(document, found["ranking"]),
        "cases": {case: _of_case(found["methods"], case) for case in sorted({c.case for c in document.cells if c.case})},
        "facts": facts(document),
        "collapsed": len(collapsed(document)),
        "data": document.data.model_dump(exclude={"test_labels"}) if document.data else None,
        "cells": len(document.cells),
    }


def facts(document: Document) -> dict[str, Any]:
    """Return what the study's `facts.py` says in its function `facts`, nothing where it has none."""
    gathered = plugins.parts(study_of(document.section), "facts") if document.section in sections() else []
    return {name: value for part in gathered for name, value in part.facts(document).items()}


@once
def standings(document: Document) -> dict[str, Any]:
    """Return each method's figures and the ranking by mean macro-F1, best first.

    Returns
    -------
    dict
        methods
            Per method: seeds; macro_f1 and accuracy as {mean, sd (divisor n - 1), min, max, low, high (95 %
            Student-t interval), values, n} over seeds, with None where a single number is known; n_parameters, width,
            energy_uJ, macs; firing {mean}; collapsed and at_chance, see `mstask.summary.endings`. In a document with
            cases the scores are taken over the cases, each by the mean over its seeds, and `cases` holds per case seeds,
            macro_f1 and accuracy over seeds; where cases are folds of data sets, every set counts the same and the
            interval is that over folds and seeds.
        ranking, rank, best, best_homogeneous
            Methods that have a macro-F1.
    """
    names = dict.fromkeys([cell.method for cell in document.cells] + list(document.means))
    methods = {name: _method(document, name) for name in names}
    found = ranked({name: method["macro_f1"]["mean"] for name, method in methods.items()})
    return {"methods": methods, **found, "best_homogeneous": next(filter(is_homogeneous, found["ranking"]), None)}


def is_homogeneous(method: str) -> bool:
    """Say whether a method of the paper's own sections is a spiking network of one neuron type; elsewhere every one counts."""
    return not method.startswith(HETEROGENEOUS) and DENSE not in method


def _comparisons(document: Document, scored: list[str]) -> dict[str, Comparison]:
    chosen = with_best(document, tuple(filter(is_homogeneous, scored)))
    known, given = ([*scored, BEST], chosen) if chosen else (scored, document)
    found = {}
    for key, (a, b) in COMPARISONS.items():
        if a in known and b in known and share_seeds(given, a, b):
            found[key] = compare(given, a, b)
    return found


def _of_case(methods: Mapping[str, Any], case: str) -> dict[str, Any]:
    return ranked({name: m["cases"][case]["macro_f1"]["mean"] for name, m in methods.items() if case in m["cases"]})


def ranked(scores: Mapping[str, float | None]) -> dict[str, Any]:
    """Return the names that have a score, the highest first, equal ones by name; each one's rank; and the best."""
    known = {name: score for name, score in scores.items() if score is not None}
    ranking = sorted(known, key=lambda name: (-known[name], name))
    return {
        "ranking": ranking,
        "rank": {name: place for place, name in enumerate(ranking, start=1)},
        "best": ranking[0] if ranking else None,
    }


def _method(document: Document, name: str) -> dict[str, Any]:
    cells = sorted((cell for cell in document.cells if cell.method == name), key=lambda cell: (cell.case or "", cell.seed))
    by_case = {case: [cell for cell in cells if cell.case == case] for case in dict.fromkeys(c.case for c in cells) if case}
    mean = document.means.get(name)

    def known(field: str, chosen: Iterable[Cell] = cells) -> list[Any]:
        return [value for cell in chosen if (value := getattr(cell.result, field)) is not None]

    def score(field: str) -> dict[str, Any]:
        over = {case: fmean(v) for case, found in by_case.items() if (v := known(field, found))}
        values = list(over.values()) if by_case else known(field)
        if values or mean is None:
            return spread(values) | (_of_sets(document, name, field, over) if over and sets_of(document) else {})
        sd = mean.macro_f1_sd if field == "macro_f1" else None
        return spread([]) | {"mean": getattr(mean, field), "sd": sd, "n": mean.n_seeds}

    def single(field: str) -> Any:
        values = known(field) or [v for v in [getattr(mean, field, None)] if v is not None]
        return values[0] if values and all(v == values[0] for v in values) else None

    energy = known("energy_uJ")
    rates = [layers for layers in known("firing_rates") if layers]
    return {
        "seeds": sorted({cell.seed for cell in cells}),
        "cases": {
            case: {"seeds": [c.seed for c in found]} | {f: spread(known(f, found)) for f in ("macro_f1", "accuracy")}
            for case, found in by_case.items()
        },
        "macro_f1": score("macro_f1"),
        "accuracy": score("accuracy"),
        "n_parameters": single("n_parameters"),
        "width": single("width"),
        "macs": single("macs"),
        "energy_uJ": fmean(energy) if energy else getattr(mean, "energy_uJ", None),
        "firing": {"mean": fmean(map(fmean, rates)) if len({*map(len, rates)}) == 1 else None},
        "collapsed": len(collapsed(document, name)),
        "at_chance": at_chance(document, name),
    }


def _of_sets(document: Document, name: str, field: str, over: Mapping[str, float]) -> dict[str, float | None]:
    """Return the mean over data sets of which cases are folds; of macro-F1 with its interval over folds and seeds."""
    if field != "macro_f1":
        return {"mean": over_sets(document, over), "low": None, "high": None}
    estimate = combination(document, {name: 1.0})
    low, high = estimate.interval() or (None, None)
    return {"mean": estimate.value, "low": low, "high": high}
