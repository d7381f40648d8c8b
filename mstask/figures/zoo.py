"""The zoo: what each registered neuron type is, how it answers to simple inputs, and where it ranks.

Everything follows from the registry, so a type that is registered appears by itself. Neurons are imported where they are
used: they load PyTorch, which a page without them need not wait for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mstask.figures.canvas import GREY, STYLE, WIDTH, Plot
from mstask.figures.scores import Documents, voice_columns
from mstask.figures.speed import FLOOR, ratio
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, heading
from mstask.summary import standings

if TYPE_CHECKING:
    from mstask.neurons.description import Description
    from mstask.responses import Responses

MEMBRANE, SPIKES, THRESHOLD = "#00796b", "#00352f", "#c75b12"
BENCHMARK = "benchmark-step"
TITLES = {
    "step": "a step",
    "tones": "tones of period {}",
    "chirp": "a chirp: rising frequency",
    "noise": "white noise",
}
FREQUENCY_TICKS = {0: "0", math.pi / 2: "π/2", math.pi: "π"}
FREQUENCY_LABEL = "tone frequency (rad per step)"


@dataclass(frozen=True)
class Entry:
    """What the zoo says of one type: tables hold text as the reader sees it, `findings` a sentence or two per figure."""

    name: str
    about: Description
    facts: pd.DataFrame
    ranks: pd.DataFrame
    findings: Mapping[str, str]


def zoo_neurons(studies: Mapping[str, Documents]) -> list[Entry]:
    """Return an entry for each registered type; `studies` maps sections, and "benchmark-step", to documents by voice."""
    from mstask import neurons
    from mstask.neurons.description import describe

    return [
        Entry(
            name=name,
            about=describe(neurons.neuron_type(name)),
            facts=table_zoo_facts(name),
            ranks=table_zoo_ranks(name, studies),
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
        "threshold here": f"{found.threshold:.3g}",
        "middle neuron fires most on": _tone(found.best_tones()[len(found.best_tones()) // 2]),
        "best tones over the layer": _range_of_tones(found),
        "looks at other neurons": "yes" if found.hears_neighbours else "no",
    }
    return pd.DataFrame({"of the type": rows.keys(), "value": rows.values()})


def table_zoo_ranks(name: str, studies: Mapping[str, Documents]) -> pd.DataFrame:
    """Rank and mean macro-F1 of the network that has this type in all layers, per study that trained it, and its speed."""
    rows: dict[str, dict[str, str]] = {}
    voices = {voice: heading(voice) for documents in studies.values() for voice in documents}
    for section, documents in studies.items():
        cell = _speed if section == BENCHMARK else _rank
        cells = {heading(v): text for v, d in documents.items() if d is not None and (text := cell(name, d))}
        if cells:
            title = next(d.title for d in documents.values() if d is not None)
            rows["Training step, × floor" if section == BENCHMARK else title] = cells
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("study").reset_index()
    return voice_columns(table, voices) if rows else table


def figure_zoo_responses(name: str) -> Figure:
    """Four inputs to a layer of a type; of its middle neuron the membrane, the threshold (dashed) and the spikes."""
    from mstask.responses import PERIODS

    found = _measured(name)
    with rc_context(STYLE):
        figure = Plot(figsize=(WIDTH, 5.4))
        grid = figure.add_gridspec(
            2 * len(TITLES), 1, height_ratios=(0.45, 1) * len(TITLES), left=0.11, right=0.99, top=0.95, bottom=0.08, hspace=0.5
        )
        shared = None
        for row, (stimulus, title) in enumerate(TITLES.items()):
            above = figure.add_subplot(grid[2 * row], sharex=shared)
            shared = shared or above
            below = figure.add_subplot(grid[2 * row + 1], sharex=shared)
            _draw_input(above, found, stimulus)
            above.set_title(title.format(_join(PERIODS)), loc="left", pad=2)
            _draw_membrane(below, found, stimulus)
            below.tick_params(labelbottom=row == len(TITLES) - 1)
        below.set(xlabel="step", xlim=(0, len(found.traces[stimulus].x)))
    return figure


def data_zoo_responses(name: str) -> pd.DataFrame:
    """The traces of `figure_zoo_responses`: input, membrane and spike of the middle neuron at each step."""
    found = _measured(name)
    middle = found.tones.shape[1] // 2
    frames = [
        pd.DataFrame({"input": t.x.round(6), "membrane": t.u[:, middle], "spike": t.s[:, middle].astype(int)})
        .rename_axis("step")
        .reset_index()
        .assign(stimulus=stimulus)
        for stimulus, t in found.traces.items()
    ]
    return pd.concat(frames)


def figure_zoo_layer(name: str) -> Figure:
    """A whole layer of a type: spikes during chirp and noise, mean firing against tone frequency and shift between neurons."""
    from mstask.responses import SHIFTS

    found = _measured(name)
    with rc_context(STYLE):
        figure = Plot(figsize=(WIDTH, 4.3))
        grid = figure.subplots(2, 2, sharey=True)
        figure.subplots_adjust(left=0.11, right=0.97, top=0.94, bottom=0.12, hspace=0.55, wspace=0.12)
        for axes, stimulus in zip(grid[0], ("chirp", "noise"), strict=True):
            spikes = found.traces[stimulus].s.T
            axes.imshow(spikes, extent=_extent(0, spikes.shape[1], found), cmap="Greys", vmin=0, **LOOK)
            axes.set_xlabel("step")
            axes.set_title(f"spikes: {stimulus}")
        top = max(found.tones.max(), found.shifts.max())
        _draw_map(grid[1, 0], found.tones, (0, math.pi), found, top)
        image = _draw_map(grid[1, 1], found.shifts, (0, SHIFTS[-1]), found, top)
        grid[1, 0].set(xlabel=FREQUENCY_LABEL, title="firing: tones")
        grid[1, 1].set(xlabel="phase shift to next neuron", title="firing: shifted noise")
        for axes in grid[:, 0]:
            axes.set_ylabel("neuron")
        bar = figure.colorbar(image, ax=grid[1, 1], fraction=0.08, pad=0.04)
        bar.outline.set_visible(False)
    return figure


def data_zoo_layer(name: str) -> pd.DataFrame:
    """The maps of `figure_zoo_layer`: mean spikes per step of every neuron for each frequency and each phase shift."""
    from mstask.responses import FREQUENCIES, SHIFTS

    found = _measured(name)
    frames = []
    for what, at, rates in (("tone_frequency", FREQUENCIES, found.tones), ("phase_shift", SHIFTS, found.shifts)):
        frame = pd.DataFrame(rates.round(6), columns=[f"neuron_{i}" for i in range(rates.shape[1])])
        frame.insert(0, "radians", at)
        frame.insert(0, "against", what)
        frames.append(frame)
    return pd.concat(frames)


def figure_zoo_tones() -> Figure:
    """Every registered type at a glance: mean firing of each neuron of a layer against the frequency of a tone."""
    from mstask import neurons

    names = neurons.names()
    rows = max(1, math.ceil(len(names) / 3))
    with rc_context(STYLE):
        figure = Plot(figsize=(WIDTH, 0.9 + 1.35 * rows))
        grid = figure.subplots(rows, 3, sharex=True, sharey=True, squeeze=False)
        height = figure.get_figheight()
        figure.subplots_adjust(left=0.11, right=0.98, top=1 - 0.25 / height, bottom=0.55 / height, hspace=0.28, wspace=0.1)
        for axes, name in zip(grid.flat, names, strict=False):
            found = _measured(name)
            _draw_map(axes, found.tones, (0, math.pi), found, found.tones.max())
            axes.set_title(name)
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        figure.supxlabel(FREQUENCY_LABEL, fontsize=9.5)
        figure.supylabel("neuron", fontsize=9.5)
    return figure


def data_zoo_tones() -> pd.DataFrame:
    """The maps of `figure_zoo_tones`."""
    from mstask import neurons

    frames = [data_zoo_layer(name).query("against == 'tone_frequency'").assign(neuron=name) for name in neurons.names()]
    return pd.concat(frames)


LOOK: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "none"}


def _measured(name: str) -> Responses:
    from mstask import neurons, responses

    return responses.measure(neurons.neuron_type(name))


def _draw_input(axes: Axes, found: Responses, stimulus: str) -> None:
    axes.plot(found.traces[stimulus].x, color=GREY, linewidth=0.8)
    axes.set_axis_off()


def _draw_membrane(axes: Axes, found: Responses, stimulus: str) -> None:
    """Draw the membrane in its own units below a strip of spikes."""
    trace, middle = found.traces[stimulus], found.tones.shape[1] // 2
    at = np.flatnonzero(trace.s[:, middle])
    axes.plot(trace.u[:, middle], color=MEMBRANE, linewidth=1)
    axes.axhline(found.threshold, color=THRESHOLD, linewidth=0.9, linestyle="--")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))
    axes.vlines(at, 0.84, 1, transform=axes.get_xaxis_transform(), color=SPIKES, linewidth=0.9)
    axes.locator_params(axis="y", nbins=3)


def _draw_map(axes: Axes, rates: np.ndarray, across: tuple[float, float], found: Responses, top: float) -> Any:
    image = axes.imshow(rates.T, extent=_extent(*across, found), cmap="viridis", vmin=0, vmax=top or 1, **LOOK)
    axes.set_xticks(list(FREQUENCY_TICKS), list(FREQUENCY_TICKS.values()))
    return image


def _extent(low: float, high: float, found: Responses) -> tuple[float, float, float, float]:
    return low, high, 0, found.tones.shape[1]


def _rank(name: str, document: Document) -> str:
    """Return "place of how many (mean macro-F1)", "" where the document has no network of this type alone."""
    from mstask.architectures import ABLATED

    found = standings(document)
    method = next((m for m, a in ABLATED.items() if set(a.types) == {name} and m in found["rank"]), name)
    if method not in found["rank"]:
        return ""
    profile = "" if document.profile == "paper" else f", {document.profile}"
    score = found["methods"][method]["macro_f1"]["mean"]
    return f"{found['rank'][method]} of {len(found['ranking'])} ({score:.3f}{profile})"


def _speed(name: str, document: Document) -> str:
    """Return the fused training step of the benchmark's first workload as a multiple of the floor's CPU time."""
    workload = next(iter(document.values.get("workloads", {})), "")
    spread = ratio(document, "cpu", workload, f"fused {name}", FLOOR)
    return str(spread) if spread else ""


def _said_of_responses(name: str) -> str:
    from mstask.responses import PERIODS

    found = _measured(name)
    middle = found.tones.shape[1] // 2
    counts = {stimulus: int(trace.s[:, middle].sum()) for stimulus, trace in found.traces.items()}
    first = np.flatnonzero(found.traces["step"].s[:, middle])
    return (
        f"A step makes the middle {name} neuron fire {_times(counts['step'])}"
        f"{f', first in step {first[0]} of the trial' if len(first) else ''}; "
        f"tones of period {_join(PERIODS)} steps make it fire {_join(found.bursts())} times; "
        f"it fires {_times(counts['chirp'])} during the chirp and {_times(counts['noise'])} on noise."
    )


def _said_of_layer(name: str) -> str:
    found = _measured(name)
    middle = found.tones.shape[1] // 2
    rates = found.tones[:, middle]
    near = "depends on" if found.hears_neighbours else "doesn't depend on"
    return (
        f"In a layer of {name} the middle neuron fires most on {_tone(found.best_tones()[middle])}, "
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


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _join(numbers: Any) -> str:
    first, last = list(map(str, numbers))[:-1], str(list(numbers)[-1])
    return f"{', '.join(first)} and {last}"
