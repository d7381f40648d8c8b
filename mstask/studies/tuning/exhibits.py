"""Plots and tables of the tuned networks: studies, final table, and the frontier of dense networks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mstask import claims
from mstask.claims.words import interval
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VOICES, by_voice, heading, label, marked
from mstask.show import takes_voices
from mstask.show.canvas import GREY, SMALL, answer, drawing, explain_voices, mark
from mstask.show.marks import About, Ruler
from mstask.show.scores import ByVoice, score, scores_data, signed
from mstask.show.sheet import Look, legend, panels, say_nothing
from mstask.studies.tuning.claims import CLAIMS, cnn_factor
from mstask.studies.tuning.facts import factor_by_tolerance, matching, relaxed
from mstask.studies.tuning.search import (
    CHOICES,
    EFFICIENT,
    LEARNING_RATES,
    Found,
    On,
    Trial,
    complete,
    pareto_front,
    selected_on,
    summary_of,
    trials_of,
)
from mstask.summary import DENSE, remark, standings

LOOKS = {
    "trial": Look("trial", GREY, "."),
    "front": Look("front", "#00796b", "", "-"),
    "best": Look("best", "#c75b12", "^"),
    "efficient": Look("efficient", "#00352f", "v"),
}
"""Marks of `figure_pareto`."""
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
COSTS = ("energy_uJ", "macs", "n_parameters")
APART = 1.9
"""By what factor of the proxy the next dense network must be dearer for its name to be drawn."""
SPIKING = ("*", "P", "X", "^", "v", "D", "<", ">")
"""Marks of the spiking networks of a frontier."""
LINEAR_UP_TO = 1e-3
"""Tolerance below which the axis of `figure_factor_curve` is linear, so that it can show 0."""
FACTOR_CLAIM = next(claim for claim in CLAIMS if claim.id == "cnn-factor")


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
def table_search(documents: ByVoice) -> pd.DataFrame:
    """Paper, Table 2 and Fig. 1: parameters, operation-count proxy and macro-F1 of each network in each voice that has it.

    Networks are ordered by the proxy of the first such voice.
    """
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
                    "network": name(method),
                    "voice": heading(voice, document),
                    "parameters": f"{count:,}" if count else NOTHING,
                    "µJ": f"{energy:.1f}" if energy is not None else NOTHING,
                    "macro-F1": score(found["macro_f1"]) + remark(document, method) if found else VOICES[voice].absent,
                }
            )
    return pd.DataFrame(rows)


table_frontier = table_search
data_search = takes_voices(scores_data)


@takes_voices
def data_frontier(documents: ByVoice) -> pd.DataFrame:
    """Where each network of the frontier stands: one row per voice and network, from the cheapest on."""
    rows = []
    for voice, document in by_voice(documents).items():
        for method, found in _costed(document).items():
            spread = [found["macro_f1"][key] for key in ("mean", "sd", "low", "high", "n")]
            rows.append((voice, method, *spread, *(found[key] for key in COSTS)))
    return pd.DataFrame(rows, columns=["voice", "network", "macro_f1", "sd", "low", "high", "seeds", *COSTS])


@takes_voices
def figure_frontier(documents: ByVoice) -> Figure:
    """Paper, Fig. 1: macro-F1 against operation-count proxy; dense networks are joined by a line, spiking ones have marks.

    A dense network is named by the channels of its first block, where there is room.
    """
    with drawing(3.6) as figure:
        axes = figure.add_subplot()
        marks = dict(zip(_spiking(by_voice(documents).values()), cycle(SPIKING), strict=False))
        for voice, document in by_voice(documents).items():
            _draw_frontier(axes, voice, document, marks)
        axes.set(xscale="log", xlabel="operation-count proxy (µJ)", ylabel="macro-F1 on the test set")
        axes.margins(x=0.2, y=0.1)
        explain_voices(figure, documents, *(Look(name(method), GREY, marker).handle for method, marker in marks.items()))
    return figure


def factor_steps(document: Document) -> list[tuple[float, str, float]]:
    """The cheapest dense network that matches the tuned Doppler-LIF network, by tolerance.

    Each step holds from its tolerance (macro-F1 that a match may fall short, 0 where it needn't) on: (tolerance, network,
    its proxy as a multiple of the spiking one). Empty where either side is not known.
    """
    steps = factor_by_tolerance(standings(document))
    match = matching(steps)
    held = ([match] if match else []) + relaxed(steps)
    return [(max(0.0, step.tolerance), step.network, step.factor) for step in held]


def tolerated(documents: ByVoice) -> list[float]:
    """Tolerances of `figure_factor_curve` at which a reader may ask for the verdict, each at which a step begins among them."""
    begun = [step[0] for document in by_voice(documents).values() for step in factor_steps(document)]
    last = max([10 * LINEAR_UP_TO, *(2 * tolerance for tolerance in begun)])
    between = [float(f"{tolerance:.1e}") for tolerance in np.geomspace(LINEAR_UP_TO / 10, last, 20)[:-1]]
    return sorted({0.0, *begun, *between, last})


@takes_voices
def data_factor_curve(documents: ByVoice) -> pd.DataFrame:
    """The steps of `figure_factor_curve`: from which tolerance on which network is the cheapest match, and its factor."""
    rows = [(voice, *step) for voice, document in by_voice(documents).items() for step in factor_steps(document)]
    return pd.DataFrame(rows, columns=["voice", "tolerance", "network", "factor"])


@takes_voices
def figure_factor_curve(documents: ByVoice) -> Figure:
    """What "matches" means decides the factor: the cheapest match's proxy over the spiking one's, by tolerance."""
    curves = {voice: steps for voice, document in by_voice(documents).items() if (steps := factor_steps(document))}
    stops = tolerated(documents)
    last = stops[-1]
    with drawing(3.0) as figure:
        axes = figure.add_subplot()
        for (voice, steps), place in zip(curves.items(), cycle(((4, 4), (4, -11))), strict=False):
            tolerances, networks, factors = zip(*steps, strict=True)
            axes.plot([*tolerances, last], [*factors, factors[-1]], drawstyle="steps-post", color=VOICES[voice].colour)
            axes.plot(tolerances, factors, **mark(voice))
            for x, y, network in zip(tolerances, factors, networks, strict=True):
                named = {"textcoords": "offset points", "fontsize": SMALL, "color": VOICES[voice].colour}
                axes.annotate(_channels(network), (x, y), place, **named)
        axes.axhline(1, color=GREY, linestyle=":", linewidth=1)
        axes.set_xscale("symlog", linthresh=LINEAR_UP_TO)
        axes.set(yscale="log", xlim=(-LINEAR_UP_TO / 10, last), xlabel="by how much macro-F1 may fall short of a match")
        axes.set_ylabel("times the spiking proxy")
        axes.margins(y=0.15)  # names stand below the lowest steps
        figure.rulers.append(Ruler("factor_curve", axes, tuple(stops)))
        explain_voices(figure, documents)
    return figure


@takes_voices
def play_factor_curve(documents: ByVoice) -> dict[str, Any]:
    """For every stop of the figure's ruler, what each voice says there: the match, its factor, and the claim's verdict."""
    stops = []
    for tolerance in tolerated(documents):
        entry = dataclasses.replace(FACTOR_CLAIM, test=partial(cnn_factor, tolerance=tolerance))
        says = []
        for voice, document in by_voice(documents).items():
            steps = factor_by_tolerance(standings(document))
            step = matching(steps, tolerance)
            match = f"{step.network}, {step.factor:.2f} times the proxy" if step else "no CNN matches" if steps else "not run"
            found = claims.judged(entry, {document.section: document})
            match += f" {interval(found.bounds, 1)}" if found.bounds else ""
            says.append(f"{heading(voice, document)}: {match}; the claim is {marked(found.verdict)}")
        stops.append({"at": f"{tolerance:.2g}", "says": says})
    return {"label": "a match may fall short by", "claim": FACTOR_CLAIM.text, "stops": stops}


def figure_pareto(document: Document) -> Figure:
    """Every complete trial of a study, one panel per architecture, with its Pareto front and the selected points."""
    on, studies = selected_on(document), summary_of(document)
    with panels(document, len(studies), 1.1, 1.7) as (figure, grid):
        for axes, (architecture, found) in zip(grid, studies.items(), strict=False):
            _draw_study(axes, trials_of(document, architecture), found, on)
            axes.set_title(label(architecture))
        grid[-1].set_xlabel("mean firing (spikes per neuron and step)")
        figure.supylabel(f"macro-F1 on the {on} set")
        legend(figure, LOOKS.values())
    return figure


def data_pareto(document: Document) -> pd.DataFrame:
    """Every trial of a study with its configuration, scores, and whether it lies on the front or was selected."""
    on, rows = selected_on(document), []
    for architecture, found in summary_of(document).items():
        trials = trials_of(document, architecture)
        front = pareto_front(trials, on)
        for trial in trials:
            own = {k: v for k, v in dataclasses.asdict(trial).items() if k != "configuration"}
            taken = [point for point in ("best", "efficient") if getattr(found, point) == trial]
            about = {"front": trial in front, "selected": " and ".join(taken)}
            rows.append({"architecture": architecture} | own | dataclasses.asdict(trial.configuration) | about)
    return pd.DataFrame(rows)


def table_configurations(document: Document) -> pd.DataFrame:
    """What a study selected for each architecture, one column each, and out of how many trials."""
    on, columns = selected_on(document), {}
    for architecture, found in summary_of(document).items():
        points = {"best": found.best, "efficient": found.efficient}
        if found.best == found.efficient:
            points = {"best and efficient": found.best}
        for point, trial in points.items():
            if trial is not None:
                values = [_short(getattr(trial.configuration, name)) for name in MEANINGS]
                reached = [f"{trial.macro_f1(on):.3f}", f"{trial.firing(on):.3f}"]
                columns[f"{label(architecture)}, {point}"] = [*values, *reached, f"{found.complete} of {found.trials}"]
    rows = [*MEANINGS.values(), f"{on} macro-F1", "mean firing", "trials trained to their end"]
    return pd.DataFrame({"what": rows} | columns)


def data_selection(document: Document) -> pd.DataFrame:
    """The test score of each architecture's best trial, chosen on validation and chosen on the test set itself."""
    rows = [(name, *dataclasses.astuple(found.on_test)) for name, found in summary_of(document).items() if found.on_test]
    return pd.DataFrame(rows, columns=["architecture", "validation", "test", "difference"])


def table_selection(document: Document) -> pd.DataFrame:
    """What choosing the trial on the test set, as the paper's search did, adds to the test score it then reports."""
    table = data_selection(document)
    return pd.DataFrame(
        {
            "architecture": table.architecture.map(label),
            "test macro-F1, chosen on validation": table.validation.map("{:.3f}".format),
            "chosen on test": table.test.map("{:.3f}".format),
            "difference": table.difference.map(signed),
        }
    )


def _costed(document: Document) -> dict[str, dict[str, Any]]:
    """Scored methods whose proxy is known, from the cheapest on."""
    methods = standings(document)["methods"]
    known = {m: f for m, f in methods.items() if f["energy_uJ"] is not None and f["macro_f1"]["mean"] is not None}
    return dict(sorted(known.items(), key=lambda item: (item[1]["energy_uJ"], item[0])))


def _draw_frontier(axes: Axes, voice: str, document: Document, marks: Mapping[str, str]) -> None:
    methods, look = _costed(document), mark(voice)
    dense = {m: f for m, f in methods.items() if DENSE in m}
    places = [(f["energy_uJ"], f["macro_f1"]["mean"]) for f in dense.values()]
    for found in methods.values():
        if (spread := found["macro_f1"])["low"] is not None:
            axes.plot([found["energy_uJ"]] * 2, [max(spread["low"], 0), min(spread["high"], 1)], color=look["color"], alpha=0.4)

    def stand(method: str, x: float, y: float, **look: Any) -> None:
        about = About(name(method), document, f"methods.{method}.macro_f1", "macro-F1 on the test set")
        (drawn,) = axes.plot(x, y, **look)
        answer(drawn, about, methods[method]["macro_f1"])

    if places:
        axes.plot(*zip(*places, strict=True), color=look["color"], linewidth=1)
    named = 0.0
    for method, (x, y) in zip(dense, places, strict=True):
        stand(method, x, y, **look)
        if x > APART * named:
            beside = {"xytext": (-3, 4), "ha": "right"} if named else {"xytext": (4, -11), "ha": "left"}
            first, named = _channels(method).partition("-")[0], x
            axes.annotate(first, (x, y), textcoords="offset points", fontsize=SMALL, color=look["color"], **beside)
    for method in _spiking([document]):
        x, y = methods[method]["energy_uJ"], methods[method]["macro_f1"]["mean"]
        stand(method, x, y, **look | {"marker": marks[method], "markersize": 9, "zorder": 4})


def _spiking(documents: Iterable[Document]) -> list[str]:
    """Return the spiking networks of a frontier by name."""
    return sorted({method for document in documents for method in _costed(document) if DENSE not in method})


def _draw_study(axes: Axes, trials: Sequence[Trial], found: Found, on: On) -> None:
    if found.best is None or found.efficient is None:
        say_nothing(axes, "no complete trial")
        return
    shown = {"trial": complete(trials), "front": pareto_front(trials, on), "best": [found.best], "efficient": [found.efficient]}
    for which, some in shown.items():
        x, y, look = [t.firing(on) for t in some], [t.macro_f1(on) for t in some], LOOKS[which]
        size = 5 if which == "efficient" else 8
        axes.plot(x, y, marker=look.marker, color=look.colour, linestyle=look.line, markersize=size, drawstyle="steps-post")


def _channels(method: str) -> str:
    """ "8-16-32" of "CNN-8-16-32"."""
    return method.removeprefix(f"{DENSE}-")


def _short(value: Any) -> str:
    return f"{value:.2e}" if isinstance(value, float) and value < 0.01 else str(value)
