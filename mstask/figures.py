"""Every plot of book and notebooks, as pure functions of result documents; its tables are those of `mstask.tables`.

`documents` is a dictionary from voice ("published", "embedded", "run") to document; a missing one is `None`.
Figures are drawn about 12 cm wide, so that their text can be read on a telephone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.canvas import GREY, STYLE, WIDTH, Plot
from mstask.documents import Document
from mstask.speed import (
    data_epoch,
    data_growth,
    data_step,
    figure_epoch,
    figure_growth,
    figure_step,
    table_epoch,
    table_goals,
    table_growth,
    table_speedup,
    table_step,
)
from mstask.summary import summarise
from mstask.tables import (
    Documents,
    data_ablation,
    data_claims,
    data_comparisons,
    data_disjoint,
    data_firing,
    method_order,
    table_ablation,
    table_capacity,
    table_claims,
    table_comparisons,
    table_disjoint,
    table_methods,
    table_neurons,
    table_predictions,
)
from mstask.voices import VOICES, by_voice, heading, label

__all__ = [
    "data_ablation",
    "data_claims",
    "data_comparisons",
    "data_disjoint",
    "data_epoch",
    "data_firing",
    "data_growth",
    "data_radar_examples",
    "data_step",
    "figure_ablation",
    "figure_disjoint",
    "figure_epoch",
    "figure_firing",
    "figure_growth",
    "figure_radar_examples",
    "figure_step",
    "table_ablation",
    "table_capacity",
    "table_claims",
    "table_comparisons",
    "table_disjoint",
    "table_epoch",
    "table_goals",
    "table_growth",
    "table_methods",
    "table_neurons",
    "table_predictions",
    "table_speedup",
    "table_step",
]

LAYER_STYLES = (("#00352f", "-"), ("#00796b", "--"), ("#4aa89b", "-."), ("#c75b12", ":"))
EXAMPLE_SEED = 2026
EXTENT = (0, 1.024, -2, 2)


def figure_ablation(documents: Documents) -> Figure:
    """Paper, Fig. 3: macro-F1 of each network at matched capacity in each voice."""
    return _scores(documents, method_order(by_voice(documents).values()))


def figure_disjoint(document: Document) -> Figure:
    """Paper, Table 3: macro-F1 of each neuron on speaker-disjoint spoken digits, best first."""
    return _scores({document.source: document}, summarise(document)["ranking"])


def figure_firing(document: Document) -> Figure:
    """Mean firing rate of each layer over the epochs, one panel per network.

    Faint lines are seeds, strong ones their mean; the thin horizontal line is the calibrated rate.
    """
    methods = [name for name in method_order([document]) if _firing(document, name)]
    rows = max(1, (len(methods) + 1) // 2)
    with rc_context(STYLE):
        figure = Plot(figsize=(WIDTH, 0.8 + 1.35 * rows), layout="constrained")
        grid = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(grid.flat, methods, strict=False):
            _draw_firing(axes, _firing(document, name))
            axes.set_title(label(name))
            for target in {c.parameters["target_rate"] for c in document.cells if "target_rate" in c.parameters}:
                axes.axhline(target, color=GREY, linewidth=0.8)
        for axes in grid.flat[len(methods) :]:
            axes.set_axis_off()
        figure.supxlabel("epoch", fontsize=9.5)
        figure.supylabel("spikes per neuron and step", fontsize=9.5)
        handles = [Line2D([], [], color=c, linestyle=s, label=f"layer {i}") for i, (c, s) in enumerate(LAYER_STYLES, 1)]
        figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def figure_radar_examples() -> Figure:
    """One simulated radar picture of each class."""
    from mstask.data.synth import micro_doppler

    with rc_context(STYLE):
        figure = Plot(figsize=(WIDTH, 3.6), layout="constrained")
        grid = figure.subplots(2, 3, sharex=True, sharey=True)
        for target, (axes, name) in enumerate(zip(grid.flat, micro_doppler.CLASS_NAMES, strict=True)):
            picture = micro_doppler.sample(EXAMPLE_SEED, target, target)
            axes.imshow(picture.T, origin="lower", aspect="auto", extent=EXTENT, cmap="viridis", vmin=0, vmax=1)
            axes.set_title(name)
        figure.supxlabel("time (s)", fontsize=9.5)
        figure.supylabel("Doppler frequency (kHz)", fontsize=9.5)
    return figure


def data_radar_examples() -> Any:
    """Return the pictures of `figure_radar_examples`: one row per class and time frame, one column per frequency."""
    import pandas as pd

    from mstask.data.synth import micro_doppler

    frames = []
    for target, name in enumerate(micro_doppler.CLASS_NAMES):
        picture = np.asarray(micro_doppler.sample(EXAMPLE_SEED, target, target))
        frame = pd.DataFrame(picture, columns=[f"bin_{i}" for i in range(picture.shape[1])])
        frame.insert(0, "frame", range(len(picture)))
        frame.insert(0, "class", name)
        frames.append(frame)
    return pd.concat(frames)


def _scores(documents: Documents, methods: Sequence[str]) -> Figure:
    """Draw macro-F1 of each method as a row with one lane per voice: every seed, their mean, its 95 % interval.

    A dotted line marks what guessing would score, where the number of classes is known.
    """
    summaries = {voice: summarise(document) for voice, document in by_voice(documents).items()}
    lanes = np.linspace(-0.27, 0.27, len(summaries)) if len(summaries) > 1 else [0.0]
    with rc_context(STYLE):
        figure = Plot(figsize=(WIDTH, 1.1 + (0.26 + 0.12 * len(summaries)) * len(methods)), layout="constrained")
        axes = figure.add_subplot()
        for row, name in enumerate(methods):
            if row % 2:
                axes.axhspan(row - 0.5, row + 0.5, color="#eef2f4", linewidth=0)
            for lane, (voice, summary) in zip(lanes, summaries.items(), strict=True):
                _draw_score(axes, row + lane, summary["methods"].get(name), voice)
        for n_classes in {len(d.data.class_names) for d in by_voice(documents).values() if d.data}:
            axes.axvline(1 / n_classes, color=GREY, linestyle=":", linewidth=1)
        axes.set(xlim=(0, 1), ylim=(len(methods) - 0.5, -0.5), xlabel="macro-F1 on the test set")
        axes.set_yticks(range(len(methods)), [label(name) for name in methods])
        axes.tick_params(axis="y", length=0)
        handles = [_handle(voice, document) for voice, document in documents.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handletextpad=0.2)
    return figure


def _draw_score(axes: Axes, y: float, method: dict[str, Any] | None, voice: str) -> None:
    look = VOICES[voice]
    spread = method and method["macro_f1"]
    if not spread or spread["mean"] is None:
        axes.text(0.01, y, look.absent, va="center", fontsize=7.5, style="italic", color=look.colour)
        return
    if spread["low"] is not None:
        axes.plot([max(spread["low"], 0), min(spread["high"], 1)], [y, y], color=look.colour, linewidth=1.6, alpha=0.7)
    if len(spread["values"]) > 1:
        axes.plot(spread["values"], [y] * len(spread["values"]), "|", color=look.colour, markersize=8)
    axes.plot(spread["mean"], y, markersize=6, markeredgewidth=1.5, **_mark(voice))


def _handle(voice: str, document: Document | None) -> Line2D:
    text = heading(voice, document) if document is not None else f"{VOICES[voice].label}: {VOICES[voice].absent}"
    return Line2D([], [], label=text, **_mark(voice))


def _mark(voice: str) -> dict[str, Any]:
    look = VOICES[voice]
    filled = look.colour if voice != "published" else "white"
    return {"color": look.colour, "marker": look.marker, "linestyle": "", "markerfacecolor": filled}


def _firing(document: Document, method: str) -> list[np.ndarray]:
    """Return firing rates [epoch, depth] of each seed of a method; a bank's paths are averaged at each depth."""
    found = []
    for cell in document.cells:
        rates = (cell.result.history or {}).get("firing_rates") if cell.method == method else None
        if rates:
            array = np.asarray(rates, float)
            found.append(array.reshape(len(array), -1, min(array.shape[1], len(LAYER_STYLES))).mean(1))
    return found


def _draw_firing(axes: Axes, seeds: list[np.ndarray]) -> None:
    longest = max(len(rates) for rates in seeds)
    padded = np.full((len(seeds), longest, seeds[0].shape[1]), np.nan)
    for i, rates in enumerate(seeds):
        padded[i, : len(rates)] = rates
    epochs = np.arange(1, longest + 1)
    for layer, (colour, style) in zip(range(padded.shape[2]), LAYER_STYLES, strict=False):
        axes.plot(epochs, padded[:, :, layer].T, color=colour, linestyle="-", linewidth=0.6, alpha=0.3)
        axes.plot(epochs, np.nanmean(padded[:, :, layer], 0), color=colour, linestyle=style, linewidth=1.5)
    axes.set_ylim(0, None)
