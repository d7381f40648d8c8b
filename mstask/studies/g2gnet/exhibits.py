"""Plots and tables of the networks wired in groups: scores, contrasts, erosion of the groups, cuts; pure functions.

A figure or table of one document shows each of its data sets (cases) by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VOICES, by_voice, heading, label
from mstask.show import takes_voices
from mstask.show.canvas import GREY, draw_chance, drawing, explain, handle
from mstask.show.marks import About
from mstask.show.scores import NBSP, ByVoice, case_order, cell_table, difference, method_order, score, told
from mstask.show.sheet import Look, draw_rows, legend, panels
from mstask.studies.g2gnet import facts as answers
from mstask.studies.g2gnet.methods import CASES
from mstask.summary import remark, standings
from mstask.summary.comparisons import Comparison, compare, share_seeds, spread, unit_scores
from mstask.summary.details import measured

CONTROL = "er"
AGAINST = ("index", "mixer", "random", "dense-matched", "dense")
SHOWN = ("dense", "dense-matched", "er", "index", "mixer", "random")
EROSION = {
    "index-dst": Look(label("index-dst"), "#00796b", "o", "-"),
    "mixer-dst": Look(label("mixer-dst"), "#4aa89b", "D", "-"),
    "random-dst": Look(label("random-dst"), "#6a3d9a", "v", "-"),
    "index-dst-class": Look(label("index-dst-class"), "#c75b12", "^", "-"),
    "er-dst": Look(label("er-dst"), GREY, "s", "-"),
}
AT_RANDOM = Look("rewired at random", "black", "", ":")
CUTS = {
    "accuracy": Look("whole", "#00352f", "o"),
    "without": Look("trained without them", "#00796b", "D"),
    "thinned": Look("as many cut at random", "#6a3d9a", "v"),
    "groups_only": Look("cut between groups", "#c75b12", "s"),
}
"""Accuracies that `figure_g2gnet_cut` shows."""
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
            own = by_case[case]["macro_f1"] if case in by_case else None
            row[answers.title(case)] = score(own) + remark(document, name, case) if own else NOTHING
        rows.append(row)
    return pd.DataFrame(rows)


def data_g2gnet(document: Document) -> pd.DataFrame:
    """Every network's scores and size: one row per data set, network and seed."""
    return cell_table(document, "case", "method", "seed", "macro_f1", "accuracy", "n_parameters", "width")


@takes_voices
def figure_g2gnet_grouping(documents: ByVoice) -> Figure:
    """How much higher than unstructured wiring each other one scores: seeds, mean, interval; one panel per data set.

    Above the line in each panel stand networks with as many connections as the unstructured one; below it dense ones.
    """
    found = list(leads(documents))
    cases = cases_of(by_voice(documents).values()) or ["digits"]
    compared = {case: [name for name in AGAINST if any(name == n and case == c for _, c, n, _ in found)] for case in cases}
    looks = {
        voice: Look(look.label, look.colour, look.marker) for voice, look in VOICES.items() if voice in by_voice(documents)
    }
    heights = [0.55 + (0.16 + 0.1 * len(looks)) * max(1, len(rows)) for rows in compared.values()]
    with drawing(0.7 + sum(heights)) as figure:
        grid = figure.subplots(len(cases), 1, squeeze=False, height_ratios=heights)
        for axes, (case, rows) in zip(grid.flat, compared.items(), strict=True):
            of_case = {(name, voice): lead.values for voice, known, name, lead in found if known == case}
            heard = {voice: look for voice, look in looks.items() if any(voice == known for _, known in of_case)}
            values = {label(name): {voice: of_case.get((name, voice), ()) for voice in heard} for name in rows}
            draw_rows(axes, values, heard, lambda name, voice: About(name, documents[voice]))
            border = sum(not name.startswith("dense") for name in rows) - 0.5
            axes.axhline(border, color=GREY, linewidth=0.6, linestyle=":")
            axes.axvline(0, color=GREY, linewidth=1)
            widest = max([0.005, *(abs(value) for values in of_case.values() for value in values)])
            axes.set(xlim=(-MARGIN * widest, MARGIN * widest), title=answers.title(case))
            axes.xaxis.set_major_locator(MaxNLocator(5))
        figure.supxlabel("macro-F1 minus that of unstructured wiring")
        handles = [handle(voice, document) for voice, document in documents.items() if voice != "published"]
        if handles:
            explain(figure, handles, "upper")
    return figure


@takes_voices
def data_g2gnet_grouping(documents: ByVoice) -> pd.DataFrame:
    """The points of `figure_g2gnet_grouping`: one row per voice, data set, network and seed."""
    rows = [
        (voice, case, name, seed, pair.difference)
        for voice, case, name, lead in leads(documents)
        for seed, pair in lead.seeds.items()
    ]
    return pd.DataFrame(rows, columns=["voice", "case", "method", "seed", "lead_over_unstructured"])


def table_g2gnet_contrasts(document: Document) -> pd.DataFrame:
    """Contrasts by data set: difference of macro-F1, interval over seeds, and whether it is better, worse or open.

    A contrast that is open is followed by the smallest true difference that so few seeds would show with 80 % power.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for row in answers.contrasts(document).to_dict("records"):
        text = difference(row["difference"], *(None if pd.isna(row[end]) else row[end] for end in ("low", "high")))
        verdict = row["verdict"] if row["verdict"] in ("better", "worse") else "open"
        if verdict == "open" and not pd.isna(row["detectable"]):
            verdict += f"{NBSP}({row['detectable']:.3f})"
        name = f"{label(row['a'])} − {label(row['b'])}"
        rows.setdefault((row["a"], row["b"]), {"difference": name})[answers.title(row["case"])] = f"{text} {verdict}"
    found = {title for row in rows.values() for title in row}
    titles = [title for title in map(answers.title, cases_of([document])) if title in found]
    return pd.DataFrame(list(rows.values()), columns=["difference", *titles]).fillna(NOTHING)


def figure_g2gnet_erosion(document: Document) -> Figure:
    """Share of the connections inside groups over rewirings, one panel per data set.

    Dotted: what pruning and growing at random would leave. The grey line is wiring that knows nothing of groups.
    """
    table, settings = answers.erosion(document), answers.settings(document)
    cases = [case for case in cases_of([document]) if case in set(table["case"])]
    looks = {name: look for name, look in EROSION.items() if name in set(table["method"])}
    with panels(document, len(cases), 0.9, 1.5) as (figure, grid):
        for axes, case in zip(grid, cases, strict=False):
            of_case = table[table["case"] == case]
            last = int(of_case["updates"].max())
            expected = answers.expected_intra_share(settings["p_inter"], last, settings["fraction"])
            axes.axhline(answers.expected_intra_share(1.0, 0)[0], color=GREY, linewidth=0.8)
            axes.plot(range(last + 1), expected, color=AT_RANDOM.colour, linestyle=AT_RANDOM.line, linewidth=1.2)
            for name, look in looks.items():
                rows = of_case[of_case["method"] == name]
                axes.plot(rows["updates"], rows["intra"], color=look.colour, marker=look.marker, markersize=4.5, linewidth=1.3)
            axes.set(ylim=(0, max(0.6, 1.05 * of_case["intra"].max())))
            axes.set(xlim=(-0.2, last + 0.2), xticks=range(last + 1), title=answers.title(case))
        grid[-1].set_xlabel("rewirings")
        figure.supylabel("connections inside groups")
        legend(figure, [*looks.values(), AT_RANDOM])
    return figure


def table_g2gnet_erosion(document: Document) -> pd.DataFrame:
    """Rewired networks: share of the connections inside groups before and after, and what the rewirings did."""
    columns = ["data", "network", "rewirings", "in groups before", "after", "regrown at once", "silent before the first"]
    rows = []
    for (case, method), found in answers.erosion(document).groupby(["case", "method"], sort=False):
        moved = found[found["updates"] > 0]
        rows.append(
            (
                answers.title(case),
                label(method),
                str(int(found["updates"].max())),
                told(found["intra"].iloc[0]) if found["updates"].iloc[0] == 0 else NOTHING,
                told(found["intra"].iloc[-1]),
                _share(moved["regrown"].mean()),
                _share(moved["silent"].iloc[0] if len(moved) else None),
            )
        )
    return pd.DataFrame(rows, columns=columns)


def figure_g2gnet_cut(document: Document) -> Figure:
    """Test accuracy of each grouped network whole, cut, and trained without the connections that are cut; per data set."""
    table = answers.reliance(document)
    cases = [case for case in cases_of([document]) if case in set(table["case"])]
    methods = [name for name in method_order([document]) if name in set(table["method"])]
    with panels(document, len(cases), 0.9, 0.5 + 0.32 * len(methods)) as (figure, grid):
        for axes, case in zip(grid, cases, strict=False):
            known = table[table["case"] == case].set_index("method").reindex(methods)
            rows = {label(name): {key: row[[key]].dropna() for key in CUTS} for name, row in known.iterrows()}
            draw_rows(axes, rows, CUTS, lambda name, key: About(name, document, what=f"accuracy {CUTS[key].label}", unit=""))
            draw_chance(axes, (document.cases or {}).get(case))
            axes.set(title=answers.title(case), xlim=(0, 1))
        grid[-1].set_xlabel("accuracy on the test set")
        legend(figure, CUTS.values())
    return figure


data_g2gnet_contrasts, data_g2gnet_erosion, data_g2gnet_cut = answers.contrasts, answers.erosion, answers.reliance


def table_g2gnet_cut(document: Document) -> pd.DataFrame:
    """Accuracy and hidden firing rate of each grouped network: whole, cut between groups, as many cut at random."""
    columns = ["data", "network", "whole (firing)", "cut between groups", "as many at random", "trained without them"]
    rates = (("accuracy", "rate"), ("groups_only", "rate_groups_only"), ("thinned", "rate_thinned"))
    rows = [
        (answers.title(row["case"]), label(row["method"]), *(_with_rate(row, *pair) for pair in rates), told(row["without"]))
        for row in answers.reliance(document).to_dict("records")
    ]
    return pd.DataFrame(rows, columns=columns)


@takes_voices
def table_g2gnet_beside(documents: ByVoice) -> pd.DataFrame:
    """Accuracy of dense, unstructured and grouped networks: as published, and in each voice that ran them."""
    rows = []
    for voice, document in by_voice(documents).items():
        heads = {n: head for n, head in document.values.get("heads", {}).items() if isinstance(head, Mapping)}
        found = [(name, {method: known["accuracy"] for method, known in head.items()}) for name, head in heads.items()]
        for case in cases_of([document]):
            found.append((case, {name: spread(measured(document, case, name).values())["mean"] for name in SHOWN}))
        for name, accuracies in found:
            figures = {"figures": f"{heading(voice, document)}, {answers.title(name)}"}
            rows.append(figures | {label(method): told(accuracies.get(method)) for method in SHOWN})
    return pd.DataFrame(rows, columns=["figures", *map(label, SHOWN)])


def cases_of(documents: Iterable[Document]) -> list[str]:
    """Return the data sets that any document has cells of, in the section's order."""
    return case_order(documents, CASES)


def leads(documents: ByVoice) -> Iterator[tuple[str, str, str, Comparison]]:
    """Give voice, data set, network and what `compare` says of it and unstructured wiring, wherever both were run."""
    for voice, document in by_voice(documents).items():
        for case in cases_of([document]):
            own = document.of_case(case)
            for name in AGAINST if unit_scores(own, CONTROL) else ():
                if unit_scores(own, name) and share_seeds(own, name, CONTROL):
                    yield voice, case, name, compare(own, name, CONTROL)


def _with_rate(row: Mapping[str, Any], key: str, rate: str) -> str:
    text = told(row[key])
    return text if row[rate] is None or pd.isna(row[rate]) else f"{text} ({_share(row[rate])})"


def _share(value: Any) -> str:
    return told(value, ".0%").replace("%", f"{NBSP}%")
