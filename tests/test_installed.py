"""Claims about the package as a wheel, outside the repository: it trains, reads its results and names what it lacks.

By default the packages around it are those of the tests; with CHECK_INSTALL=1 it gets a new environment with what it declares.
"""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from mstask.paths import ROOT

TRAIN = """
import pkgutil
from importlib import import_module

import mstask

for module in pkgutil.walk_packages(mstask.__path__, "mstask."):
    if "__main__" not in module.name and "triton" not in module.name:
        import_module(module.name)

from mstask.studies.ncg.methods import tuned
from mstask.studies.ncg.shipped import values

assert tuned()["digits"] and values("stdp-csnn/mnist/s4nn")

from mstask import results
from mstask.cell import load, run_cell
from mstask.lab import session
from mstask.section import grid, resolve

print(session.begin("v1"))
settings = resolve("ablation", profile="smoke", methods=["D0_doppler"], seeds=[1])
cell = run_cell("ablation", next(iter(grid(settings))), settings, load("ablation", settings))
assert list(results.load("ablation", "run").cells) == [cell]
for source in ("embedded", "published"):
    try:
        results.load("ablation", source)
    except results.MissingResult as error:
        print(error)

from mstask.lab import doctor

found = [*doctor.python(), *doctor.versions(), *doctor.folders(), *doctor.locks()]
assert "wrong" not in [check.verdict for check in found if check.name != "versions"], found
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """Runs Python with arguments in an empty folder, where the package is installed from its wheel."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(ROOT / "mstask", folder / "source" / "mstask", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(folder / "source")]
    subprocess.run(wheel, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    python, environment = sys.executable, os.environ | {"PYTHONPATH": str(folder / "site"), "OMP_NUM_THREADS": "1"}
    environment.pop("MSTASK_RESULTS", None)
    if os.environ.get("CHECK_INSTALL"):
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        python = str(folder / "venv" / "bin" / "python")
        torch = next(line for line in (ROOT / "requirements.txt").read_text().split() if line.startswith("torch=="))
        subprocess.run([python, "-m", "pip", "install", "-q", str(built), torch], check=True)
        environment.pop("PYTHONPATH")
    else:
        zipfile.ZipFile(built).extractall(folder / "site")
    (folder / "work").mkdir()

    def run(*arguments):
        return subprocess.run(
            [python, *arguments], cwd=folder / "work", env=environment, capture_output=True, text=True, encoding="utf-8"
        )

    return run


def test_every_module_and_settings_are_there_and_a_cell_is_trained_and_read(outside):
    done = outside("-c", TRAIN)
    assert done.returncode == 0, done.stderr[-3000:]
    about, results, *lacking = done.stdout.strip().splitlines()
    assert about.startswith("mstask 0.") and results.startswith("results in") and "mstask-results" in results
    assert len(lacking) == 2 and all("which the installed package lacks: git clone https://" in line for line in lacking)


def test_commands_that_need_the_repository_say_so(outside):
    commands = ["run", "verify", "book"]
    done = outside("-c", f"from mstask.lab.cli import main; print([main([command]) for command in {commands}])")
    assert done.stdout == "[2, 2, 2]\n"
    lacks = "needs notebooks, book and locked results, which the installed package lacks"
    for command, said in zip(commands, done.stderr.splitlines(), strict=True):
        assert said.startswith(f"error: {command} {lacks}")
