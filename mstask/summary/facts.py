"""What a single section measures beyond scores, as numbers for sentences: the study that declares it gathers them."""

from __future__ import annotations

from typing import Any

from mstask import plugins
from mstask.results.documents import Document
from mstask.section import sections, study_of


def facts(document: Document) -> dict[str, Any]:
    """Return what the study's `facts.py` says in its function `facts`, nothing where it has none."""
    gathered = plugins.parts(study_of(document.section), "facts") if document.section in sections() else []
    return {name: value for part in gathered for name, value in part.facts(document).items()}
