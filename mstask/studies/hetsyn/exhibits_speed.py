"""HetSyn, the cost of a training step: one model computed in three ways, as `benchmarks/hetsyn.py` measured it."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from mstask.results.documents import Document
from mstask.results.voices import NOTHING
from mstask.show.canvas import GREY, drawing
from mstask.show.scores import told
from mstask.show.sheet import Look, draw_rows, legend
from mstask.studies.speed.exhibits import ratio

FORMS = {
    "direct": Look("step by step", "#c75b12", "s"),
    "convolution": Look("by Fourier transforms", "#0b62a4", "^"),
    "compiled": Look("compiled loop", "#00796b", "o"),
}
"""The three ways."""


def figure_hetsyn_speed(document: Document) -> Figure:
    """Processor time and memory of a training step as a multiple of the compiled loop's, for each workload."""
    found, titles = _forms(document), _titles(document)
    with drawing(1.5 + 0.5 * len(titles)) as figure:
        for axes, what in zip(figure.subplots(1, 2, sharey=True), ("time", "memory"), strict=True):
            known = found.dropna(subset=what).groupby(["workload", "form"])[what].agg(list)
            rows = {title: {form: known.get((key, form), []) for form in FORMS} for key, title in titles.items()}
            draw_rows(axes, rows, FORMS).axvline(1, color=GREY, linestyle=":", linewidth=1)
            axes.set(xscale="log", xlabel=f"{'processor time' if what == 'time' else 'memory'},\nmultiple")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        legend(figure, FORMS.values())
    return figure


def table_hetsyn_speed(document: Document) -> pd.DataFrame:
    """Per workload and way: processor time over the compiled loop's (median [quartiles]), seconds, and memory added."""
    found = _forms(document)

    def column(name: str, form: str) -> pd.Series:
        return found[name].map(lambda value: told(value, form))

    return pd.DataFrame(
        {
            "workload": found["workload"].map(_titles(document)),
            "computed": found["form"].map(lambda form: FORMS[form].label),
            "time / compiled": found["spread"].map(lambda spread: str(spread) if spread else NOTHING),
            "s per step": column("seconds", ".3g"),
            "MiB added": column("mib", ",.0f"),
        }
    )


def data_hetsyn_speed(document: Document) -> pd.DataFrame:
    """Every timing of a step in seconds of processor time, and the memory that a step adds, MiB."""
    memory = document.values.get("memory", {})
    rows = [
        (workload, form, repeat, value, memory.get(workload, {}).get(form))
        for run in document.values["runs"]
        for workload, seconds in run["seconds"].items()
        for form, values in seconds.items()
        for repeat, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["workload", "form", "repeat", "seconds", "mib_added"])


def _titles(document: Document) -> dict[str, str]:
    return {workload: about["title"] for workload, about in document.values["workloads"].items()}


def _forms(document: Document) -> pd.DataFrame:
    """What is known of each workload and way: seconds and MiB, and these as multiples of the compiled loop's."""
    timings = data_hetsyn_speed(document).groupby(["workload", "form"])["seconds"].median()
    memory, rows = document.values.get("memory", {}), []
    for workload in _titles(document):
        added = memory.get(workload, {})
        for form in FORMS:
            spread = ratio(document, "cpu", workload, form, "compiled")
            mib, least = added.get(form), added.get("compiled")
            seconds, time = timings.get((workload, form)), spread and spread.median
            rows.append((workload, form, spread, time, seconds, mib, mib / least if mib and least else None))
    return pd.DataFrame(rows, columns=["workload", "form", "spread", "time", "seconds", "mib", "memory"])
