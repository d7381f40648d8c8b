"""Networks and neuron types by macro-F1, in each voice: ablation, disjoint, mixed, square; and firing rates over training."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.architectures import ABLATED
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, by_voice, heading, label
from mstask.show import takes_voices
from mstask.show.canvas import GREY, drawing, explain, in_pairs, pair_rows
from mstask.show.scores import (
    NBSP,
    ByVoice,
    method_order,
    neurons_of,
    ordinal,
    ranked,
    scores_data,
    scores_figure,
    scores_table,
)
from mstask.summary import standings

PREDICTIONS = ("P1", "P2", "P3", "P4", "P5")
"""Claims that were fixed before the radar results."""
LAYER_STYLES = (("#00352f", "-"), ("#00796b", "--"), ("#4aa89b", "-."), ("#c75b12", ":"))
FORBIDDEN = "#f6d5d0"


@takes_voices
def figure_ablation(documents: ByVoice) -> Figure:
    """Paper, Fig. 3: macro-F1 of each network at matched capacity in each voice."""
    return scores_figure(documents, method_order(by_voice(documents).values()))


@takes_voices
def table_ablation(documents: ByVoice) -> pd.DataFrame:
    """Methods of the matched-capacity ablation: neurons, parameters, and macro-F1 in each voice."""
    table = scores_table(documents, method_order(by_voice(documents).values()), "network")
    found = [standings(document)["methods"] for document in by_voice(documents).values() if document.cells]
    known = [[methods[name]["n_parameters"] for methods in found if name in methods] for name in table.index]
    counts = [next((count for count in several if count is not None), None) for several in known]
    table.insert(1, "neurons", [neurons_of(ABLATED.get(name)) for name in table.index])
    table.insert(2, "parameters", [f"{count:,}" if count is not None else NOTHING for count in counts])
    return table.reset_index(drop=True)


def table_methods() -> pd.DataFrame:
    """The networks that are compared at matched capacity, with their neurons layer by layer."""
    rows = [{"network": label(name), "id": name, "neurons": neurons_of(network)} for name, network in ABLATED.items()]
    return pd.DataFrame(rows)


@takes_voices
def figure_disjoint(documents: ByVoice) -> Figure:
    """Paper, Table 3, Fig. 4 and Section 4.3: macro-F1 of each neuron, on spoken digits or on radar."""
    return scores_figure(documents, ranked(documents))


@takes_voices
def table_disjoint(documents: ByVoice) -> pd.DataFrame:
    """Paper, Table 3, Fig. 4 and Section 4.3: neurons on spoken digits or on radar, with their rank in each voice."""
    table = scores_table(documents, ranked(documents), "neuron")
    for voice, document in by_voice(documents).items():
        rank, column = standings(document)["rank"], heading(voice, document)
        table[column] = [
            f"{text}{NBSP}·{NBSP}{ordinal(rank[name])}" if name in rank else text for name, text in table[column].items()
        ]
    return table.reset_index(drop=True)


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


figure_mixed = figure_square = figure_disjoint
table_mixed = table_square = table_disjoint
data_ablation = data_disjoint = data_mixed = data_square = takes_voices(scores_data)
