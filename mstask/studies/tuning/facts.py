"""Numbers for sentences on the study, on what it tuned and on the dense networks beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mstask.results.documents import Document
from mstask.studies.tuning.search import summary_of
from mstask.summary import DENSE, standings

TARGET = "Doppler-LIF"


def factor_by_tolerance(standing: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cost of the cheapest matching CNN as a step function of how far below the target still matches.

    Parameters
    ----------
    standing : what `mstask.summary.standings` returns.

    Returns
    -------
    list of dict
        One step each, by growing tolerance: tolerance (macro-F1 points, from which on the step holds; negative
        where the CNN is better than the target), network, macro_f1, energy_uJ, factor (times the proxy of the
        tuned Doppler-LIF network). Empty where a figure of either side is missing.
    """
    methods = standing["methods"]
    target = methods.get(TARGET)
    if target is None or target["macro_f1"]["mean"] is None or target["energy_uJ"] is None:
        return []
    steps: list[dict[str, Any]] = []
    for name in standing["ranking"]:
        energy, score = methods[name]["energy_uJ"], methods[name]["macro_f1"]["mean"]
        if DENSE not in name or energy is None or (steps and energy >= steps[-1]["energy_uJ"]):
            continue
        step = {"tolerance": target["macro_f1"]["mean"] - score, "network": name, "macro_f1": score, "energy_uJ": energy}
        steps.append(step | {"factor": energy / target["energy_uJ"]})
    return steps


def matching(steps: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the step of the cheapest network that matches without any tolerance, None where none does."""
    return next((step for step in reversed(steps) if step["tolerance"] <= 0), None)


def facts(document: Document) -> dict[str, Any]:
    """Return what a document says of the study and of the frontier.

    `study` is what `search.summary_of` returns; `match` and `relaxed` say where dense networks stand beside the tuned
    Doppler-LIF: the step of `factor_by_tolerance` that holds without any tolerance, or None, and those that need some.
    """
    steps = factor_by_tolerance(standings(document))
    relaxed = [step for step in steps if step["tolerance"] > 0]
    return {"study": summary_of(document), "match": matching(steps), "relaxed": relaxed}
