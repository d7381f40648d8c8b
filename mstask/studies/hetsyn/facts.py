"""What the HetSyn section measures, gathered over seeds: of whatever cells a document has, and empty where it has none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any

from mstask.results.documents import Cell, Document
from mstask.studies.hetsyn.names import CASES, METHODS
from mstask.summary.details import detail, measured

OWN = "HetSynLIF"
RIVALS = tuple(name for name in METHODS if name != OWN)
KNOCK_OUTS = ("intact", "long", "random", "short")

Path = tuple[str, ...]


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
    return [fmean(column) for column in zip(*rows, strict=True)] if rows and len({len(row) for row in rows}) == 1 else []


def facts(document: Document) -> dict[str, Any]:
    """Return means over seeds for sentences; a key is missing where nothing was measured.

    Returns
    -------
    dict
        accuracy, error
            Per case: mean by method; the best one; `lead`, how much HetSynLIF is ahead of the best other (for errors: by
            how much its error is smaller).
        hits
            Per match-to-sample case and method: `solved` of `n` networks, and their mean first iteration at the criterion.
        knock_out
            Per case and method: mean accuracy intact and after each reset; `share`, of time constants that are long.
        small
            Per number of neurons and method: mean accuracy.
        slow
            Per initial time constant in ms, for HetSynLIF: accuracy, accuracy after the reset of long ones (`reset`), share
            of long ones, mean finite time constant of cue and noise channels in steps.
        robust
            Per disturbance of spoken digits and method: accuracy averaged over its levels, and `worst`.
        weight_decay
            The paper's factor on decays, the one used here, time constants before and after by arithmetic; mean median
            time constant of the first layer's inputs, and accuracy, of both arms; `ratio`: how many times longer time
            constants are without weight decay, the geometric mean over sets of synapses and seeds.
        recipe
            `weight_decay` of the training on speech and radar, 0 where its cells don't know the parameter; `digits_epochs`.
    """
    gathered = {
        "accuracy": _per_case(document, lambda case: _compared(_means(document, case), highest=True)),
        "error": _per_case(document, lambda case: _compared(_means(document, case, "mse"), highest=False)),
        "hits": _per_case(document, lambda case: _by_method(lambda method: _hits(document, case, method))),
        "knock_out": _per_case(document, lambda case: _by_method(lambda method: _knock_out(document, case, method))),
        "small": _small(document),
        "slow": _slow(document),
        "robust": {kind: found for kind in ("deletion", "warp", "addition") if (found := _robust(document, kind))},
        "weight_decay": weight_decay(document),
        "recipe": _recipe(document),
    }
    return {name: found for name, found in gathered.items() if found}


def weight_decay(document: Document, case: str = "speech-bins", method: str = OWN) -> dict[str, Any]:
    """The trial of training with and without weight decay on the synaptic decays; see `facts`."""
    trials = measured(document, case, method, "weight_decay")
    if not trials:
        return {}
    found: dict[str, Any] = dict(next(iter(trials.values())))
    arms = {arm: [trial["arms"][arm] for trial in trials.values()] for arm in ("with", "without")}
    told = {key: found[key] for key in ("factor", "factor_here", "tau", "tau_after", "steps")}
    for arm, several in arms.items():
        medians = [one["time_constants"]["layers.0.inputs"]["median"] for one in several]
        told[arm] = {"accuracy": fmean(one["accuracy"] for one in several)}
        if known := [median for median in medians if median is not None]:
            told[arm]["median"] = fmean(known)
    if ratios := [ratio for trial in trials.values() if (ratio := shortening(trial)) is not None]:
        told["ratio"] = math.exp(fmean(map(math.log, ratios)))
    return told


def shortening(trial: Mapping[str, Any]) -> float | None:
    """How many times longer median time constants are without weight decay than with it: geometric mean over the synapses."""
    medians = [{name: s["median"] for name, s in trial["arms"][arm]["time_constants"].items()} for arm in ("without", "with")]
    logs = [math.log(medians[0][name] / medians[1][name]) for name in medians[0] if medians[0][name] and medians[1].get(name)]
    return math.exp(fmean(logs)) if logs else None


def _recipe(document: Document) -> dict[str, float]:
    known = next((cell.parameters for cell in document.cells if cell.parameters), None)
    if known is None:
        return {}
    return {"weight_decay": known.get("weight_decay", 0.0)} | {k: known[k] for k in ("digits_epochs",) if k in known}


def _means(document: Document, case: str, *path: str) -> dict[str, float]:
    found = {method: measured(document, case, method, *path).values() for method in METHODS}
    return {method: fmean(values) for method, values in found.items() if values}


def _compared(means: Mapping[str, float], highest: bool) -> dict[str, Any]:
    """Means by method, the best, and the lead of HetSynLIF where it and another are known."""
    if not means:
        return {}
    pick = max if highest else min
    rivals = [value for name, value in means.items() if name != OWN]
    found: dict[str, Any] = {**means, "best": pick(means, key=means.__getitem__)}
    if OWN in means and rivals:
        found["lead"] = (means[OWN] - pick(rivals)) * (1 if highest else -1)
    return found


def _hits(document: Document, case: str, method: str) -> dict[str, Any]:
    cells = [cell for cell in document.cells if (cell.case, cell.method) == (case, method) and "first_hit" in _details(cell)]
    if not cells:
        return {}
    hits = [hit for cell in cells if (hit := detail(cell, "first_hit")) is not None]
    return {"solved": len(hits), "n": len(cells)} | ({"mean": fmean(hits)} if hits else {})


def _knock_out(document: Document, case: str, method: str) -> dict[str, float]:
    found = list(measured(document, case, method, "knock_out").values())
    if not found:
        return {}
    return {which: fmean(one[which] for one in found) for which in KNOCK_OUTS} | {
        "share": fmean(one["n_long"] / one["n"] for one in found)
    }


def _small(document: Document) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, list[float]]] = {}
    for method in METHODS:
        for run in runs(document, "match-small", method):
            found.setdefault(str(run["hidden"]), {}).setdefault(method, []).append(run["accuracy"])
    ordered = sorted(found, key=int)
    return {size: {method: fmean(values) for method, values in found[size].items()} for size in ordered}


def _slow(document: Document) -> dict[str, dict[str, float]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs(document, "match-slow", OWN):
        if run.get("knock_out"):
            found.setdefault(f"{run['tau_ms']:g}", []).append(run)
    return {tau: _slow_mean(several) for tau, several in found.items()}


def _slow_mean(several: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    several = list(several)
    found = {
        "accuracy": fmean(run["accuracy"] for run in several),
        "reset": fmean(run["knock_out"]["long"] for run in several),
        "share": fmean(run["knock_out"]["n_long"] / run["knock_out"]["n"] for run in several),
    }
    for group in ("cue", "noise"):
        found[group] = fmean(run["by_channel"][group]["mean_finite"] for run in several)
    return found


def _robust(document: Document, kind: str) -> dict[str, dict[str, float]]:
    rows = _by_method(lambda method: {"levels": series(document, "speech-bins", method, kind, "accuracy")})
    return {
        method: {"mean": fmean(row["levels"]), "worst": min(row["levels"])} for method, row in rows.items() if row["levels"]
    }


def _per_case(document: Document, look: Callable[[str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {case: found for case in CASES if (found := look(case))}


def _by_method(look: Callable[[str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {method: found for method in METHODS if (found := look(method))}


def _details(cell: Cell) -> Mapping[str, Any]:
    return cell.result.details or {}
