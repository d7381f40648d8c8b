"""HetSyn, the cost of a training step: one model computed in three ways, as `benchmarks/hetsyn.py` measured it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from mstask.results.documents import Document
from mstask.results.voices import NOTHING
from mstask.show.canvas import GREY, WIDTH, Plot, styled
from mstask.studies.speed.exhibits import Spread

FORMS = {
    "direct": ("step by step", "#c75b12", "s"),
    "convolution": ("by Fourier transforms", "#0b62a4", "^"),
    "compiled": ("compiled loop", "#00796b", "o"),
}
"""The three ways: words, colour, marker."""


def figure_hetsyn_speed(document: Document) -> Figure:
    """Processor time and memory of a training step as a multiple of the compiled loop's, for each workload."""
    titles = [about["title"].replace(", ", ",\n") for about in document.values["workloads"].values()]
    rows = _rows(document)
    with styled():
        figure = Plot(figsize=(WIDTH, 1.5 + 0.5 * len(titles)), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, what in zip(panels, ("time", "memory"), strict=True):
            for row in rows:
                if row[what] is not None:
                    _, colour, marker = FORMS[row["form"]]
                    axes.plot(row[what], list(document.values["workloads"]).index(row["workload"]), marker, color=colour)
            axes.axvline(1, color=GREY, linestyle=":", linewidth=1)
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(f"{'processor time' if what == 'time' else 'memory'},\nmultiple")
        panels[0].set_yticks(range(len(titles)), titles)
        panels[0].set_ylim(len(titles) - 0.5, -0.5)
        handles = [Line2D([], [], color=c, marker=m, linestyle="", label=text) for text, c, m in FORMS.values()]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, handletextpad=0.2, columnspacing=1, fontsize=8.5)
    return figure


def table_hetsyn_speed(document: Document) -> pd.DataFrame:
    """Per workload and way: processor time over the compiled loop's (median [quartiles]), seconds, and memory added."""
    return pd.DataFrame(
        {
            "workload": document.values["workloads"][row["workload"]]["title"],
            "computed": FORMS[row["form"]][0],
            "time / compiled": str(row["spread"]) if row["spread"] else NOTHING,
            "s per step": f"{row['seconds']:.3g}" if row["seconds"] is not None else NOTHING,
            "MiB added": f"{row['mib']:,.0f}" if row["mib"] is not None else NOTHING,
        }
        for row in _rows(document)
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


def _rows(document: Document) -> list[dict[str, Any]]:
    """One row per workload and way, with what is known of it."""
    seconds = document.values["runs"][0]["seconds"] if document.values["runs"] else {}
    memory = document.values.get("memory", {})
    rows = []
    for workload in document.values["workloads"]:
        timed, added = seconds.get(workload, {}), memory.get(workload, {})
        for form in FORMS:
            own, base = timed.get(form), timed.get("compiled")
            spread = Spread.of([a / b for a, b in zip(own, base, strict=True)]) if own and base else None
            mib, least = added.get(form), added.get("compiled")
            rows.append(
                {
                    "workload": workload,
                    "form": form,
                    "spread": spread,
                    "time": spread.median if spread else None,
                    "seconds": float(np.median(own)) if own else None,
                    "mib": mib,
                    "memory": mib / least if mib and least else None,
                }
            )
    return rows
