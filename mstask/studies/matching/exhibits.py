"""Networks and neuron types by macro-F1, in each voice: ablation, disjoint, mixed and square.

`documents` is a dictionary from voice to document; a missing one is `None`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mstask.architectures import ABLATED
from mstask.results.voices import NOTHING, by_voice, heading, label
from mstask.show import takes_voices
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


@takes_voices
def data_disjoint(documents: ByVoice) -> pd.DataFrame:
    """Every score."""
    return scores_data(documents)


figure_mixed = figure_square = figure_disjoint
table_mixed = table_square = table_disjoint
data_ablation = data_mixed = data_square = data_disjoint
