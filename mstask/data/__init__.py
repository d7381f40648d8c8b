"""Data sets: one `load` for embedded and real data, always split, always checked.

What can't be loaded is a `DataError`, in this whole folder: one sentence with the file, what was found and what was expected.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeVar

from mstask.errors import MstaskError, nearest

if TYPE_CHECKING:
    import torch

SOURCES = ("embedded", "real", "recorded")
SIZES = ("paper", "medium", "small")

Loader = Callable[[str, str, "str | PathLike[str] | None"], "Splits"]
"""From source, size and root to a data set."""
L = TypeVar("L", bound=Loader)

_loaders: dict[str, Loader] = {}
_sources: dict[str, tuple[str, ...]] = {}
_ORDER = ("radar", "speech", "images")


class DataError(MstaskError):
    """A data set that can't be loaded: unknown, missing, damaged or not what the format says."""


@dataclass(frozen=True)
class Split:
    """Inputs `x` float32 [N, T, F] and labels `y` int64 [N]."""

    x: torch.Tensor
    y: torch.Tensor

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Splits:
    """A data set in its three parts, with the number of classes and the facts a result document needs.

    `meta` holds name, source, size, fingerprint (SHA-256 of the data), class_names, counts per part, and mean
    and sd of the training part where the inputs are standardised ("speech-mixed": of training and validation together).
    """

    train: Split
    validation: Split
    test: Split
    n_classes: int
    meta: dict[str, Any]


def data_set(name: str, sources: tuple[str, ...] = ("embedded", "real")) -> Callable[[L], L]:
    """Register, as a decorator, the function that loads the data set of this name, and where its data can come from."""

    def register(loader: L) -> L:
        _loaders[name], _sources[name] = loader, sources
        return loader

    return register


@functools.cache
def found() -> dict[str, Loader]:
    """Every data set's loader by name: those that the modules of this folder register."""
    for module in dict.fromkeys((*_ORDER, *(m.name for m in iter_modules(__path__)))):
        import_module(f"{__name__}.{module}")
    return _loaders


def names() -> list[str]:
    """Return the names of the data sets."""
    return list(found())


def sources_of(name: str) -> tuple[str, ...]:
    """Return where the data of a set can come from; of an unknown set, every source."""
    return _sources[name] if name in found() else SOURCES


def load(name: str, source: str = "embedded", size: str = "paper", root: str | PathLike[str] | None = None) -> Splits:
    """Return a data set, split and checked.

    Parameters
    ----------
    name : one of `names()`.
    source : "embedded" (generated here, once, into the cache), "real" (the user's own copy of the original) or "recorded"
        (openly licensed recordings: sets named "...-recorded" have no other source, and other sets don't have it).
    size : "paper", "medium" or "small": how much embedded data. Real data and recordings are always used whole.
    root : folder of the real data; by default the one that the data set's environment variable names.

    Raises
    ------
    DataError : unknown name, source or size; a missing or damaged file.
    """
    for what, value, valid in (
        ("data set", name, names()),
        ("source", source, SOURCES),
        ("size", size, SIZES),
    ):
        if value not in valid:
            raise DataError(f"unknown {what} {value!r}: {nearest(str(value), valid)}")
    loader, known = found()[name], _sources[name]
    if source not in known and (source == "recorded" or known == ("recorded",)):
        raise DataError(f"{name} has no {source} data: pass source={known[-1]!r} (--data {known[-1]})")
    if root is not None and source == "embedded":
        raise DataError(f"root={str(root)!r} names a folder of real data: pass source='real' with it")
    try:
        return loader(source, size, root)
    except MemoryError as error:
        raise DataError(f"{name} needs more memory than this machine has free ({error})") from None
