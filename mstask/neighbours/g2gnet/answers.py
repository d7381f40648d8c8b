"""What the section's document answers: is grouped wiring better than unstructured wiring with as many connections?

Everything is computed per case (data set) when read: paired by seed, with the interval over seeds, and a p-value from a
bootstrap over seeds and test examples that is corrected over the groupings compared.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pandas as pd

from mstask import stats
from mstask.results.documents import Document
from mstask.results.files import ResultsError
from mstask.summary.comparisons import compare, inference, scored_cells

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

LEVEL = 0.05


def one_case(document: Document, case: str) -> Document:
    """The cells of one case as a document of their own."""
    cells = [cell.model_copy(update={"case": None}) for cell in document.cells if cell.case == case]
    if not cells:
        known = ", ".join(sorted({str(cell.case) for cell in document.cells}))
        raise ResultsError(f"section {document.section!r} has no cells of case {case!r}; found: {known or 'none'}")
    return Document(
        section=document.section,
        source=document.source,
        profile=document.profile,
        title=document.title,
        reference=document.reference,
        budget=document.budget,
        data=(document.cases or {}).get(case),
        cells=cells,
    )


def contrasts(document: Document) -> pd.DataFrame:
    """Rows per case and pair of which both were run: how much higher the first's macro-F1 is.

    Columns: case, question, a, b, difference, low and high (95 % over seeds), n (seeds), p, p_corrected (Holm, within
    question and case), detectable (smallest difference found with 80 % power), connections (a's hidden connections over b's),
    verdict ("better" or "worse" where the corrected p is below 5 % and the interval over seeds excludes 0, else "no difference
    shown").
    """
    rows: list[dict[str, Any]] = []
    for case in dict.fromkeys(cell.case for cell in document.cells if cell.case):
        own = one_case(document, case)
        methods = {cell.method for cell in own.cells}
        for question, pairs in FAMILIES.items():
            family = [_row(own, a, b) for a, b in pairs if {a, b} <= methods]
            known = [row for row in family if row["p"] is not None]
            for row, p in zip(known, stats.holm([row["p"] for row in known]) if known else [], strict=True):
                row["p_corrected"] = float(p)
            rows += [{"case": case, "question": question, **row, "verdict": _verdict(row)} for row in family]
    return pd.DataFrame(rows)


def erosion(document: Document) -> pd.DataFrame:
    """Rows per case, rewired method and number of updates: the share of hidden connections inside groups, over layers and
    seeds, with what was regrown at once and what was silent."""
    rows = []
    for (case, method), cells in _by_case_and_method(document).items():
        runs = [cell.result.details["rewirings"] for cell in cells if cell.result.details["rewirings"]]
        for update in range(min(map(len, runs), default=0)):
            layers = [layer for run in runs for layer in run[update]["layers"]]
            means = {name: fmean(layer[name] for layer in layers) for name in ("intra", "regrown", "silent")}
            rows.append({"case": case, "method": method, "updates": update + 1} | means)
    return pd.DataFrame(rows)


def reliance(document: Document) -> pd.DataFrame:
    """Rows per case and grouped method: accuracy, and what is left of it without the connections between groups."""
    rows = []
    for (case, method), cells in _by_case_and_method(document).items():
        known = [cell.result for cell in cells if "intra_only_accuracy" in cell.result.details]
        if known:
            whole, cut = fmean(r.accuracy for r in known), fmean(r.details["intra_only_accuracy"] for r in known)
            rows.append({"case": case, "method": method, "accuracy": whole, "intra_only": cut, "drop": whole - cut})
    return pd.DataFrame(rows)


def _row(document: Document, a: str, b: str) -> dict[str, Any]:
    found, sure = compare(document, a, b), inference(document, a, b)
    kept = {name: found[name] for name in ("a", "b", "difference", "low", "high", "n")}
    counts = [fmean(sum(c.result.details["connections"]) for c in scored_cells(document, name).values()) for name in (a, b)]
    return kept | {
        "p": sure["p"],
        "p_corrected": None,
        "detectable": sure["detectable"],
        "connections": counts[0] / counts[1],
    }


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
