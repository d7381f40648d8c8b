"""One cell of the grid (section x method x case x seed x data): measure it and write its result document."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from mstask import results
from mstask.data import Splits
from mstask.experiments import Job
from mstask.parameters import Parameters
from mstask.sections import Place, Section, label, section


def experiment(chosen: Section) -> ModuleType:
    """The module that loads the data of a section and measures its cells."""
    return import_module(chosen.experiment)


def load(section_id: str, parameters: Parameters, case: str | None = None) -> Splits:
    """The data that the cells of a case are trained and tested on."""
    chosen = section(section_id)
    return experiment(chosen).load(chosen, parameters, case)


def run_cell(
    section_id: str,
    place: Place,
    parameters: Parameters,
    splits: Splits,
    on_epoch: Callable[[Any], None] | None = None,
) -> results.Cell:
    """Run one cell, or return its document when it was already run with the same parameters on the same data.

    The document lies at `results.cell_path`; while training, a checkpoint lies beside it, from which an interrupted cell
    continues.
    """
    chosen = section(section_id)
    if (done := finished(section_id, place, parameters, splits.meta["fingerprint"])) is not None:
        return done
    path = path_of(section_id, place, parameters)
    started = time.perf_counter()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = path.with_suffix(".checkpoint.pt")
    job = Job(chosen, place.method, place.case, place.seed, parameters, splits, device, checkpoint, on_epoch)
    measured = experiment(chosen).measure(job)
    cell = results.Cell(
        section=section_id,
        method=place.method,
        case=place.case,
        seed=place.seed,
        profile=label(section_id, parameters),
        parameters=parameters.of_cell(),
        data=data_record(splits),
        result=measured.measures,
        timing=results.Timing(seconds=time.perf_counter() - started, parts=measured.seconds),
        provenance=results.provenance(
            f"python -m mstask run {section_id} --profile {parameters.profile} --data {parameters.data_source}", device
        ),
    )
    results.write_cell(path, cell)
    checkpoint.unlink(missing_ok=True)
    return cell


def path_of(section_id: str, place: Place, parameters: Parameters) -> Path:
    """The file of a cell's document."""
    return results.cell_path(
        section_id, label(section_id, parameters), parameters.data_source, place.method, place.seed, place.case
    )


def finished(section_id: str, place: Place, parameters: Parameters, fingerprint: str | None = None) -> results.Cell | None:
    """The document of a cell that was already run with these parameters (and on this data), or None."""
    path = path_of(section_id, place, parameters)
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
