"""What the Eventprop sections measure, gathered over seeds: of whatever cells a document has, and empty where it has none."""

from __future__ import annotations

from statistics import fmean, median
from typing import Any

import pandas as pd

from mstask.results.documents import Document
from mstask.studies.eventprop.methods import FROZEN, LOSSES, TASKS, VARIANTS
from mstask.summary.details import detail, measured


def tasks_of(document: Document) -> list[str]:
    """The tasks that some cell has a score on, in the order of the section."""
    return [case for case in TASKS if any(cell.case == case and cell.result.accuracy is not None for cell in document.cells)]


def curve(document: Document, method: str, case: str | None, name: str) -> list[float]:
    """The mean over seeds of a history's values, epoch by epoch, as long as all seeds have them."""
    rows = [cell.result.series(name) for cell in document.cells if cell.method == method and case in (None, cell.case)]
    return [fmean(column) for column in zip(*rows, strict=False)] if rows else []


def facts(document: Document) -> dict[str, Any]:
    """Return means over seeds for sentences; a key is missing where nothing was measured.

    Returns
    -------
    dict
        Of "eventprop", per task: epochs (at most), accuracy per loss, best and worst loss, range (of their accuracies), lead
        (exp over sum), gain (exp over the control), plain_gain (sum over the control). Of "eventprop-yin-yang", per variant:
        accuracy, lowest, last (at the last epoch), silent (hidden neurons that never fired in the last epoch). Of
        "eventprop-gradients", per probe: see `_worst`, `_of_grid`, `_of_shaping`, `_of_departures`.
    """
    return _GATHERED[document.section](document)


def _of_losses(document: Document) -> dict[str, Any]:
    found = {}
    for case in tasks_of(document):
        known = {name: fmean(values.values()) for name in (*LOSSES, FROZEN) if (values := measured(document, case, name))}
        losses = {name: known[name] for name in LOSSES if name in known}
        epochs = max(cell.result.epochs or 0 for cell in document.cells if cell.case == case)
        own: dict[str, Any] = {"accuracy": known, "epochs": epochs}
        if losses:
            best, worst = max(losses, key=losses.__getitem__), min(losses, key=losses.__getitem__)
            own |= {"best": best, "worst": worst, "range": losses[best] - losses[worst]}
        pairs = {"lead": ("exp", "sum"), "gain": ("exp", FROZEN), "plain_gain": ("sum", FROZEN)}
        found[case] = own | {key: known[a] - known[b] for key, (a, b) in pairs.items() if a in known and b in known}
    return found


def _of_variants(document: Document) -> dict[str, Any]:
    found = {}
    for name in VARIANTS:
        if scores := measured(document, None, name).values():
            found[name] = {"accuracy": fmean(scores), "lowest": min(scores)}
            if last := measured(document, None, name, "last_epoch_accuracy").values():
                found[name]["last"] = fmean(last)
            if silent := curve(document, name, None, "silent_neurons"):
                found[name]["silent"] = silent[-1]
    return found


def _of_gradients(document: Document) -> dict[str, Any]:
    gathered = {"finite-differences": _worst, "grid": _of_grid, "shaping": _of_shaping, "departures": _of_departures}
    return {probe: own for probe, of in gathered.items() if (own := of(document))}


def checks(document: Document) -> list[tuple[int, str, str, float, int, int]]:
    """Every comparison with finite differences: seed, network, parameter, relative error, entries used and skipped."""
    rows = []
    for seed, networks in measured(document, None, "finite-differences", "networks").items():
        for network, parameters in networks.items():
            rows += [(seed, network, name, c["error"], c["used"], c["skipped"]) for name, c in parameters.items()]
    return rows


def _worst(document: Document) -> dict[str, Any]:
    """error (the largest), typical (their median), used (entries), networks (checks: every loss, and four other networks)."""
    rows = [row for row in checks(document) if row[4]]
    if not rows:
        return {}
    errors, kinds = [row[3] for row in rows], {row[1] for row in rows}
    return {"error": max(errors), "typical": median(errors), "used": sum(row[4] for row in rows), "networks": len(kinds)}


def grid_table(document: Document) -> pd.DataFrame:
    """Every network on every time grid, by its seed and the grid's step."""
    names = ("input_error", "input_cosine", "output_error", "same_spikes")
    rows = [
        (cell.seed, *values)
        for cell in document.cells
        if cell.method == "grid"
        for values in zip(*(detail(cell, name) or [] for name in ("step", *names)), strict=True)
    ]
    return pd.DataFrame(rows, columns=["seed", "step_ms", *names])


def by_step(document: Document) -> list[tuple[float, pd.DataFrame]]:
    """The steps of the grids, the longest first, each with its rows of `grid_table`."""
    return list(grid_table(document).groupby("step_ms"))[::-1]


def _of_grid(document: Document) -> dict[str, Any]:
    """coarsest and finest: step, and medians over networks of error and cosine of the input weights' gradient."""
    table = by_step(document)
    ends = {name: table[at] for name, at in (("coarsest", 0), ("finest", -1)) if table}
    return {
        name: {"step": step, "error": median(own["input_error"]), "cosine": median(own["input_cosine"])}
        for name, (step, own) in ends.items()
    }


def _of_shaping(document: Document) -> dict[str, Any]:
    """first: by weight, the error that the earliest spike hears, as a share of the largest error drawn."""
    heard = next(iter(measured(document, None, "shaping", "heard").values()), {})
    return {"first": {name: abs(values[0]) / max(map(abs, values)) for name, values in heard.items()}} if heard else {}


def _of_departures(document: Document) -> dict[str, Any]:
    """Medians over networks of what `probes.depart` compares."""
    paths = {
        "adaptation_error": ("adaptation", "error"),
        "adaptation_cosine": ("adaptation", "cosine"),
        "forcing_scale": ("forcing", "scale"),
        "forcing_cosine": ("forcing", "cosine"),
        "varied_cosine": ("forcing", "varied", "hidden", "cosine"),
        "stale_error": ("stale", "error"),
        "stale_cosine": ("stale", "cosine"),
    }
    values = {key: measured(document, None, "departures", *path).values() for key, path in paths.items()}
    found = {key: median(several) for key, several in values.items() if several}
    if scale := found.get("forcing_scale"):
        found["forcing_factor"] = 1 / scale
    return found


_GATHERED = {"eventprop-gradients": _of_gradients, "eventprop": _of_losses, "eventprop-yin-yang": _of_variants}
