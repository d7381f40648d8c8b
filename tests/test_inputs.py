"""Claims about a cell's identity: its digest holds all code that its numbers depend on, by content, and nothing else.

MSTASK_PROVE=all watches a cell of every method and case of every section (an hour: compilers are watched too), not one.
"""

import inspect
import json
import os
import re
import shutil
import sys
import threading

import pytest

from mstask import cell as cells, identity as inputs
from mstask.paths import ROOT
from mstask.section import grid, resolve, section, sections

SPIKING = {"probe", "ablation", "mixed", "study", "search"}
SAMPLE = SPIKING | {"hetsyn", "eventprop", "eventprop-gradients", "ncg", "g2gnet"}
"""One section of each experiment."""
ALL = os.environ.get("MSTASK_PROVE") == "all"
SONAR = '''
from mstask.data import data_set
from mstask.data.images import load_mnist

@data_set("sonar")
def load(source, size, root):
    """No section uses it."""
    return load_mnist(source, size, root)
'''
NEURON = '''
from mstask.neurons import Neuron, register

@register
class Idle(Neuron):
    """No section uses it."""

    name = "Idle-LIF"
    leak = 0.5
'''


def lines_of(reached):
    """(file, line) of every line of the statements reached."""
    for name, number in reached.uses:
        module = reached.modules[name]
        statement = module.statements[number]
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        yield from ((str(module.path), line) for line in range(first, statement.end_lineno + 1))


def compiled():
    """(file, line) of every function of this package that has been compiled in this process."""
    modules = [module for name, module in sys.modules.items() if name.startswith("mstask.")]
    found = [f.py_func.__code__ for module in modules for f in vars(module).values() if getattr(f, "signatures", None)]
    return {(code.co_filename, code.co_firstlineno) for code in found}


def functions_run(measure):
    """(file, line) of the functions of this package that a call runs, in any thread, and of those it compiles."""
    ran, before = set(), compiled()

    def note(frame, event, _):
        code = frame.f_code
        function = code.co_flags & inspect.CO_OPTIMIZED  # neither a module nor the body of a class, which run on import
        if event == "call" and function and code.co_filename.startswith(str(ROOT / "mstask")):
            ran.add((code.co_filename, code.co_firstlineno))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        measure()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return ran | (compiled() - before)


@pytest.mark.parametrize("name", sections() if ALL else ["ablation"])
def test_every_function_that_a_cell_runs_is_part_of_its_code(name, results_folder):
    """Watched while the smallest cells are measured; of what is apart, only what the list of it gives a reason for."""
    chosen = section(name)
    small = {"max_epochs": 1, "n_trials": 1, "startup_trials": 1, "calibration_examples": 8}
    given = {key: value for key, value in small.items() if key in chosen.parameters.model_fields}
    parameters = resolve(name, profile="smoke", **given)
    places = grid(parameters)
    apart = tuple(str(ROOT.joinpath(*module.split("."))) for module in inputs.APART)
    for place in places if ALL else places[:1]:
        splits = cells.load(name, parameters, place.case)
        job = cells.Job(chosen, *place, parameters, splits, "cpu", results_folder / f"{place}.pt")
        ran = functions_run(lambda job=job: chosen.experiment().measure(job))
        own = {where for where in ran if not where[0].startswith(apart)}
        covered = set(lines_of(inputs.reachable(chosen, place.method)))
        assert len(own) > 5 and own <= covered, f"{place}: {sorted(own - covered)}"


def test_a_method_that_joined_later_changes_the_code_of_its_own_cells_alone():
    square = section("square")
    first = [inputs.code_digest(square, method) for method in square.methods if method not in square.added]
    assert {*first} == {inputs.code_digest(square)} and inputs.code_digest(square, "Beam-IF") not in first


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """The folder of a copy of the package whose files a test may change, and its digests before."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "mstask", root / "mstask", ignore=shutil.ignore_patterns("__pycache__"))
    return root, digests(root)


def digests(root, names=SAMPLE):
    inputs._reachable.cache_clear()
    return {name: inputs.code_digest(section(name), root=root) for name in names}


def read_anew(root, folders):
    """Forget what modules that lie in folders say, which depends on the data files beside them."""
    reached = [inputs.reachable(section(name), root=root) for name in SAMPLE] if folders else []
    for module in filter(None, (module for one in reached for module in one.modules.values())):
        if module.path.parent in folders:
            vars(module).pop("texts", None)


def stale_after(copied, changes):
    """The sections whose cells changes by file, each (old, new), make stale; the changes are taken back."""
    root, before = copied
    was = {}
    for file, (old, new) in changes.items():
        path = root / "mstask" / file
        was[path] = path.read_text() if path.exists() else None
        assert old in (was[path] or "")
        path.write_text((was[path] or "").replace(old, new, 1) or new)
    beside = {path.parent for path in was if path.suffix != ".py"}
    read_anew(root, beside)
    try:
        after = digests(root)
    finally:
        for path, content in was.items():
            path.unlink() if content is None else path.write_text(content)
        read_anew(root, beside)
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("training.py", "EVALUATION_BATCH = 512", "EVALUATION_BATCH = 513", SPIKING | {"hetsyn", "g2gnet"}),
        ("spiking.py", "smoothing=PROTOCOL", "smoothing=1 + PROTOCOL", {"probe", "ablation", "mixed"}),
        ("studies/tuning/tuned.py", "WARMUP_EPOCHS = 5", "WARMUP_EPOCHS = 6", {"study", "search"}),
        ("studies/tuning/cnn.py", 'split("-")[1:]', 'split("-")[2:]', {"search"}),
        ("studies/matching/probe.py", "parameters.target_rate)", "parameters.target_rate / 2)", {"probe"}),
        ("neurons/ops.py", "distance >= 0", "distance > 0", SPIKING),
        ("neurons/resonators.py", "angle(im *", "angle(-im *", {"mixed"}),
        ("data/checks.py", "np.floor(array) == array", "np.ceil(array) == array", SAMPLE - {"eventprop-gradients"}),
        ("studies/ncg/settings.json", "0", "1", {"ncg"}),
        ("studies/eventprop/compiled.py", "_APART = 1e-6", "_APART = 1e-7", {"eventprop", "eventprop-gradients"}),
    ],
)
def test_a_change_makes_those_cells_stale_whose_numbers_it_can_change(copied, file, old, new, stale):
    assert stale_after(copied, {file: (old, new)}) == stale


def test_no_cell_depends_on_words_layout_types_exhibits_or_what_its_section_does_not_use(copied):
    changes = {
        "training.py": ("\nEVALUATION_BATCH", "\n# how many\n\nEVALUATION_BATCH"),
        "calibration.py": ('"""Threshold calibration', '"""Calibration of thresholds'),
        "networks.py": ("def forward(self, x: Tensor) -> Tensor", "def forward(self, x: torch.Tensor) -> torch.Tensor"),
        "cost.py": ("import annotations\n", "import annotations\n\nUNUSED = 1\n"),
        "claims/__init__.py": ("import annotations\n", "import annotations\nUNUSED = 1\n"),
        "neurons/idle.py": ("", NEURON),
        "data/sonar.py": ("", SONAR),
    }
    assert stale_after(copied, changes) == set()


MOVES = {"training": "core.loops", "neurons.resonators": "neurons.oscillators", "stats.scoring": "marks"}


def test_code_that_moves_to_another_module_leaves_every_digest_as_it_was(copied, tmp_path):
    """Whole modules get other names and places; then a function and its constants leave their module for another."""
    root, before = copied
    moved = tmp_path / "mstask"
    shutil.copytree(root / "mstask", moved)
    (moved / "core").mkdir()
    for old, new in MOVES.items():
        source, target = (moved.joinpath(*name.split(".")).with_suffix(".py") for name in (old, new))
        source.rename(target)
        for path in moved.rglob("*.py"):
            path.write_text(re.sub(rf"\bmstask\.{re.escape(old)}\b", f"mstask.{new}", path.read_text()))
    calibration, networks = moved / "calibration.py", moved / "networks.py"
    text = calibration.read_text()
    function, constants = text[text.index("def bisect_threshold") :], "LOW, HIGH, ITERATIONS = 1e-3, 1e5, 30"
    text = text.replace(function, "").replace(constants, "from mstask.networks import bisect_threshold")
    calibration.write_text(text.replace("import math\n", ""))
    networks.write_text(f"{networks.read_text()}\n\nimport math\n{constants}\n\n\n{function}")
    names = ["mixed", "study"]
    assert digests(tmp_path, names) == {name: before[name] for name in names}


def test_a_name_that_comes_from_elsewhere_is_another_code(copied):
    ours = "from mstask.stats import accuracy, macro_f1"
    other = "from mstask.studies.hetsyn.analyses import accuracy\nfrom mstask.stats import macro_f1"
    assert stale_after(copied, {"studies/ncg/measure.py": (ours, other)}) == {"ncg"}


class TestNotebooks:
    @pytest.fixture
    def digest(self, tmp_path):
        def of(*sources):
            made = [{"cell_type": "code", "source": source, "metadata": {}} for source in sources]
            (tmp_path / "n.ipynb").write_text(json.dumps({"cells": made}))
            return inputs.notebook_digest(tmp_path / "n.ipynb")

        return of

    def test_the_digest_ends_with_the_cell_that_runs_the_grid(self, digest, tmp_path):
        plain = digest("x = 1", "run_cell(x)", "plot(x)")
        assert plain == digest("# one\nx = 1", "%matplotlib inline\nrun_cell(x)", "plot(x, grid=True)")
        assert plain != digest("x = 2", "run_cell(x)", "plot(x)")
        assert inputs.notebook_digest(tmp_path / "none.ipynb") is None

    def test_the_place_from_which_a_name_is_imported_does_not_count(self, digest):
        before = digest("from mstask.cell import load, run_cell\nx = load(1)", "run_cell(x)")
        assert before == digest("from mstask import cell\nx = cell.load(1)", "cell.run_cell(x)")
        assert before != digest("from numpy import load\nfrom mstask import cell\nx = load(1)", "cell.run_cell(x)")

    @pytest.mark.parametrize("name", sections())
    def test_code_and_notebook_of_every_section_have_a_digest(self, name):
        found = inputs.inputs(section(name))
        assert {"code", "notebook"} <= set(found)
        reached = {name for name, module in inputs.reachable(section(name)).modules.items() if module}
        assert section(name).experiment().__name__ in reached
        assert not any(module.startswith(("mstask.show", "mstask.claims", "mstask.summary")) for module in reached)
