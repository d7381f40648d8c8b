"""Numbers for sentences on the study, on what it tuned and on the dense networks beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mstask.results.documents import Document
from mstask.studies.tuning.search import summary_of
from mstask.summary import DENSE, standings

TARGET = "Doppler-LIF"


@dataclass(frozen=True)
class Step:
    """The cheapest dense network that matches the tuned Doppler-LIF network from a tolerance on.

    `tolerance` is the macro-F1 that a match may fall short, negative where the network is better than the target; `factor`
    its proxy as a multiple of the target's.
    """

    tolerance: float
    network: str
    macro_f1: float
    energy_uJ: float
    factor: float


def factor_by_tolerance(standing: Mapping[str, Any]) -> list[Step]:
    """The cost of the cheapest match as a step function of how far below the target still matches, by growing tolerance.

    `standing` is what `mstask.summary.standings` returns. Empty where a figure of either side is missing.
    """
    methods = standing["methods"]
    target = methods.get(TARGET)
    if target is None or target["macro_f1"]["mean"] is None or target["energy_uJ"] is None:
        return []
    steps: list[Step] = []
    for name in standing["ranking"]:
        energy, score = methods[name]["energy_uJ"], methods[name]["macro_f1"]["mean"]
        # The ranking runs from the best on: a network that costs no less than a better one is never the cheapest match.
        if DENSE in name and energy is not None and not (steps and energy >= steps[-1].energy_uJ):
            steps.append(Step(target["macro_f1"]["mean"] - score, name, score, energy, energy / target["energy_uJ"]))
    return steps


def matching(steps: list[Step], tolerance: float = 0.0) -> Step | None:
    """The step that holds at a tolerance, by default without any, None where no network matches."""
    return next((step for step in reversed(steps) if step.tolerance <= tolerance), None)


def relaxed(steps: list[Step]) -> list[Step]:
    """The steps that hold only from some tolerance on."""
    return [step for step in steps if step.tolerance > 0]


def facts(document: Document) -> dict[str, Any]:
    """What a document says of the study by architecture, and of the frontier: the match of Doppler-LIF and the relaxed ones.

    `same_choice`: whether all studies, of which there are several, chose one and the same configuration.
    """
    steps, study = factor_by_tolerance(standings(document)), summary_of(document)
    chosen = [found.best.configuration for found in study.values() if found.best]
    same = len(chosen) > 1 and all(one == chosen[0] for one in chosen)
    return {"study": study, "same_choice": same, "match": matching(steps), "relaxed": relaxed(steps)}
