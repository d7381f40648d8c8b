"""Claims about the notebook pairs: they agree, carry no outputs, declare the typed parameters, and find their package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import making
import making_recordings
import nbformat
import papermill
import pytest

from mstask.errors import MstaskError
from mstask.lab import kernel, pairs, session
from mstask.lab.batch import check_notebook
from mstask.paths import ROOT
from mstask.section import sections

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))
MEND = "run `make notebooks`: it brings .py and .ipynb together, renews generated cells, drops outputs and an editor's metadata"


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_every_section_has_a_pair():
    assert {p.stem for p in NOTEBOOKS} == {p.stem for p in SCRIPTS} == set(sections()) | {"add_a_neuron"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_script_and_notebook_agree_cell_by_cell(path):
    notebook, script = nbformat.read(path, 4), jupytext.read(path.with_suffix(".py"))
    shown = [[(c.cell_type, c.source, c.metadata.get("tags")) for c in nb.cells] for nb in (notebook, script)]
    assert shown[0] == shown[1], MEND


def test_jupytexts_own_sync_leaves_every_pair_as_it_is(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    scripts = [str(tmp_path / "notebooks" / path.name) for path in SCRIPTS]
    subprocess.run([sys.executable, "-m", "jupytext", "--quiet", "--sync", *scripts], check=True)
    for path in (*SCRIPTS, *NOTEBOOKS):
        assert (tmp_path / "notebooks" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_valid_and_carries_no_outputs(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code), MEND
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert all(notebook.metadata[key] == value for key, value in pairs.METADATA.items() if key != "jupytext"), MEND
    assert len(tagged(notebook, "parameters")) == len(tagged(notebook, "setup")) == len(tagged(notebook, "badge")) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_parameter_says_its_type_and_meaning(path):
    declared = papermill.inspect_notebook(str(path)).values()
    assert all(entry["inferred_type_name"] != "None" and entry["help"] for entry in declared)


@pytest.mark.parametrize("name", sections())
def test_a_sections_notebook_declares_every_typed_parameter(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4)
    assert tagged(notebook, "parameters")[0].source == pairs.parameters_source(sections()[name]), MEND
    declared = papermill.inspect_notebook(str(ROOT / "notebooks" / f"{name}.ipynb"))
    assert list(declared) == sections()[name].declared


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
    assert tagged(notebook, "setup")[0].source == pairs.setup_source(), MEND
    assert tagged(notebook, "badge")[0].source == pairs.badge_source(path), MEND


def test_the_address_is_written_by_hand_only_in_the_project_file():
    address, _ = pairs.project()
    derived = {f"notebooks/{p.name}" for p in (*NOTEBOOKS, *SCRIPTS)}
    tracked = subprocess.run(["git", "grep", "-l", address], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert {"pyproject.toml"} <= set(tracked) <= {"pyproject.toml"} | derived


def test_a_misspelt_parameter_is_refused_before_a_kernel_starts():
    with pytest.raises(MstaskError, match="did you mean 'seeds'"):
        check_notebook(ROOT / "notebooks" / "ablation.ipynb", {"seds": [1]})


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """A folder with what the set-up cell asks of three large libraries, which is imported at once."""
    folder = tmp_path_factory.mktemp("light")
    (folder / "torch.py").write_text("class cuda:\n    is_available = staticmethod(lambda: False)\n")
    (folder / "pandas.py").write_text("def set_option(*given): pass\n")
    (folder / "numba" / "core").mkdir(parents=True)
    (folder / "numba" / "__init__.py").touch()
    (folder / "numba" / "core" / "__init__.py").touch()
    (folder / "numba" / "core" / "event.py").write_text(
        "class Listener: pass\n_registered = {'numba:compile': []}\ndef register(*given): pass\n"
    )
    return folder


def run_setup(folder, *paths, flags=(), **environment):
    """Execute the set-up cell in a folder; returns the finished process."""
    code = pairs.setup_source() + "\nimport mstask\nprint(mstask.__file__)"
    (folder / "cell.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))} | environment
    return subprocess.run(
        [sys.executable, *flags, "-c", "exec(compile(open('cell.py').read(), 'cell.py', 'exec'))"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def commit_all(folder, message):
    making.git(folder, "add", "-A")
    making.git(folder, "commit", "-qm", message)


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """This working tree as a repository whose default branch, after the release, has lost the neurons."""
    origin = tmp_path_factory.mktemp("origin")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        wanted = name.startswith(("mstask/", "notebooks/", "results/published/")) or "/" not in name
        if wanted and (ROOT / name).is_file():
            target = origin / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "init", "-q", "-b", "main", str(origin)], check=True)
    commit_all(origin, "release")
    subprocess.run(["git", "-C", str(origin), "tag", pairs.project()[1]], check=True)
    shutil.rmtree(origin / "mstask" / "neurons")
    commit_all(origin, "later")
    return origin


@pytest.fixture(scope="module")
def colab(origin, light, tmp_path_factory):
    """What makes a process look like Colab: a google.colab package, and the repository's address leads to `origin`."""
    folder = tmp_path_factory.mktemp("colab")
    (folder / "google" / "colab").mkdir(parents=True)
    (folder / "google" / "colab" / "__init__.py").write_text("")
    (folder / "sitecustomize.py").write_text("import google.colab\n")

    def environment(repository=origin, torch=light):
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{repository}.insteadOf",
            "GIT_CONFIG_VALUE_0": pairs.project()[0],
            "MSTASK_RESULTS": str(folder / "drive"),
            "PYTHONPATH": os.pathsep.join([str(folder), *([str(torch)] if torch else [])]),
        }

    return environment


HOOK = f"""#!{sys.executable}
import shutil
from pathlib import Path

root = Path({str(ROOT)!r})
for folder in {{path.parent for path in Path("mstask").rglob("*.py")}}:
    files = list(folder.glob("*.py"))
    same = [file for file in files if (root / file).is_file() and (root / file).read_bytes() == file.read_bytes()]
    for file in same:
        shutil.copystat(root / file, file)
    compiled = folder / "__pycache__"
    if len(same) == len(files) and not compiled.exists():
        (root / compiled).mkdir(exist_ok=True)
        compiled.symlink_to(root / compiled)
"""
"""What git runs after a checkout: a folder that is the same here shares what is compiled here, before and after."""

SESSION = """
import gc, json, os, sys
from IPython.core.interactiveshell import InteractiveShell


class Shell(InteractiveShell):
    def enable_gui(self, gui=None):
        pass


TWO = "methods = ['Vanilla-LIF', 'Doppler-LIF']"
GIVEN = {
    "ablation": "methods = ['D0_doppler', 'D1_H1']",
    "study": "methods = ['Doppler-LIF']",
    "search": "methods = ['Doppler-LIF', 'SmallCNN']",
    "disjoint": TWO,
    "mixed": TWO,
    "probe": "methods = ['D0_doppler', 'D1_H1']",
    "hetsyn": "methods = ['HomNeuLIF', 'HetSynLIF']",
}
shell = Shell.instance()
shell.display_formatter.active_types = ["text/plain"]  # no picture of a figure is looked at
gc.freeze()  # each reset collects, and would go through the libraries


def execute(path):
    shell.reset(new_session=True)
    given = GIVEN.get(os.path.basename(path)[:-len(".ipynb")], "")
    for cell in json.load(open(path))["cells"]:
        if cell["cell_type"] == "code":
            shell.run_cell("".join(cell["source"])).raise_error()
            if "parameters" in cell["metadata"].get("tags", []):
                shell.run_cell("profile = 'smoke'\\n" + given)


execute(sys.argv[1])

import mstask
from mstask.section import section
from mstask.studies.hetsyn import synthetic

synthetic.ROBUSTNESS_TRIALS = 16  # of 512, which no profile makes fewer
for path in sys.argv[2:]:
    execute(path)

assert mstask.__file__.startswith(os.getcwd()), mstask.__file__
section(os.path.basename(sys.argv[1])[:-len(".ipynb")]).experiment().measure = None
execute(sys.argv[1])
print("dropped session continued")
"""


def test_every_sections_notebook_runs_in_colab_and_a_dropped_session_continues(colab, tmp_path):
    """From an empty folder, cell by cell: the release is cloned, every section runs in its smallest size, long ones with few
    methods, and a second session that could not train finds the first one's results."""
    names = ["equal-readout", *(name for name in sections() if name != "equal-readout")]
    paths = [str(ROOT / "notebooks" / f"{name}.ipynb") for name in names]
    environment = os.environ | colab(torch=None) | making_recordings.everything(tmp_path)
    hook = tmp_path / "git" / "hooks" / "post-checkout"
    hook.parent.mkdir(parents=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
    environment |= {"MSTASK_RESULTS": str(tmp_path / "drive"), "GIT_TEMPLATE_DIR": str(tmp_path / "git")}
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SESSION, *paths], cwd=tmp_path / "work", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "every cell begins anew" in done.stdout and "cells done there, none of which is run again" in done.stdout
    assert "dropped session continued" in done.stdout
    assert {path.name for path in (tmp_path / "drive" / "runs").iterdir()} >= set(sections())


def code_of(done):
    return Path(done.stdout.splitlines()[-1]).parents[1]


def test_the_setup_cell_is_short_and_fits_its_column():
    lines = [line for line in pairs.setup_source().splitlines() if line]
    assert len(lines) <= 8 and max(map(len, lines)) <= 80


@pytest.mark.parametrize("way", ["checkout around it", "MSTASK_ROOT", "PYTHONPATH"])
def test_the_setup_cell_finds_the_code_from_any_folder(way, light, tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    if way == "checkout around it":
        (tmp_path / "mstask").symlink_to(ROOT / "mstask")
    paths = [light, ROOT] if way == "PYTHONPATH" else [light]
    named = {"MSTASK_ROOT": str(ROOT)} if way == "MSTASK_ROOT" else {}
    done = run_setup(folder, *paths, MSTASK_RESULTS="elsewhere", **named)
    assert done.returncode == 0, done.stderr
    assert code_of(done).samefile(tmp_path if way == "checkout around it" else ROOT)
    assert "results in elsewhere: none yet, so every cell begins anew" in done.stdout


def test_the_setup_cell_says_what_to_do_where_there_is_no_code(tmp_path):
    done = run_setup(tmp_path, flags=["-S"])
    assert done.returncode == 1
    assert "No module named 'mstask'" in done.stderr and "Name the checkout in MSTASK_ROOT" in pairs.setup_source()


def test_a_wrong_root_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MSTASK_ROOT", str(tmp_path))
    with pytest.raises(MstaskError, match=r"MSTASK_ROOT is .*, but mstask was found in"):
        session.begin("v1")


def test_in_colab_the_release_is_cloned_whole_and_offered_to_keep(colab, tmp_path):
    environment = colab()
    del environment["MSTASK_RESULTS"]
    done = run_setup(tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert code_of(done) == tmp_path / f"mstask-{pairs.project()[1]}"
    assert "ATTENTION" not in done.stdout and f"mstask {pairs.project()[1]}" in done.stdout
    assert "Colab forgets results" in done.stdout and "drive.mount" in done.stdout


def test_in_colab_a_missing_release_is_announced_each_time(origin, colab, tmp_path):
    """A mirror without the tag gives the default branch, a later session in the same folder too: never silently."""
    mirror = tmp_path / "mirror"
    subprocess.run(["git", "clone", "-q", "--no-tags", str(origin), str(mirror)], check=True)
    subprocess.run(["git", "-C", str(mirror), "checkout", "-q", "HEAD~1", "--", "mstask"], check=True)
    commit_all(mirror, "all here")
    revision = subprocess.run(["git", "-C", str(mirror), "describe", "--always"], capture_output=True, text=True).stdout.strip()
    for _ in range(2):
        done = run_setup(tmp_path, **colab(mirror))
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"ATTENTION: this isn't release {pairs.project()[1]}")
        assert f"{revision} of branch main" in done.stdout.splitlines()[0]


def test_in_colab_a_clone_that_fails_leaves_nothing_that_the_next_takes_for_whole(colab, tmp_path):
    done = run_setup(tmp_path, **colab(tmp_path / "nowhere"), flags=["-P"])
    assert not list(tmp_path.glob("mstask-v*"))
    assert "fatal" in done.stderr
    assert done.returncode != 0 or "ATTENTION" in done.stdout


def test_in_colab_all_goes_to_a_mounted_drive_and_only_missing_packages_are_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", session)
    for name in ("MSTASK_RESULTS", "MSTASK_DATA"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(session, "DRIVE", tmp_path)
    monkeypatch.setattr(session.paths, "version", lambda package: None if package == "optuna" else "1")
    asked = []
    monkeypatch.setattr(session, "install", asked.extend)
    begun = session.begin("v1")
    assert f"results in {tmp_path / 'mstask-results'}: none yet" in begun and session.OFFER not in begun
    assert (os.environ["MSTASK_RESULTS"], os.environ["MSTASK_DATA"]) == (
        str(tmp_path / "mstask-results"),
        str(tmp_path / "mstask-data"),
    )
    assert [requirement[:6] for requirement in asked] == ["optuna"]


SHELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
shell.run_cell("from mstask import errors; from mstask.lab import session; session.explain_in_one_sentence()")
shell.run_cell("raise KeyboardInterrupt")
shell.run_cell("raise errors.MstaskError('no such thing')")
shell.run_cell("import numba; session.announce_compiling(); session.announce_compiling()")
shell.run_cell("y = numba.njit(lambda x: x + 1)(2)")
"""


def test_an_interrupt_and_an_explained_mistake_are_one_line_and_compiling_is_announced():
    done = subprocess.run([sys.executable, "-c", SHELL], cwd=ROOT, capture_output=True, text=True)
    interrupted, mistake, compiling, *rest = filter(None, done.stdout.splitlines())
    assert interrupted == session.INTERRUPTED
    assert mistake == "MstaskError: no such thing"
    assert compiling.startswith("compiling kernels") and not rest
