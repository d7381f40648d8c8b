"""Every plot and table of book and notebooks, under one name; firing rates and radar pictures are drawn here.

All are pure functions of result documents, or of the embedded data. `documents` is a dictionary from voice ("published",
"embedded", "run") to document, a missing one `None`; `studies` is one from section to such a dictionary. Figures are
drawn about 12 cm wide, so that their text can be read on a telephone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask.describe import table_parameters
from mstask.figures.canvas import GREY, STYLE, WIDTH, Plot
from mstask.figures.crossed import data_square_crossed, figure_square_crossed, table_square_crossed
from mstask.figures.eventprop import (
    data_eventprop,
    data_eventprop_confusion,
    data_eventprop_curves,
    data_eventprop_learning,
    data_eventprop_yin_yang,
    figure_eventprop,
    figure_eventprop_confusion,
    figure_eventprop_curves,
    figure_eventprop_learning,
    figure_eventprop_yin_yang,
    table_eventprop,
    table_eventprop_speech,
    table_eventprop_spikes,
    table_eventprop_yin_yang,
)
from mstask.figures.eventprop_gradients import (
    data_eventprop_checks,
    data_eventprop_grid,
    data_eventprop_shaping,
    figure_eventprop_grid,
    figure_eventprop_shaping,
    table_eventprop_checks,
    table_eventprop_departures,
    table_eventprop_losses,
    table_eventprop_names,
    table_eventprop_surrogate,
)
from mstask.figures.g2gnet import (
    data_g2gnet,
    data_g2gnet_contrasts,
    data_g2gnet_cut,
    data_g2gnet_erosion,
    data_g2gnet_grouping,
    figure_g2gnet_cut,
    figure_g2gnet_erosion,
    figure_g2gnet_grouping,
    table_g2gnet,
    table_g2gnet_beside,
    table_g2gnet_contrasts,
    table_g2gnet_cut,
    table_g2gnet_erosion,
)
from mstask.figures.g2gnet_wiring import (
    data_g2gnet_speed,
    data_g2gnet_sweep,
    data_g2gnet_wirings,
    figure_g2gnet_speed,
    figure_g2gnet_sweep,
    figure_g2gnet_wirings,
    table_g2gnet_speed,
    table_g2gnet_wirings,
)
from mstask.figures.hetsyn import (
    data_hetsyn,
    data_hetsyn_pattern,
    data_hetsyn_robust,
    data_hetsyn_small,
    figure_hetsyn,
    figure_hetsyn_pattern,
    figure_hetsyn_robust,
    figure_hetsyn_small,
    table_hetsyn,
    table_hetsyn_pattern,
    table_hetsyn_published,
)
from mstask.figures.hetsyn_memory import (
    data_hetsyn_decay,
    data_hetsyn_knock_out,
    data_hetsyn_times,
    figure_hetsyn_decay,
    figure_hetsyn_knock_out,
    figure_hetsyn_times,
    table_hetsyn_decay,
    table_hetsyn_knock_out,
    table_hetsyn_slow,
)
from mstask.figures.hetsyn_speed import (
    data_hetsyn_speed,
    figure_hetsyn_speed,
    table_hetsyn_speed,
)
from mstask.figures.ncg import (
    data_ncg,
    data_ncg_ablation,
    data_ncg_balance,
    data_ncg_code,
    data_ncg_winners,
    figure_ncg,
    figure_ncg_ablation,
    figure_ncg_balance,
    figure_ncg_code,
    figure_ncg_winners,
    table_ncg,
    table_ncg_inputs,
    table_ncg_published,
    table_ncg_speed,
)
from mstask.figures.probe import data_drift, data_probe, table_drift, table_probe
from mstask.figures.ranking import data_rank_stability, figure_rank_stability
from mstask.figures.rotation import (
    data_rotation,
    data_rotation_spread,
    figure_rotation,
    figure_rotation_spread,
    table_rotation,
    table_rotation_components,
)
from mstask.figures.scaling import data_scaling, data_two_workers, figure_scaling, table_scaling, table_two_workers
from mstask.figures.scores import (
    data_ablation,
    data_disjoint,
    data_mixed,
    data_square,
    figure_ablation,
    figure_disjoint,
    figure_mixed,
    figure_square,
    method_order,
    table_ablation,
    table_disjoint,
    table_mixed,
    table_square,
)
from mstask.figures.speech import (
    audio_speech_word,
    audio_speech_words,
    data_speech_word,
    data_speech_words,
    figure_speech_word,
    figure_speech_words,
    table_speech,
)
from mstask.figures.speed import (
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
from mstask.figures.synthesis import (
    data_synthesis,
    data_synthesis_gains,
    figure_synthesis,
    figure_synthesis_gains,
    table_synthesis_gains,
)
from mstask.figures.tables import (
    data_claims,
    data_comparisons,
    data_firing,
    table_capacity,
    table_claims,
    table_comparisons,
    table_methods,
    table_neurons,
    table_predictions,
    table_verdicts,
)
from mstask.figures.tuning import (
    data_factor_curve,
    data_frontier,
    data_pareto,
    data_search,
    data_selection,
    figure_factor_curve,
    figure_frontier,
    figure_pareto,
    table_configurations,
    table_frontier,
    table_search,
    table_selection,
    table_space,
)
from mstask.results.documents import Document
from mstask.results.voices import label

__all__ = [
    "audio_speech_word",
    "audio_speech_words",
    "data_ablation",
    "data_claims",
    "data_comparisons",
    "data_disjoint",
    "data_drift",
    "data_epoch",
    "data_eventprop",
    "data_eventprop_checks",
    "data_eventprop_confusion",
    "data_eventprop_curves",
    "data_eventprop_grid",
    "data_eventprop_learning",
    "data_eventprop_shaping",
    "data_eventprop_yin_yang",
    "data_factor_curve",
    "data_firing",
    "data_frontier",
    "data_g2gnet",
    "data_g2gnet_contrasts",
    "data_g2gnet_cut",
    "data_g2gnet_erosion",
    "data_g2gnet_grouping",
    "data_g2gnet_speed",
    "data_g2gnet_sweep",
    "data_g2gnet_wirings",
    "data_growth",
    "data_hetsyn",
    "data_hetsyn_decay",
    "data_hetsyn_knock_out",
    "data_hetsyn_pattern",
    "data_hetsyn_robust",
    "data_hetsyn_small",
    "data_hetsyn_speed",
    "data_hetsyn_times",
    "data_mixed",
    "data_ncg",
    "data_ncg_ablation",
    "data_ncg_balance",
    "data_ncg_code",
    "data_ncg_winners",
    "data_pareto",
    "data_probe",
    "data_radar_examples",
    "data_rank_stability",
    "data_rotation",
    "data_rotation_spread",
    "data_scaling",
    "data_search",
    "data_selection",
    "data_speech_word",
    "data_speech_words",
    "data_square",
    "data_square_crossed",
    "data_step",
    "data_synthesis",
    "data_synthesis_gains",
    "data_two_workers",
    "figure_ablation",
    "figure_disjoint",
    "figure_epoch",
    "figure_eventprop",
    "figure_eventprop_confusion",
    "figure_eventprop_curves",
    "figure_eventprop_grid",
    "figure_eventprop_learning",
    "figure_eventprop_shaping",
    "figure_eventprop_yin_yang",
    "figure_factor_curve",
    "figure_firing",
    "figure_frontier",
    "figure_g2gnet_cut",
    "figure_g2gnet_erosion",
    "figure_g2gnet_grouping",
    "figure_g2gnet_speed",
    "figure_g2gnet_sweep",
    "figure_g2gnet_wirings",
    "figure_growth",
    "figure_hetsyn",
    "figure_hetsyn_decay",
    "figure_hetsyn_knock_out",
    "figure_hetsyn_pattern",
    "figure_hetsyn_robust",
    "figure_hetsyn_small",
    "figure_hetsyn_speed",
    "figure_hetsyn_times",
    "figure_mixed",
    "figure_ncg",
    "figure_ncg_ablation",
    "figure_ncg_balance",
    "figure_ncg_code",
    "figure_ncg_winners",
    "figure_pareto",
    "figure_radar_examples",
    "figure_rank_stability",
    "figure_rotation",
    "figure_rotation_spread",
    "figure_scaling",
    "figure_speech_word",
    "figure_speech_words",
    "figure_square",
    "figure_square_crossed",
    "figure_step",
    "figure_synthesis",
    "figure_synthesis_gains",
    "table_ablation",
    "table_capacity",
    "table_claims",
    "table_comparisons",
    "table_configurations",
    "table_disjoint",
    "table_drift",
    "table_epoch",
    "table_eventprop",
    "table_eventprop_checks",
    "table_eventprop_departures",
    "table_eventprop_losses",
    "table_eventprop_names",
    "table_eventprop_speech",
    "table_eventprop_spikes",
    "table_eventprop_surrogate",
    "table_eventprop_yin_yang",
    "table_frontier",
    "table_g2gnet",
    "table_g2gnet_beside",
    "table_g2gnet_contrasts",
    "table_g2gnet_cut",
    "table_g2gnet_erosion",
    "table_g2gnet_speed",
    "table_g2gnet_wirings",
    "table_goals",
    "table_growth",
    "table_hetsyn",
    "table_hetsyn_decay",
    "table_hetsyn_knock_out",
    "table_hetsyn_pattern",
    "table_hetsyn_published",
    "table_hetsyn_slow",
    "table_hetsyn_speed",
    "table_methods",
    "table_mixed",
    "table_ncg",
    "table_ncg_inputs",
    "table_ncg_published",
    "table_ncg_speed",
    "table_neurons",
    "table_parameters",
    "table_predictions",
    "table_probe",
    "table_rotation",
    "table_rotation_components",
    "table_scaling",
    "table_search",
    "table_selection",
    "table_space",
    "table_speech",
    "table_speedup",
    "table_square",
    "table_square_crossed",
    "table_step",
    "table_synthesis_gains",
    "table_two_workers",
    "table_verdicts",
]

LAYER_STYLES = (("#00352f", "-"), ("#00796b", "--"), ("#4aa89b", "-."), ("#c75b12", ":"))
FORBIDDEN = "#f6d5d0"
EXAMPLE_SEED = 2026
EXTENT = (0, 1.024, -2, 2)


def figure_firing(document: Document) -> Figure:
    """Mean firing rate of each layer over the epochs, one panel per network.

    Faint lines are seeds, strong ones their mean; the thin horizontal line is the calibrated rate. Where a document says
    below which rate a layer has strayed, that range is shaded.
    """
    methods = [name for name in method_order([document]) if _firing(document, name)]
    rows = max(1, (len(methods) + 1) // 2)
    with rc_context(STYLE):
        figure = Plot(figsize=(WIDTH, 0.8 + 1.35 * rows), layout="constrained")
        grid = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(grid.flat, methods, strict=False):
            _draw_firing(axes, _firing(document, name))
            axes.set_title(label(name))
            for target in _values(document, "target_rate"):
                axes.axhline(target, color=GREY, linewidth=0.8)
            for low in _values(document, "rate_low"):
                axes.axhspan(0, low, color=FORBIDDEN, linewidth=0)
        for axes in grid.flat[len(methods) :]:
            axes.set_axis_off()
        grid[0, 0].set_ylim(0, 1.05 * max((rates.max() for name in methods for rates in _firing(document, name)), default=1))
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
