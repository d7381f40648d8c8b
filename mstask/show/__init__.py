"""Every plot and table of book and notebooks under one name, `show.figure_ablation`: found here, in `studies` and in `lab`.

An exhibit is a function whose name begins with its kind: `figure_`, `table_`, `audio_` or `zoo_`; `data_<name>` is what
`figure_<name>` draws, and `play_<name>`, where there is one, what a page's script needs for a reader to play with it. All are
pure functions of result documents, or of the embedded data. Plain ones take the documents that a page names one by one;
`takes_voices` and `takes_sections` mark those that take them together. Figures are drawn no wider than a telephone needs to
show their text in a size that can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from mstask import plugins

KINDS = ("audio_", "data_", "figure_", "play_", "table_", "zoo_")
TOGETHER = "shows_together"


def takes_voices(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an exhibit that takes a dictionary from voice (a key of `VOICES`) to document or, missing, None."""
    setattr(function, TOGETHER, "voice")
    return function


def takes_sections(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an exhibit that takes a dictionary from section to a dictionary as for `takes_voices`."""
    setattr(function, TOGETHER, "section")
    return function


def together(function: Callable[..., Any]) -> str | None:
    """How an exhibit takes its documents: by "voice", by "section", or one by one (None)."""
    return getattr(function, TOGETHER, None)


@cache
def exhibits() -> dict[str, Callable[..., Any]]:
    """Every exhibit by its name; two of one name are an error."""
    found: dict[str, Callable[..., Any]] = {}
    own = [plugins.plugin(f"show.{name}") for name in ("ranking", "tables")]
    for module in [*own, *plugins.everywhere("exhibits"), *plugins.parts(plugins.plugin("lab"), "exhibits")]:
        for name, value in vars(module).items():
            if name.startswith(KINDS) and (getattr(value, "__module__", None) == module.__name__ or value.__name__ != name):
                if name in found:
                    raise ImportError(f"{module.__name__} and {found[name].__module__} both define {name}")
                found[name] = value
    return found


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith(KINDS) and name in exhibits():
        return exhibits()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *exhibits()]
