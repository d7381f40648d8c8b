"""Neuron types by name: `names`, `create`, `register`."""

from __future__ import annotations

import os
from typing import Any

from torch import nn

from mstask.errors import MstaskError, nearest
from mstask.neurons import original
from mstask.neurons.base import Neuron
from mstask.neurons.scan import BACKENDS

LIBRARIES = ("mstask", "original")
_types: dict[str, type[Neuron]] = {}


def register(cls: type[Neuron]) -> type[Neuron]:
    """Add a neuron type under its `name`; usable as a class decorator. A name that another class holds is refused."""
    name = getattr(cls, "name", None)
    if not (isinstance(cls, type) and issubclass(cls, Neuron) and isinstance(name, str)):
        raise MstaskError(f"{cls!r} can't be registered: expected a Neuron subclass with a class attribute `name`")
    taken = _types.get(name)
    if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
        raise MstaskError(f"neuron name {name!r} is already taken by {taken.__module__}.{taken.__qualname__}")
    _types[name] = cls
    return cls


def names() -> list[str]:
    """Names of all registered neuron types, in order of registration."""
    return list(_types)


def neuron_type(name: str) -> type[Neuron]:
    """The class registered under `name`; an unknown name is an error that suggests the nearest one."""
    if name not in _types:
        raise MstaskError(f"neuron {name!r} is unknown; {nearest(name, names())}")
    return _types[name]


def library() -> str:
    """Whose definitions `create` serves: "mstask" or "original", as the environment variable MSTASK_NEURONS says."""
    chosen = os.environ.get("MSTASK_NEURONS") or "mstask"
    if chosen not in LIBRARIES:
        raise MstaskError(f"MSTASK_NEURONS is {chosen!r}; {nearest(chosen, LIBRARIES)}")
    return chosen


def identity() -> dict[str, str]:
    """What the choice of library adds to a cell's identity: nothing for this project's own, else its name and version."""
    return {} if library() == "mstask" else {"neurons": f"{library()} {original.version()}"}


def create(name: str, size: int, backend: str = "auto", **options: Any) -> nn.Module:
    """Make a layer of `size` neurons of type `name`.

    `MSTASK_NEURONS=original` serves the type from the authors' `dikmen_neurons` package instead of this project's own
    definition, except the two that only the paper's scripts define. Options are those of the type's constructor; an unknown
    one is an error.
    """
    if library() == "original" and original.serves(name):
        return original.create(name, size, **options)
    cls = neuron_type(name)
    if backend not in BACKENDS:
        raise MstaskError(f"backend {backend!r} is unknown; {nearest(backend, BACKENDS)}")
    if unknown := set(options) - cls.options():
        bad = sorted(unknown)[0]
        raise MstaskError(f"{name} takes no option {bad!r}; {nearest(bad, sorted(cls.options() - {'backend'}))}")
    return cls(size, backend=backend, **options)
