"""Claims about the page on batch runs: its scripts are valid, and what they give to papermill is what the notebooks take."""

import json
import os
import re
import shlex
import subprocess
import sys
import types

import pytest
from click.testing import CliRunner
from papermill.cli import papermill

from mstask.paths import ROOT
from mstask.section import Place, grid, resolve

PAGE = (ROOT / "book" / "batch.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SHELL = [text for kind, text in BLOCKS if kind == "bash"]
SBATCH = next(text for text in SHELL if "#SBATCH" in text)
COMMANDS = [
    line for text in SHELL if "#SBATCH" not in text for line in text.replace("\\\n", " ").splitlines() if "SEED" not in line
]


def prepared(arguments, folder):
    """What a notebook would run that papermill prepares with these arguments, without running it."""
    target = folder / "out.ipynb"
    done = CliRunner().invoke(papermill, [arguments[0], str(target), *arguments[2:], "--prepare-only"])
    assert done.exit_code == 0, done.output
    cells = json.loads(target.read_text(encoding="utf-8"))["cells"]
    (injected,) = (cell for cell in cells if "injected-parameters" in cell["metadata"].get("tags", []))
    given = {}
    exec("".join(injected["source"]), given)
    del given["__builtins__"]
    return resolve(arguments[0].removeprefix("notebooks/").removesuffix(".ipynb"), **given)


def told(folder, script, **environment):
    """Run a script with a `papermill` that only notes its arguments."""
    (folder / "papermill").write_text('#!/bin/sh\necho "$@"\n')
    (folder / "papermill").chmod(0o755)
    made = os.environ | environment | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=made, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("text", SHELL)
def test_every_shell_script_is_valid(text):
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_array_has_a_task_for_each_cell_of_the_profile(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    script = re.sub(r"^(cd|source) .*$", "", SBATCH, flags=re.MULTILINE)
    first, last = map(int, re.search(r"--array=(\d+)-(\d+)", SBATCH).groups())
    tasks = f"for task in $(seq {first} {last}); do export SLURM_ARRAY_TASK_ID=$task; {script}\ndone"
    calls = told(tmp_path, tasks)
    pairs = [(call[call.index("methods") + 1], int(call[call.index("seeds") + 1])) for call in calls]
    assert {Place(method, None, seed) for method, seed in pairs} == set(grid(resolve("ablation", profile="paper")))
    assert len(set(pairs)) == len(pairs) == last + 1
    assert grid(prepared(calls[-1], tmp_path)) == [Place(pairs[-1][0], None, pairs[-1][1])]


@pytest.mark.parametrize("line", [line for line in COMMANDS if "papermill notebooks" in line])
def test_a_notebook_takes_what_a_command_gives_it(line, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = shlex.split(line)
    parameters = prepared(words[words.index("papermill") + 1 :], tmp_path)
    assert "-y" not in words or (parameters.learning_rate, len(parameters.methods)) == (3e-4, 2)


def test_several_notebooks_at_a_time_differ_in_their_seed(tmp_path):
    script = next(text for text in SHELL if "xargs" in text)
    seeds = [call[call.index("seeds") + 1] for call in told(tmp_path, script)]
    assert sorted(map(int, seeds)) == sorted(resolve("ablation", profile="paper").seeds)


def test_the_cluster_is_asked_for_workers_of_one_cell(monkeypatch, capsys):
    asked = {}

    class SLURMCluster:
        scheduler_address = "tcp://host:8786"

        def __init__(self, **options):
            asked.update(options)

        def scale(self, jobs):
            asked["jobs"] = jobs

    monkeypatch.setitem(sys.modules, "dask_jobqueue", types.SimpleNamespace(SLURMCluster=SLURMCluster))
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    (script,) = (text for kind, text in BLOCKS if kind == "python")
    exec(compile(script, "cluster.py", "exec"), {})
    assert (asked["cores"], asked["processes"]) == (1, 1) and asked["jobs"] > 1
    assert "tcp://host:8786" in capsys.readouterr().out
