"""The paper's operation-count proxy (4.2) for every system of the synthesis, from what its cells recorded.

Per test example: a real value costs one multiply-accumulate at each connection it passes, a spike one accumulate at each
connection it reaches. The update of a neuron's own state, memory traffic and encoding are left out for all systems alike. A
state that every connection keeps (HetSynLIF) is not a neuron's own, and counts. Readouts recorded the spikes of training
examples only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean

from mstask.cost import energy_uJ, spiking_operations
from mstask.data.shd import N_FRAMES, N_UNITS
from mstask.results.documents import Cell, Document
from mstask.summary.details import detail

SHAPES = {"radar": (64, 64), "speech": (N_FRAMES, N_UNITS)}
"""Steps and features of an example in frames, as `mstask.data` gives it."""

Operations = tuple[float, float]
"""Multiply-accumulates and accumulates per example."""


def energy(document: Document, method: str, task: str) -> float | None:
    """Return the proxy of a method in microjoule, mean over its cells; None where what it needs was not recorded.

    Parameters
    ----------
    document
        Cells of one section on one task (`Document.of_case`).
    task
        A key of `SHAPES`.
    """
    cells = [cell for cell in document.cells if cell.method == method]
    found = [_cell_energy(cell, document, task) for cell in cells]
    return fmean(found) if found and None not in found else None


def _cell_energy(cell: Cell, document: Document, task: str) -> float | None:
    if cell.result.energy_uJ is not None or document.data is None:
        return cell.result.energy_uJ
    count = RULES[document.section](cell, document, task)
    return None if count is None else energy_uJ(*count)


def _stack(cell: Cell, document: Document, task: str) -> Operations | None:
    """A `VerticalNet` on frames."""
    (steps, features), rates = SHAPES[task], cell.result.firing_rates
    if not rates or cell.result.width is None:
        return None
    found = spiking_operations(features, _classes(document), cell.result.width, len(rates), steps, fmean(rates))
    return found["macs"], found["synaptic_operations"]


def _hetsyn(cell: Cell, document: Document, task: str) -> Operations | None:
    """Recurrent layers on frames; HetSynLIF fades and adds up the current of every connection in every step."""
    from mstask.studies.hetsyn.settings import SETTINGS

    (steps, features), rates = SHAPES[task], cell.result.firing_rates
    sizes = (features, *(detail(cell, "hidden") or SETTINGS[task].hidden), _classes(document))
    forward, recurrent = [a * b for a, b in pairwise(sizes)], [n * n for n in sizes[1:-1]]
    connections = sum(forward) + sum(recurrent)
    if not rates or len(rates) != len(recurrent) or (cell.result.n_parameters or 0) < connections:
        return None
    kept = connections if cell.result.n_parameters == 2 * connections else 0
    spikes = sum(rate * (onward + own) for rate, onward, own in zip(rates, forward[1:], recurrent, strict=True))
    return (forward[0] + kept) * steps, (spikes + kept) * steps


def _eventprop(cell: Cell, document: Document, task: str) -> Operations | None:
    """One hidden layer driven by spikes at their times; input spikes are the test set's, so any cell may have counted them."""
    counted = (detail(c, "input_spikes") for c in document.cells)
    received, fired = next((count for count in counted if count is not None), None), detail(cell, "hidden_spikes")
    if received is None or fired is None or cell.result.width is None:
        return None
    return 0.0, received * cell.result.width + fired * _classes(document)


def _readout(cell: Cell, document: Document, task: str) -> Operations | None:
    """Readout neurons that all receive every spike; that they stop at the first output spike is not counted in their favour."""
    spikes = detail(cell, "spikes_per_sample")
    return None if spikes is None or cell.result.width is None else (0.0, spikes * cell.result.width)


def _wiring(cell: Cell, document: Document, task: str) -> Operations | None:
    """Masked layers on frames, and a dense readout."""
    steps, _ = SHAPES[task]
    rates, connections = cell.result.firing_rates, detail(cell, "connections")
    if not rates or not connections or len(rates) != len(connections) or cell.result.width is None:
        return None
    reached: Sequence[float] = [*connections[1:], cell.result.width * _classes(document)]
    return connections[0] * steps, sum(rate * n for rate, n in zip(rates, reached, strict=True)) * steps


def _classes(document: Document) -> int:
    return len(document.data.class_names)


RULES: dict[str, Callable[[Cell, Document, str], Operations | None]] = {
    "search": _stack,
    "square": _stack,
    "disjoint": _stack,
    "hetsyn": _hetsyn,
    "equal-synapse": _hetsyn,
    "eventprop": _eventprop,
    "ncg": _readout,
    "equal-readout": _readout,
    "g2gnet": _wiring,
}
"""How each section of the synthesis is counted."""
