"""The zoo: what each registered neuron type is, how it answers to simple inputs, and where it ranks.

Everything follows from the registry, so a type that is registered appears by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mstask import neurons
from mstask.architectures import ABLATED
from mstask.claims.words import count, listed
from mstask.neurons.description import Description, describe
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VOICES, heading
from mstask.section import sections
from mstask.show import takes_sections
from mstask.show.canvas import GREY, SMALL, WIDTH, Plot, styled
from mstask.show.scores import BySection, voices_of
from mstask.studies.gallery.responses import FLAT, FREQUENCIES, MIDDLE, PERIODS, RATE, SHIFTS, STEP_FROM, Responses, measure
from mstask.studies.speed.exhibits import FLOOR, ratio
from mstask.summary import is_homogeneous, standings

MEMBRANE, SPIKES, THRESHOLD = "#00796b", "#00352f", "#c75b12"
BENCHMARK, STEP = "benchmark-step", "Training step, × floor"
TITLES = {
    "step": "a step",
    "tones": "tones of period {}",
    "chirp": "a chirp: rising frequency",
    "noise": "white noise",
}
TICKS = {0: "0", math.pi / 2: "π/2", math.pi: "π"}


@dataclass(frozen=True)
class Entry:
    """What the zoo says of one type: tables hold text as the reader sees it, `findings` a sentence or two per figure.

    `studied_in` names the sections that trained it, or timed it.
    """

    name: str
    about: Description
    facts: pd.DataFrame
    ranks: pd.DataFrame
    studied_in: tuple[str, ...]
    findings: Mapping[str, str]


@takes_sections
def zoo_neurons(studies: BySection) -> list[Entry]:
    """Return an entry for each registered type; `studies` maps sections, and "benchmark-step", to documents by voice."""
    return [
        Entry(
            name=name,
            about=describe(neurons.neuron_type(name)),
            facts=table_zoo_facts(name),
            ranks=table_zoo_ranks(name, studies),
            studied_in=tuple(_places(name, studies)),
            findings={"responses": _said_of_responses(name), "layer": _said_of_layer(name)},
        )
        for name in neurons.names()
    ]


def table_zoo_facts(name: str) -> pd.DataFrame:
    """What a type's class and its responses say of it."""
    found = _measured(name)
    rows = {
        "learnt parameters per neuron": str(found.params_per_neuron),
        "state variables": ", ".join(found.state),
        f"threshold, for {RATE:.0%} firing on noise": f"{found.threshold:.3g}",
        "middle neuron fires most on": _tone(found.best_tones()[len(found.best_tones()) // 2]),
        "best tones over the layer": _range_of_tones(found),
        "looks at other neurons": "yes" if found.hears_neighbours else "no",
    }
    return pd.DataFrame({"of the type": rows.keys(), "value": rows.values()})


def table_zoo_ranks(name: str, studies: BySection) -> pd.DataFrame:
    """Rank and mean macro-F1 of the network that has this type in all layers, per study that trained it, and its speed."""
    rows = [
        {"study": STEP if section == BENCHMARK else sections()[section].title}
        | {heading(v): cells.get(v, NOTHING) for v in voices_of(studies)}
        for section, cells in _places(name, studies).items()
    ]
    return pd.DataFrame(rows)


def figure_zoo_responses(name: str) -> Figure:
    """Four inputs to a layer of a type; of its middle neuron the membrane, the threshold (dashed) and the spikes."""
    found = _measured(name)
    with styled():
        figure = Plot(figsize=(WIDTH, 6))
        rows, margins = (0.5, 0.4, 1), {"left": 0.13, "right": 0.95, "top": 1, "bottom": 0.08}
        grid = figure.add_gridspec(len(rows) * len(TITLES), 1, height_ratios=rows * len(TITLES), hspace=0.12, **margins)
        shared = None
        for row, (stimulus, title) in enumerate(TITLES.items()):
            above = figure.add_subplot(grid[len(rows) * row + 1], sharex=shared)
            shared = shared or above
            below = figure.add_subplot(grid[len(rows) * row + 2], sharex=shared)
            above.plot(found.traces[stimulus].x, color=GREY, linewidth=0.8)
            above.set_axis_off()
            above.set_title(title.format(listed(map(str, PERIODS))), loc="left", pad=2)
            _draw_membrane(below, found, stimulus)
            below.tick_params(labelbottom=row == len(TITLES) - 1)
        below.set(xlabel="step", xlim=(0, len(found.traces[stimulus].x)))
    return figure


def data_zoo_responses(name: str) -> pd.DataFrame:
    """The traces of `figure_zoo_responses`: input, membrane and spike of the middle neuron at each step."""
    found = _measured(name)
    frames = {
        stimulus: pd.DataFrame({"input": t.x.round(6), "membrane": t.u[:, MIDDLE], "spike": t.s[:, MIDDLE].astype(int)})
        for stimulus, t in found.traces.items()
    }
    return pd.concat(frames, names=["stimulus", "step"]).reset_index()


def figure_zoo_layer(name: str) -> Figure:
    """A whole layer of a type: spikes during chirp and noise, mean firing against tone frequency and shift between neurons."""
    found = _measured(name)
    with styled():
        figure = Plot(figsize=(WIDTH, 4.3))
        grid = figure.subplots(2, 2, sharey=True)
        figure.subplots_adjust(left=0.13, right=0.83, top=0.94, bottom=0.12, hspace=0.55, wspace=0.14)
        for axes, stimulus in zip(grid[0], ("chirp", "noise"), strict=True):
            spikes = found.traces[stimulus].s.T
            axes.imshow(spikes, cmap="Greys", vmin=0, vmax=1, **LOOK)
            axes.set(xlabel="step", xticks=(0, 50, 100, 150))
            axes.set_title(f"spikes: {stimulus}")
        top = max(found.tones.max(), found.shifts.max())
        _draw_map(grid[1, 0], FREQUENCIES, found.tones, top)
        image = _draw_map(grid[1, 1], SHIFTS, found.shifts, top)
        grid[1, 0].set(xlabel="frequency (rad per step)", title="firing: tones")
        grid[1, 1].set(xlabel="phase shift (rad)", title="firing: shifted noise")
        for axes in grid[:, 0]:
            axes.set_ylabel("neuron")
        below = grid[1, 1].get_position()
        bar = figure.colorbar(image, cax=figure.add_axes((0.85, below.y0, 0.02, below.height)))
        bar.outline.set_visible(False)
    return figure


def data_zoo_layer(name: str) -> pd.DataFrame:
    """The maps of `figure_zoo_layer`: mean spikes per step of every neuron for each frequency and each phase shift."""
    found = _measured(name)
    maps = {"tone_frequency": (FREQUENCIES, found.tones), "phase_shift": (SHIFTS, found.shifts)}
    frames = {what: pd.DataFrame(rates.round(6), at).add_prefix("neuron_") for what, (at, rates) in maps.items()}
    return pd.concat(frames, names=["against", "radians"]).reset_index()


def figure_zoo_tones() -> Figure:
    """Every registered type at a glance: mean firing of each neuron of a layer against the frequency of a tone.

    A type that answers like an earlier one, to within `FLAT` spikes per step, says which.
    """
    names = neurons.names()
    rows = max(1, math.ceil(len(names) / 3))
    with styled():
        figure = Plot(figsize=(WIDTH, 0.9 + 1.35 * rows))
        grid = figure.subplots(rows, 3, sharex=True, sharey=True, squeeze=False)
        height = figure.get_figheight()
        figure.subplots_adjust(left=0.13, right=0.98, top=1 - 0.25 / height, bottom=0.55 / height, hspace=0.28, wspace=0.1)
        for axes, name in zip(grid.flat, names, strict=False):
            found = _measured(name)
            _draw_map(axes, FREQUENCIES, found.tones, found.tones.max())
            axes.set_title(name)
            alike = (other for other in names[: names.index(name)] if np.abs(_measured(other).tones - found.tones).max() < FLAT)
            if first := next(alike, None):
                axes.text(0.95, 0.05, f"like\n{first}", transform=axes.transAxes, ha="right", color="white", fontsize=SMALL)
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        figure.supxlabel("tone frequency (rad per step)")
        figure.supylabel("neuron")
    return figure


def data_zoo_tones() -> pd.DataFrame:
    """The maps of `figure_zoo_tones`."""
    frames = [data_zoo_layer(name).query("against == 'tone_frequency'").assign(neuron=name) for name in neurons.names()]
    return pd.concat(frames)


LOOK: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "none"}


def _measured(name: str) -> Responses:
    return measure(neurons.neuron_type(name))


def _draw_membrane(axes: Axes, found: Responses, stimulus: str) -> None:
    """Draw the membrane in its own units below a strip of spikes."""
    trace = found.traces[stimulus]
    at = np.flatnonzero(trace.s[:, MIDDLE])
    axes.plot(trace.u[:, MIDDLE], color=MEMBRANE, linewidth=1)
    axes.axhline(found.threshold, color=THRESHOLD, linewidth=0.9, linestyle="--")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))
    axes.vlines(at, 0.84, 1, transform=axes.get_xaxis_transform(), color=SPIKES, linewidth=0.9)
    axes.locator_params(axis="y", nbins=3)


def _draw_map(axes: Axes, across: np.ndarray, rates: np.ndarray, top: float) -> Any:
    """Draw rates [A, W] against A evenly spaced angles."""
    half = (across[1] - across[0]) / 2
    extent = (across[0] - half, across[-1] + half, -0.5, rates.shape[1] - 0.5)
    image = axes.imshow(rates.T, extent=extent, cmap="viridis", vmin=0, vmax=top or 1, **LOOK)
    axes.set_xticks(list(TICKS), list(TICKS.values()))
    return image


def _rank(name: str, document: Document) -> str:
    """Return "place of how many (mean macro-F1)" among networks of one type, "" where none is of this type alone."""
    found = standings(document)
    ranking = [method for method in found["ranking"] if is_homogeneous(method)]
    method = next((m for m, a in ABLATED.items() if set(a.types) == {name} and m in ranking), name)
    if method not in ranking:
        return ""
    profile = "" if document.profile == "paper" else f", {document.profile}"
    score = found["methods"][method]["macro_f1"]["mean"]
    return f"{ranking.index(method) + 1} of {len(ranking)} ({score:.3f}{profile})"


def _places(name: str, studies: BySection) -> dict[str, dict[str, str]]:
    """Return what each voice says of a type, per study that says anything; a voice without a document says so."""
    found = {}
    for section, documents in studies.items():
        read = _speed if section == BENCHMARK else _rank
        said = {voice: read(name, document) for voice, document in documents.items() if document is not None}
        if any(said.values()):
            found[section] = {voice: said.get(voice, VOICES[voice].absent) or NOTHING for voice in documents}
    return found


def _speed(name: str, document: Document) -> str:
    """Return the fused training step of the benchmark's first workload as a multiple of the floor's CPU time."""
    workload = next(iter(document.values.get("workloads", {})), "")
    spread = ratio(document, "cpu", workload, f"fused {name}", FLOOR)
    return str(spread) if spread else ""


def _said_of_responses(name: str) -> str:
    found = _measured(name)
    counts = {stimulus: int(trace.s[:, MIDDLE].sum()) for stimulus, trace in found.traces.items()}
    first = np.flatnonzero(found.traces["step"].s[:, MIDDLE])
    late = count(first[0] - STEP_FROM, "step") if len(first) else ""
    return (
        f"Spikes of the middle {name} neuron: {counts['step'] or 'none'} on the step"
        f"{late and f', the first after {late}'}; "
        f"{listed(map(str, found.bursts()))} on tones of period {listed(map(str, PERIODS))} steps; "
        f"{counts['chirp'] or 'none'} during the chirp; {counts['noise'] or 'none'} on noise."
    )


def _said_of_layer(name: str) -> str:
    found = _measured(name)
    rates = found.tones[:, MIDDLE]
    near = "depends on" if found.hears_neighbours else "doesn't depend on"
    return (
        f"In a layer of {name} the middle neuron fires most on {_tone(found.best_tones()[MIDDLE])}, "
        f"in {rates.max():.2f} of the steps, and least in {rates.min():.2f}; "
        f"best tones over the layer: {_range_of_tones(found)}. What a neuron does {near} the others' inputs."
    )


def _tone(frequency: float) -> str:
    """Return a tone by its period, as a reader can picture it."""
    if math.isnan(frequency):
        return "all tones about alike"
    return f"a tone of period {2 * math.pi / frequency:.1f} steps" if frequency else "constant input"


def _range_of_tones(found: Responses) -> str:
    best = found.best_tones()
    best = best[~np.isnan(best)]
    if not len(best):
        return "no neuron prefers any"
    if np.ptp(best) == 0:
        return f"{_tone(best[0])}, for every neuron that prefers any"
    return f"{best.min():.2f} to {best.max():.2f} rad per step"
