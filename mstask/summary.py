"""Numbers derived from a result document. They are computed when read and never stored."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from statistics import fmean, stdev
from typing import Any

import numpy as np

from mstask import stats
from mstask.documents import Cell, Document, ResultsError

HETEROGENEOUS = ("D1_", "D2_")
DENSE = "CNN"
COMPARISONS = {
    "D1_H1-best": ("D1_H1", "best"),
    "D2_concat-best": ("D2_concat", "best"),
    "D1_rev-best": ("D1_rev", "best"),
    "D2_concat-D1_H1": ("D2_concat", "D1_H1"),
    "D1_H1-D1_rev": ("D1_H1", "D1_rev"),
    "D1_H1-D1_perm1": ("D1_H1", "D1_perm1"),
    "CrossInhib-LIF-Doppler-LIF": ("CrossInhib-LIF", "Doppler-LIF"),
}
"""Comparisons the paper makes; "best" stands for the document's best homogeneous network."""


def summarise(document: Document) -> dict[str, Any]:
    """Return everything the book says about a document, as nested plain dictionaries.

    Returns
    -------
    dict
        methods
            Per method: seeds; macro_f1 and accuracy as {mean, sd (divisor n - 1), min, max, low, high (95 %
            Student-t interval over seeds), values, n}, with None where a single number is known; per_class_f1;
            n_parameters, width, energy_uJ, macs; epochs_mean, best_epoch_mean, seconds_mean;
            firing {mean, per_layer}; published_mean_only.
        ranking, rank, best, best_homogeneous
            Methods by mean macro-F1, best first.
        comparisons
            Per key "A-B" what `compare` returns.
        data, cells, seeds, complete, missing
            The data record without labels; how many cells there are; grid points without a cell.
        section, source, profile, title, reference, budget, not_published, values
            As in the document.
    """
    names = dict.fromkeys([cell.method for cell in document.cells] + list(document.means))
    methods = {name: _method(document, name) for name in names}
    scored = [name for name in names if methods[name]["macro_f1"]["mean"] is not None]
    ranking = sorted(scored, key=lambda name: (-methods[name]["macro_f1"]["mean"], name))
    seeds = sorted({cell.seed for cell in document.cells})
    present = {(cell.method, cell.seed) for cell in document.cells}
    run = dict.fromkeys(cell.method for cell in document.cells)
    missing = [{"method": m, "seed": s} for m in run for s in seeds if (m, s) not in present]
    kept = ("section", "source", "profile", "title", "reference", "budget", "not_published", "values")
    return {
        **{name: getattr(document, name) for name in kept},
        "methods": methods,
        "ranking": ranking,
        "rank": {name: place for place, name in enumerate(ranking, start=1)},
        "best": ranking[0] if ranking else None,
        "best_homogeneous": next(filter(is_homogeneous, ranking), None),
        "comparisons": _comparisons(document, next(filter(is_homogeneous, ranking), None), scored),
        "data": document.data and document.data.model_dump(exclude={"test_labels"}),
        "cells": len(document.cells),
        "seeds": seeds,
        "complete": not missing,
        "missing": missing,
    }


def is_homogeneous(method: str) -> bool:
    """Say whether a method is a spiking network of one neuron type."""
    return not method.startswith(HETEROGENEOUS) and DENSE not in method


def compare(document: Document, a: str, b: str) -> dict[str, Any]:
    """Return macro-F1 of method `a` minus that of method `b`.

    Returns
    -------
    dict
        a, b; difference (mean over common seeds, or of published means); low and high (95 % Student-t
        interval of the per-seed differences), sd, n, values; seeds: per seed {difference, low, high}
        where low and high are the paired bootstrap's 95 % interval, or the published one; basis: "predictions",
        "published intervals", "seeds" or "means", the most detailed there is for every seed; consistent:
        whether every seed's interval lies on the same side of 0, None without intervals.

    Raises
    ------
    ResultsError
        A method has no figure in the document, or the two have no seed in common.
    """
    scores = {name: {cell.seed: cell for cell in document.cells if cell.method == name} for name in (a, b)}
    if not scores[a] or not scores[b]:
        means = [_mean_score(document, name) for name in (a, b)]
        return _comparison(a, b, {}, difference=means[0] - means[1])
    common = sorted(scores[a].keys() & scores[b].keys())
    if not common:
        raise ResultsError(f"{a} and {b} have no seed in common in section {document.section!r}")
    intervals = document.values.get("comparisons", {}).get(f"{a}-{b}", {}).get("intervals", {})
    pairs = {seed: _pair(scores[a][seed], scores[b][seed], intervals.get(str(seed))) for seed in common}
    return _comparison(a, b, pairs)


def _comparison(a: str, b: str, pairs: dict[int, dict[str, Any]], difference: float | None = None) -> dict[str, Any]:
    spread = _spread([pair["difference"] for pair in pairs.values()])
    bounds = [(pair["low"], pair["high"]) for pair in pairs.values()]
    known = bool(bounds) and all(low is not None for low, _ in bounds)
    bases = {pair["basis"] for pair in pairs.values()}
    return {
        "a": a,
        "b": b,
        "difference": spread["mean"] if pairs else difference,
        **{name: spread[name] for name in ("low", "high", "sd", "n", "values")},
        "seeds": {str(seed): {k: pair[k] for k in ("difference", "low", "high")} for seed, pair in pairs.items()},
        "basis": bases.pop() if len(bases) == 1 else ("seeds" if bases else "means"),
        "consistent": (all(low > 0 for low, _ in bounds) or all(high < 0 for _, high in bounds)) if known else None,
    }


def _pair(a: Cell, b: Cell, published: list[float] | None) -> dict[str, Any]:
    """Compare two cells of one seed."""
    if a.data and b.data and a.result.predictions is not None and b.result.predictions is not None:
        n_classes = len(a.data.class_names)
        vectors = (a.result.predictions, b.result.predictions, a.data.test_labels)
        difference, low, high = _bootstrap(*(np.asarray(v, np.int64).tobytes() for v in vectors), n_classes)
        return {"difference": difference, "low": low, "high": high, "basis": "predictions"}
    difference = a.result.macro_f1 - b.result.macro_f1
    if published is not None:
        return {"difference": difference, "low": published[0], "high": published[1], "basis": "published intervals"}
    return {"difference": difference, "low": None, "high": None, "basis": "seeds"}


@lru_cache(maxsize=4096)
def _bootstrap(pred_a: bytes, pred_b: bytes, true: bytes, n_classes: int) -> tuple[float, float, float]:
    """Bootstrap label vectors given as the bytes of int64 arrays, once per process."""
    return stats.paired_bootstrap(*(np.frombuffer(v, np.int64) for v in (pred_a, pred_b, true)), n_classes)


def _comparisons(document: Document, best: str | None, scored: Iterable[str]) -> dict[str, dict[str, Any]]:
    found = {}
    for key, pair in COMPARISONS.items():
        a, b = (best if name == "best" else name for name in pair)
        if a in scored and b in scored:
            found[key] = compare(document, a, b)
    return found


def _mean_score(document: Document, name: str) -> float:
    values = [cell.result.macro_f1 for cell in document.cells if cell.method == name]
    if values:
        return fmean(values)
    if name not in document.means or document.means[name].macro_f1 is None:
        raise ResultsError(f"section {document.section!r} ({document.source}) has no macro-F1 of {name!r}")
    return document.means[name].macro_f1


def _method(document: Document, name: str) -> dict[str, Any]:
    cells = sorted((cell for cell in document.cells if cell.method == name), key=lambda cell: cell.seed)
    mean = document.means.get(name)
    results = [cell.result for cell in cells]

    def known(field: str) -> list[Any]:
        return [value for r in results if (value := getattr(r, field)) is not None]

    def score(field: str) -> dict[str, Any]:
        values = known(field)
        if values or mean is None:
            return _spread(values)
        sd = mean.macro_f1_sd if field == "macro_f1" else None
        return _spread([]) | {"mean": getattr(mean, field), "sd": sd, "n": mean.n_seeds}

    def single(field: str) -> Any:
        values = known(field) or [v for v in [getattr(mean, field, None)] if v is not None]
        return values[0] if values and all(v == values[0] for v in values) else None

    energy = known("energy_uJ")
    per_layer = _columns(known("firing_rates"))
    return {
        "seeds": [cell.seed for cell in cells],
        "macro_f1": score("macro_f1"),
        "accuracy": score("accuracy"),
        "per_class_f1": _columns(known("per_class_f1")),
        "n_parameters": single("n_parameters"),
        "width": single("width"),
        "macs": single("macs"),
        "channels": getattr(mean, "channels", None),
        "energy_uJ": fmean(energy) if energy else getattr(mean, "energy_uJ", None),
        "epochs_mean": _mean(known("epochs")),
        "best_epoch_mean": _mean(known("best_epoch")),
        "seconds_mean": _mean([cell.timing.seconds for cell in cells if cell.timing]),
        "firing": {"mean": _mean(per_layer or []), "per_layer": per_layer},
        "published_mean_only": not cells,
        "note": getattr(mean, "note", None),
    }


def _spread(values: list[float]) -> dict[str, Any]:
    """Return mean, standard deviation, extremes and the interval over seeds, None where undefined."""
    if not values:
        return dict.fromkeys(("mean", "sd", "min", "max", "low", "high"), None) | {"values": [], "n": 0}
    mean, low, high = stats.seed_interval(values)
    sd = stdev(values) if len(values) > 1 else None
    return {
        "mean": mean,
        "sd": sd,
        "min": min(values),
        "max": max(values),
        "low": low,
        "high": high,
        "values": values,
        "n": len(values),
    }


def _columns(rows: list[list[float]]) -> list[float] | None:
    """Return the mean of each column over rows of equal length, None where there are none."""
    if not rows or len({len(row) for row in rows}) > 1:
        return None
    return [fmean(column) for column in zip(*rows, strict=True)]


def _mean(values: list[float]) -> float | None:
    return fmean(values) if values else None
