"""The neuron types and the baselines on recordings: a panel for each set, and what carries over from embedded speech."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, label
from mstask.show.canvas import GREY
from mstask.show.scores import NBSP, ordinal, score
from mstask.show.sheet import Look, draw_rows, panels
from mstask.studies.recordings.declare import RECORDINGS
from mstask.studies.recordings.facts import SETS, by_method, facts
from mstask.studies.recordings.names import TO_EMBEDDED, TO_RECORDED

TITLES = {
    "speech": "Speech by an unfamiliar man (chance: dotted)",
    "speech_mixed": "Speech by six men, dealt by chance",
    "neuroradar": "NeuroRadar's gestures, unfamiliar rounds",
    "neuroradar_days": "NeuroRadar's gestures, first day to second",
    "radhar": "RadHAR's activities, an unfamiliar pass",
    "acconeer": "Acconeer's gestures, another date",
}
"""Sets that are shown side by side; transfer has a table of its own."""
DIRECTIONS = {TO_RECORDED: "embedded to recorded", TO_EMBEDDED: "recorded to embedded"}
LOOK = {"methods": Look("mean", "#00796b", "o")}


def figure_recordings(document: Document) -> Figure:
    """Macro-F1 by set: each tick a fold (mean over seeds; a seed where there is one fold), their mean and its interval."""
    found = [(name, about) for name, about in facts(document)["sets"].items() if name in TITLES]
    methods = [method for method in RECORDINGS.methods if any(method in about["methods"] for _, about in found)]
    with panels(document, len(found), 0.6, 0.5 + 0.2 * len(methods)) as (figure, grid):
        for axes, (name, about) in zip(grid, found, strict=False):
            scores = {
                method: about["methods"][method]["macro_f1"]["values"] for method in methods if method in about["methods"]
            }
            draw_rows(axes, {label(method): {"methods": scores.get(method, [])} for method in methods}, LOOK)
            axes.axvline(about["chance"], color=GREY, linestyle=":", linewidth=1)
            axes.set_title(TITLES[name], loc="left", fontsize=9)
        grid[-1].set(xlim=(0, 1), xlabel="macro-F1 on what was held out")
    return figure


def table_recordings(document: Document) -> pd.DataFrame:
    """Macro-F1 of every method on every set, over folds, and the rank of each neuron type."""
    sets = {name: about for name, about in facts(document)["sets"].items() if name in TITLES}
    rows = []
    for method in RECORDINGS.methods:
        row = {"method": label(method)}
        for name, about in sets.items():
            text = score(about["methods"][method]["macro_f1"]) if method in about["methods"] else NOTHING
            place = about["rank"].get(method)
            row[TITLES[name].partition(" (")[0]] = f"{text} ·{NBSP}{ordinal(place)}" if place else text
        if any(method in about["methods"] for about in sets.values()):
            rows.append(row)
    return pd.DataFrame(rows)


def table_transfer(document: Document) -> pd.DataFrame:
    """Accuracy and macro-F1 over seeds, trained on one kind of speech and tested on the other: ten English digits."""
    rows = []
    for method in RECORDINGS.methods:
        row = {"method": label(method)}
        for case, direction in DIRECTIONS.items():
            for what, name in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
                values = by_method(document, (case,), what).get(method, {}).get(case, [])
                row[f"{direction}, {name}"] = f"{sum(values) / len(values):.3f}" if values else NOTHING
        if set(row.values()) - {label(method), NOTHING}:
            rows.append(row)
    return pd.DataFrame(rows)


def data_recordings(document: Document) -> pd.DataFrame:
    """Every score on the recordings, by set, case, method and seed."""
    sets = {case: name for name, cases in SETS.items() for case in cases}
    rows = [
        (sets[cell.case], cell.case, cell.method, cell.seed, cell.result.macro_f1, cell.result.accuracy)
        for cell in document.cells
        if cell.case in sets
    ]
    return pd.DataFrame(rows, columns=["set", "case", "method", "seed", "macro_f1", "accuracy"])
