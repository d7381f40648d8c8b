"""What every spiking neuron shares: the surrogate spike, the layer module, and the words a step is written in.

A neuron type is a `Neuron` subclass whose `step` is plain, pointwise torch code for one time step of one layer. Everything
that does not depend on the state stands outside the step: `drive` transforms the whole input sequence, `coefficients` turns
learnable parameters into per-neuron numbers. The time loop itself lives in `scan`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from mstask.errors import MstaskError
from mstask.neurons.scan import scan


class Membrane(NamedTuple):
    """The state of a neuron with one membrane."""

    m: Tensor


class NoCoefficients(NamedTuple):
    """For a step that needs no per-neuron numbers."""


class Neuron(nn.Module):
    """A layer of `size` spiking neurons of one type; subclass it to add a type (see the book's page on adding a neuron).

    A subclass defines `name`, a NamedTuple `State` of [B, W] tensors that start at 0, `coefficients` and `step`; it may
    define `drive`. Sections "Equation" (LaTeX) and "Listens for" of its docstring appear in the book's zoo.

    Parameters
    ----------
    size : number of neurons W.
    threshold : firing threshold in the units of the compared quantity u; calibration overwrites it.
    surrogate_slope : k of the fast sigmoid.
    backend : "auto", "fused" or "reference"; the same numbers by different loops.
    """

    name: ClassVar[str]
    State: ClassVar[type[NamedTuple]]
    mixes: ClassVar[bool] = False
    """Whether `drive` is a product with one matrix [W, W] at each time step, so that a layer may apply it to its weights."""

    def __init__(self, size: int, *, threshold: float = 1.0, surrogate_slope: float = 25.0, backend: str = "auto") -> None:
        super().__init__()
        if size < 1:
            raise MstaskError(f"{self.name}: size is {size}, expected at least 1 neuron")
        self.size = size
        self.threshold = float(threshold)
        self.surrogate_slope = float(surrogate_slope)
        self.backend = backend

    def coefficients(self, steps: int) -> NamedTuple:
        """Return a NamedTuple of tensors, [W] (constant) or [T, W] (row t is used at step t), differentiable."""
        raise NotImplementedError

    @staticmethod
    def step(x: Tensor, state: Any, c: Any, fire: Callable[[Tensor], Tensor]) -> tuple[Tensor, Any]:
        """Advance one time step: input x [B, W], state, coefficients -> spikes [B, W] of 0/1, new state.

        `fire(u)` is 1 where u >= threshold and carries the surrogate gradient.
        """
        raise NotImplementedError

    def drive(self, x: Tensor) -> Tensor:
        """Transform the input sequence [B, T, W] before the time loop; the identity unless a type overrides it."""
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        """Run the layer from rest over x [B, T, W]; return spikes [B, T, W] and the final state."""
        if x.dim() != 3 or x.shape[-1] != self.size:
            raise MstaskError(f"{self.name}: input has shape {tuple(x.shape)}, expected [B, T, {self.size}]")
        return self.run(self.drive(x))

    def run(self, drive: Tensor) -> tuple[Tensor, Any]:
        """Run the time loop alone, from rest over what `drive` returns."""
        return scan(self, drive)

    @property
    def params_per_neuron(self) -> int:
        """Learnable parameters per neuron."""
        return sum(p.numel() for p in self.parameters()) // self.size

    def get_extra_state(self) -> dict[str, float]:
        """Carry the calibrated threshold in the state dict."""
        return {"threshold": self.threshold}

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Restore the calibrated threshold."""
        self.threshold = float(state["threshold"])

    def extra_repr(self) -> str:
        return f"{self.size}, threshold={self.threshold:g}"

    @classmethod
    def options(cls) -> set[str]:
        """Names of the keyword options that this type's constructor takes."""
        names: set[str] = set()
        for base in cls.__mro__:
            if issubclass(base, Neuron) and "__init__" in vars(base):
                signature = inspect.signature(base.__init__)
                names |= {p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
        return names


def evenly(low: float, high: float, size: int) -> Tensor:
    """`size` values evenly spaced in [low, high], one per neuron."""
    return torch.linspace(low, high, size)


def logit(p: float, size: int) -> Tensor:
    """Inverse of the logistic function of `p`, repeated for `size` neurons."""
    return torch.logit(torch.full((size,), p, dtype=torch.float64)).to(torch.get_default_dtype())
