"""Claims about the tuned networks of Table 2 and the CNN frontier."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np

from mstask import summary
from mstask.claims import Entry
from mstask.claims.figures import Documents, NotTestable, scores
from mstask.claims.findings import Finding, every
from mstask.claims.rules import Drawn, difference, quantity
from mstask.claims.words import number, subject
from mstask.results.documents import Document
from mstask.studies.tuning.declare import TUNED
from mstask.studies.tuning.facts import TARGET, factor_by_tolerance, matching, relaxed
from mstask.summary.comparisons import common_places, resampled, scored_cells

COMPACT = "SmallCNN"
COMPACT_ON_FRONTIER = "CNN-16-32-64"
FAMILY = (*pairwise(TUNED), (TUNED[0], TUNED[2]), (COMPACT, TUNED[0]))
"""Every pair that a claim on the tuned networks compares."""

CLAIMED_FACTOR = 33.8
FACTOR_TOLERANCE = 0.1


def cnn_factor(documents: Documents, tolerance: float = 0.0) -> Finding:
    """Cheapest CNN whose mean macro-F1 reaches the tuned Doppler-LIF network's, less a tolerance, as a multiple of its proxy.

    The claimed factor counts as found within a tenth. The remark lists the tolerances at which a cheaper CNN matches.
    """
    document, standing = scores(documents, "frontier", TARGET)
    methods, steps = standing["methods"], factor_by_tolerance(standing)
    if not steps:
        raise NotTestable(f"There is no operation-count proxy of both sides for {subject('frontier')}.")
    chosen = matching(steps, tolerance)
    if chosen is None:
        raise NotTestable(f"No CNN reaches Doppler-LIF's {number(methods[TARGET]['macro_f1']['mean'], 4)}.")
    told = (
        f"Doppler-LIF reaches {number(methods[TARGET]['macro_f1']['mean'], 4)} at {methods[TARGET]['energy_uJ']:.1f} µJ; the "
        f"cheapest CNN that does, {chosen.network} with {number(chosen.macro_f1, 4)}, takes {chosen.energy_uJ:.1f} µJ, "
        f"{chosen.factor:.1f} times"
    )
    band = CLAIMED_FACTOR * (1 - FACTOR_TOLERANCE), CLAIMED_FACTOR * (1 + FACTOR_TOLERANCE)
    found = quantity("factor", Drawn(chosen.factor, *_factor_interval(document, standing, tolerance)), band, told, 1)
    tolerated = [
        f"A tolerance of {number(step.tolerance, 4)} admits {step.network} and leaves {step.factor:.2f} times."
        for step in relaxed(steps)
    ]
    return dataclasses.replace(found, remark=" ".join([found.remark, *tolerated]).strip())


def _factor_interval(document: Document, standing: dict, tolerance: float) -> tuple[tuple[float, float] | None, int]:
    """The factor's 95 % interval by drawing the errors of all scores, and the number of seeds; none where only means are known.

    A draw in which no CNN reaches the target has an infinite factor.
    """
    energy = {name: method["energy_uJ"] for name, method in standing["methods"].items()}
    names = [TARGET, *(name for name in standing["ranking"] if summary.DENSE in name and energy[name] is not None)]
    if not all(scored_cells(document, name) for name in names):
        return None, 0
    draws = resampled(document, names)
    if draws is None:
        return None, 1
    cost = np.array([energy[name] for name in names[1:]]) / energy[TARGET]
    factors = np.where(draws[:, 1:] >= draws[:, :1] - tolerance, cost, math.inf).min(axis=1)
    low, high = np.quantile(factors, [0.025, 0.975], method="inverted_cdf")
    return (float(low), float(high)), len(common_places(document, names))


def _compact_cnn(documents: Documents) -> Finding:
    """The comparison of Table 2; where the frontier has the same CNN, its figure there stands beside it."""
    finding = difference(documents, "search", COMPACT, TARGET, family=FAMILY)
    frontier = documents.get("frontier")
    other = summary.standings(frontier)["methods"].get(COMPACT_ON_FRONTIER) if frontier else None
    if finding.verdict == "not testable" or other is None or other["macro_f1"]["mean"] is None:
        return finding
    if other["macro_f1"]["values"] == scores(documents, "search", COMPACT)[1]["methods"][COMPACT]["macro_f1"]["values"]:
        return finding  # the frontier took these networks over
    target = scores(documents, "search", TARGET)[1]["methods"][TARGET]["macro_f1"]["mean"]
    side = "above" if other["macro_f1"]["mean"] > target else "not above"
    beside = f"On the frontier the same CNN has {number(other['macro_f1']['mean'], 4)}, {side} {number(target, 4)}."
    return dataclasses.replace(finding, remark=f"{finding.remark} {beside}".strip())


_TABLE = "Section 4.2, Table 2"
CLAIMS = (
    Entry(
        "table2-order",
        "Tuned for radar, Doppler-LIF ranks above Vanilla-LIF, and Vanilla-LIF above Parametric-LIF.",
        _TABLE,
        {"search": TUNED},
        lambda documents: every(*(difference(documents, "search", a, b, family=FAMILY) for a, b in pairwise(TUNED))),
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
        # at matched capacity: the paper's two networks differ in size as well
        lambda documents: difference(documents, "search", TARGET, "Parametric-LIF", matched=True, family=FAMILY),
    ),
    Entry(
        "cnn-factor",
        "By operation-count proxy, the cheapest CNN that matches the tuned Doppler-LIF network costs 33.8 times as much.",
        "Section 4.2, Table 2 and Fig. 1",
        {"frontier": ("Doppler-LIF", "CNN-*")},
        cnn_factor,
    ),
)
