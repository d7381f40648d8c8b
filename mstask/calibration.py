"""Threshold calibration: once per layer at initialisation, by bisection; afterwards firing runs free."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mstask.errors import MstaskError
from mstask.networks import SpikingNet

LOW, HIGH, ITERATIONS = 1e-3, 1e5, 30


@torch.no_grad()
def calibrate_thresholds(model: SpikingNet, x: Tensor, target: float = 0.15) -> SpikingNet:
    """Set each layer's threshold so that it fires at `target` on the calibration batch x [B, T, F]; returns the model.

    Layers are calibrated in order, each on the spikes of the calibrated layer before it (paper, methods: target 0.15,
    first 128 or 256 training examples). A layer whose rate jumps over the target, as CrossInhib-LIF's can, ends beside it.
    """
    if not 0 < target < 1:
        raise MstaskError(f"target firing rate is {target}, expected a rate between 0 and 1 spikes per step")
    x = model.stem(x)
    for chain in model.chains:
        spikes = x
        for layer in chain:
            drive = layer.drive(spikes)
            layer.neuron.threshold = bisect_threshold(layer.neuron, drive, target)
            spikes = layer.neuron.run(drive)[0]
    return model


def bisect_threshold(neuron: nn.Module, drive: Tensor, target: float) -> float:
    """Threshold at which the neurons fire at `target`, by 30 bisections in log space between 1e-3 and 1e5.

    `drive` [B, T, W] goes into the time loop as it is: what `neuron.drive` makes of the neurons' input. A target out of reach
    (above 1/2 for a refractory type, any for a drive that is never positive or NaN) ends at one of the bounds without a word.
    """
    low, high = LOW, HIGH
    for _ in range(ITERATIONS):
        neuron.threshold = math.sqrt(low * high)
        if neuron.run(drive)[0].mean().item() > target:
            low = neuron.threshold
        else:
            high = neuron.threshold
    return math.sqrt(low * high)
