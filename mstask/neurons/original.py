"""Serves neuron types from the authors' own `dikmen_neurons` package where that is importable.

What is known of the package from the paper's scripts: `NeuronRegistry.create(name, size=W, **options)` makes a layer with
forward(x [B, T, W]) -> (spikes, state) and a writable `threshold`, which is not in its state dict; `NeuronRegistry._all` holds
its types by name; the slope of the surrogate is the class attribute `scale` of `dikmen_neurons.base.FastSigmoidSurrogate`, one
for all layers. Vanilla-LIF and Parametric-LIF are not among its types: the paper's scripts define them, by the equations
that this project's have.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from mstask.errors import MstaskError

PACKAGE = "dikmen_neurons"
DISTRIBUTION = "dikmen-spiking-neurons"
OF_THE_SCRIPTS = ("Vanilla-LIF", "Parametric-LIF")


class Original(nn.Module):
    """A layer of the package's, with its threshold in the state dict and a surrogate slope of its own."""

    def __init__(self, name: str, size: int, layer: nn.Module, surrogate: Any, slope: float) -> None:
        super().__init__()
        self.name, self.size, self.layer = name, size, layer
        self.surrogate, self.surrogate_slope = surrogate, slope

    @property
    def params_per_neuron(self) -> int:
        """Learnable parameters per neuron."""
        return sum(p.numel() for p in self.parameters()) // self.size

    @property
    def threshold(self) -> float:
        """Firing threshold, in the units of the package's type."""
        return float(self.layer.threshold)

    @threshold.setter
    def threshold(self, value: float) -> None:
        self.layer.threshold = value

    mixes = False

    def drive(self, x: Tensor) -> Tensor:
        """The input as it is: what the package makes of it, it makes in its loop."""
        return x

    def run(self, drive: Tensor) -> tuple[Tensor, Any]:
        """Run the layer."""
        return self(drive)

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        """Run the layer over x [B, T, W]; return spikes [B, T, W] and the final state."""
        self.surrogate.scale = self.surrogate_slope
        return self.layer(x)

    def get_extra_state(self) -> dict[str, float]:
        """Carry the calibrated threshold in the state dict."""
        return {"threshold": self.threshold}

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Restore the calibrated threshold."""
        self.threshold = float(state["threshold"])

    def extra_repr(self) -> str:
        return f"{self.name}, threshold={self.threshold:g}"


def package() -> ModuleType:
    """The authors' package; an error that says where to get it if it can't be imported."""
    try:
        return importlib.import_module(PACKAGE)
    except ImportError as error:
        raise MstaskError(
            f"MSTASK_NEURONS=original needs the package {PACKAGE}, which can't be imported ({error}); "
            "install it (doi:10.5281/zenodo.20110833) or unset MSTASK_NEURONS"
        ) from error


def version() -> str:
    """The package's version, as far as it is installed as a distribution."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(package(), "__version__", "of unknown version"))


def serves(name: str) -> bool:
    """Whether the package has this type, or should: what only the paper's scripts define is this project's."""
    return name not in OF_THE_SCRIPTS or name in getattr(package().NeuronRegistry, "_all", ())


def create(name: str, size: int, *, surrogate_slope: float = 25.0, **options: Any) -> Original:
    """Make a layer of the package's type `name`."""
    registry = package().NeuronRegistry
    surrogate = importlib.import_module(f"{PACKAGE}.base").FastSigmoidSurrogate
    try:
        layer = registry.create(name, size=size, **options)
    except (KeyError, ValueError, TypeError) as error:
        raise MstaskError(f"{PACKAGE} could not create {name!r} with {options}: {error}") from error
    return Original(name, size, layer, surrogate, surrogate_slope)
