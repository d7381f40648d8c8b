"""What plugs into the core, found by being there and imported when first asked for: this is the only place that looks.

Beside the core lie `fused` (compiled time loops), `synth` (generators of embedded data), `studies` with one folder a study,
and `lab` (command line and batch). A study's folder holds `declare.py` (its sections: what can be run), `facts.py`
(its numbers for sentences), `claims.py` and `exhibits.py`, or files that begin so ("exhibits_wiring.py"), and `stand_ins.py`
(recordings by which claims on other sections are judged as well); any may be absent.
The folder that MSTASK_STUDIES names holds studies of one's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import mstask
from mstask.errors import MstaskError
from mstask.paths import named


@cache
def plugin(name: str) -> ModuleType:
    """The package of this name beside the core; ImportError where it, or a library that it needs, is missing."""
    return import_module(f"{mstask.__name__}.{name}")


@cache
def studies() -> tuple[ModuleType, ...]:
    """The package of every study, in the order of the book: by the number of its first section, without one last."""
    package = plugin("studies")
    ours = package.__path__[0]
    own = named("MSTASK_STUDIES")
    if own and not own.is_dir():
        raise MstaskError(f"MSTASK_STUDIES names {own}, which is no folder; expected one with a folder for each study")
    if own and not packages(own):
        raise MstaskError(f"MSTASK_STUDIES names {own}, in which no folder has an __init__.py; expected one for each study")
    if own and (taken := sorted(packages(own) & packages(ours))):
        raise MstaskError(
            f"MSTASK_STUDIES names {own}, whose study {taken[0]!r} is called like one of the package's; rename it"
        )
    package.__path__ = [ours, *([str(own)] if own else [])]
    found = [import_module(f"{package.__name__}.{m.name}") for m in iter_modules(package.__path__) if m.ispkg]

    def place(study: ModuleType) -> tuple[str, str]:
        numbers = [section.number for part in parts(study, "declare") for section in part.SECTIONS]
        return min(numbers, default="~"), study.__name__

    return tuple(sorted(found, key=place))


def packages(folder: str | Path) -> set[str]:
    """The names of the packages in a folder."""
    return {module.name for module in iter_modules([str(folder)]) if module.ispkg}


@cache
def parts(package: ModuleType, kind: str) -> list[ModuleType]:
    """A package's modules of a kind: the one named so, and those that begin so ("exhibits", "exhibits_wiring")."""
    names = sorted(m.name for m in iter_modules(package.__path__) if m.name == kind or m.name.startswith(f"{kind}_"))
    return [import_module(f"{package.__name__}.{name}") for name in names]


def everywhere(kind: str) -> Iterator[ModuleType]:
    """The modules of a kind of all studies."""
    for study in studies():
        yield from parts(study, kind)


def by_id(kind: str, name: str, repeated: str) -> dict[str, Any]:
    """What the modules of a kind of all studies list under a name ("SECTIONS"), by its id.

    Raises
    ------
    MstaskError : an id that stands twice; `repeated` says so of the id and the second file ("{!r} stands once more in {}").
    """
    found: dict[str, Any] = {}
    for part in everywhere(kind):
        for one in getattr(part, name):
            if one.id in found:
                raise MstaskError(f"{repeated.format(one.id, part.__file__)}; give it an id of its own")
            found[one.id] = one
    return found


def clear() -> None:
    """Forget what was found, to look again."""
    studies.cache_clear()
    parts.cache_clear()
