"""Claims about the notebook pairs: they agree, carry no outputs, declare the typed parameters, and find their package."""

import os
import subprocess
import sys

import jupytext
import nbformat
import papermill
import pytest

from mstask import pairs
from mstask.batch import check_notebook
from mstask.errors import MstaskError
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
    executed = papermill.execute_notebook(str(source), str(target), cwd=str(ROOT), progress_bar=False)
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


def run_setup(folder, extra_path=None, **environment):
    """Execute the set-up cell in a folder; returns the finished process."""
    code = pairs.setup_source() + "\nimport mstask\nprint(mstask.__file__)"
    environment = os.environ | environment | ({"PYTHONPATH": str(extra_path)} if extra_path else {})
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_setup_cell_uses_the_checkout_around_it():
    done = run_setup(ROOT / "notebooks", MSTASK_REPOSITORY="nowhere")
    assert done.stdout.strip() == str(ROOT / "mstask" / "__init__.py")


def test_the_setup_cell_clones_the_release_in_colab(tmp_path):
    fake, work, origin = tmp_path / "fake", tmp_path / "work", tmp_path / "origin"
    (fake / "google" / "colab").mkdir(parents=True)
    (fake / "google" / "colab" / "__init__.py").write_text("")
    (fake / "sitecustomize.py").write_text("import google.colab\n")
    work.mkdir()
    (origin / "mstask").mkdir(parents=True)
    (origin / "mstask" / "__init__.py").write_text("")
    (origin / "_toc.yml").write_text("")
    git = ["git", "-C", str(origin), "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "release"], ["tag", "v9"], ["rm", "-rq", "mstask"]):
        subprocess.run([*git, *command], check=True)
    subprocess.run([*git, "commit", "-qm", "later"], check=True)
    done = run_setup(work, fake, MSTASK_REPOSITORY=str(origin), MSTASK_REVISION="v9")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith(str(work))


def test_the_setup_cell_says_what_is_missing_elsewhere(tmp_path):
    done = run_setup(tmp_path)
    assert done.returncode == 1
    assert "needs the mstask checkout around it" in done.stderr
