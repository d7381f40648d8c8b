"""What a single section measures beyond scores, as numbers for sentences: each section's own module gathers them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mstask.results.documents import Document

_GATHERED_BY = {
    "g2gnet": "mstask.neighbours.g2gnet.answers",
    "hetsyn": "mstask.summary.hetsyn",
    "ncg": "mstask.summary.ncg",
    "probe": "mstask.summary.probe",
    "eventprop": "mstask.summary.eventprop",
    "eventprop-gradients": "mstask.summary.eventprop",
    "eventprop-yin-yang": "mstask.summary.eventprop",
}


def facts(document: Document) -> dict[str, Any]:
    """Return what the section's module says in its function `facts`, nothing where it has none."""
    module = _GATHERED_BY.get(document.section)
    return import_module(module).facts(document) if module else {}
