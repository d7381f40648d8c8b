"""What the HetSyn section measures, gathered over seeds: of whatever cells a document has, and empty where it has none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any

from mstask.results.documents import Document
from mstask.studies.hetsyn.names import CASES, METHODS
from mstask.summary.details import measured

OWN = "HetSynLIF"
KNOCK_OUTS = ("intact", "long", "random", "short")


def cases_with(document: Document, *path: str) -> list[str]:
    """Cases in which some cell has this detail (or, without a path, any score), in the order of the section."""
    return [case for case in CASES if any(measured(document, case, method, *path) for method in METHODS)]


def runs(document: Document, case: str, method: str) -> list[dict[str, Any]]:
    """Every single network of a series ("match-small", "match-slow"), each with its cell's seed."""
    found = measured(document, case, method, "runs")
    return [{"seed": seed} | run for seed, several in found.items() for run in several]


def series(document: Document, case: str, method: str, *path: str) -> list[float]:
    """The mean over seeds of a list of numbers, element by element; empty where it isn't known."""
    rows = list(measured(document, case, method, *path).values())
    return [fmean(column) for column in zip(*rows, strict=True)] if len({len(row) for row in rows}) == 1 else []


def facts(document: Document) -> dict[str, Any]:
    """Return means over seeds for sentences; a key is missing where nothing was measured.

    Returns
    -------
    dict
        accuracy, error
            Per case: mean by method; the best one; `lead`, how much HetSynLIF is ahead of the best other (for errors: by
            how much its error is smaller).
        hits
            Per match-to-sample case and method: `solved`, how many of `n` networks reached the criterion.
        knock_out
            Per case and method: mean accuracy intact and after each reset; `share`, of time constants that are long.
        robust
            Per disturbance of spoken digits and method: accuracy averaged over its levels, undisturbed digits left out.
        weight_decay
            Mean median time constant of the first layer's inputs, and accuracy, with and without weight decay on the decays;
            `ratio`: how many times longer time constants are without, the geometric mean over sets of synapses and seeds.
    """

    def each(look: Callable[[Document, str, str], Any], keys: Iterable[str] = CASES) -> dict[str, Any]:
        return {key: {method: look(document, key, method) for method in METHODS} for key in keys}

    gathered = {
        "accuracy": {case: _compared(document, case, max) for case in CASES},
        "error": {case: _compared(document, case, min, "mse") for case in CASES},
        "hits": each(_hits),
        "knock_out": each(_knock_out),
        "robust": each(_robust, ("deletion", "warp")),
        "weight_decay": _weight_decay(document),
    }
    return _without_empty(gathered)


def slow(document: Document) -> dict[float, dict[str, float]]:
    """HetSynLIF on match-to-sample by initial time constant in ms, means over seeds.

    Accuracy, accuracy after the reset of long time constants, share of long ones, mean finite one of cue and noise channels.
    """
    found: dict[float, list[dict[str, float]]] = {}
    for run in runs(document, "match-slow", OWN):
        known, channels = run["knock_out"], run["by_channel"]
        row = {"accuracy": run["accuracy"], "reset": known["long"], "share": known["n_long"] / known["n"]}
        row |= {group: channels[group]["mean_finite"] for group in ("cue", "noise")}
        found.setdefault(run["tau_ms"], []).append(row)
    return {tau: _means(rows) for tau, rows in found.items()}


def shortening(trial: Mapping[str, Any]) -> float | None:
    """How many times longer median time constants are without weight decay than with it: geometric mean over the synapses."""
    short, long = (trial["arms"][arm]["time_constants"] for arm in ("with", "without"))
    pairs = [(long[name]["median"], short[name]["median"]) for name in long if name in short]
    logs = [math.log(a / b) for a, b in pairs if a and b]
    return math.exp(fmean(logs)) if logs else None


def _compared(document: Document, case: str, pick: Callable[..., Any], *path: str) -> dict[str, Any]:
    """Means by method, the best, and the lead of HetSynLIF where it and another are known."""
    known = {method: measured(document, case, method, *path).values() for method in METHODS}
    means = {method: fmean(values) for method, values in known.items() if values}
    found: dict[str, Any] = means | ({"best": pick(means, key=means.__getitem__)} if means else {})
    if OWN in means and len(means) > 1:
        lead = means[OWN] - pick(value for name, value in means.items() if name != OWN)
        found["lead"] = lead if pick is max else -lead
    return found


def _hits(document: Document, case: str, method: str) -> dict[str, int]:
    details = [cell.result.details or {} for cell in document.cells if (cell.case, cell.method) == (case, method)]
    hits = [known["first_hit"] is not None for known in details if "first_hit" in known]
    return {"solved": sum(hits), "n": len(hits)} if hits else {}


def _knock_out(document: Document, case: str, method: str) -> dict[str, float]:
    found = measured(document, case, method, "knock_out").values()
    return _means([{which: one[which] for which in KNOCK_OUTS} | {"share": one["n_long"] / one["n"]} for one in found])


def under(document: Document, kind: str, method: str) -> dict[int, float]:
    """Accuracy on spoken digits by seed, averaged over the levels of a disturbance ("deletion", "warp") that disturb at all."""
    level, none = {"deletion": ("share", 0.0), "warp": ("factor", 1.0)}[kind]
    found = {}
    for seed, one in measured(document, "speech-bins", method, kind).items():
        disturbed = [value for at, value in zip(one[level], one["accuracy"], strict=True) if at != none]
        if disturbed:
            found[seed] = fmean(disturbed)
    return found


def _robust(document: Document, kind: str, method: str) -> float | dict[str, float]:
    found = under(document, kind, method)
    return fmean(found.values()) if found else {}


def _weight_decay(document: Document) -> dict[str, Any]:
    trials = measured(document, "speech-bins", OWN, "weight_decay").values()
    found: dict[str, Any] = {}
    for arm in ("with", "without") if trials else ():
        several = [trial["arms"][arm] for trial in trials]
        medians = [one["time_constants"]["layers.0.inputs"]["median"] for one in several]
        known = [median for median in medians if median is not None]
        found[arm] = {"accuracy": fmean(one["accuracy"] for one in several)} | ({"median": fmean(known)} if known else {})
    if ratios := [ratio for trial in trials if (ratio := shortening(trial)) is not None]:
        found["ratio"] = math.exp(fmean(map(math.log, ratios)))
    return found


def _means(records: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each field."""
    return {name: fmean(record[name] for record in records) for name in (records[0] if records else ())}


def _without_empty(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree without branches that hold nothing."""
    cut = {name: _without_empty(value) if isinstance(value, dict) else value for name, value in tree.items()}
    return {name: value for name, value in cut.items() if value != {}}
