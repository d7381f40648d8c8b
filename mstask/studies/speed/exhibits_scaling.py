"""How the batch engine scales, as plot and tables of the document that benchmarks/scaling.py writes."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from mstask.results.documents import Document
from mstask.show.canvas import GREY, drawing, explain


def figure_scaling(document: Document) -> Figure:
    """How many times as fast as one worker 1 to 256 run the paper's full grid, simulated, beside a perfect division."""
    data = data_scaling(document)
    with drawing(3.0) as figure:
        axes = figure.add_subplot()
        axes.plot(data["workers"], data["workers"], color=GREY, linestyle=":", label="perfect division")
        axes.axhline(data["limit"].iloc[0], color="#a4243b", linestyle="--", linewidth=1, label="the longest cell alone")
        axes.plot(data["workers"], data["speed-up"], color="#00796b", marker="o", label="simulated")
        axes.set_xscale("log", base=2)
        axes.set_xticks(data["workers"], [str(w) for w in data["workers"]])
        axes.set(yscale="log", xlabel="workers", ylabel="times as fast as one")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        explain(figure, axes.get_legend_handles_labels()[0], "upper")
    return figure


def data_scaling(document: Document) -> pd.DataFrame:
    """What `figure_scaling` draws: by number of workers their speed-up, the limit that the longest cell sets, the efficiency.

    Seconds are left out: those of cells that aren't recorded are estimated, and what the locked results took is said elsewhere.
    """
    rows = document.values["simulated"]
    alone, longest = rows[0]["seconds"], rows[0]["longest_cell"]
    columns = ("workers", "speed-up", "limit", "efficiency")
    values = [(row["workers"], alone / row["seconds"], alone / longest, row["efficiency"]) for row in rows]
    return pd.DataFrame(values, columns=columns)


def table_scaling(document: Document) -> pd.DataFrame:
    """Speed-up and efficiency by number of workers."""
    data = data_scaling(document)
    shown = {"workers": str, "speed-up": "{:.1f}".format, "efficiency": "{:.0%}".format}
    return pd.DataFrame({name: data[name].map(form) for name, form in shown.items()})


def table_two_workers(document: Document) -> pd.DataFrame:
    """One worker against two on this machine: each repeat's wall times, the speed-up, and the efficiency."""
    seconds = {w: [run["seconds"] for run in document.values["measured"] if run["workers"] == w] for w in (1, 2)}
    return pd.DataFrame(
        {
            "repeat": str(number),
            "one worker (s)": f"{one:.1f}",
            "two workers (s)": f"{two:.1f}",
            "speed-up": f"{one / two:.2f}",
            "efficiency": f"{one / two / 2:.0%}",
        }
        for number, (one, two) in enumerate(zip(seconds[1], seconds[2], strict=True), start=1)
    )


def data_two_workers(document: Document) -> pd.DataFrame:
    """Every measured run of the small grid."""
    return pd.DataFrame(document.values["measured"])
