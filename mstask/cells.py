"""One cell of the grid (section x method x seed x data): build, calibrate, train, write its result document."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch

from mstask import results
from mstask.calibration import calibrate_thresholds
from mstask.cost import count_parameters
from mstask.data import Splits
from mstask.sections import PROTOCOL, Parameters, build, label, section
from mstask.training import History, Recipe, train


def run_cell(
    section_id: str,
    method: str,
    seed: int,
    parameters: Parameters,
    splits: Splits,
    on_epoch: Callable[[History], None] | None = None,
) -> results.Cell:
    """Run one cell, or return its document when it was already run with the same parameters on the same data.

    The document lies at `results.cell_path`; while training, a checkpoint lies beside it, from which an interrupted cell
    continues.
    """
    profile = label(section_id, parameters)
    path = results.cell_path(section_id, profile, parameters.data_source, method, seed)
    if (done := finished(section_id, method, seed, parameters, splits.meta["fingerprint"])) is not None:
        return done
    started = time.perf_counter()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(seed)
    model, width = build(section_id, method, parameters, splits.train.x.shape[-1], splits.n_classes)
    model.to(device)
    calibrate_thresholds(model, splits.train.x[: parameters.calibration_examples].to(device), parameters.target_rate)
    thresholds = [layer.neuron.threshold for layer in model.layers()]
    recipe = Recipe(
        learning_rate=parameters.learning_rate,
        batch_size=parameters.batch_size,
        max_epochs=parameters.max_epochs,
        patience=parameters.patience,
        smoothing=PROTOCOL.smoothing,
    )
    checkpoint = path.with_suffix(".checkpoint.pt")
    outcome = train(model, splits, recipe, seed, checkpoint, on_epoch)
    cell = results.Cell(
        section=section_id,
        method=method,
        seed=seed,
        profile=profile,
        parameters=parameters.of_cell() | {"neurons": list(section(section_id).methods[method].types)},
        data=data_record(splits),
        result=results.Measures(
            macro_f1=outcome.macro_f1,
            accuracy=outcome.accuracy,
            per_class_f1=outcome.per_class_f1,
            predictions=outcome.predictions,
            best_epoch=outcome.best_epoch,
            epochs=outcome.epochs,
            stopped=outcome.stopped,
            n_parameters=count_parameters(model),
            width=width,
            firing_rates=outcome.firing_rates,
            thresholds=thresholds,
            history=vars(outcome.history),
        ),
        timing=results.Timing(seconds=time.perf_counter() - started, parts=outcome.seconds),
        provenance=results.provenance(
            f"python -m mstask run {section_id} --profile {parameters.profile} --data {parameters.data_source}", device
        ),
    )
    results.write_cell(path, cell)
    checkpoint.unlink(missing_ok=True)
    return cell


def finished(
    section_id: str, method: str, seed: int, parameters: Parameters, fingerprint: str | None = None
) -> results.Cell | None:
    """The document of a cell that was already run with these parameters (and on this data), or None."""
    path = results.cell_path(section_id, label(section_id, parameters), parameters.data_source, method, seed)
    if not path.exists():
        return None
    try:
        cell = results.read_cell(path)
    except results.ResultsError as error:
        print(f"{error}; running the cell again", file=sys.stderr)
        return None
    same = all(cell.parameters.get(name) == value for name, value in parameters.of_cell().items())
    same_data = fingerprint is None or (cell.data is not None and cell.data.fingerprint == fingerprint)
    return cell if same and same_data else None


def data_record(splits: Splits) -> results.DataRecord:
    """What a result document says of the data it was obtained on."""
    meta = splits.meta
    return results.DataRecord(
        name=meta["name"],
        source=meta["source"],
        size=meta["size"],
        fingerprint=meta["fingerprint"],
        counts=meta["counts"],
        class_names=list(meta["class_names"]),
        test_labels=splits.test.y.tolist(),
    )
