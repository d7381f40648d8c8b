"""The probe of the harness, as tables and plain data: scores, speed, and layers that strayed from their calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import pandas as pd

from mstask.architectures import ABLATED
from mstask.results.documents import Cell, Document
from mstask.results.voices import NOTHING, label
from mstask.show.scores import difference, method_order, neurons_of, score, signed
from mstask.studies.matching.facts import by_method, differences
from mstask.summary import is_homogeneous, remark, standings
from mstask.summary.comparisons import spread


@dataclass(frozen=True)
class Layer:
    """Firing of one layer after each epoch of each seed: rates in spikes per neuron and step, and the allowed interval."""

    method: str
    number: int
    neuron: str | None
    path: bool
    rates: tuple[float, ...]
    low: float
    high: float

    @property
    def quiet(self) -> int:
        """Epochs after which it fired less than allowed."""
        return sum(rate < self.low for rate in self.rates)

    @property
    def busy(self) -> int:
        """Epochs after which it fired more than allowed."""
        return sum(rate > self.high for rate in self.rates)

    @property
    def name(self) -> str:
        """Its number from the input, and its neuron type; in a bank the path of that type."""
        return f"{self.number}" + (f" ({self.neuron}{' path' if self.path else ''})" if self.neuron else "")


def table_probe(document: Document) -> pd.DataFrame:
    """The probe's networks: neurons, parameters, macro-F1, speed in training, and layers that strayed."""
    found = standings(document)["methods"]
    strayed = {name: [layer for layer in layers(document, name) if layer.quiet or layer.busy] for name in found}
    rows = []
    for name in method_order([document]):
        method, speed = found[name], examples_per_second(document, name)
        count, n_layers = method["n_parameters"], len(layers(document, name))
        rows.append(
            {
                "network": label(name),
                "neurons": neurons_of(ABLATED.get(name)),
                "parameters": f"{count:,}" if count is not None else NOTHING,
                "macro-F1": score(method["macro_f1"]) + remark(document, name),
                "examples per second": f"{speed:,.0f}" if speed else NOTHING,
                "layers astray": f"{len(strayed[name])} of {n_layers}" if n_layers else NOTHING,
            }
        )
    return pd.DataFrame(rows)


def table_probe_accuracy(document: Document) -> pd.DataFrame:
    """Test accuracy of each network at the epoch that was selected, and the best of all epochs, as the paper's probe gives."""
    chosen, best = by_method(document), by_method(document, best=True)
    rows = []
    for name in method_order([document]):
        at, top = (spread(found.get(name, {}).values()) for found in (chosen, best))
        known = at["mean"] is not None and top["mean"] is not None
        rows.append(
            {
                "network": label(name),
                "at the selected epoch": score(at),
                "best of all epochs": score(top),
                "the second adds": signed(top["mean"] - at["mean"]) if known else NOTHING,
            }
        )
    return pd.DataFrame(rows)


def table_probe_differences(document: Document) -> pd.DataFrame:
    """Differences of accuracy that the paper's probe tests: each seed with its interval of 5,000 resamples, and their mean."""
    rows = []
    for found in differences(document):
        against = f"best homogeneous ({label(found.b)})" if is_homogeneous(found.b) else label(found.b)
        seeds = {f"seed {seed}": difference(pair.difference, pair.low, pair.high) for seed, pair in found.seeds.items()}
        over = {"mean": signed(found.difference), "consistent": "yes" if found.consistent else "no"}
        rows.append({"difference": f"{label(found.a)} − {against}"} | seeds | over)
    return pd.DataFrame(rows)


def table_drift(document: Document) -> pd.DataFrame:
    """Layers whose rate after an epoch left the allowed interval, and in how many epochs (all seeds together)."""
    rows = []
    for name in method_order([document]):
        found = layers(document, name)
        strayed = [layer for layer in found if layer.quiet or layer.busy]
        for layer in strayed:
            rows.append(_drift(layer.method, layer.name, layer.rates, layer, str(layer.quiet), str(layer.busy)))
        if found and not strayed:
            rates = tuple(rate for layer in found for rate in layer.rates)
            rows.append(_drift(name, f"all {len(found)}", rates, found[0], "never", "never"))
    return pd.DataFrame(rows)


def data_probe(document: Document) -> pd.DataFrame:
    """Every cell of the probe: scores, epochs, and speed in training."""
    best = by_method(document, best=True)
    rows = [
        (c.method, c.seed, r.macro_f1, r.accuracy, best.get(c.method, {}).get(c.seed), r.n_parameters, r.epochs, speed_of(c))
        for c in document.cells
        for r in [c.result]
    ]
    scores, others = ["macro_f1", "accuracy", "best_accuracy"], ["n_parameters", "epochs", "examples_per_second"]
    return pd.DataFrame(rows, columns=["method", "seed", *scores, *others])


def data_drift(document: Document) -> pd.DataFrame:
    """Every layer: epochs after which it fired less or more than allowed, of how many, and its extreme rates."""
    rows = [
        (o.method, o.number, o.neuron, len(o.rates), o.quiet, o.busy, min(o.rates), max(o.rates), o.low, o.high)
        for name in method_order([document])
        for o in layers(document, name)
    ]
    names = ["method", "layer", "neuron", "epochs", "below", "above", "lowest", "highest", "allowed_low", "allowed_high"]
    return pd.DataFrame(rows, columns=names)


def layers(document: Document, method: str) -> list[Layer]:
    """Return a method's layers with their rates over epochs and seeds; none where rates or bounds aren't recorded."""
    cells = [cell for cell in document.cells if cell.method == method and _bounds(cell) and _rates(cell)]
    if not cells:
        return []
    low, high = _bounds(cells[0])
    n_layers = min(len(epoch) for cell in cells for epoch in _rates(cell))
    return [
        Layer(method, number, neuron, path, tuple(e[i] for cell in cells for e in _rates(cell)), low, high)
        for i, (number, neuron, path) in enumerate(_positions(cells[0], n_layers))
    ]


def examples_per_second(document: Document, method: str) -> float | None:
    """Return the median over seeds of a method's speed in training, None where it isn't recorded."""
    speeds = [speed for cell in document.cells if cell.method == method and (speed := speed_of(cell))]
    return median(speeds) if speeds else None


def speed_of(cell: Cell) -> float | None:
    """Return training examples per second of training time, the calibration before each epoch included."""
    seconds = cell.timing and cell.timing.parts.get("train")
    if not seconds or not cell.data or not cell.result.epochs:
        return None
    return cell.result.epochs * cell.data.counts["train"] / seconds


def _positions(cell: Cell, n_layers: int) -> Iterator[tuple[int, str | None, bool]]:
    """Yield number from the input, neuron type, and whether it is on a path of a bank, for each recorded layer."""
    types = (cell.result.details or {}).get("neurons", [])
    depth = n_layers // len(types) if types and n_layers > len(types) else n_layers
    for i in range(n_layers):
        bank = depth < n_layers
        place = i // depth if bank else i
        yield i % depth + 1, types[place] if place < len(types) else None, bank


def _bounds(cell: Cell) -> tuple[float, float] | None:
    low, high = (cell.parameters.get(name) for name in ("rate_low", "rate_high"))
    return None if low is None or high is None else (low, high)


def _rates(cell: Cell) -> list[list[float]]:
    return (cell.result.history or {}).get("firing_rates", [])


def _drift(method: str, layer: str, rates: tuple[float, ...], bounds: Layer, quiet: str, busy: str) -> dict[str, str]:
    return {
        "network": label(method),
        "layer": layer,
        f"epochs below {bounds.low:g}": quiet,
        f"epochs above {bounds.high:g}": busy,
        "of": str(len(bounds.rates)),
        "lowest to highest rate": f"{min(rates):.3f} to {max(rates):.3f}",
    }
