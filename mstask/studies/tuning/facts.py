"""Numbers for sentences on the study, on what it tuned and on the dense networks beside it."""

from __future__ import annotations

from typing import Any

from mstask.results.documents import Document
from mstask.studies.tuning.factor import factor_by_tolerance, matching
from mstask.studies.tuning.search import summary_of
from mstask.summary import standings


def facts(document: Document) -> dict[str, Any]:
    """Return what a document says of the study and of the frontier.

    `study` is what `search.summary_of` returns; `match` and `relaxed` say where dense networks stand beside the tuned
    Doppler-LIF: the step of `factor.factor_by_tolerance` that holds without any tolerance, or None, and those that need some.
    """
    steps = factor_by_tolerance(standings(document))
    relaxed = [step for step in steps if step["tolerance"] > 0]
    return {"study": summary_of(document), "match": matching(steps), "relaxed": relaxed}
