"""What the Eventprop sections measure, gathered over seeds: of whatever cells a document has, and empty where it has none."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, median
from typing import Any

from mstask.results.documents import Document
from mstask.studies.eventprop.methods import FALLING, FROZEN, LOSSES, PROBES, TASKS, VARIANTS
from mstask.summary.details import detail, measured

SECTIONS = ("eventprop-gradients", "eventprop", "eventprop-yin-yang")

BySeed = dict[int, Any]


def tasks_of(document: Document) -> list[str]:
    """The tasks that some cell has a score on, in the order of the section."""
    return [case for case in TASKS if any(cell.case == case and cell.result.accuracy is not None for cell in document.cells)]


def curve(document: Document, method: str, case: str | None, name: str) -> list[float]:
    """The mean over seeds of a history's values, epoch by epoch, as long as all seeds have them."""
    rows = [
        (cell.result.history or {}).get(name, [])
        for cell in document.cells
        if cell.method == method and case in (None, cell.case)
    ]
    return [fmean(column) for column in zip(*rows, strict=False)] if rows else []


def facts(document: Document) -> dict[str, Any]:
    """Return means over seeds for sentences; a key is missing where nothing was measured.

    Returns
    -------
    dict
        Of "eventprop", per task: accuracy per loss, best and worst loss, range (of their accuracies), shaped (the best loss
        with a falling weight), lead (exp over sum), gain (exp over the control), plain_gain (sum over the control), spikes
        (hidden spikes per trial at the end, per loss). Of "eventprop-yin-yang", per variant: accuracy, last (at the last
        epoch), sd (divisor n), lowest, spikes, silent (hidden neurons that never fired in the last epoch), epochs, unanswered.
        Of "eventprop-gradients", per probe: see `_worst`, `_of_grid`, `_of_surrogate`, `_of_shaping`, `_of_departures`.
    """
    return _GATHERED[document.section](document)


def _of_losses(document: Document) -> dict[str, Any]:
    found = {}
    for case in tasks_of(document):
        known = {name: fmean(values.values()) for name in (*LOSSES, FROZEN) if (values := measured(document, case, name))}
        losses = {name: known[name] for name in LOSSES if name in known}
        own: dict[str, Any] = {"accuracy": known}
        if losses:
            best, worst = max(losses, key=losses.__getitem__), min(losses, key=losses.__getitem__)
            own |= {"best": best, "worst": worst, "range": losses[best] - losses[worst]}
        if shaped := [name for name in FALLING if name in known]:
            own["shaped"] = max(shaped, key=known.__getitem__)
        pairs = {"lead": ("exp", "sum"), "gain": ("exp", FROZEN), "plain_gain": ("sum", FROZEN)}
        own |= {key: known[a] - known[b] for key, (a, b) in pairs.items() if a in known and b in known}
        own["spikes"] = _means({name: measured(document, case, name, "hidden_spikes") for name in known})
        found[case] = own
    return found


def _of_variants(document: Document) -> dict[str, Any]:
    found = {}
    for name in VARIANTS:
        scores = list(measured(document, None, name).values())
        if scores:
            mean = fmean(scores)
            silent = curve(document, name, None, "silent_neurons")
            found[name] = {
                "accuracy": mean,
                "sd": fmean((value - mean) ** 2 for value in scores) ** 0.5,
                "lowest": min(scores),
                "epochs": max(cell.result.epochs or 0 for cell in document.cells if cell.method == name),
                **_means({key: measured(document, None, name, key) for key in ("hidden_spikes", "unanswered")}),
                **_means({"last": measured(document, None, name, "last_epoch_accuracy")}),
                **({"silent": silent[-1]} if silent else {}),
            }
    return found


def _of_gradients(document: Document) -> dict[str, Any]:
    gathered = (_worst, _of_grid, _of_surrogate, _of_shaping, _of_departures)
    return {probe: own for probe, of in zip(PROBES, gathered, strict=True) if (own := of(document))}


def checks(document: Document) -> list[tuple[int, str, str, float, int, int]]:
    """Every comparison with finite differences: seed, network, parameter, relative error, entries used and skipped."""
    rows = []
    for seed, networks in measured(document, None, PROBES[0], "networks").items():
        for network, parameters in networks.items():
            rows += [(seed, network, name, c["error"], c["used"], c["skipped"]) for name, c in parameters.items()]
    return rows


def _worst(document: Document) -> dict[str, Any]:
    """error (the largest), typical (their median), used and skipped (entries), networks (how many kinds)."""
    rows = [row for row in checks(document) if row[4]]
    if not rows:
        return {}
    errors = [row[3] for row in rows]
    kinds = len({row[1] for row in rows})
    used, skipped = (sum(row[i] for row in checks(document)) for i in (4, 5))
    return {"error": max(errors), "typical": median(errors), "used": used, "skipped": skipped, "networks": kinds}


def grid_table(document: Document) -> dict[float, dict[str, list[float]]]:
    """By step of the grid, falling: input_error, input_cosine, output_error and same_spikes of each seed's network."""
    table: dict[float, dict[str, list[float]]] = {}
    names = ("input_error", "input_cosine", "output_error", "same_spikes")
    for cell in document.cells:
        steps = detail(cell, "step") if cell.method == "grid" else None
        for i, step in enumerate(steps or ()):
            for name in names:
                table.setdefault(step, {}).setdefault(name, []).append(detail(cell, name)[i])
    return dict(sorted(table.items(), reverse=True))


def _of_grid(document: Document) -> dict[str, Any]:
    """coarsest and finest: step, and medians over networks of error, cosine (input weights) and output_error."""
    table = grid_table(document)
    keys = {"error": "input_error", "cosine": "input_cosine", "output_error": "output_error"}
    ends = {name: list(table)[at] for name, at in (("coarsest", 0), ("finest", -1)) if table}
    return {
        name: {"step": step} | {key: median(table[step][source]) for key, source in keys.items()} for name, step in ends.items()
    }


def _of_surrogate(document: Document) -> dict[str, Any]:
    """gentlest and steepest slope: slope, and medians over networks of cosine and norm_ratio."""
    slopes = next(iter(measured(document, None, "surrogate", "slope").values()), [])
    found = {}
    for name, at in (("gentlest", 0), ("steepest", -1)) if slopes else ():
        own = {
            key: median(values[at] for values in measured(document, None, "surrogate", key).values())
            for key in ("cosine", "norm_ratio")
        }
        found[name] = {"slope": slopes[at]} | own
    return found


def _of_shaping(document: Document) -> dict[str, Any]:
    """first: by weight, the error that the earliest spike hears, as a share of the largest that any spike hears."""
    heard = next(iter(measured(document, None, "shaping", "heard").values()), {})
    return {"first": {name: abs(values[0]) / max(map(abs, values)) for name, values in heard.items()}} if heard else {}


def _of_departures(document: Document) -> dict[str, Any]:
    """Medians over networks of what `departures` compares."""
    paths = {
        "adaptation_error": ("adaptation", "error"),
        "adaptation_cosine": ("adaptation", "cosine"),
        "forcing_scale": ("forcing", "scale"),
        "forcing_cosine": ("forcing", "cosine"),
        "varied_cosine": ("forcing", "varied", "hidden", "cosine"),
        "stale_error": ("stale", "error"),
        "stale_cosine": ("stale", "cosine"),
        "lift_times_initial": ("lift", "times_initial"),
    }
    values = {key: measured(document, None, "departures", *path).values() for key, path in paths.items()}
    found = {key: median(several) for key, several in values.items() if several}
    if scale := found.get("forcing_scale"):
        found["forcing_factor"] = 1 / scale
    return found


def _means(by_name: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    return {name: fmean(values.values()) for name, values in by_name.items() if values}


_GATHERED = dict(zip(SECTIONS, (_of_gradients, _of_losses, _of_variants), strict=True))
