"""What the section's document answers: is grouped wiring better than unstructured wiring with as many connections?

Everything is computed per case (data set) when read: paired by seed, with interval and p-value over seeds
and test examples; p is corrected over the groupings compared. Of the benchmark of the wired layer: ratios to one dense masked
product, and where they cross 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from mstask import stats
from mstask.results.documents import Cell, Document
from mstask.studies.g2gnet.methods import GROUPS
from mstask.summary.comparisons import compare, leads_by_case, scored_cells, share_seeds

FAMILIES = {
    "grouped against unstructured": (("index", "er"), ("random", "er"), ("mixer", "er")),
    "the same without connections between groups": (("index-p0", "er-p0"), ("random-p0", "er-p0"), ("mixer-p0", "er-p0")),
    "sparse against dense": (("er", "dense"), ("er", "dense-matched")),
    "rewired against static": (
        *(("er-dst", "er"), ("index-dst", "index"), ("random-dst", "random"), ("mixer-dst", "mixer")),
        ("index-dst-class", "index"),
    ),
    "rewired and grouped against rewired": (("index-dst", "er-dst"), ("random-dst", "er-dst"), ("mixer-dst", "er-dst")),
    "groups kept against groups eroded": (("index-dst-class", "index-dst"),),
}
"""Questions, each as the pairs whose first is asked to be better; p-values are corrected within a question and a case."""

GROUPINGS = ("index", "mixer", "random")
LEVEL = 0.05
DENSE = "dense"
TITLES = {
    "fashion-mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "cifar-10": "CIFAR-10",
    "cifar-100": "CIFAR-100",
    "own-features": "your features",
}


def title(case: str) -> str:
    """A data set's name as a reader knows it."""
    base = case.removesuffix("-features") if case not in TITLES else case
    return TITLES.get(base, base.replace("-", " ")) + (" (features)" if base != case else "")


def settings(document: Document) -> dict[str, Any]:
    """The parameters that the document's cells share; the section's own where they hold none."""
    from mstask.studies.g2gnet.declare import SECTION

    known = next((cell.parameters for cell in document.cells if cell.parameters), {})
    return dict(SECTION.protocol) | known


def contrasts(document: Document) -> pd.DataFrame:
    """Rows per case and pair of which both were run: how much higher the first's macro-F1 is.

    Columns: case, question, a, b, difference, low and high (95 % over seeds), n (seeds), p, p_corrected (Holm, within
    question and case), detectable (smallest difference found with 80 % power), connections (a's hidden connections over b's),
    verdict ("better" or "worse" where the corrected p is below 5 % and the interval over seeds excludes 0, else "no difference
    shown").
    """
    rows: list[dict[str, Any]] = []
    for case in dict.fromkeys(cell.case for cell in document.cells if cell.case):
        own = document.of_case(case)
        methods = {cell.method for cell in own.cells}
        for question, pairs in FAMILIES.items():
            family = [_row(own, a, b) for a, b in pairs if {a, b} <= methods and share_seeds(own, a, b)]
            known = [row for row in family if row["p"] is not None]
            for row, p in zip(known, stats.holm([row["p"] for row in known]) if known else [], strict=True):
                row["p_corrected"] = float(p)
            rows += [{"case": case, "question": question, **row, "verdict": _verdict(row)} for row in family]
    columns = ["a", "b", "difference", "low", "high", "n", "p", "p_corrected", "detectable", "connections", "verdict"]
    return pd.DataFrame(rows, columns=["case", "question", *columns])


def erosion(document: Document) -> pd.DataFrame:
    """Rows per case, rewired method and number of updates, from 0 on: the share of hidden connections inside groups, over
    layers and seeds; of an update also the share regrown at once, and the share that was silent before it."""
    rows = []
    for (case, method), cells in _by_case_and_method(document).items():
        details = [cell.result.details for cell in cells if cell.result.details.get("rewirings")]
        first = [share for told in details for share in told.get("first_intra_share", ())]
        if first:
            rows.append({"case": case, "method": method, "updates": 0, "intra": fmean(first)})
        for update in range(min((len(told["rewirings"]) for told in details), default=0)):
            layers = [layer for told in details for layer in told["rewirings"][update]["layers"]]
            means = {name: fmean(layer[name] for layer in layers) for name in ("intra", "regrown", "silent")}
            rows.append({"case": case, "method": method, "updates": update + 1} | means)
    return pd.DataFrame(rows, columns=["case", "method", "updates", "intra", "regrown", "silent"])


def expected_intra_share(p_inter: float, updates: int, fraction: float = 0.1) -> list[float]:
    """Share of the connections inside groups before and after each of `updates` random prunings and regrowths.

    With i and d the shares of all entries that are connections inside groups and connections at all, an update takes the share
    `fraction` of either away and gives as much back to the empty entries, in proportion to how many of them lie inside groups.
    """
    inside = 1 / GROUPS
    total = inside + (1 - inside) * p_inter
    i, shares = inside, [inside / total]
    for _ in range(updates):
        kept = (1 - fraction) * i
        i = kept + fraction * total * (inside - kept) / (1 - (1 - fraction) * total)
        shares.append(i / total)
    return shares


def reliance(document: Document) -> pd.DataFrame:
    """Rows per case and method with connections between groups: test accuracy and hidden firing rate of the whole network, of
    its groups only, and of as many connections drawn at random; and the accuracy of the method that was trained without."""
    rows = []
    found = _by_case_and_method(document)
    for (case, method), cells in found.items():
        known = [cell.result for cell in cells if cell.result.details.get("cuts") and cell.result.details.get("p_inter") != 0]
        if not known:
            continue
        row: dict[str, Any] = {"case": case, "method": method, "accuracy": fmean(r.accuracy for r in known)}
        row["rate"] = _mean([rate for r in known for rate in r.firing_rates or []])
        for name in ("groups_only", "thinned"):
            cut = [r.details["cuts"][name] for r in known]
            row[name] = fmean(told["accuracy"] for told in cut)
            row[f"rate_{name}"] = _mean([rate for told in cut for rate in told["firing_rates"]])
        row["without"] = _mean([cell.result.accuracy for cell in found.get((case, f"{method}-p0"), [])])
        rows.append(row)
    columns = ["accuracy", "groups_only", "thinned", "without", "rate", "rate_groups_only", "rate_thinned"]
    return pd.DataFrame(rows, columns=["case", "method", *columns])


def facts(document: Document) -> dict[str, Any]:
    """Return numbers for sentences, as far as the document knows them.

    `leads`: per case how much higher macro-F1 is than with unstructured wiring, by method, and as the mean over "groupings".
    `mean`: over data sets, each by its mean over seeds: "sparse" (unstructured over narrow dense), "rewiring" and
    "rewiring_in_kind" (index groups over unmoved ones), in macro-F1; "kept_before", "kept_after" and "kept_random", shares of
    index groups' connections inside groups; "whole", "groups_only", "thinned" and "without", accuracies of grouped networks;
    "lost_to_groups" (thinned over groups_only) and "adjusted" (without over groups_only).
    """
    methods = dict.fromkeys(cell.method for cell in document.cells if cell.method != "er")
    over_er = {name: leads_by_case(document, name, "er") for name in methods}
    cases = dict.fromkeys(cell.case for cell in document.cells if cell.case)
    leads = {case: found for case in cases if (found := _with_groupings(over_er, case))}
    pairs = {
        "sparse": ("er", "dense-matched"),
        "rewiring": ("index-dst", "index"),
        "rewiring_in_kind": ("index-dst-class", "index"),
    }
    mean = {name: _mean([*leads_by_case(document, *pair).values()]) for name, pair in pairs.items()}
    kept = erosion(document)[lambda table: table["method"] == "index-dst"]
    if len(kept):
        own, ends = settings(document), kept.groupby("case")
        mean |= {"kept_before": ends["intra"].first().mean(), "kept_after": ends["intra"].last().mean()}
        mean["kept_random"] = expected_intra_share(own["p_inter"], int(kept["updates"].max()), own["fraction"])[-1]
    cut = reliance(document)[lambda table: table["method"].isin(GROUPINGS)]
    names = {"whole": "accuracy", "groups_only": "groups_only", "thinned": "thinned", "without": "without"}
    if len(cut):
        mean |= {name: cut[column].astype(float).mean() for name, column in names.items()}
        mean |= {"lost_to_groups": mean["thinned"] - mean["groups_only"], "adjusted": mean["without"] - mean["groups_only"]}
    return {"leads": leads, "mean": {name: float(v) for name, v in mean.items() if v is not None and not pd.isna(v)}}


def ratios(document: Document, clock: str = "cpu") -> pd.DataFrame:
    """Rows per width, wiring, p_inter and form: its seconds over the dense product's in each repetition (`ratios`), their
    median and quartiles, and what the automatic choice predicted and took."""
    (run,) = [run for run in document.values["runs"] if run["clock"] == clock]
    rows = []
    for layer in run["layers"]:
        for form, seconds in layer["seconds"].items():
            if form == DENSE:
                continue
            relative = [a / b for a, b in zip(seconds, layer["seconds"][DENSE], strict=True)]
            low, middle, high = np.quantile(relative, (0.25, 0.5, 0.75)).tolist()
            rows.append(
                {name: layer[name] for name in ("width", "model", "p_inter", "density", "chosen")}
                | {"form": form, "median": middle, "low": low, "high": high, "ratios": relative}
                | {"predicted": layer["predicted"].get(form)}
            )
    return pd.DataFrame(rows)


def crossovers(document: Document, clock: str = "cpu") -> pd.DataFrame:
    """Rows per width, wiring and form: the p_inter at which it costs as much as the dense product, by interpolation between
    the measured ones; NaN where it wins at all of them."""
    rows = []
    for (width, model, form), found in ratios(document, clock).groupby(["width", "model", "form"], sort=False):
        if found["predicted"].isna().any():
            continue
        points = list(zip(found["p_inter"], found["median"], strict=True))
        crossing = float("nan")
        if points[0][1] >= 1:
            crossing = points[0][0]
        for (p, a), (q, b) in pairwise(points):
            if a < 1 <= b:
                crossing = float(np.interp(1.0, (a, b), (p, q)))
                break
        rows.append({"width": width, "model": model, "form": form, "p_inter": crossing})
    return pd.DataFrame(rows)


def _with_groupings(leads: Mapping[str, Mapping[str, float]], case: str) -> dict[str, float]:
    """The leads of methods on a case, and the mean of those that group."""
    found = {name: own[case] for name, own in leads.items() if case in own}
    grouped = [found[name] for name in GROUPINGS if name in found]
    return found | ({"groupings": fmean(grouped)} if grouped else {})


def _mean(values: list[float]) -> float | None:
    return fmean(values) if values else None


def _row(document: Document, a: str, b: str) -> dict[str, Any]:
    found = compare(document, a, b)
    kept = {name: getattr(found, name) for name in ("a", "b", "difference", "low", "high", "n", "p", "detectable")}
    counts = [_connections(scored_cells(document, name).values()) for name in (a, b)]
    return kept | {"p_corrected": None, "connections": counts[0] / counts[1] if all(counts) else None}


def _connections(cells: Iterable[Cell]) -> float | None:
    """Mean number of hidden connections, as far as it is recorded."""
    return _mean([sum(cell.result.details["connections"]) for cell in cells if "connections" in (cell.result.details or {})])


def _verdict(row: dict[str, Any]) -> str:
    if row["p_corrected"] is None or row["low"] is None or row["p_corrected"] >= LEVEL or row["low"] <= 0 <= row["high"]:
        return "no difference shown"
    return "better" if row["difference"] > 0 else "worse"


def _by_case_and_method(document: Document) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = {}
    for cell in document.cells:
        if cell.case and cell.result.details:
            found.setdefault((cell.case, cell.method), []).append(cell)
    return found
