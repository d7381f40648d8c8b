"""What cells are expected to cost, from documents of earlier runs; how the cells of a run share notebook executions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from itertools import groupby
from statistics import median

from mstask import results
from mstask.parameters import PROFILES, Parameters
from mstask.section import Place, label, section

UNMEASURED = dict(zip(PROFILES, (2.0, 15.0, 120.0, 600.0), strict=True))
"""Seconds of a cell of which nothing is known, by profile."""

WORTHWHILE = 60.0
"""Seconds that the cells of one notebook execution should take together, so that starting a kernel counts little."""


def expected(section_id: str, parameters: Parameters, examples: int | None = None) -> Callable[[Place], float]:
    """Return a function from place to expected seconds.

    The nearest measurement counts: the median of the method's documents in the same run, else in the section's locked
    document, scaled by the limit on epochs and by the number of training `examples`.
    """
    own, other = {}, {}
    with contextlib.suppress(results.ResultsError):  # a damaged document is measured again, and tells nothing of costs
        own = _by_method(results.run_cells(section_id, label(section_id, parameters), parameters.data_source), 1.0)
    with contextlib.suppress(results.ResultsError):
        cells = results.load(section_id, section(section_id).data_sources[0]).cells
        other = _by_method(cells, _scale(cells, parameters, examples))
    known = other | own
    unmeasured = median(known.values()) if known else UNMEASURED[parameters.profile]
    return lambda place: known.get(place.method, unmeasured)


def groups(places: Sequence[Place], cost: Callable[[Place], float], workers: int) -> list[tuple[Place, ...]]:
    """Cells that share a notebook execution: of one case and seed, cheap enough, and no fewer groups than workers."""
    together = []
    same = [list(group) for _, group in groupby(places, key=lambda place: (place.case, place.seed))]
    shares = max(1, -(-workers // len(same))) if same else 1
    for group in same:
        most = -(-len(group) // shares)
        size = int(min(most, max(1, WORTHWHILE // max(map(cost, group)))))
        together += [tuple(group[i : i + size]) for i in range(0, len(group), size)]
    return together


def _by_method(cells: Sequence[results.Cell], scale: float) -> dict[str, float]:
    seconds: dict[str, list[float]] = {}
    for cell in cells:
        if cell.timing:
            seconds.setdefault(cell.method, []).append(cell.timing.seconds * scale)
    return {method: max(median(values), 1e-3) for method, values in seconds.items()}


def _scale(cells: Sequence[results.Cell], parameters: Parameters, examples: int | None) -> float:
    """How much larger a cell with these parameters is than the given ones: epochs and training examples."""
    scale = 1.0
    ran = [cell.result.epochs for cell in cells if cell.result.epochs]
    if ran and (limit := getattr(parameters, "max_epochs", None)):
        scale *= min(limit / median(ran), 1.0)
    trained = [cell.data.counts["train"] for cell in cells if cell.data and cell.data.counts.get("train")]
    if trained and examples:
        scale *= examples / median(trained)
    return scale
