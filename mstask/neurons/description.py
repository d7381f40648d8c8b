"""What a neuron type says of itself in its docstring: a summary, its equation in LaTeX, what it listens for."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from mstask.neurons.base import Neuron

SECTION = re.compile(r"^(?P<title>\S.*)\n-{3,}\n", re.MULTILINE)


@dataclass(frozen=True)
class Description:
    """The parts of a type's docstring; what it doesn't say is empty.

    `summary` is the first line up to its colon, `step` the source of the step function, where it can be read.
    """

    summary: str
    equation: str
    listens_for: str
    step: str


def describe(cls: type[Neuron]) -> Description:
    """Return what `cls` says of itself; a docstring that it inherits isn't its own."""
    text = inspect.cleandoc(vars(cls).get("__doc__") or "")
    _, *parts = SECTION.split(text)
    sections = {title.strip().lower(): body.strip() for title, body in zip(parts[::2], parts[1::2], strict=True)}
    return Description(
        summary=text.partition("\n")[0].partition(":")[0].rstrip("."),
        equation=sections.get("equation", ""),
        listens_for=" ".join(sections.get("listens for", "").split()),
        step=_source(cls),
    )


def _source(cls: type[Neuron]) -> str:
    try:
        return inspect.cleandoc("\n" + inspect.getsource(cls.step))
    except (OSError, TypeError):
        return ""
