"""What wiring in groups looks like and costs: pictures of masks, the published sweep, and the layer's benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, label
from mstask.show.canvas import GREY, SMALL, drawing
from mstask.show.scores import NBSP
from mstask.show.sheet import Look, legend, sheet
from mstask.studies.g2gnet import facts as answers
from mstask.studies.g2gnet.declare import SECTION

if TYPE_CHECKING:
    from torch import Tensor

    from mstask.studies.g2gnet.rewiring import Change

WIRINGS = ("index", "mixer", "random", "er")
SEED = 42
PICTURED, N_INPUTS = 32, 64
LOOKS = {
    "index": Look(label("index"), "#00796b", "o", "-"),
    "mixer": Look(label("mixer"), "#c75b12", "s", "-"),
    "random": Look(label("random"), "#6a3d9a", "v", "-"),
    "er": Look(label("er"), GREY, "D", "-"),
}
BETWEEN = "probability between groups"
FLOOR = 0.86
"""Accuracy below which `figure_g2gnet_sweep` writes the figure instead of drawing it in place."""


def figure_g2gnet_wirings() -> Figure:
    """Which connections exist, in two layers of each wiring, and in the second without any between groups: black is one."""
    p = SECTION.protocol["p_inter"]
    panels = {"first layer": (0, p), "second layer": (1, p), "second layer,\ngroups only": (1, 0.0)}
    with drawing(3.2) as figure:
        grid = figure.subplots(len(panels), len(WIRINGS))
        for row, (name, (layer, p_inter)) in zip(grid, panels.items(), strict=True):
            for axes, model in zip(row, WIRINGS, strict=True):
                mask = _wirings(model, [PICTURED] * 3, p_inter)[layer].mask
                axes.imshow(mask.numpy(), cmap="binary", vmin=0, vmax=1, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                axes.spines[["top", "right"]].set_visible(True)
            row[0].set_ylabel(name, fontsize=SMALL)
        for axes, model in zip(grid[0], WIRINGS, strict=True):
            axes.set_title(label(model).replace(" ", "\n"), fontsize=SMALL)
        figure.supxlabel("from neuron", fontsize=9)
        figure.supylabel("to neuron", fontsize=9)
    return figure


def draw_change(before: Tensor, change: Change) -> Figure:
    """Draw one layer's connections [n_out, n_in] before a rewiring, those that it pruned and grew, and those after it."""
    moved = change.grown.float() - change.removed.float()
    shown = {
        "before": (before, "binary", 0),
        "pruned red, grown blue": (moved, "RdBu", -1),
        "after": (change.mask, "binary", 0),
    }
    with drawing(1.9) as figure:
        for axes, (title, (values, colours, low)) in zip(figure.subplots(1, 3), shown.items(), strict=True):
            axes.imshow(values.float().cpu().numpy(), cmap=colours, vmin=low, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=SMALL)
        figure.supxlabel("from neuron", fontsize=9)
    return figure


def table_g2gnet_wirings() -> pd.DataFrame:
    """What each wiring makes of the network for the digits: connections, how many inside groups, and, with none between groups,
    how many parts it falls into and how many inputs reach a neuron of the last layer."""
    data = data_g2gnet_wirings()
    shares = {name: data[name].map("{:.0%}".format).str.replace("%", f"{NBSP}%") for name in ("inside", "reach")}
    return pd.DataFrame(
        {
            "wiring": data["wiring"].map(label),
            "connections": data["connections"].map("{:,}".format),
            "inside groups": shares["inside"],
            "parts, groups only": data["parts"].astype(str),
            "inputs reached, groups only": shares["reach"],
        }
    )


def data_g2gnet_wirings() -> pd.DataFrame:
    """The same in full values; unstructured wiring is as sparse as groups only where the others are groups only."""
    from mstask.studies.g2gnet.wiring import experts, reach

    rows = []
    sizes = [N_INPUTS] + [SECTION.protocol["hidden"]] * SECTION.protocol["hidden_layers"]
    for model in WIRINGS:
        made, bare = (_wirings(model, sizes, p) for p in (SECTION.protocol["p_inter"], 0.0))
        connections = sum(int(layer.mask.sum()) for layer in made)
        inside = sum(int((layer.mask & layer.intra).sum()) for layer in made) / connections
        rows.append((model, connections, inside, experts(bare), reach(bare)))
    return pd.DataFrame(rows, columns=["wiring", "connections", "inside", "parts", "reach"])


def figure_g2gnet_sweep(document: Document) -> Figure:
    """The published runs over p_inter: accuracy at the best test epoch (hollow) and at the last (crosses), one run each."""
    rows = data_g2gnet_sweep(document)
    looks = {model: look for model, look in LOOKS.items() if model in set(rows["model"])}
    with sheet(document, 3.5) as figure:
        axes = figure.add_subplot()
        for value in rows.loc[~rows["model"].isin(LOOKS), "best_accuracy"]:
            axes.axhline(value, color="black", linestyle=":", linewidth=1)
        for model, look in looks.items():
            found = rows[rows["model"] == model]
            p, last, colour = found["p_inter"], found["last_accuracy"], look.colour
            axes.plot(p, found["best_accuracy"], color=colour, marker=look.marker, markerfacecolor="white", linewidth=1)
            axes.plot(p, last.where(last >= FLOOR), "x", color=colour)
            for row in found[last < FLOOR].itertuples():
                text = f"{look.label}: {row.last_accuracy:.2f}\nat the last epoch"
                where = {"xytext": (0, 12), "textcoords": "offset points", "ha": "center"}
                axes.annotate(text, (row.p_inter, FLOOR), fontsize=SMALL, color=colour, **where)
                axes.plot(row.p_inter, FLOOR, "x", color=colour, clip_on=False)
        axes.set(xlabel="probability of a connection between groups", ylabel="accuracy on the test set")
        axes.set_ylim(bottom=FLOOR)
        others = (Look(label("dense-matched"), "black", "", ":"), Look("last epoch", "black", "x"))
        legend(figure, [*looks.values(), *others])
    return figure


def data_g2gnet_sweep(document: Document) -> pd.DataFrame:
    """The published runs over p_inter."""
    columns = ["model", "p_inter", "best_accuracy", "last_accuracy", "hidden_firing"]
    return pd.DataFrame(document.values.get("p_sweep", {}).get("rows", []), columns=columns)


def figure_g2gnet_speed(document: Document) -> Figure:
    """Processor time of the wired layer over the dense masked product, against p_inter; one panel per width."""
    table = answers.ratios(document)
    table = table[table["form"].isin(("grouped", "sparse"))]
    widths = sorted(set(table["width"]))
    looks = {model: look for model, look in LOOKS.items() if model in set(table["model"])}
    with sheet(document, 3.3) as figure:
        for axes, width in zip(figure.subplots(1, max(1, len(widths)), sharey=True, squeeze=False).flat, widths, strict=False):
            for model, look in looks.items():
                rows = table[(table["width"] == width) & (table["model"] == model)]
                best = rows.loc[rows.groupby("p_inter")["median"].idxmin()].sort_values("p_inter")
                axes.vlines(best["p_inter"], best["low"], best["high"], color=look.colour, linewidth=1.6, alpha=0.7)
                axes.plot(best["p_inter"], best["median"], color=look.colour, marker=look.marker, markersize=4, linewidth=1.2)
            axes.axhline(1, color=GREY, linestyle=":", linewidth=1)
            axes.axvline(SECTION.protocol["p_inter"], color=GREY, linestyle=":", linewidth=1)
            axes.set(title=f"{width} neurons", xlabel=BETWEEN.replace(" ", "\n", 1))
            axes.set_ylim(bottom=0)
        figure.supylabel("time over the dense product's")
        legend(figure, looks.values())
    return figure


data_g2gnet_speed = answers.ratios


def table_g2gnet_speed(document: Document) -> pd.DataFrame:
    """Time of the form that the automatic choice takes, over the dense product's: median [quartiles], by p_inter."""
    table = answers.ratios(document)
    columns: dict[str, dict[float, str]] = {}
    for (width, model), rows in table.groupby(["width", "model"], sort=False):
        for p_inter, found in rows.groupby("p_inter"):
            columns.setdefault(f"{label(model)}, {width}", {})[p_inter] = _chosen(found)
    wide = pd.DataFrame(columns).fillna(NOTHING).sort_index()
    return wide.rename_axis(BETWEEN).reset_index().astype({BETWEEN: str})


def _chosen(found: pd.DataFrame) -> str:
    form = found["chosen"].iloc[0]
    taken = found[found["form"] == form]
    if taken.empty:
        return "dense"
    row = taken.iloc[0]
    return f"{row['median']:.2f} [{row['low']:.2f},{NBSP}{row['high']:.2f}]"


def _wirings(model: str, sizes: list[int], p_inter: float) -> list[Any]:
    from mstask.studies.g2gnet.wiring import wirings

    return wirings(model, sizes, p_inter, SEED)
