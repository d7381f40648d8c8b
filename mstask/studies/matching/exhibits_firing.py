"""Firing rates of the layers over training, as a plot and as plain data."""

from __future__ import annotations

import pandas as pd
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
    data = data_firing(document)
    data["depth"] = (data["layer"] - 1) % len(LAYER_STYLES)  # paths of a bank are averaged at each depth
    every = {name: own.pivot_table("firing_rate", ["depth", "epoch"], "seed") for name, own in data.groupby("method")}
    methods = [name for name in method_order([document]) if name in every]
    with drawing(0.8 + 1.35 * pair_rows(len(methods))) as figure:
        panels = in_pairs(figure, len(methods), sharex=True, sharey=True)
        for axes, name in zip(panels, methods, strict=False):
            for depth, rates in every[name].groupby(level="depth"):
                colour, style = LAYER_STYLES[depth]
                epochs = rates.index.get_level_values("epoch")
                axes.plot(epochs, rates, color=colour, linestyle="-", linewidth=0.6, alpha=0.3)
                axes.plot(epochs, rates.mean(axis=1), color=colour, linestyle=style, linewidth=1.5)
            axes.set_title(label(name))
            for target in _values(document, "target_rate"):
                axes.axhline(target, color=GREY, linewidth=0.8)
            for low in _values(document, "rate_low"):
                axes.axhspan(0, low, color=FORBIDDEN, linewidth=0)
        panels[0].set_ylim(0, 1.05 * max((rates.max(axis=None) for rates in every.values()), default=1))
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


def _values(document: Document, parameter: str) -> set[float]:
    return {cell.parameters[parameter] for cell in document.cells if parameter in cell.parameters}
