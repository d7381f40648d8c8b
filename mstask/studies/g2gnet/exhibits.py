"""Plots and tables of the networks wired in groups: scores, contrasts, erosion of the groups, cuts; pure functions.

`documents` is a dictionary from voice to document, a missing one `None`. A figure or table of one document shows each of its
data sets (cases) by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, by_voice, heading, label
from mstask.show import takes_voices
from mstask.show.canvas import BAND, GREY, WIDTH, Plot, handle, mark, styled
from mstask.show.scores import NBSP, Documents, method_order, score, signed
from mstask.studies.g2gnet import facts as answers
from mstask.studies.g2gnet.methods import CASES
from mstask.summary import standings
from mstask.summary.comparisons import compare, share_seeds, spread, unit_scores

CONTROL = "er"
AGAINST = ("index", "mixer", "random", "dense-matched", "dense")
SHOWN = ("dense", "dense-matched", "er", "index", "mixer", "random")
EROSION = {
    "index-dst": ("#00796b", "o", "-"),
    "mixer-dst": ("#4aa89b", "D", "-"),
    "random-dst": ("#6a3d9a", "v", "-"),
    "index-dst-class": ("#c75b12", "^", "-"),
    "er-dst": (GREY, "s", "-"),
}
CUTS = {
    "accuracy": ("whole", "#00352f", "o", True),
    "without": ("trained without them", "#00796b", "o", False),
    "thinned": ("as many cut at random", "#6a3d9a", "v", True),
    "groups_only": ("cut between groups", "#c75b12", "s", True),
}
"""Accuracies that `figure_g2gnet_cut` shows: name, colour, marker, filled."""
MARGIN = 1.6
"""Half the width of a panel of `figure_g2gnet_grouping`, in largest leads of a seed; an interval may reach beyond."""


def table_g2gnet(document: Document) -> pd.DataFrame:
    """Macro-F1 of each network on each data set: mean over seeds ± standard deviation, interval."""
    found = standings(document)["methods"]
    rows = []
    for name in method_order([document]):
        by_case = found[name]["cases"] if name in found else {}
        row = {"network": label(name)}
        for case in cases_of([document]):
            row[answers.title(case)] = score(by_case[case]["macro_f1"]) if case in by_case else NOTHING
        rows.append(row)
    return pd.DataFrame(rows)


def data_g2gnet(document: Document) -> pd.DataFrame:
    """Every network's scores and size: one row per data set, network and seed."""
    rows = [
        (c.case, c.method, c.seed, c.result.macro_f1, c.result.accuracy, c.result.n_parameters, c.result.width)
        for c in document.cells
    ]
    return pd.DataFrame(rows, columns=["case", "method", "seed", "macro_f1", "accuracy", "n_parameters", "width"])


@takes_voices
def figure_g2gnet_grouping(documents: Documents) -> Figure:
    """How much higher than unstructured wiring each other one scores: seeds, mean, interval; one panel per data set.

    Above the line in each panel stand networks with as many connections as the unstructured one; below it dense ones.
    """
    found = {voice: document for voice, document in by_voice(documents).items() if document.cells}
    cases = cases_of(found.values()) or ["digits"]
    rows = [name for name in AGAINST if any(leads(d, case, name) for d in found.values() for case in cases)] or list(AGAINST)
    with styled():
        height = 0.7 + len(cases) * (0.55 + (0.16 + 0.1 * len(found)) * len(rows))
        figure = Plot(figsize=(WIDTH, height), layout="constrained")
        for axes, case in zip(figure.subplots(len(cases), 1, squeeze=False).flat, cases, strict=True):
            _draw_leads(axes, found, case, rows)
        figure.supxlabel("macro-F1 minus that of unstructured wiring", fontsize=9.5)
        handles = [handle(voice, document) for voice, document in documents.items() if voice != "published"]
        if handles:
            figure.legend(handles=handles, loc="outside upper center", ncols=2, handletextpad=0.2, fontsize=8.5)
    return figure


@takes_voices
def data_g2gnet_grouping(documents: Documents) -> pd.DataFrame:
    """The points of `figure_g2gnet_grouping`: one row per voice, data set, network and seed."""
    rows = []
    for voice, document in by_voice(documents).items():
        for case in cases_of([document]):
            for name in AGAINST:
                found = leads(document, case, name)
                rows += [(voice, case, name, seed, pair["difference"]) for seed, pair in (found or {}).get("seeds", {}).items()]
    return pd.DataFrame(rows, columns=["voice", "case", "method", "seed", "lead_over_unstructured"])


def table_g2gnet_contrasts(document: Document) -> pd.DataFrame:
    """Contrasts by data set: difference of macro-F1, interval over seeds, and whether it is better, worse or open.

    A contrast that is open is followed by the smallest true difference that so few seeds would show with 80 % power.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for row in answers.contrasts(document).to_dict("records"):
        known = not pd.isna(row["low"])
        text = signed(row["difference"]) + (f" [{signed(row['low'])},{NBSP}{signed(row['high'])}]" if known else "")
        verdict = row["verdict"] if row["verdict"] in ("better", "worse") else "open"
        if verdict == "open" and not pd.isna(row["detectable"]):
            verdict += f"{NBSP}({row['detectable']:.3f})"
        name = f"{label(row['a'])} − {label(row['b'])}"
        rows.setdefault((row["a"], row["b"]), {"difference": name})[answers.title(row["case"])] = f"{text} {verdict}"
    found = {title for row in rows.values() for title in row}
    titles = [title for title in map(answers.title, cases_of([document])) if title in found]
    return pd.DataFrame(list(rows.values()), columns=["difference", *titles]).fillna(NOTHING)


def data_g2gnet_contrasts(document: Document) -> pd.DataFrame:
    """Every contrast in full."""
    return answers.contrasts(document)


def figure_g2gnet_erosion(document: Document) -> Figure:
    """Share of the connections inside groups over rewirings, one panel per data set.

    Dotted: what pruning and growing at random would leave. The grey line is wiring that knows nothing of groups.
    """
    table = answers.erosion(document)
    cases = [case for case in cases_of([document]) if case in set(table["case"])] or ["digits"]
    columns = min(3, len(cases))
    methods = [name for name in EROSION if name in set(table["method"])]
    with styled():
        rows = -(-len(cases) // columns)
        figure = Plot(figsize=(WIDTH, 0.9 + 2.1 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.flat[len(cases) :]:
            axes.set_visible(False)
        for axes, case in zip(grid.flat, cases, strict=False):
            _draw_erosion(axes, document, table[table["case"] == case], methods)
            axes.set_title(answers.title(case))
        figure.supxlabel("rewirings", fontsize=9.5)
        figure.supylabel("connections inside groups", fontsize=9.5)
        looks = {label(name): EROSION[name] for name in methods}
        handles = [Line2D([], [], color=c, marker=m, linestyle=s, label=name) for name, (c, m, s) in looks.items()]
        handles.append(Line2D([], [], color="black", linestyle=":", label="rewired at random"))
        figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=8.5)
    return figure


def data_g2gnet_erosion(document: Document) -> pd.DataFrame:
    """Share of the connections inside groups after each rewiring, share regrown at once, and share silent before it."""
    return answers.erosion(document)


def table_g2gnet_erosion(document: Document) -> pd.DataFrame:
    """Rewired networks: share of the connections inside groups before and after, and what the rewirings did."""
    rows = []
    for (case, method), found in answers.erosion(document).groupby(["case", "method"], sort=False):
        moved = found[found["updates"] > 0]
        rows.append(
            {
                "data": answers.title(case),
                "network": label(method),
                "rewirings": str(int(found["updates"].max())),
                "in groups before": _number(found["intra"].iloc[0], 3) if found["updates"].iloc[0] == 0 else NOTHING,
                "after": _number(found["intra"].iloc[-1], 3),
                "regrown at once": _share(moved["regrown"].mean()),
                "silent before the first": _share(moved["silent"].iloc[0] if len(moved) else None),
            }
        )
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["data", "network", "after"])


def figure_g2gnet_cut(document: Document) -> Figure:
    """Test accuracy of each grouped network whole, cut, and trained without the connections that are cut; per data set."""
    table = answers.reliance(document)
    cases = [case for case in cases_of([document]) if case in set(table["case"])] or ["digits"]
    methods = [name for name in method_order([document]) if name in set(table["method"])]
    with styled():
        figure = Plot(figsize=(WIDTH, 0.9 + len(cases) * (0.5 + 0.26 * max(1, len(methods)))), layout="constrained")
        panels = figure.subplots(len(cases), 1, sharex=True, squeeze=False).flat
        for axes, case in zip(panels, cases, strict=True):
            rows = table[table["case"] == case].set_index("method")
            _bands(axes, methods)
            for key, (_, colour, marker, filled) in CUTS.items():
                known = [(rows.loc[name, key], y) for y, name in enumerate(methods) if name in rows.index]
                axes.plot(
                    *_points(known), color=colour, marker=marker, linestyle="", markerfacecolor=colour if filled else "white"
                )
            if record := (document.cases or {}).get(case):
                axes.axvline(1 / len(record.class_names), color=GREY, linestyle=":", linewidth=1)
            axes.set_title(answers.title(case))
            axes.set_xlim(0, 1)
        figure.supxlabel("accuracy on the test set", fontsize=9.5)
        handles = [
            Line2D([], [], color=c, marker=m, linestyle="", markerfacecolor=c if f else "white", label=name)
            for name, c, m, f in CUTS.values()
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=2, handletextpad=0.2, fontsize=8.5)
    return figure


def data_g2gnet_cut(document: Document) -> pd.DataFrame:
    """Accuracy and hidden firing rate of each grouped network, whole and cut, and accuracy where trained without."""
    return answers.reliance(document)


def table_g2gnet_cut(document: Document) -> pd.DataFrame:
    """Accuracy and hidden firing rate of each grouped network: whole, cut between groups, as many cut at random."""
    rows = []
    for row in answers.reliance(document).to_dict("records"):
        rows.append(
            {
                "data": answers.title(row["case"]),
                "network": label(row["method"]),
                "whole (firing)": _with_rate(row, "accuracy", "rate"),
                "cut between groups": _with_rate(row, "groups_only", "rate_groups_only"),
                "as many at random": _with_rate(row, "thinned", "rate_thinned"),
                "trained without them": _number(row["without"], 3),
            }
        )
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["data", "network"])


@takes_voices
def table_g2gnet_beside(documents: Documents) -> pd.DataFrame:
    """Accuracy of dense, unstructured and grouped networks: as published, and in each voice that ran them."""
    rows = []
    for voice, document in by_voice(documents).items():
        heads = {n: head for n, head in document.values.get("heads", {}).items() if isinstance(head, Mapping)}
        for name, head in heads.items():
            accuracies = {method: f"{found['accuracy']:.3f}" for method, found in head.items()}
            rows.append(_beside(f"{heading(voice, document)}, {answers.title(name)}", accuracies))
        for case in cases_of([document]):
            accuracies = {name: _accuracy(document, case, name) for name in SHOWN}
            rows.append(_beside(f"{heading(voice, document)}, {answers.title(case)}", accuracies))
    return pd.DataFrame(rows, columns=["figures", *map(label, SHOWN)])


def cases_of(documents: Iterable[Document]) -> list[str]:
    """Return the data sets that any document has cells of, in the section's order."""
    run = {cell.case for document in documents for cell in document.cells if cell.case}
    return [case for case in CASES if case in run] + sorted(run - set(CASES))


def leads(document: Document, case: str, name: str) -> dict[str, Any] | None:
    """Return what `compare` says of a network and unstructured wiring on one data set, None where either wasn't run."""
    if case not in cases_of([document]):
        return None
    own = answers.one_case(document, case)
    known = all(unit_scores(own, method) for method in (name, CONTROL))
    return compare(own, name, CONTROL) if known and share_seeds(own, name, CONTROL) else None


def _draw_leads(axes: Axes, found: Mapping[str, Document], case: str, rows: Sequence[str]) -> None:
    heard = {voice: document for voice, document in found.items() if any(leads(document, case, name) for name in rows)}
    lanes = np.linspace(-0.25, 0.25, len(heard)) if len(heard) > 1 else [0.0] * len(heard)
    _bands(axes, rows)
    axes.axvline(0, color=GREY, linewidth=1)
    widest = 0.005
    border = sum(not name.startswith("dense") for name in rows) - 0.5
    axes.axhline(border, color=GREY, linewidth=0.6, linestyle=":")
    for lane, (voice, document) in zip(lanes, heard.items(), strict=True):
        for y, name in enumerate(rows):
            if lead := leads(document, case, name):
                colour, at = mark(voice)["color"], y + lane
                if lead["low"] is not None:
                    axes.plot([lead["low"], lead["high"]], [at, at], color=colour, linewidth=1.6, alpha=0.7)
                axes.plot(lead["values"], [at] * len(lead["values"]), "|", color=colour, markersize=7)
                axes.plot(lead["difference"], at, markersize=5.5, **mark(voice))
                widest = max(widest, *map(abs, lead["values"]))
    axes.set_xlim(-MARGIN * widest, MARGIN * widest)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(answers.title(case))


def _draw_erosion(axes: Axes, document: Document, table: pd.DataFrame, methods: Sequence[str]) -> None:
    settings = answers.settings(document)
    last = int(table["updates"].max()) if len(table) else settings["updates"]
    expected = answers.expected_intra_share(settings["p_inter"], last, settings["fraction"])
    axes.axhline(answers.expected_intra_share(1.0, 0)[0], color=GREY, linewidth=0.8)
    axes.plot(range(last + 1), expected, color="black", linestyle=":", linewidth=1.2)
    for name in methods:
        colour, marker, line = EROSION[name]
        rows = table[table["method"] == name]
        axes.plot(rows["updates"], rows["intra"], color=colour, marker=marker, linestyle=line, markersize=4.5, linewidth=1.3)
    axes.set(ylim=(0, 0.6), xlim=(-0.2, last + 0.2))
    axes.set_xticks(range(last + 1))


def _bands(axes: Axes, rows: Sequence[str]) -> None:
    for y in range(1, len(rows), 2):
        axes.axhspan(y - 0.5, y + 0.5, color=BAND, linewidth=0)
    axes.set_yticks(range(len(rows)), [label(name) for name in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(0, len(rows) - 1) + 0.5, -0.5)


def _points(pairs: Iterable[tuple[Any, float]]) -> tuple[list[float], list[float]]:
    known = [(float(x), y) for x, y in pairs if x is not None and not pd.isna(x)]
    return [x for x, _ in known], [y for _, y in known]


def _accuracy(document: Document, case: str, name: str) -> str:
    found = [cell.result.accuracy for cell in document.cells if (cell.case, cell.method) == (case, name)]
    return _number(spread(value for value in found if value is not None)["mean"], 3)


def _beside(figures: str, accuracies: Mapping[str, str]) -> dict[str, str]:
    return {"figures": figures} | {label(name): accuracies.get(name, NOTHING) for name in SHOWN}


def _with_rate(row: Mapping[str, Any], key: str, rate: str) -> str:
    text = _number(row[key], 3)
    return text if row[rate] is None or pd.isna(row[rate]) else f"{text} ({_share(row[rate])})"


def _number(value: Any, digits: int) -> str:
    return NOTHING if value is None or pd.isna(value) else f"{value:.{digits}f}"


def _share(value: Any) -> str:
    return NOTHING if value is None or pd.isna(value) else f"{value:.0%}".replace("%", f"{NBSP}%")
