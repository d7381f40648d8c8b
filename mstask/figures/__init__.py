"""Every plot and table of book and notebooks, under one name: those of all modules of this package, found by their names.

All are pure functions of result documents, or of the embedded data. `documents` is a dictionary from voice ("published",
"embedded", "run") to document, a missing one `None`; `studies` is one from section to such a dictionary. Figures are
drawn about 12 cm wide, so that their text can be read on a telephone. `data_<name>` is what `figure_<name>` draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

KINDS = ("audio_", "data_", "figure_", "table_", "zoo_")


def _exhibits() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Each module's own functions of the kinds, by name."""
    for found in iter_modules(__path__, f"{__name__}."):
        module = import_module(found.name)
        for name, value in vars(module).items():
            if name.startswith(KINDS) and getattr(value, "__module__", None) == module.__name__:
                yield name, value


for _name, _function in _exhibits():
    if _name in globals():
        raise ImportError(f"{_function.__module__} and {globals()[_name].__module__} both define {_name}")
    globals()[_name] = _function

__all__ = sorted(name for name in globals() if name.startswith(KINDS))
