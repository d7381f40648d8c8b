"""One notebook execution: the part of a batch run that happens on a worker, here or on another machine."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mstask.paths import ROOT, results_dir
from mstask.section import Place, checked, grid, section, sections

if TYPE_CHECKING:
    from nbformat import NotebookNode

EXECUTED = ROOT / "_build" / "executed"
STARTS = 5
"""How often a kernel is started that dies before its first word, as where another program takes a port chosen for it."""
STILLBORN = "Kernel died before replying to kernel_info"
"""What jupyter_client says of one."""


@dataclass(frozen=True)
class Task:
    """Cells that share a notebook execution: some of one case and seed, or a whole grid, to be read back.

    `given` holds the parameters that all cells of the run share, `results` the results folder of the machine that asked;
    with `send` the documents come back with the report, for a worker that writes to a disk of its own.
    """

    section: str
    places: tuple[Place, ...]
    given: Mapping[str, Any]
    folder: str
    results: str
    timeout: float | None = None
    send: bool = False

    @property
    def part(self) -> bool:
        """Whether these aren't all cells of the run's grid, so that only what they need is executed."""
        return self.places != tuple(grid(checked(self.section, **self.given)))

    @property
    def parameters(self) -> dict[str, Any]:
        """What papermill gives to the notebook."""
        lists: dict[str, list[Any]] = {
            "methods": [place.method for place in self.places],
            "seeds": [place.seed for place in self.places],
            "cases": [place.case for place in self.places if place.case],
        }
        return dict(self.given) | {name: list(dict.fromkeys(values)) for name, values in lists.items() if values}

    @property
    def name(self) -> str:
        """File name of the executed notebook."""
        first = self.places[0]
        case = f"@{first.case}" if first.case else ""
        more = f"+{len(self.places) - 1}" if len(self.places) > 1 else ""
        return f"{first.method}{case}-{first.seed}{more}.ipynb"


@dataclass(frozen=True)
class Report:
    """What came of a task: the executed notebook, and the error that ended it early, or ""."""

    notebook: str
    seconds: float
    error: str = ""
    documents: dict[Place, str] = field(default_factory=dict)


def execute(task: Task) -> Report:
    """Execute a task's notebook in a kernel of its own; an error is reported, not raised.

    Results go to the folder of whoever asks, or where that can't be seen from here to this process's own; the working folder is
    the checkout.
    """
    chosen = section(task.section)
    target = EXECUTED / task.section / task.folder / task.name
    shared, own = Path(task.results), results_dir().absolute()
    started = time.perf_counter()
    error = ""
    limit = None if task.timeout is None else math.ceil(task.timeout * len(task.places))
    if Path.cwd() != ROOT:
        os.chdir(ROOT)
    folder = shared if shared.is_dir() else own
    try:
        papermilled(ROOT / f"{chosen.notebook}.ipynb", target, task.parameters, limit, task.part, folder)
    except Exception as failure:
        error = explain(failure, task)
    documents = {place: text for place in task.places if (text := written(task, place, folder))} if task.send else {}
    return Report(str(target), time.perf_counter() - started, error, documents)


def report_of(future: Any, task: Task) -> Report:
    """The report of a finished future; a worker that died under its task leaves none of its own."""
    if future.status == "finished":
        return future.result()
    failure = future.exception()
    if type(failure).__name__ == "KilledWorker":
        return Report("", 0.0, "the Dask workers that ran it were killed, most often by the system for want of memory")
    return Report("", 0.0, f"{type(failure).__name__}: {failure}")


def papermilled(
    source: Path,
    target: Path,
    parameters: Mapping[str, Any],
    limit: float | None = None,
    part: bool = False,
    folder: Path | None = None,
) -> None:
    """Execute a notebook, or its grid alone, in a kernel of its own, `limit` seconds a cell, and write it with its outputs.

    Its results go to `folder`, by default to this process's own.
    """
    import papermill

    from mstask.lab import kernel, slicing

    notebook = kernel.read_notebook(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    chosen = slicing.grid_only(notebook) if part else notebook
    options = {"start_timeout": kernel.KERNEL_START, "execution_timeout": limit, "progress_bar": False, "log_output": False}
    execution = partial(papermill.execute_notebook, output_path=as_template(target), parameters=parameters, **options)
    for left in reversed(range(STARTS)):
        try:
            without_loop(execution, deepcopy(chosen), **kernel.writing_to(folder))
            return
        except RuntimeError as error:
            if not left or STILLBORN not in str(error):
                raise


def execute_others(folder: str) -> None:
    """Execute the notebooks that belong to no section, for their pages, unless they are executed as they are."""
    for source in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if source.stem in sections() or executed_as_it_is(source, folder):
            continue
        try:
            with contextlib.chdir(ROOT):
                papermilled(source, EXECUTED / source.stem / folder / source.name, {})
        except Exception as failure:
            print(f"the page of {source.name} stays without outputs: {failure}", file=sys.stderr)


def executed_as_it_is(source: Path, folder: str, since: float = 0.0) -> bool:
    """Whether an execution of a notebook in this folder ended well, not before `since`, and shows the text that it has now."""
    from mstask.lab import kernel

    notebook = kernel.read_notebook(source)
    kept = [path for path in (EXECUTED / source.stem / folder).glob("*.ipynb") if path.stat().st_mtime >= since]
    return any(same(notebook, done) for path in kept if (done := finished(path)) is not None)


def finished(path: Path) -> NotebookNode | None:
    """An executed notebook that ended well, without the parameters that papermill has put in; None where there is none."""
    import nbformat

    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    except Exception:  # nbformat raises many types on a damaged file, and one that is being written is damaged
        return None
    told = notebook.metadata.get("papermill", {})
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    return notebook if told.get("end_time") and not told.get("exception") else None


def same(one: NotebookNode, other: NotebookNode) -> bool:
    """Whether two notebooks are the same text, whatever came out of it."""
    first, second = ([(cell.cell_type, cell.source) for cell in notebook.cells] for notebook in (one, other))
    return first == second


def without_loop(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function that starts an event loop: in another thread where this one runs a loop, as a notebook's does.

    In a context of its own, since nbclient keeps its loop in the context, which Dask hands to all of its threads.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return Context().run(function, *arguments, **options)
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(function, *arguments, **options).result()


def as_template(path: Path) -> str:
    """A path as papermill takes it, which fills in what stands between braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def explain(failure: Exception, task: Task) -> str:
    """One sentence on why an execution ended early."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import PapermillExecutionError

    if isinstance(failure, PapermillExecutionError):
        return f"{failure.ename}: {failure.evalue}"
    if isinstance(failure, CellTimeoutError):
        return f"stopped after {task.timeout:g} s a cell, the limit given by --timeout"
    if isinstance(failure, DeadKernelError):
        return "its process was killed from outside, most often by the system for want of memory"
    if isinstance(failure, OSError) and failure.filename:
        return f"the executed notebook can't be written: {failure.strerror}: {failure.filename}"
    return f"{type(failure).__name__}: {failure}"


def written(task: Task, place: Place, folder: Path) -> str | None:
    """The text of a cell's document in a results folder of this machine, if it has one."""
    from mstask.runs import path_of

    own = checked(task.section, **replace(task, places=(place,)).parameters)
    try:
        return (folder / path_of(task.section, place, own).relative_to(results_dir())).read_text(encoding="utf-8")
    except OSError:
        return None
