"""Firing rates of the layers over training, as a plot and as plain data."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.show.canvas import GREY, drawing, explain, in_pairs, pair_rows
from mstask.show.scores import method_order

LAYER_STYLES = (("#00352f", "-"), ("#00796b", "--"), ("#4aa89b", "-."), ("#c75b12", ":"))
FORBIDDEN = "#f6d5d0"


def figure_firing(document: Document) -> Figure:
    """Mean firing rate of each layer over the epochs, one panel per network.

    Faint lines are seeds, strong ones their mean; the thin horizontal line is the calibrated rate. Where a document says
    below which rate a layer has strayed, that range is shaded.
    """
    methods = [name for name in method_order([document]) if _firing(document, name)]
    with drawing(0.8 + 1.35 * pair_rows(len(methods))) as figure:
        panels = in_pairs(figure, len(methods), sharex=True, sharey=True)
        for axes, name in zip(panels, methods, strict=False):
            _draw_firing(axes, _firing(document, name))
            axes.set_title(label(name))
            for target in _values(document, "target_rate"):
                axes.axhline(target, color=GREY, linewidth=0.8)
            for low in _values(document, "rate_low"):
                axes.axhspan(0, low, color=FORBIDDEN, linewidth=0)
        panels[0].set_ylim(0, 1.05 * max((rates.max() for name in methods for rates in _firing(document, name)), default=1))
        figure.supxlabel("epoch")
        figure.supylabel("spikes per neuron and step")
        handles = [Line2D([], [], color=c, linestyle=s, label=f"layer {i}") for i, (c, s) in enumerate(LAYER_STYLES, 1)]
        explain(figure, handles, "upper")
    return figure


def data_firing(document: Document) -> pd.DataFrame:
    """Mean firing rate of every layer after every epoch, in spikes per neuron and step."""
    rows = [
        (cell.method, cell.seed, epoch, layer, rate)
        for cell in document.cells
        for epoch, rates in enumerate((cell.result.history or {}).get("firing_rates", []), start=1)
        for layer, rate in enumerate(rates, start=1)
    ]
    return pd.DataFrame(rows, columns=["method", "seed", "epoch", "layer", "firing_rate"])


def _firing(document: Document, method: str) -> list[np.ndarray]:
    """Return firing rates [epoch, depth] of each seed of a method; a bank's paths are averaged at each depth."""
    found = []
    for cell in document.cells:
        rates = (cell.result.history or {}).get("firing_rates") if cell.method == method else None
        if rates:
            array = np.asarray(rates, float)
            found.append(array.reshape(len(array), -1, min(array.shape[1], len(LAYER_STYLES))).mean(1))
    return found


def _values(document: Document, parameter: str) -> set[float]:
    return {cell.parameters[parameter] for cell in document.cells if parameter in cell.parameters}


def _draw_firing(axes: Axes, seeds: list[np.ndarray]) -> None:
    longest = max(len(rates) for rates in seeds)
    padded = np.full((len(seeds), longest, seeds[0].shape[1]), np.nan)
    for i, rates in enumerate(seeds):
        padded[i, : len(rates)] = rates
    epochs = np.arange(1, longest + 1)
    for layer, (colour, style) in zip(range(padded.shape[2]), LAYER_STYLES, strict=False):
        axes.plot(epochs, padded[:, :, layer].T, color=colour, linestyle="-", linewidth=0.6, alpha=0.3)
        axes.plot(epochs, np.nanmean(padded[:, :, layer], 0), color=colour, linestyle=style, linewidth=1.5)
