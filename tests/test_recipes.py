"""The recipes of CONTRIBUTING.md do what they say when they are followed to the letter, in a copy of the repository."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from mstask.paths import ROOT

USE = """
import torch
from mstask import calibration, networks, neurons
assert name in neurons.names(), neurons.names()
torch.manual_seed(0)
net = networks.VerticalNet(6, 2, [name] * 2, 8, {"backend": "reference"})
x = torch.randn(64, 12, 6, generator=torch.Generator().manual_seed(0))
print(calibration.calibrate_thresholds(net, x, 0.2).firing_rates(x)[0])
net(x).square().sum().backward()
assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.chains[0].parameters())
"""
SWINGS = """
from dataclasses import replace
from mstask import cell, identity, section, spiking
swings = replace(section.section("ablation"), data="swings")
splits = spiking.load(swings, section.checked("ablation", profile="smoke"), None)
parts = [splits.train, splits.validation, splits.test]
assert splits.n_classes == 2 and [tuple(part.x.shape) for part in parts] == [(130, 32, 4), (30, 32, 4), (40, 32, 4)]
assert "mstask.data.swings" in {name for name, _ in identity.reachable(swings).uses}
assert "mstask.data.swings" not in {name for name, _ in identity.reachable(section.section("ablation")).uses}
print("as it should be")
"""
PAGES = """
import sys
from sphinx.application import Sphinx
sys.path.insert(0, "book/_ext")
settings = {"extensions": ["myst_parser", "mstask_book"], "myst_enable_extensions": ["colon_fence"], "html_theme": "basic"}
settings |= {"numfig": True, "root_doc": "leaks", "include_patterns": ["leaks.md", "parameters.md"]}
Sphinx("book", None, "_build/html", "_build/doctrees", "html", confoverrides=settings, status=None).build()
"""

COMMANDS = """
import sys
from mstask.lab.cli import main
for line in sys.argv[1:]:
    try:
        code = main(line.split()[3:]) if line.startswith("python -m mstask ") else exec(line, {})
    except SystemExit as ended:  # of --help
        code = ended.code
    assert not code, line
    print(end="\\f", flush=True)
"""
"""Does what lines of a shell do, or other code, one after the other, and ends what each says with a form feed."""


def recipe(title):
    """A section of CONTRIBUTING.md."""
    return (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]


def follow(text, folder):
    """Append what a recipe shows to the file that it names last before it; returns its commands, which come last."""
    for path in re.findall(r"empty `([\w/.]+)`", text):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    named, commands = "", []
    for prose, language, code in re.findall(r"(.*?)^ *```(\w+)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
        named = [named, *re.findall(r"`((?:mstask|notebooks|book)/\w[\w/]*\.\w+)`", prose.replace("/__init__.py`", ""))][-1]
        if language == "sh":
            commands += textwrap.dedent(code).strip().splitlines()
            assert all(line.startswith("python -m mstask ") for line in commands), commands
        else:
            assert not commands
            (folder / named).parent.mkdir(parents=True, exist_ok=True)
            before = (folder / named).read_text(encoding="utf-8") + "\n" if (folder / named).exists() else ""
            (folder / named).write_text(before + textwrap.dedent(code), encoding="utf-8")
    return commands


def run(folder, *lines):
    """Run commands and code in the copy, in one process; returns what each says."""
    environment = os.environ | {"PYTHONPATH": str(folder), "MSTASK_RESULTS": str(folder / "results"), "OMP_NUM_THREADS": "1"}
    together = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run([sys.executable, "-c", COMMANDS, *lines], cwd=folder, env=environment, **together)
    assert done.returncode == 0, f"{lines}: {done.stdout[-5000:]}"
    return done.stdout.split("\f")[:-1]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the repository: package, notebooks, book and published results."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("mstask", "notebooks", "book"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*", "*.tmp.*"))
    for name in ("pyproject.toml", "_toc.yml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def added(copy):
    """What the neuron and the data set that the recipes show say when they are used."""
    text = recipe("Add a neuron").partition("\n2. ")[0]
    assert not follow(text, copy)
    (name,) = re.findall(r'name = "([\w-]+)"', text)
    (describe,) = follow(recipe("Add a data set"), copy)
    said = run(copy, f"name = {name!r}\n{USE}", describe, SWINGS)
    return dict(zip(("neuron", "data set", "its use"), said, strict=True))


def test_a_neuron_is_one_file(added):
    """The file that the recipe shows, under the name that it gives: listed, calibrated, and every parameter learns."""
    assert abs(float(added["neuron"]) - 0.2) < 0.05


def test_a_data_set_is_one_file_and_its_declaration(added):
    """It is split, fingerprinted and described, and counts in the identity of the cells that use it, and of no others."""
    assert json.loads(added["data set"])["counts"] == {"train": 130, "validation": 30, "test": 40}
    assert added["its use"] == "as it should be\n"


def test_a_study_is_a_folder_a_notebook_and_a_page_a_claim_one_entry_and_a_figure_one_function(copy):
    """Nothing else is touched: its notebook is completed and run, status, help and ledger know it, and its pages build.

    A single worker runs it, which is all that is done otherwise than the recipes say.
    """
    before = {path: path.read_bytes() for path in copy.rglob("*.*") if path.is_file() and "__pycache__" not in path.parts}
    lines = follow(recipe("Add a study"), copy)
    notebooks, ran, helped, told = run(copy, lines[0], f"{lines[1]} --workers 1", *lines[2:])
    assert "notebooks/leaks.ipynb" in notebooks and "2 cells run, 0 already done, 0 failed" in ran
    assert "width" in helped and re.search(r"leaks +smoke, embedded +2 ", told)
    (judge,) = follow(recipe("Add a claim"), copy)
    assert not follow(recipe("Add a figure"), copy)
    ledger, _ = run(copy, judge, PAGES)
    assert "neurons that forget slowly beat" in ledger
    page, parameters = ((copy / "_build" / "html" / f"{name}.html").read_text() for name in ("leaks", "parameters"))
    assert re.search(r'class="result voice-run"[^>]*>0\.\d{3}<', page) and "[missing]" not in page + parameters
    assert "Learning curves of a slow and a fast leak; the test score" in page and 'id="parameters-leaks"' in parameters
    assert (copy / "_build" / "generated" / "fig-leaks.csv").read_text().startswith("cell,epoch,score")
    assert before == {path: path.read_bytes() for path in before}
