"""Claims about which inputs a neuron may combine: wiring in groups, rewiring, and what sparse products save (G2GNet).

Three ways to deal neurons to groups compete. One rule serves every claim that they beat something: on a data set it is
*supported* if each of them is firmly ahead (as `mstask.claims.findings` understands it), *contradicted* if none is ahead in the
mean, and *fragile* between; over several data sets the worst counts. A data set counts in a voice if that voice has runs on it.
Published figures are accuracies of single runs, at their best test epoch: they make a claim fragile at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from mstask.claims import Entry
from mstask.claims.findings import (
    VERDICTS,
    Documents,
    Finding,
    NotTestable,
    Statement,
    higher,
    interval,
    judged,
    listed,
    number,
    signed,
    subject,
)
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.studies.g2gnet import facts as answers
from mstask.studies.g2gnet import speed
from mstask.studies.g2gnet.declare import SECTION
from mstask.studies.g2gnet.facts import GROUPINGS
from mstask.studies.g2gnet.methods import PICTURES
from mstask.summary.comparisons import mean_score

BENCHMARK = "benchmark-g2gnet"
DATA_SETS = ("digits", "radar", "speech", *PICTURES)
NEEDED = GROUPINGS[:2]
"""The groupings that every voice has runs of; "random" counts where it was run."""

FAMILY = (*((name, second) for second in ("er", "dense", "dense-matched") for name in GROUPINGS), ("index-dst", "index"))
"""Every pair that a claim compares on a data set."""

KEPT = 0.9
"""Share of the connections inside groups that must be left for groups to count as kept."""

Pairs = Sequence[tuple[str, str]]


def ahead(documents: Documents, pairs: Pairs, data_sets: Sequence[str] = DATA_SETS) -> Finding:
    """Judge "the first of each pair scores higher than its second" on every one of these data sets that has runs."""
    sources = _data_sets(documents, data_sets)
    tried = {name: _on(source, pairs) for name, source in sources.items()}
    by_set = {name: found for name, found in tried.items() if all(finding.statements for finding in found)}
    if not by_set:
        missing = next(finding for found in tried.values() for finding in found if not finding.statements)
        raise NotTestable(f"On {answers.title(next(iter(tried)))}: {missing.evidence}")
    verdicts = {name: _between(finding.verdict for finding in found) for name, found in by_set.items()}
    worst = min(verdicts.values(), key=VERDICTS.index)
    deciding = {name: found for name, found in by_set.items() if verdicts[name] == worst}
    evidence = " ".join(_told(name, sources[name], found) for name, found in by_set.items())
    name = min(deciding, key=lambda name: _best(deciding[name]).statements[0].found["difference"])
    others = [answers.title(other) for other in deciding if other != name]
    more = f" The verdict is the same on {listed(others)}." if others else ""
    fragility = f"On {answers.title(name)}: {_fragility(worst, deciding[name])}{more}"
    return Finding(worst, evidence, fragility, _statements(worst, by_set, deciding))


def _data_sets(documents: Documents, wanted: Sequence[str]) -> dict[str, Document | Mapping[str, Any]]:
    """Return what is known of each data set: a document of its cells, or the published accuracies by network."""
    document = documents.get(SECTION.id)
    if document is None:
        raise NotTestable(f"There are no results for {subject(SECTION.id)}.")
    run = {cell.case for cell in document.cells if cell.result.macro_f1 is not None}
    heads = document.values.get("heads", {})
    found = {name: answers.one_case(document, name) if name in run else heads.get(name) for name in wanted}
    known = {name: source for name, source in found.items() if source}
    if not known:
        why = "not published" if document.source == "published" else "not run"
        raise NotTestable(f"There is no figure on {listed(map(answers.title, wanted))} for {subject(SECTION.id)} ({why}).")
    return known


def _on(source: Document | Mapping[str, Any], pairs: Pairs) -> list[Finding]:
    """Return one finding per pair on a data set; a grouping that isn't needed is left out where it wasn't run."""
    found = []
    for a, b in pairs:
        if isinstance(source, Document):
            finding = higher({SECTION.id: source}, SECTION.id, a, b, family=FAMILY)
        else:
            finding = _published(source, a, b)
        if finding.statements or a not in GROUPINGS or a in NEEDED:
            found.append(finding)
    return found


def _published(accuracies: Mapping[str, Any], a: str, b: str) -> Finding:
    if missing := [name for name in (a, b) if name not in accuracies]:
        return Finding("not testable", f"There is no figure of {listed(map(label, missing))} (not published).", "")
    difference = accuracies[a]["accuracy"] - accuracies[b]["accuracy"]
    unknown = {"low": None, "high": None, "sd": None, "n": 0, "values": [], "seeds": {}, "basis": "means", "consistent": None}
    return judged(Statement({"a": a, "b": b, "difference": difference} | unknown, False, lambda: None), "", [])


def _between(verdicts: Any) -> str:
    """Return the one verdict that all pairs have, else "fragile"."""
    different = set(verdicts)
    return different.pop() if len(different) == 1 else "fragile"


def _best(found: Sequence[Finding]) -> Finding:
    return max(found, key=lambda finding: finding.statements[0].found["difference"])


def _told(name: str, source: Document | Mapping[str, Any], found: Sequence[Finding]) -> str:
    """Return every lead on a data set, grouped by what it is a lead over, with its interval over seeds."""
    texts = []
    for second in dict.fromkeys(finding.statements[0].found["b"] for finding in found):
        leads = [finding.statements[0].found for finding in found if finding.statements[0].found["b"] == second]
        if isinstance(source, Document):
            score, kind = mean_score(source, second), "macro-F1"
            basis = f"{leads[0]['n']} seeds, 95 % intervals" if leads[0]["low"] is not None else "one seed"
        else:
            score, kind, basis = source[second]["accuracy"], "accuracy", "one run each, best test epoch"
        told = listed(f"{label(lead['a'])} {_lead(lead)}" for lead in leads)
        texts.append(f"{label(second)} {number(score)} {kind}; over it {told} ({basis})")
    return f"{heading(name)}: {'; '.join(texts)}."


def heading(name: str) -> str:
    """Return a data set's name as the beginning of a sentence."""
    title = answers.title(name)
    return title[0].upper() + title[1:]


def _lead(found: Mapping[str, Any]) -> str:
    return signed(found["difference"]) + (f" {interval(found)}" if found["low"] is not None else "")


def _fragility(verdict: str, found: Sequence[Finding]) -> str:
    """Return what a data set's verdict hangs on."""
    if verdict == "supported":
        return min(found, key=lambda finding: finding.statements[0].floor).fragility
    best = _best(found)
    if verdict == "contradicted":
        return best.fragility
    behind = [label(finding.statements[0].found["a"]) for finding in found if finding.verdict == "contradicted"]
    open_ = [finding.fragility for finding in found if finding.verdict == "fragile"]
    texts = [f"Not ahead: {listed(behind)}."] if behind else []
    return " ".join(texts + ([best.fragility] if best.verdict == "fragile" else open_[:1]))


def _statements(verdict: str, by_set: Mapping[str, list[Finding]], deciding: Mapping[str, list[Finding]]) -> tuple:
    """Return the comparisons by which the verdict would change first: all, the best of each data set, or those that decide."""
    if verdict == "fragile":
        return tuple(_best(found).statements[0] for found in by_set.values())
    chosen = deciding if verdict == "contradicted" else by_set
    return tuple(finding.statements[0] for found in chosen.values() for finding in found)


def _groups_kept(documents: Documents) -> Finding:
    """Share of the connections that lie inside groups after rewiring, by the sources' rule, against before.

    Supported: on every data set at least nine tenths of it are left. Contradicted: on some data set no more is left than
    pruning and growing at random would leave. Fragile between.
    """
    document = documents.get(SECTION.id)
    table = answers.erosion(document)[lambda t: t["method"] == "index-dst"] if document else []
    if not len(table):
        raise NotTestable(f"There is no record of rewired index groups for {subject(SECTION.id)}.")
    set_ = answers.settings(document)
    verdicts, texts = {}, []
    for name, rows in table[table["case"].isin(DATA_SETS)].groupby("case", sort=False):
        updates, after = int(rows["updates"].max()), float(rows["intra"].iloc[-1])
        expected = answers.expected_intra_share(set_["p_inter"], updates, set_["fraction"])
        before = float(rows["intra"].iloc[0]) if rows["updates"].iloc[0] == 0 else expected[0]
        verdicts[name] = "supported" if after >= KEPT * before else "fragile" if after > expected[-1] else "contradicted"
        texts.append(
            f"{heading(name)}: {number(before)} of the connections lie inside groups before and {number(after)} "
            f"after {updates} rewirings; rewiring at random would leave {number(expected[-1])}."
        )
    if not verdicts:
        raise NotTestable(f"There is no record of rewired index groups on {listed(DATA_SETS)}.")
    worst = min(verdicts.values(), key=VERDICTS.index)
    inside = number(answers.expected_intra_share(1.0, 0)[0])
    fragility = f"Wiring that knows nothing of groups has {inside} of its connections inside them; more updates erode further."
    return Finding(worst, " ".join(texts), fragility)


def _sparse_pays(documents: Documents) -> Finding:
    """Processor time of a layer's product, forward and backward, at the sources' p_inter, against one dense masked product.

    Judged on index and mixer groups at every width measured, by the cheaper exact form. Supported: the upper quartile of every
    ratio is below 1. Contradicted: every median is 1 or above. Fragile between.
    """
    document = documents.get(BENCHMARK)
    if document is None:
        raise NotTestable("There is no benchmark of the wired layer.")
    p_inter = SECTION.protocol["p_inter"]
    table = speed.ratios(document)
    chosen = table[(table["p_inter"] == p_inter) & table["model"].isin(NEEDED) & table["form"].isin(("grouped", "sparse"))]
    if chosen.empty:
        raise NotTestable(f"The benchmark has no sparse product of grouped layers at p_inter = {p_inter}.")
    best = chosen.loc[chosen.groupby(["width", "model"], sort=False)["median"].idxmin()]
    told = listed(
        f"{number(row.median, 2)} [{number(row.low, 2)}, {number(row.high, 2)}] for {label(row.model)} of {row.width} neurons"
        for row in best.itertuples()
    )
    verdict = "supported" if best["high"].max() < 1 else "contradicted" if best["median"].min() >= 1 else "fragile"
    crossed = speed.crossovers(document)
    crossed = crossed[crossed["model"].isin(NEEDED) & (crossed["form"] == "grouped")].dropna()
    limits = [f"{number(row.p_inter, 2)} for {label(row.model)} of {row.width} neurons" for row in crossed.itertuples()]
    fragility = (
        f"The grouped product stops paying at p_inter = {listed(limits)}." if limits else "It pays at every p_inter measured."
    )
    return Finding(verdict, f"Time over the dense product's, median [quartiles]: {told}.", fragility)


def _over(second: str, *data_sets: str) -> Any:
    """Judge every grouping against one other wiring."""
    return partial(ahead, pairs=tuple((name, second) for name in GROUPINGS), data_sets=data_sets or DATA_SETS)


_ABSTRACT = "arXiv 2508.14140, abstract"
_CONTROL = "not in arXiv 2508.14140's abstract; the repositories' logs have the control"
CLAIMS = (
    Entry(
        "g2gnet-dense",
        "Networks wired sparsely in groups score higher than the dense network of the same width.",
        _ABSTRACT,
        {SECTION.id: ("dense", *NEEDED)},
        _over("dense"),
    ),
    Entry(
        "g2gnet-matched",
        "Networks wired sparsely in groups score higher than a narrower dense network with as many parameters.",
        _ABSTRACT,
        {SECTION.id: ("dense-matched", *NEEDED)},
        _over("dense-matched"),
    ),
    *(
        Entry(
            f"g2gnet-grouping-{short}",
            f"With equally many connections, wiring in groups scores higher than unstructured wiring on {name}.",
            _CONTROL,
            {SECTION.id: ("er", *NEEDED)},
            _over("er", *data_sets),
        )
        for short, name, data_sets in (
            *((name, name, (name,)) for name in ("digits", "radar", "speech")),
            ("pictures", "Fashion-MNIST and other pictures of the sources", PICTURES),
        )
    ),
    Entry(
        "g2gnet-rewiring",
        "Moving connections by activity while training scores higher than leaving them where they are.",
        _ABSTRACT,
        {SECTION.id: ("index", "index-dst")},
        partial(ahead, pairs=(("index-dst", "index"),)),
    ),
    Entry(
        "g2gnet-groups-kept",
        "Moving connections by activity keeps them inside groups.",
        "assumed by arXiv 2508.14140, which joins both",
        {SECTION.id: ("index-dst",)},
        _groups_kept,
    ),
    Entry(
        "g2gnet-sparse-pays",
        "Computing only the connections that exist takes less time than computing all.",
        "not in the source",
        {BENCHMARK: ("grouped",)},
        _sparse_pays,
    ),
)
