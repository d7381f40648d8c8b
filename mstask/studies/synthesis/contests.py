"""Neuron, synapse, loss, readout and wiring side by side: what each gains on the same two tasks, as plain records.

A part's two networks differ in that part alone, and were fixed before any of them was trained here: the one that its paper
proposes, and the plain one that it is measured against there. Systems differ in much else (time constants, training,
size), so gains may be compared with caution, and scores of different systems hardly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from mstask.results.documents import Document
from mstask.studies.synthesis import operations
from mstask.summary import standings
from mstask.summary.comparisons import compare, scored_cells, share_seeds

TASKS = ("radar", "speech")


@dataclass(frozen=True)
class Contest:
    """One part of a network on one task: `matched` is what its paper proposes, `plain` what that is measured against."""

    part: str
    task: str
    section: str
    case: str | None
    matched: str
    plain: str


CONTESTS = (
    Contest("neuron", "radar", "search", None, "Doppler-LIF", "Vanilla-LIF"),
    Contest("neuron", "speech", "disjoint", None, "CrossInhib-LIF", "Vanilla-LIF"),
    *(Contest("synapse", task, "hetsyn", task, "HetSynLIF", "HomNeuLIF") for task in TASKS),
    *(Contest("loss", task, "eventprop", task, "exp", "average-cross-entropy") for task in TASKS),
    *(Contest("readout", task, "ncg", task, "S2-M5-CR2-L", "S2-M1") for task in TASKS),
    *(Contest("wiring", task, "g2gnet", task, "mixer", "er") for task in TASKS),
)
PARTS = tuple(dict.fromkeys(contest.part for contest in CONTESTS))
SECTIONS = tuple(dict.fromkeys(contest.section for contest in CONTESTS))


def outcome(contest: Contest, documents: Mapping[str, Document | None]) -> dict[str, Any] | None:
    """Return what came of a contest, None where a side of it has no score.

    Returns
    -------
    dict
        matched, plain: each {method, macro_f1 (as in `standings`), n_parameters (mean over seeds, rounded), energy_uJ (as
        `operations.energy`)}; difference, low, high, p, n and consistent as `compare` returns them.
    """
    document = documents.get(contest.section)
    if document is None:
        return None
    own = document.of_case(contest.case) if contest.case else document
    if not all(scored_cells(own, name) for name in (contest.matched, contest.plain)):
        return None
    if not share_seeds(own, contest.matched, contest.plain):
        return None
    methods = standings(own)["methods"]
    found = compare(own, contest.matched, contest.plain)
    sides = {
        side: {
            "method": name,
            "macro_f1": methods[name]["macro_f1"],
            "n_parameters": _parameters(own, name),
            "energy_uJ": operations.energy(own, name, contest.task),
        }
        for side, name in (("matched", contest.matched), ("plain", contest.plain))
    }
    return sides | {key: getattr(found, key) for key in ("difference", "low", "high", "n", "consistent", "p")}


def outcomes(documents: Mapping[str, Document | None]) -> dict[Contest, dict[str, Any]]:
    """Every contest that can be held with these documents, by section id."""
    return {contest: found for contest in CONTESTS if (found := outcome(contest, documents)) is not None}


def overview(documents: Mapping[str, Document | None]) -> dict[str, Any]:
    """What the contests say together.

    Returns
    -------
    dict
        Per part, per task: what `outcome` returns. firm, against, open: contests ("wiring on radar") whose interval over
        seeds lies above 0, below 0, or reaches it; missing: those that can't be held. largest: per task the part with the
        largest gain {part, difference}, None without any.
    """
    found = {contest: outcome(contest, documents) for contest in CONTESTS}
    held = {contest: result for contest, result in found.items() if result is not None}
    by_part = {part: {c.task: result for c, result in found.items() if c.part == part} for part in PARTS}
    largest = {}
    for task in TASKS:
        gains = {c.part: result["difference"] for c, result in held.items() if c.task == task}
        best = max(gains, key=lambda part: gains[part], default=None)
        largest[task] = None if best is None else {"part": best, "difference": gains[best]}
    firm = {contest: _side(result) for contest, result in held.items()}
    sorted_out = {name: [_name(c) for c, side in firm.items() if side == name] for name in ("firm", "against", "open")}
    return by_part | sorted_out | {"missing": [_name(c) for c in found if c not in held], "largest": largest}


def _parameters(document: Document, method: str) -> int | None:
    """Wirings drawn by the seed differ a little in their number of connections."""
    counts = [cell.result.n_parameters for cell in document.cells if cell.method == method]
    return round(fmean(counts)) if counts and None not in counts else None


def _side(result: Mapping[str, Any]) -> str:
    if result["low"] is None or result["low"] <= 0 <= result["high"]:
        return "open"
    return "firm" if result["low"] > 0 else "against"


def _name(contest: Contest) -> str:
    return f"{contest.part} on {contest.task}"
