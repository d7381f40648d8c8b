"""A section that trains a tiny network in a second, and methods that go wrong on purpose; for tests of the batch engine.

`environment` makes child processes know the section, by MSTASK_STUDIES.
"""

from __future__ import annotations

import functools
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from studies.toy import declare, measure as toy_measure

from mstask import paths, plugins, results
from mstask.lab import pairs
from mstask.lab.cli import main
from mstask.paths import ROOT

CELLS, TOY, load = declare.CELLS, declare.TOY, toy_measure.load
RUN = """
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve
settings = resolve("toy", **given("toy", globals()))
for place in grid(settings):
    run_cell("toy", place, settings, load("toy", settings, place.case))
"""


@contextmanager
def known(folder: Path):
    """The toy section in this process, with results in a folder of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(folder).items():
            if name.startswith("MSTASK_"):
                patch.setenv(name, value)
        patch.setattr(paths, "git", functools.cache(paths.git))
        plugins.clear()
        yield folder
    plugins.clear()


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Variables for child processes that know the toy: results in `folder`/results, measurements logged in `folder`/log."""
    folder.mkdir(exist_ok=True)
    if not (folder / "toy.ipynb").exists():
        parameters = nbformat.v4.new_code_cell(pairs.parameters_source(TOY), metadata={"tags": ["parameters"]})
        nbformat.write(nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(RUN)]), folder / "toy.ipynb")
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    own = {
        "PYTHONPATH": path,
        "MSTASK_STUDIES": str(ROOT / "tests" / "studies"),
        "MSTASK_RESULTS": str(folder / "results"),
        "MSTASK_TOY_LOG": str(folder / "log"),
    }
    return os.environ | own | {"MSTASK_TOY_FOLDER": str(folder), "OMP_NUM_THREADS": "1"} | more


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen:
    """Start `mstask run toy` in a session of its own, with Ctrl-C in force even if this process was started without."""
    command = [sys.executable, "-m", "mstask", "run", "toy", "--json", *arguments]
    made = environment(folder, **more)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, cwd=ROOT, env=made, start_new_session=True, preexec_fn=heed, **pipes)


def finish(process: subprocess.Popen) -> tuple[int, dict[str, str], str]:
    """Exit code, status by method, and what was said."""
    out, said = process.communicate(timeout=1500)
    assert "Traceback" not in said, said
    return process.returncode, statuses(out), said


def run(folder: Path, *arguments: str, **more: str) -> tuple[int, dict[str, str], str]:
    """Do what `mstask run toy` does, in this process, whose kernels are forks of what other tests have started.

    PYTHONPATH stays as it is: kernels that differ in it are forked from another process.
    """
    out, said = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(said):
        for name, value in environment(folder, **more).items():
            if name != "PYTHONPATH":
                patch.setenv(name, value)
        plugins.clear()
        code = main(["run", "toy", "--json", *arguments])
    plugins.clear()
    assert "Traceback" not in said.getvalue(), said.getvalue()
    return code, statuses(out.getvalue()), said.getvalue()


def statuses(printed: str) -> dict[str, str]:
    """Status by method of the outcomes printed as JSON."""
    return {outcome["method"]: outcome["status"] for outcome in json.loads(printed or "[]")}


def documents(folder: Path) -> dict[str, str]:
    """Every finished cell's comparable content, by file name."""
    paths = sorted((folder / "results").rglob("[!.]*.json"))
    return {path.name: json.dumps(results.comparable(results.read_cell(path)), sort_keys=True) for path in paths}


def measured(folder: Path) -> list[str]:
    """The methods whose measuring began, in order."""
    log = folder / "log"
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def wait_until(condition, seconds: float = 900.0) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def at_work(process) -> bool:
    """Whether a process runs; an orphan that nobody reaps, as in a container without an init process, doesn't any more."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
