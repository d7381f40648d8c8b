"""Batch: the cells of a section, each a papermill execution of the section's notebook, spread over Dask workers."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mstask.cells import finished, load, path_of
from mstask.errors import MstaskError, nearest
from mstask.parameters import Parameters
from mstask.paths import ROOT
from mstask.sections import Place, grid, label, section

EXECUTED = ROOT / "_build" / "executed"
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
QUIET = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "DASK_LOGGING__DISTRIBUTED": "error",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one cell: done, skipped (already done) or failed with an error and the notebook that shows it."""

    method: str
    case: str | None
    seed: int
    status: str
    seconds: float = 0.0
    error: str = ""
    notebook: str = ""


def check_notebook(path: Path, given: dict[str, Any]) -> None:
    """Refuse parameters that the notebook's parameters cell doesn't declare: papermill would only log and ignore them."""
    import papermill

    if not path.exists():
        raise MstaskError(f"notebook {path} is missing")
    declared = papermill.inspect_notebook(str(path))
    for name in given:
        if name not in declared:
            raise MstaskError(f"{path.name} declares no parameter {name!r}; {nearest(name, declared)}")


def run_section(section_id: str, parameters: Parameters, workers: int = 2) -> list[Outcome]:
    """Run all cells of a section that are not done yet; a failed cell doesn't stop the rest."""
    chosen = section(section_id)
    notebook = ROOT / f"{chosen.notebook}.ipynb"
    given = parameters.model_dump(exclude=None if chosen.cases else {"cases"})
    check_notebook(notebook, given)
    outcomes, todo = [], []
    for place in grid(parameters):
        if finished(section_id, place, parameters) is None:
            todo.append(place)
        else:
            outcomes.append(Outcome(*place, "skipped"))
    if not todo:
        return outcomes
    load(section_id, parameters, todo[0].case)
    folder = EXECUTED / section_id / f"{label(section_id, parameters)}-{parameters.data_source}"
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (
            str(notebook),
            str(folder / path_of(section_id, place, parameters).with_suffix(".ipynb").name),
            given | {"methods": [place.method], "seeds": [place.seed]} | ({"cases": [place.case]} if place.case else {}),
        )
        for place in todo
    ]
    return outcomes + spread(jobs, todo, min(workers, len(jobs)), f"{chosen.number} {chosen.title}")


def spread(jobs: list[tuple[str, str, dict[str, Any]]], places: list[Place], workers: int, title: str) -> list[Outcome]:
    """Execute the jobs on a local Dask cluster of single-threaded workers, with a progress bar."""
    os.environ.update(THREADS | QUIET)
    from dask.distributed import Client, LocalCluster, as_completed

    outcomes = []
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=40, memory_limit=0
        ) as cluster,
        Client(cluster) as client,
        tqdm(total=len(jobs), desc=title, unit="cell") as bar,
    ):
        futures = {client.submit(execute, *job, pure=False): place for job, place in zip(jobs, places, strict=True)}
        for future in as_completed(futures):
            place = futures[future]
            notebook, seconds, error = future.result()
            outcomes.append(Outcome(*place, "failed" if error else "done", seconds, error, notebook))
            bar.set_postfix_str(str(place))
            bar.update()
    return outcomes


def execute(source: str, target: str, parameters: dict[str, Any]) -> tuple[str, float, str]:
    """Execute one notebook with the given parameters; returns (executed notebook, seconds, error or "")."""
    import papermill

    os.environ.update(THREADS | QUIET)
    started = time.perf_counter()
    error = ""
    try:
        papermill.execute_notebook(source, target, parameters, cwd=str(ROOT), progress_bar=False, log_output=False)
    except papermill.PapermillExecutionError as failure:
        error = f"{failure.ename}: {failure.evalue}"
    except Exception as failure:  # a dead kernel raises whatever the client saw last
        error = f"{type(failure).__name__}: {failure}"
    return target, time.perf_counter() - started, error
