"""Capacity and cost: parameter counts, the width that matches a capacity, and the paper's operation-count proxy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

E_MAC_PJ = 4.6
"""Energy of one 32-bit multiply-accumulate in 45 nm, picojoule."""

E_AC_PJ = 0.9
"""Energy of one 32-bit accumulate in 45 nm, picojoule."""


def count_parameters(model: nn.Module) -> int:
    """Learnable parameters of the model."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def solve_width(builder: Callable[[int], nn.Module], target: int, low: int = 2, high: int = 400) -> tuple[int, int]:
    """Integer width w in [low, high) whose model `builder(w)` has the parameter count nearest to `target`.

    Returns (width, count); the smaller width wins a tie. Counts grow with the width, so the search is a bisection.
    """
    counts: dict[int, int] = {}

    def count(width: int) -> int:
        if width not in counts:
            counts[width] = count_parameters(builder(width))
        return counts[width]

    first, last = low, high - 1
    while last - first > 1:
        middle = (first + last) // 2
        if count(middle) < target:
            first = middle
        else:
            last = middle
    best = min((first, last), key=lambda w: (abs(count(w) - target), w))
    return best, count(best)


def energy_uJ(macs: float, accumulates: float = 0.0) -> float:
    """Operation proxy in microjoule, of multiply-accumulates and accumulates (paper, 4.2)."""
    return (macs * E_MAC_PJ + accumulates * E_AC_PJ) * 1e-6


def spiking_operations(
    in_features: int, n_classes: int, width: int, n_layers: int, steps: int, rate: float
) -> dict[str, float]:
    """Operation proxy of a VerticalNet at a mean firing rate (spikes per neuron and step).

    MACs = F W T + W C; synaptic operations = (L - 1) rate W^2 T; energy in microjoule. It ignores memory traffic and
    encoding: a relative count, not an energy claim (paper, 4.2).
    """
    macs = in_features * width * steps + width * n_classes
    synaptic = (n_layers - 1) * rate * width * width * steps
    return {"macs": macs, "synaptic_operations": synaptic, "energy_uJ": energy_uJ(macs, synaptic)}


def cnn_operations(channels: Sequence[int], n_classes: int, side: int = 64) -> dict[str, float]:
    """Operation proxy of a SmallCNN on a side x side picture: all multiply-accumulates at `E_MAC_PJ`; energy in microjoule."""
    macs = 0
    for before, after in zip((1, *channels[:-1]), channels, strict=True):
        macs += 9 * before * after * side * side
        side //= 2
    macs += channels[-1] * n_classes
    return {"macs": macs, "energy_uJ": energy_uJ(macs)}
