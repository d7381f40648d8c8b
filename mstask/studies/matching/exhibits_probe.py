"""The probe of the harness, as tables and plain data: scores, speed, and layers that strayed from their calibration."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import pandas as pd

from mstask.architectures import ABLATED
from mstask.results.documents import Cell, Document
from mstask.results.voices import NOTHING, label
from mstask.show.scores import difference, method_order, neurons_of, score, signed
from mstask.studies.matching.facts import by_method, differences
from mstask.summary import is_homogeneous, remark, standings
from mstask.summary.comparisons import spread


def table_probe(document: Document) -> pd.DataFrame:
    """The probe's networks: neurons, parameters, macro-F1, speed in training, and layers that strayed."""
    found = standings(document)["methods"]
    drift = data_drift(document)
    rows = []
    for name in method_order([document]):
        method, layers = found[name], drift[drift["method"] == name]
        speeds = [speed for cell in document.cells if cell.method == name and (speed := speed_of(cell))]
        count = method["n_parameters"]
        rows.append(
            {
                "network": label(name),
                "neurons": neurons_of(ABLATED.get(name)),
                "parameters": f"{count:,}" if count is not None else NOTHING,
                "macro-F1": score(method["macro_f1"]) + remark(document, name),
                "examples per second": f"{median(speeds):,.0f}" if speeds else NOTHING,
                "layers astray": f"{len(astray(layers))} of {len(layers)}" if len(layers) else NOTHING,
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
    for name, own in data_drift(document).groupby("method", sort=False):
        path, first = " path" if own["layer"].duplicated().any() else "", own.iloc[0]
        told = [
            (f"{o.layer}" + (f" ({o.neuron}{path})" if o.neuron else ""), o.below, o.above, o.lowest, o.highest)
            for o in astray(own).itertuples()
        ]
        whole = f"all {len(own)}", "never", "never", own["lowest"].min(), own["highest"].max()
        for layer, below, above, lowest, highest in told or [whole]:
            low, high = (f"{first[bound]:g}" for bound in ("allowed_low", "allowed_high"))
            counts = {f"epochs below {low}": str(below), f"epochs above {high}": str(above), "of": str(first["epochs"])}
            rates = {"lowest to highest rate": f"{lowest:.3f} to {highest:.3f}"}
            rows.append({"network": label(name), "layer": layer} | counts | rates)
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
    """Every layer: epochs after which it fired less or more than allowed, of how many, and its extreme rates.

    Rates are spikes per neuron and step, of all epochs and seeds; where they or the interval aren't recorded there is no row.
    """
    rows = []
    for name in method_order([document]):
        cells = [cell for cell in document.cells if cell.method == name and _bounds(cell) and _rates(cell)]
        layers = list(zip(*(epoch for cell in cells for epoch in _rates(cell)), strict=False))
        for (number, neuron), rates in zip(_positions(cells[0], len(layers)) if cells else (), layers, strict=True):
            low, high = _bounds(cells[0])
            below, above = sum(rate < low for rate in rates), sum(rate > high for rate in rates)
            rows.append((name, number, neuron, len(rates), below, above, min(rates), max(rates), low, high))
    names = ["method", "layer", "neuron", "epochs", "below", "above", "lowest", "highest", "allowed_low", "allowed_high"]
    return pd.DataFrame(rows, columns=names)


def astray(layers: pd.DataFrame) -> pd.DataFrame:
    """Those of the layers of `data_drift` whose rate left the allowed interval after some epoch."""
    return layers[layers["below"] + layers["above"] > 0]


def speed_of(cell: Cell) -> float | None:
    """Return training examples per second of training time, the calibration before each epoch included; None if resumed."""
    seconds = cell.timing and cell.timing.parts.get("train")
    if not seconds or cell.timing.resumed or not cell.data or not cell.result.epochs:
        return None
    return cell.result.epochs * cell.data.counts["train"] / seconds


def _positions(cell: Cell, n_layers: int) -> Iterator[tuple[int, str]]:
    """Yield number from the input and neuron type, "" where unknown, for each recorded layer; in a bank path by path."""
    types = (cell.result.details or {}).get("neurons", [])
    depth = n_layers // len(types) if types and n_layers > len(types) else n_layers
    for i in range(n_layers):
        place = i // depth if depth < n_layers else i
        yield i % depth + 1, types[place] if place < len(types) else ""


def _bounds(cell: Cell) -> tuple[float, float] | None:
    low, high = (cell.parameters.get(name) for name in ("rate_low", "rate_high"))
    return None if low is None or high is None else (low, high)


def _rates(cell: Cell) -> list[list[float]]:
    return (cell.result.history or {}).get("firing_rates", [])
