"""Serves neuron types from the authors' own `dikmen_neurons` package where that is importable."""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

from mstask.errors import MstaskError

PACKAGE = "dikmen_neurons"


def create(name: str, size: int, *, surrogate_slope: float = 25.0, **options: Any) -> nn.Module:
    """Make a layer of the original package's type `name`; its surrogate slope is one class attribute for all layers.

    The layer keeps the original interface: forward(x [B, T, W]) -> (spikes, state) and a writable `threshold`.
    """
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError as error:
        raise MstaskError(
            f"MSTASK_NEURONS=original needs the package {PACKAGE}, which can't be imported ({error}); "
            "install it (doi:10.5281/zenodo.20110833) or unset MSTASK_NEURONS"
        ) from error
    package.FastSigmoidSurrogate.scale = surrogate_slope
    try:
        return package.NeuronRegistry.create(name, size=size, **options)
    except (KeyError, ValueError, TypeError) as error:
        raise MstaskError(f"{PACKAGE} could not create {name!r} with {options}: {error}") from error
