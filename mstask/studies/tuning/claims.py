"""Claims about the tuned networks of Table 2 and the CNN frontier."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from scipy.stats import t as student_t

from mstask import summary
from mstask.claims import Entry
from mstask.claims.findings import Documents, Finding, NotTestable, every, higher, listed, number, scores, subject
from mstask.studies.tuning.facts import factor_by_tolerance, matching, relaxed

ORDER = ("Doppler-LIF", "Vanilla-LIF", "Parametric-LIF")
COMPACT = "SmallCNN"
COMPACT_ON_FRONTIER = "CNN-16-32-64"
FAMILY = (*pairwise(ORDER), (ORDER[0], ORDER[2]), (COMPACT, ORDER[0]))
"""Every pair that a claim on the tuned networks compares."""

CLAIMED_FACTOR = 33.8
FACTOR_TOLERANCE = 0.1


def _cnn_factor(documents: Documents) -> Finding:
    """Cheapest CNN whose mean macro-F1 reaches the tuned Doppler-LIF network's, as a multiple of its proxy.

    Contradicted: that CNN costs no more. Supported: the factor is within a tenth of the claimed one, the target
    rests on several seeds, and every cheaper CNN stays below it with its whole 95 % interval over seeds (from
    the published standard deviation, divisor n, where there are no per-seed values). Fragile otherwise. The
    fragility lists the tolerances at which a cheaper CNN counts as matching, and the factor each leaves.
    """
    _, standing = scores(documents, "frontier", "Doppler-LIF")
    methods, steps = standing["methods"], factor_by_tolerance(standing)
    target = methods["Doppler-LIF"]["macro_f1"]
    if not steps:
        raise NotTestable(f"There is no operation-count proxy of both sides for {subject('frontier')}.")
    chosen = matching(steps)
    if chosen is None:
        raise NotTestable(f"No CNN reaches Doppler-LIF's {number(target['mean'], 4)} for {subject('frontier')}.")
    evidence = (
        f"Doppler-LIF reaches {number(target['mean'], 4)} at {methods['Doppler-LIF']['energy_uJ']:.1f} µJ; the cheapest "
        f"CNN that does, {chosen.network} with {number(chosen.macro_f1, 4)}, takes {chosen.energy_uJ:.1f} µJ: "
        f"{chosen.factor:.1f} times."
    )
    if chosen.factor <= 1:
        return Finding("contradicted", evidence, "A CNN that costs no more reaches the same macro-F1.")
    cheaper = [
        name
        for name in standing["ranking"]
        if summary.DENSE in name and (methods[name]["energy_uJ"] or math.inf) < chosen.energy_uJ
    ]
    reaching = [name for name in cheaper if _upper(methods[name]["macro_f1"]) >= target["mean"]]
    doubts = [
        f"A tolerance of {number(step.tolerance, 4)} admits {step.network} and leaves {step.factor:.2f} times."
        for step in relaxed(steps)
    ]
    if reaching:
        doubts.append(f"The 95 % interval over seeds reaches the target for {listed(reaching)}.")
    if target["n"] is None or target["n"] < 2:
        doubts.append("How Doppler-LIF's figure spreads over seeds is not known.")
    near = abs(chosen.factor / CLAIMED_FACTOR - 1) <= FACTOR_TOLERANCE
    if not near:
        doubts.insert(0, f"A CNN does cost more, but by another factor than the {CLAIMED_FACTOR} that is claimed.")
    firm = near and not reaching and (target["n"] or 0) >= 2
    return Finding("supported" if firm else "fragile", evidence, " ".join(doubts) or "No cheaper CNN comes near.")


def _upper(score: Mapping[str, Any]) -> float:
    """Upper end of a mean's 95 % interval over seeds; infinite where the spread is unknown."""
    if score["high"] is not None:
        return score["high"]
    if score["sd"] is None or (score["n"] or 0) < 2:
        return math.inf
    return score["mean"] + float(student_t.ppf(0.975, score["n"] - 1)) * score["sd"] / math.sqrt(score["n"] - 1)


def _table_order(documents: Documents) -> Finding:
    return every(*(higher(documents, "search", a, b, family=FAMILY) for a, b in pairwise(ORDER)))


def _compact_cnn(documents: Documents) -> Finding:
    """The comparison of Table 2; where the frontier has the same CNN, its figure there stands beside it."""
    finding = higher(documents, "search", COMPACT, "Doppler-LIF", family=FAMILY)
    frontier = documents.get("frontier")
    other = summary.standings(frontier)["methods"].get(COMPACT_ON_FRONTIER) if frontier else None
    if finding.verdict == "not testable" or other is None or other["macro_f1"]["mean"] is None:
        return finding
    target = scores(documents, "search", "Doppler-LIF")[1]["methods"]["Doppler-LIF"]["macro_f1"]["mean"]
    side = "above" if other["macro_f1"]["mean"] > target else "not above"
    beside = f"On the frontier the same CNN has {number(other['macro_f1']['mean'], 4)}, {side} {number(target, 4)}."
    return dataclasses.replace(finding, fragility=f"{finding.fragility} {beside}")


def _matched_beats_generic(documents: Documents) -> Finding:
    return higher(documents, "search", "Doppler-LIF", "Parametric-LIF", matched=True, family=FAMILY)


_TABLE = "Section 4.2, Table 2"
CLAIMS = (
    Entry(
        "table2-order",
        "Tuned for radar, Doppler-LIF ranks above Vanilla-LIF, and Vanilla-LIF above Parametric-LIF.",
        _TABLE,
        {"search": ORDER},
        _table_order,
    ),
    Entry(
        "table2-cnn",
        "The compact CNN scores higher on radar than the tuned Doppler-LIF network.",
        _TABLE,
        {"search": (COMPACT, "Doppler-LIF")},
        _compact_cnn,
    ),
    Entry(
        "matched-generic",
        "A matched neuron beats a generic learnable one: tuned Doppler-LIF beats tuned Parametric-LIF on radar.",
        _TABLE,
        {"search": ("Doppler-LIF", "Parametric-LIF")},
        _matched_beats_generic,
    ),
    Entry(
        "cnn-factor",
        "The cheapest CNN that matches the tuned Doppler-LIF network costs 33.8 times its operation-count proxy.",
        "Section 4.2, Table 2 and Fig. 1",
        {"frontier": ("Doppler-LIF", "CNN-*")},
        _cnn_factor,
    ),
)
