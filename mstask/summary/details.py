"""What a section's cells hold beside scores, looked up by path and gathered over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mstask.results.documents import Cell, Document


def measured(document: Document, case: str | None, method: str, *path: str) -> dict[int, Any]:
    """By seed, a method's detail at `path`, or its accuracy without one; nothing where unknown.

    The cells are those of one case; with None, all of the method, for documents whose methods have one case at most.
    """
    cells = (cell for cell in document.cells if cell.method == method and case in (None, cell.case))
    values = {cell.seed: detail(cell, *path) if path else cell.result.accuracy for cell in cells}
    return {seed: values[seed] for seed in sorted(values) if values[seed] is not None}


def detail(cell: Cell, *path: str) -> Any:
    """The detail of a cell at `path`, None where there is none."""
    value: Any = cell.result.details or {}
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
