"""A section that trains a tiny network in a second, and methods that go wrong on purpose; for tests of the batch engine.

`environment` makes child processes know the section: Python imports `sitecustomize` at start-up, in kernels and workers too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import nbformat
import torch

from mstask import pairs, results
from mstask.data import Split, Splits
from mstask.errors import MstaskError
from mstask.experiments import Job, Measured
from mstask.experiments.spiking import of_outcome
from mstask.parameters import TrainingParameters
from mstask.paths import ROOT
from mstask.results.documents import Measures
from mstask.sections import Section
from mstask.training import Recipe, train

CELLS = ["plain", "other", "third", "fourth"]
SITE = """
import os
import mstask.sections
if "toy" not in mstask.sections._DECLARED_IN:
    mstask.sections._DECLARED_IN += ("toy",)
if os.environ.get("TOY_SITE"):
    exec(open(os.environ["TOY_SITE"]).read())
"""
RUN = """
from mstask.grid.cells import load, run_cell
from mstask.sections import given, grid, resolve
settings = resolve("toy", **given("toy", globals()))
for place in grid(settings):
    run_cell("toy", place, settings, load("toy", settings, place.case))
"""


class ToySection(Section):
    @property
    def notebook(self) -> str:
        return str(Path(os.environ.get("TOY_FOLDER", ROOT)) / "toy")


TOY = ToySection(
    id="toy",
    number="0",
    title="A toy",
    data="toy",
    methods=(*CELLS, "hangs", "dies", "raises"),
    parameters=TrainingParameters,
    protocol={"learning_rate": 5e-3, "batch_size": 8, "patience": 20, "max_epochs": 6},
    profiles={name: {"data_size": "small", "seeds": [1], "methods": CELLS} for name in ("smoke", "quick", "paper")},
    experiment="toy",
)
SECTIONS = (TOY,)


def load(section, parameters, case):
    """Sixty trials of two classes that differ in where the input is strong."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 2
    x = torch.randn(60, 8, 6, generator=g) + y[:, None, None] * torch.tensor([1.0, 1, 1, -1, -1, -1])
    parts = [Split(x[a:b], y[a:b]) for a, b in ((0, 30), (30, 45), (45, 60))]
    counts = {"train": 30, "validation": 15, "test": 15}
    meta = {"name": "toy", "source": "embedded", "size": "small", "fingerprint": "sha256:toy", "counts": counts}
    return Splits(*parts, 2, meta | {"class_names": ["one", "two"]})


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.readout = torch.nn.Linear(6, 5), torch.nn.Linear(5, 2)

    def forward(self, x):
        return self.readout(torch.tanh(self.inner(x)).mean(1))


def measure(job: Job) -> Measured:
    """Train; every call is noted in the file TOY_LOG, and an epoch lasts at least TOY_PAUSE seconds."""
    with open(os.environ["TOY_LOG"], "a") as file:
        file.write(f"{job.method} {os.getpid()}\n")
    if job.method == "hangs":
        time.sleep(1e6)
    if job.method == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.method == "raises":
        raise MstaskError("the toy broke")
    torch.manual_seed(job.seed + len(job.method))
    pause = float(os.environ.get("TOY_PAUSE", "0"))
    recipe = Recipe(**job.parameters.model_dump(include={"learning_rate", "batch_size", "max_epochs", "patience"}))
    outcome = train(Net(), job.splits, recipe, job.seed, job.checkpoint, lambda history: time.sleep(pause))
    return Measured(Measures(**of_outcome(outcome)), outcome.seconds)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Variables for child processes that know the toy: results in `folder`/results, measurements logged in `folder`/log."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITE)
    if not (folder / "toy.ipynb").exists():
        parameters = nbformat.v4.new_code_cell(pairs.parameters_source(TOY), metadata={"tags": ["parameters"]})
        nbformat.write(nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(RUN)]), folder / "toy.ipynb")
    path = os.pathsep.join([str(folder), str(ROOT), str(ROOT / "tests")])
    own = {"PYTHONPATH": path, "MSTASK_RESULTS": str(folder / "results"), "TOY_LOG": str(folder / "log")}
    return os.environ | own | {"TOY_FOLDER": str(folder), "OMP_NUM_THREADS": "1"} | more


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen:
    """Start `mstask run toy` in a session of its own, with Ctrl-C in force even if this process was started without."""
    command = [sys.executable, "-m", "mstask", "run", "toy", "--json", *arguments]
    made = environment(folder, **more)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, cwd=ROOT, env=made, start_new_session=True, preexec_fn=heed, **pipes)


def finish(process: subprocess.Popen) -> tuple[int, dict[str, str], str]:
    """Exit code, status by method, and what was said."""
    out, said = process.communicate(timeout=1500)
    assert "Traceback" not in said, said
    return process.returncode, {o["method"]: o["status"] for o in json.loads(out or "[]")}, said


def run(folder: Path, *arguments: str, **more: str) -> tuple[int, dict[str, str], str]:
    """Run `mstask run toy` to its end."""
    return finish(start(folder, *arguments, **more))


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


def seconds_to_import() -> float:
    """How long a fresh process needs on this machine, as busy as it is, before it can measure anything."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch, mstask.grid.cells"], cwd=ROOT, check=True)
    return time.monotonic() - started
