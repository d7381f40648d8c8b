"""Batch: runs the cells of sections as papermill executions of their notebooks, spread over the workers of a Dask cluster.

A cell's document is the only sign that it is done. Whatever dies on the way (a kernel, a worker, the scheduler, this
process), the same command later finds what is there and does the rest.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mstask import cell as cells, results
from mstask.data import mapped
from mstask.data.originals import MissingRecordings
from mstask.errors import MstaskError, nearest
from mstask.lab import estimates
from mstask.lab.execution import Report, Task, execute, executed_as_it_is, report_of
from mstask.parameters import Parameters
from mstask.paths import ROOT
from mstask.progress import Progress
from mstask.results.files import stamp
from mstask.runs import Found, find, last_written, path_of, record_failure
from mstask.section import Place, grid, label, section, sections

POLL = 0.2
"""Seconds between looks at what the workers report."""
TALKATIVE = ("distributed", "distributed.client", "tornado", "tornado.application", "papermill")
"""Loggers whose messages say nothing that an outcome doesn't say better."""

ANSWER = 10.0
"""Seconds within which a scheduler must answer at first."""
SILENCE = 30.0
"""Seconds without a connection to the scheduler after which it counts as lost."""


@dataclass(frozen=True)
class Outcome:
    """What became of one cell.

    `status` is done, skipped (already done), absent (its recordings are not here; `error` says how to get them) or failed,
    with an error and the notebook that shows it.
    """

    section: str
    method: str
    case: str | None
    seed: int
    status: str
    seconds: float = 0.0
    error: str = ""
    notebook: str = ""


@dataclass(frozen=True)
class Plan:
    """What a run has to do: tasks by expected cost, and the outcomes that are known beforehand."""

    tasks: list[Task]
    expected: dict[tuple[str, Place], float]
    outcomes: list[Outcome]
    parameters: dict[str, Parameters]
    fingerprints: dict[tuple[str, str | None], str]
    timeout: float | None = None
    send: bool = False


def run(
    requests: Sequence[tuple[str, Parameters]],
    workers: int | None = None,
    scheduler: str | None = None,
    timeout: float | None = None,
    keep_stale: bool = False,
) -> list[Outcome]:
    """Run all cells of (section, parameters) requests that are not done yet; a failed cell doesn't stop the rest.

    Parameters
    ----------
    workers : cells at a time on this machine (by default one per core).
    scheduler : address of a Dask scheduler whose workers are used instead. They import this package from a checkout of
        their own; documents come back over the connection, so no disk need be shared.
    timeout : seconds a cell may take.
    keep_stale : leave cells alone that other code, or another version of a notebook, has made.
    """
    check_folder()
    workers = workers or os.cpu_count() or 1
    planned = plan(requests, workers, timeout, scheduler is not None, keep_stale)
    if not planned.tasks and (scheduler or not without_page(planned)):
        return planned.outcomes
    os.environ["MSTASK_RESULTS"] = str(results.runs_root().absolute())
    several = Counter(task.section for task in planned.tasks) if workers > 1 and scheduler is None else Counter[str]()
    shared = mapped.sharing(name for name, tasks in several.items() if tasks > 1)
    with contextlib.chdir(ROOT), shared as folder, connected(workers, scheduler) as client:
        slots = workers if scheduler is None else sum(client.nthreads().values())
        return planned.outcomes + spread(planned, client, slots, scheduler is None, partial(mapped.end, folder))


def plan(requests: Sequence[tuple[str, Parameters]], workers: int, timeout: float | None, send: bool, keep_stale: bool) -> Plan:
    """Find out what is done and pack the rest into tasks, longest first.

    The data of every case is loaded once, here: it is generated before the workers need it, compared with what finished
    cells were made from, and data that is missing fails its cells at once.
    """
    made = Plan([], {}, [], dict(requests), {}, timeout, send)
    todo: dict[str, tuple[list[Place], int | None]] = {}
    for section_id in (name for name in sections() if name in made.parameters):  # what others read stands before them
        left = left_to_do(made, section_id, keep_stale, bool(todo.keys() & set(section(section_id).after)))
        todo |= {section_id: left} if left[0] else {}
    found: list[tuple[float, Task]] = []
    for section_id, (places, examples) in todo.items():
        parameters = made.parameters[section_id]
        cost = estimates.expected(section_id, parameters, examples)
        for group in estimates.groups(places, cost, -(-workers // len(todo))):
            seconds = {(section_id, place): cost(place) for place in group}
            made.expected.update(seconds)
            found.append((sum(seconds.values()), task_of(made, section_id, group)))
    made.tasks.extend(task for _, task in sorted(found, key=lambda pair: -pair[0]))
    return made


def task_of(made: Plan, section_id: str, places: tuple[Place, ...] = ()) -> Task:
    """An execution of some of a section's cells, of all by default, as the run was asked for."""
    parameters = made.parameters[section_id]
    places = places or tuple(grid(parameters))
    folder, root = f"{label(section_id, parameters)}-{parameters.data_source}", str(results.runs_root().absolute())
    given = parameters.model_dump(include=set(section(section_id).declared))
    return Task(section_id, places, given, folder, root, made.timeout, made.send)


def left_to_do(made: Plan, section_id: str, keep_stale: bool, again: bool = False) -> tuple[list[Place], int | None]:
    """The cells of a section that must be run, and how many examples they are trained on; notes what is known of the rest.

    Where what they read is run, `again`, that is all of them: each is compared with it when its turn has come.
    """
    parameters = made.parameters[section_id]
    check_notebook(ROOT / f"{section(section_id).notebook}.ipynb", section(section_id).declared)
    todo, examples = [], None
    broken: dict[str | None, tuple[str, str]] = {}
    for place in grid(parameters):
        if (section_id, place.case) not in made.fingerprints and place.case not in broken:
            try:
                meta = cells.load(section_id, parameters, place.case).meta
                made.fingerprints[section_id, place.case], examples = meta["fingerprint"], meta["counts"].get("train")
            except MissingRecordings as error:
                broken[place.case] = "absent", str(error)
            except MstaskError as error:
                broken[place.case] = "failed", str(error)
        if place.case in broken:
            status, why = broken[place.case]
            made.outcomes.append(Outcome(section_id, *place, status, error=why))
            continue
        found = found_of(made, section_id, place)
        kept = keep_stale and found.state == "stale" and set(found.changed) <= {"code", "notebook"}
        if kept or (found.state == "done" and not again):
            made.outcomes.append(Outcome(section_id, *place, "skipped"))
        else:
            todo.append(place)
    return todo, examples


def able_to_start(waiting: Sequence[Task], running: Iterable[Task]) -> list[Task]:
    """The tasks whose section reads no result of a section that is still at work."""
    at_work = {task.section for task in (*waiting, *running)}
    return [task for task in waiting if not at_work & set(section(task.section).after)]


def urgency(made: Plan, task: Task) -> float:
    """Expected seconds of a task and of the longest chain of those that wait for its section."""
    waiting = [other for other in made.tasks if task.section in section(other.section).after]
    chain = max((urgency(made, other) for other in waiting), default=0.0)
    return chain + sum(made.expected[task.section, place] for place in task.places)


def found_of(made: Plan, section_id: str, place: Place) -> Found:
    """What is there of a cell, compared with the present inputs."""
    return find(section_id, place, made.parameters[section_id], made.fingerprints[section_id, place.case])


def outcome_of(section_id: str, place: Place, cell: results.Cell | None, notebook: str = "") -> Outcome:
    """The outcome of a cell whose document is there."""
    return Outcome(section_id, *place, "done", cell.timing.seconds if cell and cell.timing else 0.0, notebook=notebook)


def spread(made: Plan, client: Any, workers: int, pages: bool, end: Callable[[str], None]) -> list[Outcome]:
    """Execute the tasks on the workers, showing progress; what an error left undone is tried again cell by cell.

    With `pages` the notebooks of shared grids are executed once more, for their pages, as workers have nothing else to do.
    `end` is told each section that has nothing left to run.
    """
    names = {(task.section, place): f"{task.section} {place}" for task in made.tasks for place in task.places}
    progress = Progress({names[key]: seconds for key, seconds in made.expected.items()}, workers)
    waiting = list(made.tasks)
    running: dict[Any, Task] = {}
    paths = {key: path_of(*key, made.parameters[key[0]]) for key in names}
    before = {key: stamp(path) for key, path in paths.items()}
    outcomes: dict[str, Outcome] = {}
    gathered = gather(made, client, without_page(made)) if pages else []

    def settle(outcome: Outcome) -> None:
        name = names[outcome.section, Place(outcome.method, outcome.case, outcome.seed)]
        known = outcomes.get(name)
        outcomes[name] = outcome
        if known is None or known.status != outcome.status:
            progress.finished(name, outcome.status, outcome.seconds, outcome.error)

    silent = time.monotonic()
    try:
        while waiting or running:
            ready = able_to_start(waiting, running.values())
            waiting = [task for task in waiting if task not in ready]
            running |= {client.submit(execute, task, pure=False, priority=urgency(made, task)): task for task in ready}
            time.sleep(POLL)
            if client.status == "running":
                silent = time.monotonic()
            if time.monotonic() - silent > SILENCE or any(future.status == "cancelled" for future in running):
                done = sum(one.status == "done" for one in outcomes.values())
                raise MstaskError(
                    f"the connection to the Dask scheduler {client.scheduler.address} is lost; {done} of {len(names)} cells "
                    "are done and kept, and the same command continues with the rest"
                )
            ended = {future: task for future, task in running.items() if future.status in ("finished", "error")}
            for future, task in ended.items():
                del running[future]
                settled, again = judge(made, task, report_of(future, task))
                for outcome in settled:
                    settle(outcome)
                waiting += again
            at_work = {task.section for task in (*waiting, *running.values())}
            over = {task.section for task in ended.values()} - at_work
            gathered += gather(made, client, over) if pages else []
            for name in over:
                end(name)
            for key, path in paths.items():
                if (
                    names[key] not in outcomes
                    and stamp(path) != before[key]
                    and (found := found_of(made, *key)).state == "done"
                ):
                    settle(outcome_of(*key, found.cell))
            progress.tick()
    finally:
        progress.close()
    if left := sum(not future.done() for future in gathered):
        print(f"{left} notebooks once more, with all their cells, for their pages", file=sys.stderr)
    while not all(future.done() for future in gathered):
        time.sleep(POLL)
    for report in client.gather(gathered):
        if report.error:
            print(f"the page of {shown(report.notebook)} stays without outputs: {report.error}", file=sys.stderr)
    return list(outcomes.values())


def gather(made: Plan, client: Any, ended: Iterable[str]) -> list[Any]:
    """Submit once more, for its page, each notebook whose cells several executions shared: all of them are read back.

    Recordings that are not here the notebook leaves out itself.
    """
    futures = []
    for name in sorted(ended):
        page = task_of(made, name)
        here = [place for place in page.places if (name, place.case) in made.fingerprints]
        failed = any(one.section == name and one.status == "failed" for one in made.outcomes)
        done = all(found_of(made, name, place).state == "done" for place in here)
        if here and done and not failed and page not in made.tasks:
            futures.append(client.submit(execute, page, pure=False, priority=-1))
    return futures


def without_page(made: Plan) -> list[str]:
    """The sections with data but nothing left to run whose notebook no execution of this run shows as it is."""
    at_work = {task.section for task in made.tasks}
    done = dict.fromkeys(name for name, _ in made.fingerprints if name not in at_work)
    kept = {name: (task_of(made, name).folder, last_written(name, made.parameters[name])) for name in done}
    return [name for name, where in kept.items() if not executed_as_it_is(ROOT / f"{section(name).notebook}.ipynb", *where)]


def judge(made: Plan, task: Task, report: Report) -> tuple[list[Outcome], list[Task]]:
    """Tell what became of a task's cells, by their documents: outcomes, and tasks for the cells that never had their turn.

    Cells run in order, so the first one without a document is the one that failed.
    """
    for place, text in report.documents.items():
        path = path_of(task.section, place, made.parameters[task.section])
        if found_of(made, task.section, place).state != "done":
            results.write_atomic(path, text)
    outcomes: list[Outcome] = []
    undone = []
    ended = "the notebook ended without writing this cell's document"
    for place in task.places:
        found = found_of(made, task.section, place)
        if found.state == "done":
            outcomes.append(outcome_of(task.section, place, found.cell, shown(report.notebook)))
            continue
        if found.state == "stale":
            hint = "is its checkout the same?" if task.send else "was the code changed meanwhile? The same command settles it"
            ended = f"the worker measured with other inputs than those here ({found.note}): {hint}"
        undone.append(place)
    if undone:
        failed, *rest = undone
        error = report.error or ended
    elif report.error:
        failed, rest = task.places[-1], []
        outcomes.pop()
        error = f"measured, but the notebook failed afterwards: {report.error}"
    else:
        return outcomes, []
    with contextlib.suppress(results.ResultsError):
        parameters = made.parameters[task.section]
        record_failure(path_of(task.section, failed, parameters), error, shown(report.notebook), parameters)
    outcomes.append(Outcome(task.section, *failed, "failed", report.seconds, error, shown(report.notebook)))
    return outcomes, [replace(task, places=(place,)) for place in rest]


def shown(notebook: str) -> str:
    """A notebook's path as seen from the checkout."""
    path = Path(notebook)
    return str(path.relative_to(ROOT)) if notebook and path.is_relative_to(ROOT) else notebook


@contextlib.contextmanager
def connected(workers: int, scheduler: str | None) -> Iterator[Any]:
    """A client of the scheduler at an address, or of a cluster within this process: its kernels do the work.

    On the way out, kernels that still run are ended.
    """
    import dask

    dask.config.set({"logging": dict.fromkeys(TALKATIVE, "critical")})
    dask.config.set({"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []})
    # cells take seconds to hours: looking after them fifty times a second would cost 5 % of a core
    dask.config.set({"distributed.admin.tick.interval": "1s", "distributed.worker.profile.enabled": False})
    from dask.distributed import Client, LocalCluster

    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler:
        try:
            client = Client(scheduler, timeout=ANSWER)
        except (OSError, ValueError, TimeoutError) as error:
            raise MstaskError(
                f"no Dask scheduler answers at {scheduler}: {(str(error).splitlines() or [type(error).__name__])[0]}"
            ) from error
        try:
            if not client.nthreads():
                raise MstaskError(
                    f"the Dask scheduler at {scheduler} has no workers; start some with `dask worker --nthreads 1 {scheduler}`"
                )
            yield client
        finally:
            with contextlib.suppress(Exception):  # a lost scheduler can't say goodbye
                client.close(timeout=5)
        return
    with tempfile.TemporaryDirectory(prefix="mstask-dask-", ignore_cleanup_errors=True) as scratch:
        cluster = LocalCluster(
            n_workers=1,
            threads_per_worker=workers,
            processes=False,
            dashboard_address=":0",
            silence_logs=50,
            memory_limit=0,
            local_directory=scratch,
        )
        client = Client(cluster)
        try:
            yield client
        finally:
            end_kernels()
            # What ended the run is told, not that its threads were slow to end.
            with contextlib.suppress(TimeoutError):
                client.close(timeout=5)
                cluster.close(timeout=5)


def end_kernels() -> None:
    """End the notebook kernels that this process has started; what they are forked from stays for the next run."""
    import psutil

    from mstask.lab import forking

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.pid not in forking.servers() and any("ipykernel" in part for part in child.cmdline()):
                child.kill()


def check_folder() -> None:
    """Refuse to start when documents can't be written."""
    folder = results.runs_root() / "runs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"0" * 4096)
            probe.flush()
    except OSError as error:
        raise MstaskError(
            f"results can't be written to {folder}: {error.strerror or error}; free it, or name another in MSTASK_RESULTS"
        ) from error


def check_notebook(path: Path, names: Iterable[str]) -> None:
    """Refuse parameters that the notebook's parameters cell doesn't declare: papermill would only log and ignore them."""
    import papermill

    from mstask.lab.kernel import read_notebook

    declared = papermill.inspect_notebook(read_notebook(path))
    for name in names:
        if name not in declared:
            raise MstaskError(f"{path.name} declares no parameter {name!r}; {nearest(name, declared)}")
