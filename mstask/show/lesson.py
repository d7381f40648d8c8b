"""What a notebook draws while it shows the science: an example, firing rates, a run as it goes, the spikes of a layer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from mstask import claims
from mstask.networks import SpikingNet
from mstask.results.documents import Cell, Document
from mstask.show.canvas import GREY, drawing
from mstask.training import History

LOSS, SCORE, BEFORE = "#c75b12", "#00796b", "#b0bec5"


def draw_example(x: Tensor, title: str, feature: str = "feature", time: str = "time step") -> Figure:
    """Draw one example x [T, F] as a picture, time to the right."""
    with drawing(2.6) as figure:
        axes = figure.add_subplot(title=title, xlabel=time, ylabel=feature)
        image = axes.imshow(x.T.cpu(), aspect="auto", origin="lower", interpolation="nearest", cmap="viridis")
        figure.colorbar(image, ax=axes, shrink=0.8)
    return figure


def draw_picture(x: Tensor, title: str) -> Figure:
    """Draw one example x [H, W] that is a picture, held still."""
    with drawing(2.2) as figure:
        figure.add_subplot(title=title, xticks=[], yticks=[]).imshow(x.cpu())
    return figure


def draw_scores(cells: Sequence[Cell]) -> Figure:
    """Draw the macro-F1 of cells, a mark each, in a row per method; a panel per case."""
    with drawing(2.2) as figure:
        cases = list(dict.fromkeys(cell.case for cell in cells))
        for axes, case in zip(figure.subplots(1, len(cases), squeeze=False)[0], cases, strict=True):
            own = [cell for cell in cells if cell.case == case]
            axes.plot([cell.score for cell in own], [cell.method for cell in own], "o")
            axes.set(title=case, xlabel="macro-F1")
    return figure


def verdicts(document: Document, ids: Collection[str] | None = None) -> pd.DataFrame:
    """What a run says of the claims that need its section, or of those with these ids: verdicts with their evidence."""
    judged = claims.judge({document.section: document}, ids)
    rows = [(claim.text, claim.verdict, claim.evidence) for claim in judged if document.section in claim.needs]
    return pd.DataFrame(rows, columns=["claim", "verdict", "evidence"])


@torch.no_grad()
def spikes_of(model: SpikingNet, x: Tensor) -> list[Tensor]:
    """Spikes [B, T, W] of every layer on x [B, T, F], in the order of `model.layers()`."""
    found: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda _, __, spikes: found.append(spikes)) for layer in model.layers()]
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def draw_rates(before: list[Tensor], after: list[Tensor], target: float) -> Figure:
    """Draw how often the neurons of each layer fire (spikes [B, T, W] of every layer) before and after calibration."""
    bins = np.linspace(0, 1, 41)
    with drawing(0.7 + 0.8 * len(after)) as figure:
        grid = figure.subplots(len(after), 1, sharex=True, squeeze=False)[:, 0]
        for number, (axes, old, new) in enumerate(zip(grid, before, after, strict=True), start=1):
            axes.hist(old.mean((0, 1)).cpu(), bins, color=BEFORE, label="threshold 1")
            axes.hist(new.mean((0, 1)).cpu(), bins, color=SCORE, alpha=0.75, label="calibrated")
            axes.axvline(target, color=GREY, linewidth=0.8)
            axes.set_ylabel(f"layer {number}")
        grid[-1].set_xlabel("spikes per step; the line is the target")
        figure.supylabel("neurons")
        grid[0].legend(loc="upper right")
    return figure


def draw_spikes(spikes: Tensor, title: str) -> Figure:
    """Draw the spikes [T, W] of one layer on one example: a row per neuron, a mark per spike."""
    steps, neurons = np.nonzero(spikes.cpu().numpy())
    with drawing(2.6) as figure:
        axes = figure.add_subplot(title=title, xlabel="time step", ylabel="neuron")
        axes.scatter(steps, neurons, s=4, marker="|", color=SCORE)
        axes.set(xlim=(-0.5, spikes.shape[0] - 0.5), ylim=(-0.5, spikes.shape[1] - 0.5))
    return figure


def draw_run(history: History) -> Figure:
    """Draw the loss on training and the macro-F1 on validation over the epochs so far."""
    return draw_curves(history.train_loss, history.validation_macro_f1, "macro-F1", history.smoothed)


def draw_curves(losses: list[float], scores: list[float], name: str, smoothed: list[float] | None = None) -> Figure:
    """Draw the loss on training and a score on validation by epoch; the line is the smoothed score, where there is one."""
    epochs = range(1, len(losses) + 1)
    with drawing(2.4) as figure:
        loss, score = figure.subplots(1, 2)
        loss.plot(epochs, losses, ".-", color=LOSS)
        loss.set(title="training loss", xlabel="epoch")
        score.plot(epochs, scores, ".", color=SCORE)
        score.plot(epochs, smoothed or scores, "-", color=SCORE)
        score.set(title=f"validation {name}", xlabel="epoch", ylim=(0, 1))
        for axes in (loss, score):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


class LiveRun:
    """Draws a run anew after every epoch, in place, by `draw`: pass it to `train` as `on_epoch`."""

    def __init__(self, draw: Callable[[Any], Figure] = draw_run) -> None:
        self.draw, self.shown = draw, None

    def __call__(self, history: Any) -> None:
        from IPython.display import display

        figure = self.draw(history)
        if self.shown is None:
            self.shown = display(figure, display_id=True)
        else:
            self.shown.update(figure)
