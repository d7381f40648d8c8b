"""How a training ended: it converged, that is it ran out of patience with its validation score, or its budget cut it short."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mstask.results.documents import Cell, Measures

FITTED = "penalty"
"""The detail that tells a linear model, fitted at once and to its end, from a training in steps."""


def endings(measures: Measures, parts: Collection[str], parameters: Mapping[str, Any]) -> list[bool | None]:
    """Whether each training that a cell went through converged (True) or was cut (False); None where that isn't known.

    A study has a training for each trial that was completed, other cells have one. What trains nothing has none, nor what is
    fitted at once, as logistic regression is.

    Parameters
    ----------
    parts : names of the parts of the cell's time; with "train" and no reason to stop among the measures it trained for a
        number of steps that was fixed beforehand, and was cut.
    parameters : the cell's; a trial converged if it ended before `max_epochs`, `patience` epochs after its best one.
    """
    if trials := (measures.details or {}).get("trials"):
        limit, patience = parameters["max_epochs"], parameters["patience"]
        complete = (trial for trial in trials if trial["state"] == "complete")
        return [trial["epochs"] < limit and trial["epochs"] - trial["best_epoch"] >= patience for trial in complete]
    if measures.stopped:
        return [measures.stopped == "patience"]
    if FITTED in (measures.details or {}) or (parts and "train" not in parts):
        return []
    return [False if parts else None]


def of_cell(cell: Cell) -> list[bool | None]:
    """The same for a cell, also for one that was made before cells had the field `converged`."""
    return endings(cell.result, cell.timing.parts if cell.timing else (), cell.parameters)


def converged(measures: Measures, parts: Collection[str], parameters: Mapping[str, Any]) -> bool | None:
    """Whether all trainings of a cell converged; None where there was none, or it isn't known."""
    found = endings(measures, parts, parameters)
    return None if not found or None in found else all(found)
