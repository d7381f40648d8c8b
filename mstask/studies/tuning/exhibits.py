"""Plots and tables of the tuned networks: studies, final table, and the frontier of dense networks.

Pure functions of result documents, as in `mstask.show`; `documents` maps each voice to its document, or to None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VOICES, by_voice, heading, label
from mstask.show import takes_voices
from mstask.show.canvas import GREY, WIDTH, Plot, handle, mark, styled
from mstask.show.scores import data_scores, score, signed
from mstask.studies.tuning.facts import factor_by_tolerance
from mstask.studies.tuning.search import (
    CHOICES,
    EFFICIENT,
    LEARNING_RATES,
    Selection,
    Trial,
    complete,
    pareto_front,
    select,
    selected_on,
    summary_of,
    trials_of,
)
from mstask.summary import DENSE, standings

Documents = Mapping[str, Document | None]

REFERENCE = "Doppler-LIF"
POINTS = ("best", "efficient")
MEANINGS = {
    "width": "neurons per layer",
    "n_layers": "layers",
    "beta": "membrane decay per step",
    "learning_rate": "learning rate",
    "schedule": "schedule of the learning rate",
    "surrogate_slope": "slope of the surrogate gradient",
    "target_rate": "firing rate set by calibration",
    "input": "input, as it is or its logarithm",
}
"""What each dimension of the search space means."""
ENERGY = "operation-count proxy (µJ)"
LABEL_STEP = 8.0
"""Points between the names of neighbouring spiking networks."""
LINEAR_UP_TO = 1e-3
"""Tolerance below which the axis of `figure_factor_curve` is linear, so that it can show 0."""


def name(method: str) -> str:
    """The name a reader sees for a tuned network."""
    return f"{label(method.removesuffix(EFFICIENT))} (efficient)" if method.endswith(EFFICIENT) else label(method)


def table_space() -> pd.DataFrame:
    """The search space: what may vary, and over which values."""
    low, high = LEARNING_RATES
    values = {name: ", ".join(map(str, choices)) for name, choices in CHOICES.items()}
    values["learning_rate"] = f"{low:g} to {high:g}, evenly on a logarithmic scale"
    return pd.DataFrame([(meaning, values[name]) for name, meaning in MEANINGS.items()], columns=["what", "values"])


@takes_voices
def table_search(documents: Documents) -> pd.DataFrame:
    """Paper, Table 2: parameters, operation-count proxy and macro-F1 of each tuned network in each voice."""
    return _table(documents, "network")


@takes_voices
def data_search(documents: Documents) -> pd.DataFrame:
    """Every score of the final table."""
    return data_scores(documents)


@takes_voices
def table_frontier(documents: Documents) -> pd.DataFrame:
    """The networks of the frontier from the cheapest on, with macro-F1 in each voice."""
    return _table(documents, "network")


@takes_voices
def data_frontier(documents: Documents) -> pd.DataFrame:
    """Where each network of the frontier stands: one row per voice and network, from the cheapest on."""
    rows = []
    for voice, document in by_voice(documents).items():
        for method, found in _costed(document).items():
            f1 = found["macro_f1"]
            rows.append((voice, method, f1["mean"], f1["sd"], f1["low"], f1["high"], f1["n"], *_cost(found)))
    columns = ["voice", "network", "macro_f1", "sd", "low", "high", "seeds", "energy_uJ", "macs", "n_parameters"]
    return pd.DataFrame(rows, columns=columns)


@takes_voices
def figure_frontier(documents: Documents) -> Figure:
    """Paper, Fig. 1: macro-F1 against operation-count proxy; spiking networks as stars, dense ones joined by a line.

    A dense network is named by the channels of its first block.
    """
    with styled():
        figure = Plot(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for voice, document in by_voice(documents).items():
            _draw_frontier(axes, voice, document)
        axes.set(xscale="log", xlabel=ENERGY, ylabel="macro-F1 on the test set")
        axes.margins(x=0.2, y=0.1)
        handles = [handle(voice, document) for voice, document in documents.items()]
        handles += [Line2D([], [], color=GREY, marker="*", markersize=10, linestyle="", label="spiking")]
        figure.legend(handles=handles, loc="outside upper center", ncols=2, handletextpad=0.2)
    return figure


def factor_steps(document: Document) -> list[tuple[float, str, float]]:
    """The cheapest dense network that matches the tuned Doppler-LIF network, by tolerance.

    Each step holds from its tolerance (macro-F1 that a match may fall short, 0 where it needn't) on: (tolerance, network,
    its proxy as a multiple of the spiking one). Empty where either side is not known.
    """
    steps = factor_by_tolerance(standings(document))
    needless = sum(step["tolerance"] <= 0 for step in steps) - 1
    return [(max(0.0, step["tolerance"]), step["network"], step["factor"]) for step in steps[max(0, needless) :]]


@takes_voices
def data_factor_curve(documents: Documents) -> pd.DataFrame:
    """The steps of `figure_factor_curve`: from which tolerance on which network is the cheapest match, and its factor."""
    rows = [(voice, *step) for voice, document in by_voice(documents).items() for step in factor_steps(document)]
    return pd.DataFrame(rows, columns=["voice", "tolerance", "network", "factor"])


@takes_voices
def figure_factor_curve(documents: Documents) -> Figure:
    """What "matches" means decides the factor: the cheapest match's proxy over the spiking one's, by tolerance."""
    curves = {voice: steps for voice, document in by_voice(documents).items() if (steps := factor_steps(document))}
    last = max([10 * LINEAR_UP_TO, *(2 * steps[-1][0] for steps in curves.values())])
    with styled():
        figure = Plot(figsize=(WIDTH, 3.0), layout="constrained")
        axes = figure.add_subplot()
        for voice, steps in curves.items():
            tolerances, networks, factors = zip(*steps, strict=True)
            axes.plot([*tolerances, last], [*factors, factors[-1]], drawstyle="steps-post", color=VOICES[voice].colour)
            axes.plot(tolerances, factors, **mark(voice))
            for x, y, network in zip(tolerances, factors, networks, strict=True):
                axes.annotate(_channels(network), (x, y), (4, 4), textcoords="offset points", fontsize=7.5)
        axes.axhline(1, color=GREY, linestyle=":", linewidth=1)
        axes.set_xscale("symlog", linthresh=LINEAR_UP_TO)
        axes.set(yscale="log", xlim=(-LINEAR_UP_TO / 10, last), xlabel="macro-F1 that a match may fall short")
        axes.set_ylabel("times the spiking proxy")
        handles = [handle(voice, document) for voice, document in documents.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=2, handletextpad=0.2)
    return figure


def figure_pareto(document: Document) -> Figure:
    """Every complete trial of a study, one panel per architecture, with its Pareto front and the selected points."""
    on, names = selected_on(document), architectures(document)
    with styled():
        figure = Plot(figsize=(WIDTH, 0.9 + 1.7 * len(names)), layout="constrained")
        grid = figure.subplots(len(names), 1, sharex=True, sharey=True, squeeze=False)
        for axes, architecture in zip(grid.flat, names, strict=True):
            _draw_study(axes, document, architecture)
            axes.set_title(label(architecture))
        figure.supxlabel("mean firing (spikes per neuron and step)", fontsize=9.5)
        figure.supylabel(f"macro-F1 on the {on} set", fontsize=9.5)
        handles = [
            Line2D([], [], color=GREY, marker=".", linestyle="", label="trial"),
            Line2D([], [], color="#00796b", linewidth=1.5, label="front"),
            Line2D([], [], color="#c75b12", marker="^", linestyle="", label="best"),
            Line2D([], [], color="#00352f", marker="v", linestyle="", markerfacecolor="none", label="efficient"),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=4, handletextpad=0.2)
    return figure


def data_pareto(document: Document) -> pd.DataFrame:
    """Every trial of a study with its configuration, scores, and whether it lies on the front or was selected."""
    on, rows = selected_on(document), []
    for architecture in architectures(document):
        trials = trials_of(document, architecture)
        front, points = pareto_front(trials, on), _points(document, architecture)
        for trial in trials:
            own = {k: v for k, v in asdict(trial).items() if k != "configuration"}
            taken = [point for point in POINTS if points and getattr(points, point) == trial]
            about = {"front": trial in front, "selected": " and ".join(taken)}
            rows.append({"architecture": architecture} | own | asdict(trial.configuration) | about)
    return pd.DataFrame(rows)


def table_configurations(document: Document) -> pd.DataFrame:
    """What a study selected for each architecture, one column each, and out of how many trials."""
    on, columns = selected_on(document), {}
    for architecture, of in summary_of(document).items():
        for trial, points in _selected(document, architecture):
            values = [_short(getattr(trial.configuration, name)) for name in MEANINGS]
            reached = [f"{trial.macro_f1(on):.3f}", f"{trial.firing(on):.3f}"]
            counts = f"{of['complete']} of {of['trials']}"
            columns[f"{label(architecture)}, {points}"] = [*values, *reached, counts]
    rows = [*MEANINGS.values(), f"{on} macro-F1", "mean firing", "trials trained to their end"]
    return pd.DataFrame({"what": rows} | columns)


def _selected(document: Document, architecture: str) -> list[tuple[Trial, str]]:
    """The selected trials and what each was selected as; one trial may be both."""
    points = _points(document, architecture)
    if points is None:
        return []
    both = points.best == points.efficient
    return [(points.best, " and ".join(POINTS))] if both else [(points.best, POINTS[0]), (points.efficient, POINTS[1])]


def data_selection(document: Document) -> pd.DataFrame:
    """The test score of each architecture's best trial, chosen on validation and chosen on the test set itself."""
    rows = [(name, *of["on_test"].values()) for name, of in summary_of(document).items() if "on_test" in of]
    return pd.DataFrame(rows, columns=["architecture", "validation", "test", "difference"])


def table_selection(document: Document) -> pd.DataFrame:
    """What choosing the trial on the test set, as the paper's search did, adds to the test score it then reports."""
    rows = [
        {
            "architecture": label(row.architecture),
            "test macro-F1, chosen on validation": f"{row.validation:.3f}",
            "chosen on test": f"{row.test:.3f}",
            "difference": signed(row.difference),
        }
        for row in data_selection(document).itertuples()
    ]
    return pd.DataFrame(rows)


def architectures(document: Document) -> list[str]:
    """The architectures that a study's document holds, in its order."""
    return list(dict.fromkeys(cell.method for cell in document.cells))


def _points(document: Document, architecture: str) -> Selection | None:
    trials = trials_of(document, architecture)
    return select(trials, selected_on(document)) if complete(trials) else None


def _costed(document: Document) -> dict[str, dict[str, Any]]:
    """Scored methods whose proxy is known, from the cheapest on."""
    methods = standings(document)["methods"]
    known = {m: f for m, f in methods.items() if f["energy_uJ"] is not None and f["macro_f1"]["mean"] is not None}
    return dict(sorted(known.items(), key=lambda item: (item[1]["energy_uJ"], item[0])))


def _cost(found: Mapping[str, Any]) -> tuple[Any, ...]:
    return found["energy_uJ"], found["macs"], found["n_parameters"]


def _table(documents: Documents, first: str) -> pd.DataFrame:
    """Parameters, proxy and macro-F1 of each network in each voice that has it, by the proxy of the first such voice."""
    heard = {voice: standings(document)["methods"] for voice, document in by_voice(documents).items()}
    every = {method for methods in heard.values() for method in methods}
    every |= {method for document in by_voice(documents).values() for method in document.not_published}

    def place(method: str) -> tuple[float, str]:
        known = (methods[method]["energy_uJ"] for methods in heard.values() if method in methods)
        return next((value for value in known if value is not None), math.inf), method

    rows = []
    for method in sorted(every, key=place):
        for voice, document in by_voice(documents).items():
            found = heard[voice].get(method)
            if found is None and method not in document.not_published:
                continue
            count, energy = (found["n_parameters"], found["energy_uJ"]) if found else (None, None)
            rows.append(
                {
                    first: name(method),
                    "voice": heading(voice, document),
                    "parameters": f"{count:,}" if count else NOTHING,
                    "µJ": f"{energy:.1f}" if energy is not None else NOTHING,
                    "macro-F1": score(found["macro_f1"]) if found else VOICES[voice].absent,
                }
            )
    return pd.DataFrame(rows)


def _draw_frontier(axes: Axes, voice: str, document: Document) -> None:
    methods, look = _costed(document), mark(voice)
    dense = {m: f for m, f in methods.items() if DENSE in m}
    places = [(f["energy_uJ"], f["macro_f1"]["mean"]) for f in dense.values()]
    for found in methods.values():
        if (spread := found["macro_f1"])["low"] is not None:
            axes.plot([found["energy_uJ"]] * 2, [max(spread["low"], 0), min(spread["high"], 1)], color=look["color"], alpha=0.4)
    if places:
        axes.plot(*zip(*places, strict=True), color=look["color"], linewidth=1)
        axes.plot(*zip(*places, strict=True), **look)
    for method, (x, y) in zip(dense, places, strict=True):
        first = _channels(method).partition("-")[0]
        axes.annotate(first, (x, y), (0, 6), textcoords="offset points", fontsize=7.5, color=look["color"], ha="center")
    spiking = [method for method in methods if method not in dense]
    for i, method in enumerate(sorted(spiking, key=lambda m: methods[m]["macro_f1"]["mean"])):
        x, y = methods[method]["energy_uJ"], methods[method]["macro_f1"]["mean"]
        axes.plot(x, y, **look | {"marker": "*", "markersize": 11})
        text = {"textcoords": "offset points", "fontsize": 7.5, "ha": "right", "va": "center", "color": look["color"]}
        axes.annotate(name(method).removesuffix("-LIF"), (x, y), (-7, LABEL_STEP * (i - (len(spiking) - 1) / 2)), **text)


def _draw_study(axes: Axes, document: Document, architecture: str) -> None:
    on, trials = selected_on(document), trials_of(document, architecture)
    places = [(t.firing(on), t.macro_f1(on)) for t in complete(trials)]
    if not places:
        axes.text(0.5, 0.5, "no complete trial", ha="center", transform=axes.transAxes, style="italic", color=GREY)
        return
    axes.plot(*zip(*places, strict=True), ".", color=GREY)
    front = [(t.firing(on), t.macro_f1(on)) for t in pareto_front(trials, on)]
    axes.plot(*zip(*front, strict=True), color="#00796b", linewidth=1.5, drawstyle="steps-post")
    points = select(trials, on)
    axes.plot(points.best.firing(on), points.best.macro_f1(on), "^", color="#c75b12", markersize=8)
    axes.plot(points.efficient.firing(on), points.efficient.macro_f1(on), "v", color="#00352f", markersize=8, fillstyle="none")


def _channels(method: str) -> str:
    """ "8-16-32" of "CNN-8-16-32"."""
    return method.removeprefix(f"{DENSE}-")


def _short(value: Any) -> str:
    return f"{value:.2e}" if isinstance(value, float) and value < 0.01 else str(value)
