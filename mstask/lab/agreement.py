"""Do the authors' neuron types and this project's fire alike? Each pair gets the same input and the same threshold."""

from __future__ import annotations

import math

import torch

from mstask.calibration import bisect_threshold
from mstask.errors import MstaskError
from mstask.neurons import original, registry

SIZE, TRIALS, STEPS, RATE = 8, 4, 32, 0.15


@torch.no_grad()
def with_original() -> dict[str, float | None]:
    """Share of equal spikes by type, for those that the library serves; None where its type fails on the input.

    The input [4, 32, 8] is a sum of two sine waves of each neuron's own; the threshold lets this project's type fire at 0.15.

    Raises
    ------
    MstaskError : the library can't be imported.
    """
    original.package()
    place = torch.arange(TRIALS * SIZE).reshape(TRIALS, 1, SIZE) / 7
    step = torch.arange(STEPS).reshape(1, STEPS, 1)
    x = torch.sin(step * place) + torch.cos(step * math.pi / 9 + place)
    shares: dict[str, float | None] = {}
    for name in filter(original.serves, registry.names()):
        own = registry.neuron_type(name)(SIZE, backend="reference")
        own.threshold = bisect_threshold(own, x, RATE)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            try:
                theirs = original.create(name, SIZE)
                theirs.threshold = own.threshold
                spikes = theirs(x)[0]
            except (MstaskError, RuntimeError, ValueError, TypeError):
                shares[name] = None
                continue
        shares[name] = (spikes == own(x)[0]).double().mean().item() if spikes.shape == x.shape else None
    return shares
