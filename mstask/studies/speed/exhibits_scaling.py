"""How the batch engine scales, as plot and tables of the document that benchmarks/scaling.py writes."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from mstask.results.documents import Document
from mstask.show.canvas import GREY, WIDTH, Plot, styled

HOUR = 3600.0


def figure_scaling(document: Document) -> Figure:
    """Hours that the paper's full grid takes on 1 to 256 workers, simulated, beside a perfect division of the work."""
    rows = document.values["simulated"]
    workers = [row["workers"] for row in rows]
    hours = [row["seconds"] / HOUR for row in rows]
    with styled():
        figure = Plot(figsize=(WIDTH, 3.0), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(workers, [hours[0] / w for w in workers], color=GREY, linestyle=":", label="perfect division")
        axes.axhline(rows[0]["longest_cell"] / HOUR, color="#a4243b", linestyle="--", linewidth=1, label="longest cell")
        axes.plot(workers, hours, color="#00796b", marker="o", label="simulated")
        axes.set_xscale("log", base=2)
        axes.set_xticks(workers, [str(w) for w in workers])
        axes.set(yscale="log", xlabel="workers", ylabel="hours")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        figure.legend(loc="outside upper center", ncols=3)
    return figure


def data_scaling(document: Document) -> pd.DataFrame:
    """What `figure_scaling` draws: seconds, efficiency and longest cell by number of workers."""
    return pd.DataFrame(document.values["simulated"])


def table_scaling(document: Document) -> pd.DataFrame:
    """Hours and efficiency by number of workers."""
    rows = [
        {"workers": str(row["workers"]), "hours": f"{row['seconds'] / HOUR:.2f}", "efficiency": f"{row['efficiency']:.0%}"}
        for row in document.values["simulated"]
    ]
    return pd.DataFrame(rows)


def table_two_workers(document: Document) -> pd.DataFrame:
    """One worker against two on this machine: each repeat's wall times, the speed-up, and the efficiency."""
    return pd.DataFrame(
        {
            "repeat": str(number),
            "one worker (s)": f"{one:.1f}",
            "two workers (s)": f"{two:.1f}",
            "speed-up": f"{one / two:.2f}",
            "efficiency": f"{one / two / 2:.0%}",
        }
        for number, (one, two) in enumerate(_pairs(document), start=1)
    )


def data_two_workers(document: Document) -> pd.DataFrame:
    """Every measured run of the small grid."""
    return pd.DataFrame(document.values["measured"])


def _pairs(document: Document) -> list[tuple[float, float]]:
    """Wall times on one and on two workers, repeat by repeat."""
    seconds = {w: [run["seconds"] for run in document.values["measured"] if run["workers"] == w] for w in (1, 2)}
    return list(zip(seconds[1], seconds[2], strict=True))
