"""Eventprop's gradients, as plots and tables: finite differences, the time grid, what a loss tells a hidden spike."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, label
from mstask.show.canvas import GREY
from mstask.show.sheet import Look, legend, say_nothing, sheet
from mstask.studies.eventprop.exhibits import LOOKS
from mstask.studies.eventprop.facts import by_step, checks, facts, grid_table
from mstask.studies.eventprop.methods import LOSS_METHODS, LOSSES
from mstask.summary.details import measured

ERRORS = {
    "input_error": Look("input weights", "#a4243b", "o", "-"),
    "output_error": Look("output weights", "#0b62a4", "s", "-"),
}
IN_PROPORTION = Look("in proportion to the step", GREY, "", ":")
SHAPES = {name: LOOKS[name] for name in ("sum", "linear", "exp", "sigmoid")}
"""Weights of the output voltage."""
ORIGINAL_NAMES = Path(__file__).with_name("original_names.csv")
"""The reference implementation's parameters: name there, place here (parameter, class.field, function), remark."""
SMALLEST = 1e-9
"""Errors below this are drawn at this height, in 1/ms."""

KINDS = {
    "recurrent": "recurrent, varied time constants",
    "two-layers": "two hidden layers, recurrent",
    "adaptive": "adaptive thresholds, recurrent",
    "delays": "delays in every synapse, recurrent",
}
"""Networks that are checked besides the losses."""


def table_eventprop_checks(document: Document) -> pd.DataFrame:
    """The adjoint against finite differences: what was checked, how many entries, and the largest relative error."""
    rows = data_eventprop_checks(document)
    rows["error"] = rows["error"].where(rows["used"] > 0, 0.0)
    found = rows.groupby("network").agg({"used": "sum", "skipped": "sum", "error": "max"})
    told = [
        (KINDS.get(name, f"loss {label(name)}"), str(used), str(skipped), f"{error:.0e}".replace("-", "−"))
        for name, used, skipped, error in found.reindex([n for n in (*LOSSES, *KINDS) if n in found.index]).itertuples()
    ]
    return pd.DataFrame(told, columns=["checked", "entries", "skipped", "largest relative error"])


def data_eventprop_checks(document: Document) -> pd.DataFrame:
    """Every comparison with finite differences: one row per seed, network and parameter."""
    return pd.DataFrame(checks(document), columns=["seed", "network", "parameter", "error", "used", "skipped"])


def figure_eventprop_grid(document: Document) -> Figure:
    """Relative error of Eventprop on a time grid against the exact gradient, by step: each network, and the median."""
    table = dict(by_step(document))
    with sheet(document, 3.4) as figure:
        axes = figure.add_subplot()
        steps = list(table)
        for name, look in ERRORS.items() if steps else ():
            rows = np.array([table[step][name] for step in steps])
            axes.plot(steps, rows, color=look.colour, linewidth=0.6, alpha=0.4)
            axes.plot(steps, np.median(rows, axis=1), color=look.colour, marker=look.marker, linewidth=1.6)
        if steps:
            middle = np.median(table[steps[0]]["input_error"])
            axes.plot(steps, middle * np.array(steps) / steps[0], color=GREY, linestyle=":", linewidth=1)
            axes.set(xscale="log", yscale="log")
            axes.set_xticks(steps, [f"{step:g}" for step in steps])
            axes.minorticks_off()
        else:
            say_nothing(axes)
        axes.set(xlabel="step of the grid, ms", ylabel="relative error of the gradient")
        legend(figure, (*ERRORS.values(), IN_PROPORTION))
    return figure


data_eventprop_grid = grid_table


def figure_eventprop_shaping(document: Document) -> Figure:
    """How strongly a hidden spike hears of an error, by its time in a long trial, for four weights of the output voltage."""
    times, heard = _heard(document)
    with sheet(document, 3.2) as figure:
        axes = figure.add_subplot()
        for name, values in heard.items():
            size, look = np.maximum(np.abs(values), SMALLEST), SHAPES[name]
            axes.plot(times, size, color=look.colour, linestyle=look.line, linewidth=1.6)
        if heard:
            axes.set(yscale="log", ylim=(SMALLEST, None))
        else:
            say_nothing(axes)
        axes.set(xlabel="time of the hidden spike, ms", ylabel="error that it hears, 1/ms")
        legend(figure, SHAPES.values())
    return figure


def data_eventprop_shaping(document: Document) -> pd.DataFrame:
    """The curves of the shaping figure, signed."""
    times, heard = _heard(document)
    return pd.DataFrame({"time_ms": times} | heard)


def table_eventprop_departures(document: Document) -> pd.DataFrame:
    """What departures of the reference implementation do to the gradient of the hidden weights: medians over networks."""
    own = facts(document).get("departures", {})

    def told(key: str, form: str) -> str:
        return form.format(own[key]) if key in own else NOTHING

    times, share = told("forcing_factor", "{:.0f} times smaller"), "relative error {:.1%}"
    rows = [
        ("loss forces without the factor tau_m, equal time constants", times, told("forcing_cosine", "{:.4f}")),
        ("the same, output time constants that vary", NOTHING, told("varied_cosine", "{:.4f}")),
        ("jump of the adjoint for adaptive thresholds", told("adaptation_error", share), told("adaptation_cosine", "{:.4f}")),
        ("backward pass on weights one step newer", told("stale_error", share), told("stale_cosine", "{:.4f}")),
    ]
    return pd.DataFrame(rows, columns=["departure", "size", "cosine with the exact gradient"])


def table_eventprop_surrogate(document: Document) -> pd.DataFrame:
    """The surrogate gradient of the input weights against the exact one: medians over networks, by the surrogate's slope."""
    slopes = next(iter(measured(document, None, "surrogate", "slope").values()), [])
    rows = []
    for i, slope in enumerate(slopes):
        cosines, norms = ([v[i] for v in measured(document, None, "surrogate", k).values()] for k in ("cosine", "norm_ratio"))
        spread = f"{median(cosines):.2f} ({min(cosines):.2f} to {max(cosines):.2f})".replace("-", "−")
        rows.append({"slope": f"{slope:g}", "cosine": spread, "length, exact gradient = 1": f"{median(norms):.1f}"})
    return pd.DataFrame(rows, columns=["slope", "cosine", "length, exact gradient = 1"])


def table_eventprop_names() -> pd.DataFrame:
    """The reference implementation's parameters under this project's names, and what differs."""
    table = pd.read_csv(ORIGINAL_NAMES, keep_default_na=False)
    table["here"] = table["here"].replace("", NOTHING)
    return table[table["original"] != "LOSS_TYPE"].reset_index(drop=True)


def table_eventprop_losses() -> pd.DataFrame:
    """The nine losses: name here, in the reference implementation, and in words."""
    methods = [LOSS_METHODS[name] for name in LOSSES]
    rows = [(label(m.loss), m.original, m.text) for m in methods]
    return pd.DataFrame(rows, columns=["loss", "LOSS_TYPE", "what is compared with the label"])


def _heard(document: Document) -> tuple[list[float], dict[str, list[float]]]:
    """Times of hidden spikes in ms, and by weight the errors that they hear; the same at every seed."""
    times, heard = (next(iter(measured(document, None, "shaping", key).values()), None) for key in ("time", "heard"))
    return times or [], heard or {}
