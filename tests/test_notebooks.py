"""Claims about the notebook pairs: they agree, carry no outputs, declare the typed parameters, and find their package."""

import os
import subprocess
import sys

import jupytext
import nbformat
import papermill
import pytest

from mstask import pairs, session
from mstask.errors import MstaskError
from mstask.grid import kernel
from mstask.grid.batch import check_notebook
from mstask.paths import ROOT
from mstask.sections import sections

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_every_section_has_a_pair():
    assert {p.stem for p in NOTEBOOKS} == {p.stem for p in SCRIPTS} == set(sections()) | {"add_a_neuron"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_script_and_notebook_agree_cell_by_cell(path):
    notebook, script = nbformat.read(path, 4), jupytext.read(path.with_suffix(".py"))
    shown = [[(c.cell_type, c.source, c.metadata.get("tags")) for c in nb.cells] for nb in (notebook, script)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_valid_and_carries_no_outputs(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"
    assert len(tagged(notebook, "parameters")) == len(tagged(notebook, "setup")) == len(tagged(notebook, "badge")) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_parameter_says_its_type_and_meaning(path):
    declared = papermill.inspect_notebook(str(path)).values()
    assert all(entry["inferred_type_name"] != "None" and entry["help"] for entry in declared)


@pytest.mark.parametrize("name", sections())
def test_a_sections_notebook_declares_every_typed_parameter(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4)
    assert tagged(notebook, "parameters")[0].source == pairs.parameters_source(sections()[name])
    declared = papermill.inspect_notebook(str(ROOT / "notebooks" / f"{name}.ipynb"))
    assert list(declared) == pairs.declared(sections()[name])


def test_the_page_on_adding_a_neuron_runs(tmp_path):
    """The example is traced, compiled, gradient-checked and trained; its assertions are in the notebook."""
    source, target = ROOT / "notebooks" / "add_a_neuron.ipynb", tmp_path / "out.ipynb"
    read = kernel.read_notebook(source)
    executed = papermill.execute_notebook(read, str(target), cwd=str(ROOT), progress_bar=False, **kernel.ENGINE)
    printed = "".join(o.get("text", "") for c in executed.cells for o in c.get("outputs", []))
    assert "spikes equal" in printed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_address_and_release_come_from_the_project_file(path):
    notebook = nbformat.read(path, 4)
    assert tagged(notebook, "setup")[0].source == pairs.setup_source()
    assert tagged(notebook, "badge")[0].source == pairs.badge_source(path)


def test_the_address_is_written_by_hand_only_in_the_project_file():
    address, _ = pairs.project()
    derived = {f"notebooks/{p.name}" for p in (*NOTEBOOKS, *SCRIPTS)}
    tracked = subprocess.run(["git", "grep", "-l", address], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert set(tracked) <= {"pyproject.toml"} | derived


def test_a_misspelt_parameter_is_refused_before_a_kernel_starts():
    with pytest.raises(MstaskError, match="did you mean 'seeds'"):
        check_notebook(ROOT / "notebooks" / "ablation.ipynb", {"seds": [1]})


def run_setup(folder, *paths, **environment):
    """Execute the set-up cell in a folder; returns the finished process."""
    code = pairs.setup_source() + "\nimport mstask\nprint(mstask.__file__)"
    path = {"PYTHONPATH": os.pathsep.join(map(str, paths))} if paths else {}
    environment = os.environ | environment | path
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """What makes a process look like Colab: a google.colab package, and this working tree as a repository to clone."""
    folder = tmp_path_factory.mktemp("colab")
    (folder / "fake" / "google" / "colab").mkdir(parents=True)
    (folder / "fake" / "google" / "colab" / "__init__.py").write_text("")
    (folder / "fake" / "sitecustomize.py").write_text("import google.colab\n")
    origin = folder / "origin"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if name.startswith(("mstask/", "notebooks/", "results/")) or "/" not in name:
            target = origin / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    git = ["git", "-C", str(origin), "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "release"], ["tag", "v9"], ["rm", "-rq", "mstask"]):
        subprocess.run([*git, *command], check=True)
    subprocess.run([*git, "commit", "-qm", "later"], check=True)
    (folder / "work").mkdir()
    made = {"MSTASK_REPOSITORY": str(origin), "MSTASK_REVISION": "v9", "MSTASK_RESULTS": str(folder / "drive")}
    return folder, os.environ | made | {"PYTHONPATH": str(folder / "fake")}


SESSION = """
import json, os, sys
from IPython.core.interactiveshell import InteractiveShell


class Shell(InteractiveShell):
    def enable_gui(self, gui=None):
        pass


shell = Shell.instance()


def execute(path):
    shell.reset(new_session=True)
    for cell in json.load(open(path))["cells"]:
        if cell["cell_type"] == "code":
            shell.run_cell("".join(cell["source"])).raise_error()
            if "parameters" in cell["metadata"].get("tags", []):
                shell.run_cell("profile = 'smoke'")


for path in sys.argv[1:]:
    execute(path)

import mstask.grid.cells

assert mstask.__file__.startswith(os.getcwd()), mstask.__file__
mstask.grid.cells.experiment = lambda section: sys.modules["mstask.experiments.spiking"]
sys.modules["mstask.experiments.spiking"].measure = None
execute(sys.argv[1])
print("dropped session continued")
"""


def test_every_sections_notebook_runs_in_colab_and_a_dropped_session_continues(colab):
    """From an empty folder, cell by cell: the release is cloned, every section runs in its smallest size, and a second
    session that could not train finds the first one's results."""
    folder, environment = colab
    names = ["ablation", *(name for name in sections() if name != "ablation")]
    paths = [str(ROOT / "notebooks" / f"{name}.ipynb") for name in names]
    done = subprocess.run(
        [sys.executable, "-c", SESSION, *paths], cwd=folder / "work", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "dropped session continued" in done.stdout
    assert {path.name for path in (folder / "drive" / "runs").iterdir()} >= set(sections())


def test_the_setup_cell_uses_the_checkout_around_it():
    done = run_setup(ROOT / "notebooks", MSTASK_REPOSITORY="nowhere", MSTASK_RESULTS="elsewhere")
    assert done.stdout.splitlines()[-1] == str(ROOT / "mstask" / "__init__.py")
    assert done.stdout.startswith("results in elsewhere; Python")


def test_the_setup_cell_clones_the_release_in_colab(colab, tmp_path):
    folder, environment = colab
    done = run_setup(tmp_path, folder / "fake", **{key: environment[key] for key in environment if key.startswith("MSTASK")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(tmp_path))


def test_the_setup_cell_says_what_is_missing_elsewhere(tmp_path):
    done = run_setup(tmp_path)
    assert done.returncode == 1
    assert "needs the mstask checkout around it" in done.stderr


def test_in_colab_results_go_to_a_mounted_drive_and_only_missing_packages_are_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", session)
    monkeypatch.delenv("MSTASK_RESULTS", raising=False)
    monkeypatch.setattr(session, "DRIVE", tmp_path)
    monkeypatch.setattr(session, "NEEDED", {"json": "numba", "no_such_module": "h5py"})
    installed = []
    monkeypatch.setattr(session, "install", installed.extend)
    assert session.begin().startswith(f"results in {tmp_path / 'mstask-results'};")
    assert os.environ["MSTASK_RESULTS"] == str(tmp_path / "mstask-results")
    pinned = next(line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("h5py=="))
    assert installed == [pinned]
