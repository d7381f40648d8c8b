"""Keeping hidden neurons active but not too active: spike-count regularisation and rewiring of silent neurons.

The true gradient of a spike count is zero almost everywhere, so these terms are heuristics; finite differences of the
loss can't confirm them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mstask.studies.eventprop.layers import SpikingLayer
from mstask.studies.eventprop.methods import Initial


@dataclass(frozen=True)
class Regularisation:
    """What is added to lam_V after every spike of neuron j in a trial with n_j of its spikes, n in the whole layer.

    Per neuron (REG_TYPE "simple"): -strength (n_j - target)/B, with `too_many` as strength above the target, `too_few`
    below; with `batch_mean` n_j is the mean over the batch. Over the layer ("Thomas1"): where n exceeds `layer_target`, also
    -layer_strength (n - layer_target)/(N B). Batch size B, layer size N. Strength 0 everywhere is no regularisation.

    The strengths belong to the exact scale of the loss; those of the reference implementation, whose loss forces are
    tau_m times too small, must be multiplied by tau_m in ms.
    """

    too_many: float = 0.0
    too_few: float = 0.0
    target: float = 14.0
    batch_mean: bool = False
    layer_strength: float = 0.0
    layer_target: float = 10000.0

    def push(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The term for spike counts [B, N], of the same shape."""
        n_trials, n_neurons = counts.shape
        n = np.broadcast_to(counts.mean(axis=0), counts.shape) if self.batch_mean else counts
        term = -np.where(n > self.target, self.too_many, self.too_few) * (n - self.target)
        surplus = np.maximum(counts.sum(axis=1, keepdims=True) - self.layer_target, 0.0)
        return (term - self.layer_strength * surplus / n_neurons) / n_trials


@dataclass(frozen=True)
class Rewiring:
    """What happens after an epoch to the incoming feed-forward weights of neurons that never fired in it.

    They are drawn anew from `redraw`, or, where `lift` isn't 0, all raised by it.
    """

    redraw: Initial
    lift: float = 0.0

    def apply(self, layer: SpikingLayer, counts: NDArray[np.int64], rng: np.random.Generator) -> int:
        """Rewire the neurons whose spike count [N] over the epoch is 0; returns how many."""
        silent = np.flatnonzero(counts == 0)
        with torch.no_grad():
            if self.lift:
                layer.weights[:, silent] += self.lift
            else:
                drawn = rng.normal(self.redraw.mean, self.redraw.sd, (layer.weights.shape[0], len(silent)))
                layer.weights[:, silent] = torch.from_numpy(drawn)
        return len(silent)
