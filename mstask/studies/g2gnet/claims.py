"""Claims about which inputs a neuron may combine: wiring in groups, rewiring, and what sparse products save (G2GNet).

Three ways to deal neurons to groups compete, and a claim needs all that were run. Over several data sets their mean is judged,
each counting the same. Published figures are accuracies of single runs, at their best test epoch: they decide nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from mstask.claims import Entry
from mstask.claims.figures import Documents, NotTestable, results_of
from mstask.claims.findings import Finding, every
from mstask.claims.rules import difference, quantity, with_leads
from mstask.claims.words import listed, number, opening, signed, subject
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.studies.g2gnet import facts as answers
from mstask.studies.g2gnet.declare import SECTION
from mstask.studies.g2gnet.facts import GROUPINGS
from mstask.studies.g2gnet.methods import PICTURES
from mstask.summary.comparisons import scored_cells

BENCHMARK = "benchmark-g2gnet"
DATA_SETS = ("digits", "radar", "speech", *PICTURES)
NEEDED = GROUPINGS[:2]
"""The groupings that every voice has runs of; "random" counts where it was run."""

FAMILY = (*((name, second) for second in ("er", "dense", "dense-matched") for name in GROUPINGS), ("index-dst", "index"))
"""Every pair that a claim compares."""

KEPT = 0.9
"""Share of the connections inside groups that must be left for groups to count as kept."""

Pairs = Sequence[tuple[str, str]]


def _ahead(documents: Documents, pairs: Pairs, data_sets: Sequence[str] = DATA_SETS) -> Finding:
    """Judge "the first of each pair scores higher than its second", over those of these data sets that have runs."""
    document = results_of(documents, SECTION.id)
    if document.source == "published":
        return every(*_quoted(document.values.get("heads", {}), pairs, data_sets))
    known = document.of_cases(data_sets)
    if not known.cells:
        raise NotTestable(f"There is no figure on {listed(map(answers.title, data_sets))} for {subject(SECTION.id)} (not run).")
    run = [(a, b) for a, b in pairs if a in NEEDED or a not in GROUPINGS or scored_cells(known, a)]
    found = {(a, b): difference({SECTION.id: known}, SECTION.id, a, b, family=FAMILY) for a, b in run}
    return every(*(with_leads(one, known, a, b, answers.title) for (a, b), one in found.items()))


def _quoted(heads: Mapping[str, Any], pairs: Pairs, data_sets: Sequence[str]) -> list[Finding]:
    """Compare published accuracies, data set by data set."""
    found = []
    for name in data_sets:
        for a, b in pairs:
            known = heads.get(name, {})
            if a in known and b in known:
                lead = known[a]["accuracy"] - known[b]["accuracy"]
                scored = ", ".join(f"{label(one)} {number(known[one]['accuracy'])}" for one in (a, b))
                where = opening(answers.title(name))
                evidence = f"{where}: {scored} accuracy, {signed(lead)} (one run each, best test epoch)."
                doubt = "One run each is known, at its best test epoch, so the spread over seeds is not."
                estimand = f"accuracy, {label(a)} − {label(b)}"
                found.append(Finding("undecided", evidence, doubt, "difference", estimand, lead, seeds=1))
    if not found:
        raise NotTestable(
            f"There is no figure on {listed(map(answers.title, data_sets))} for {subject(SECTION.id)} (not published)."
        )
    return found


def _groups_kept(documents: Documents) -> Finding:
    """Share of the connections that lie inside groups after rewiring, of those before, on each data set."""
    document = documents.get(SECTION.id)
    cases = [name for name in DATA_SETS if document and any(cell.case == name for cell in document.cells)]
    found = [f for name in cases if (f := _kept(document, name)) is not None]
    if not found:
        raise NotTestable(f"There is no record of rewired index groups for {subject(SECTION.id)}.")
    return every(*found)


def _kept(document: Document, name: str) -> Finding | None:
    set_ = answers.settings(document)
    shares, updates = [], 0
    for seed in sorted({cell.seed for cell in document.cells}):
        own = document.model_copy(update={"cells": [c for c in document.cells if (c.case, c.seed) == (name, seed)]})
        rows = answers.erosion(own)[lambda t: t["method"] == "index-dst"]
        if len(rows):
            updates = int(rows["updates"].max())
            expected = answers.expected_intra_share(set_["p_inter"], updates, set_["fraction"])
            before = float(rows["intra"].iloc[0]) if rows["updates"].iloc[0] == 0 else expected[0]
            shares.append(float(rows["intra"].iloc[-1]) / before)
    if not shares:
        return None
    told = (
        f"{opening(answers.title(name))}: after the last of {updates} rewirings at random "
        f"{number(expected[-1] / expected[0])} would be left, and above {number(KEPT, 1)} counts as kept"
    )
    return quantity("share left of the connections inside groups", shares, (KEPT, math.inf), told)


def _sparse_pays(documents: Documents) -> Finding:
    """Processor time of a layer's product, forward and backward, at the sources' p_inter, against one dense masked product.

    Judged on index and mixer groups at every width measured, by the cheaper exact form, over the repetitions of the benchmark.
    """
    document = documents.get(BENCHMARK)
    if document is None:
        raise NotTestable("There is no benchmark of the wired layer.")
    p_inter = SECTION.protocol["p_inter"]
    table = answers.ratios(document)
    chosen = table[(table["p_inter"] == p_inter) & table["model"].isin(NEEDED) & table["form"].isin(("grouped", "sparse"))]
    if chosen.empty:
        raise NotTestable(
            f"The benchmark has no sparse product of grouped layers at a probability of {p_inter} between groups."
        )
    cheaper = chosen.loc[chosen.groupby(["width", "model"], sort=False)["median"].idxmin()]
    found = [
        quantity(
            f"ratio to the dense product's time for {label(row.model)} of {row.width} neurons",
            row.ratios,
            (-math.inf, 1.0),
            "Processor time over repetitions",
            2,
            "repetition",
        )
        for row in cheaper.itertuples()
    ]
    crossed = answers.crossovers(document)
    crossed = crossed[crossed["model"].isin(NEEDED) & (crossed["form"] == "grouped")].dropna()
    limits = [f"{number(row.p_inter, 2)} for {label(row.model)} of {row.width} neurons" for row in crossed.itertuples()]
    remark = (
        f"The grouped product stops paying at a probability between groups of {listed(limits)}."
        if limits
        else "It pays at every probability between groups that was measured."
    )
    return dataclasses.replace(every(*found), remark=remark)


def _over(second: str, *data_sets: str) -> Any:
    """Judge every grouping against one other wiring."""
    return partial(_ahead, pairs=tuple((name, second) for name in GROUPINGS), data_sets=data_sets or DATA_SETS)


_ABSTRACT = "arXiv 2508.14140, abstract"
_CONTROL = "not in arXiv 2508.14140's abstract; the repositories' logs have the control"
_FOLLOWS = "follows from the abstract of arXiv 2508.14140; not claimed there"
CLAIMS = (
    Entry(
        "g2gnet-dense",
        "Networks wired sparsely in groups score higher than the dense network of the same width.",
        _ABSTRACT,
        {SECTION.id: ("dense", *GROUPINGS)},
        _over("dense"),
    ),
    Entry(
        "g2gnet-matched",
        "On the mean of data sets, networks wired sparsely in groups score higher than a dense one with as many parameters.",
        _CONTROL,
        {SECTION.id: ("dense-matched", *GROUPINGS)},
        _over("dense-matched"),
    ),
    *(
        Entry(
            f"g2gnet-grouping-{short}",
            f"With equally many connections, wiring in groups scores higher than unstructured wiring on {name}.",
            _CONTROL,
            {SECTION.id: ("er", *GROUPINGS)},
            _over("er", *data_sets),
            data_sets,
        )
        for short, name, data_sets in (
            *((name, name, (name,)) for name in ("digits", "radar", "speech")),
            ("pictures", "Fashion-MNIST and other pictures of the sources", tuple(p for p in PICTURES if p != "mnist")),
        )
    ),
    Entry(
        "g2gnet-rewiring",
        "Moving connections by activity while training scores higher than leaving them where they are.",
        _FOLLOWS,
        {SECTION.id: ("index", "index-dst")},
        partial(_ahead, pairs=(("index-dst", "index"),)),
    ),
    Entry(
        "g2gnet-groups-kept",
        "Moving connections by activity keeps them inside groups.",
        _FOLLOWS,
        {SECTION.id: ("index-dst",)},
        _groups_kept,
        settled=True,
    ),
    Entry(
        "g2gnet-sparse-pays",
        "Computing only the connections that exist takes less time than computing all.",
        "not in the source",
        {BENCHMARK: ("grouped",)},
        _sparse_pays,
    ),
)
