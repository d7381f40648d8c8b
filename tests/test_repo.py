"""Claims about the repository as a whole."""

import ast
import graphlib
import random
import re
import shutil
import subprocess
import sys
import tomllib
import types
from importlib import metadata

import pytest
from hypothesis import given, settings, strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mstask import paths
from mstask.paths import ROOT


def test_random_examples_are_the_same_whatever_ran_before(monkeypatch, tmp_path):
    def drawn():
        values = []

        @given(st.integers(), st.text())
        @settings(settings.get_profile("suite"))
        def collect(number, text):
            values.append((number, text))

        collect()
        return values

    first = drawn()
    random.seed(5)
    (tmp_path / "constants.py").write_text("numbers = [123456789, 987654321]")
    imported = types.ModuleType("constants")
    imported.__file__ = str(tmp_path / "constants.py")
    monkeypatch.setitem(sys.modules, "constants", imported)
    assert drawn() == first and len(first) >= 50


def test_how_many_random_examples_is_the_profiles_to_say():
    for path in (ROOT / "tests").glob("test_*.py"):
        own = re.findall(r"settings\([^)]*(?:max_examples|derandomize|deadline)=", path.read_text(encoding="utf-8"))
        assert own == [], path.name


def test_modules_can_be_read_in_one_sitting():
    """No file of the package is longer than about 400 lines."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "mstask").rglob("*.py")}
    assert lengths
    assert {path.name: length for path, length in lengths.items() if length > 420} == {}


def declared(*extras):
    """Requirements of pyproject.toml by distribution, those of extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in found if requirement.name != "mstask"}


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in lines if not line.startswith("#")}


def test_the_tested_versions_are_pins_of_exactly_what_is_declared():
    extra = {name: found for name, found in declared("gpu").items() if name not in declared()}
    for tested, wanted in (("requirements.txt", declared("book", "test")), ("requirements-gpu.txt", extra)):
        pinned = pins(tested)
        assert set(pinned) == set(wanted), tested
        outside = {name: pinned[name] for name in pinned if not wanted[name].specifier.contains(pinned[name])}
        assert outside == {}


def brought(distributions):
    """What distributions require here, and what that requires in turn."""
    found, asked = set(), [(name, ()) for name in distributions]
    while asked:
        name, extras = asked.pop()
        if (name, extras) in found or not paths.version(name):
            continue
        found.add((name, extras))
        for wanted in map(Requirement, metadata.requires(name) or ()):
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                asked.append((canonicalize_name(wanted.name), tuple(sorted(wanted.extras))))
    return {name for name, _ in found}


@pytest.mark.skipif(sys.platform != "linux" or sys.version_info[:2] != (3, 11), reason="elsewhere packages bring others")
def test_what_the_pinned_packages_bring_is_pinned_too():
    of_cards = {name for name in brought(["torch"]) if name.startswith(("cuda-", "nvidia-", "triton"))}
    pinned = pins("requirements.txt")
    assert brought(pinned) - of_cards <= {*pinned, *pins("constraints.txt")}


def imported(*folders):
    """Modules of other projects that the Python files of folders import, anywhere in a file, with a file that does."""
    found = {}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0]: path.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found[node.module.partition(".")[0]] = path.name
    own = {"mstask", "mstask_book", "benchmarks", "studies"} | {path.stem for path in (ROOT / "tests").glob("*.py")}
    return {name: path for name, path in found.items() if name not in own | set(sys.stdlib_module_names)}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [(["mstask"], ["gpu"]), (["book"], ["book"]), (["tests"], ["book", "test", "gpu"]), (["benchmarks"], ["peers"])],
    ids=lambda names: "+".join(names),
)
def test_every_import_is_declared(folders, extras):
    """What is imported is declared for those who install the package, or the extra that uses it.

    The builders of book and PDF are imported where these are made, and a peer to compare with where somebody has installed it.
    """
    distributions = metadata.packages_distributions() | {"triton": ["triton"]}
    known = set(declared(*extras)) | {"playwright", "jupyter-book", "lauscher"}
    undeclared = {
        f"{name} in {path}"
        for name, path in imported(*folders).items()
        if not known & {canonicalize_name(distribution) for distribution in distributions.get(name, [name])}
    }
    assert undeclared == set()


def test_formatting_and_lint_are_clean():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, "-q", "."], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_cores_types_are_right():
    """A misspelt field of a record is found here."""
    pytest.importorskip("mypy", reason="mypy isn't installed: make test installs it")
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_point_one_way():
    """The contracts of pyproject.toml: core <- fused, synth <- studies <- lab. Its own process: it sets up logging anew."""
    pytest.importorskip("importlinter", reason="import-linter isn't installed: make test installs it")
    check = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_two_files_import_each_other():
    """Nor any longer circle, not even inside a function; what only a type checker imports doesn't count."""
    grimp = pytest.importorskip("grimp", reason="grimp isn't installed: make test installs it")
    graph = grimp.build_graph("mstask", exclude_type_checking_imports=True, cache_dir=None)
    graphlib.TopologicalSorter({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}).prepare()


def make_with(folder, python, **environment):
    """Run `make test` where the only Python is a script of the given source (none where None)."""
    tools = folder / "bin"
    tools.mkdir()
    for name in ("sh", "date", "touch", "rm"):
        (tools / name).symlink_to(shutil.which(name))
    if python is not None:
        (tools / "python3").write_text(f"#!{shutil.which('sh')}\n{python}\n")
        (tools / "python3").chmod(0o755)
    for name in ("Makefile", "requirements.txt", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    command = [shutil.which("make"), "test"]
    return subprocess.run(command, cwd=folder, env={"PATH": str(tools)} | environment, capture_output=True, text=True)


def test_a_machine_without_python_is_told_what_to_install(tmp_path):
    done = make_with(tmp_path, None)
    assert done.returncode != 0
    assert "mstask needs Python 3.11 or newer: install python3" in done.stderr


def test_a_python_without_venv_is_told_what_to_install(tmp_path):
    done = make_with(tmp_path, 'case "$2" in *ensurepip*) exit 1;; esac')
    assert done.returncode != 0
    assert "Python's venv module is missing" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_checkout_has_unix_line_ends_whatever_git_is_set_to(tmp_path):
    """A script with CRLF doesn't run, and a digest of a file with CRLF agrees with nothing."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    wanted = [name for name in names if name and (ROOT / name).is_file()]
    git = ["git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", "-C", str(ROOT)]
    target = [f"--prefix={tmp_path}/"]
    subprocess.run([*git, "checkout-index", "-q", *target, "-z", "--stdin"], input="\0".join(wanted), text=True, check=True)
    made = {name: (tmp_path / name).read_bytes() for name in wanted if (tmp_path / name).exists()}
    binary = {name for name in made if name.endswith(".npz")}
    assert [name for name in made.keys() - binary if b"\r\n" in made[name]] == []
    assert [name for name in binary if made[name] != (ROOT / name).read_bytes()] == []
    assert (tmp_path / ".ci" / "run").read_bytes() == (ROOT / ".ci" / "run").read_bytes()


def test_an_environment_whose_python_is_gone_is_made_anew_and_pip_installs_into_it_whatever_its_settings(tmp_path):
    """As after an upgrade of Python, or the end of the conda environment that `.venv` was made from."""
    own = tmp_path / ".venv" / "bin"
    own.mkdir(parents=True)
    (own / "python").symlink_to(tmp_path / "gone")
    (tmp_path / ".venv" / "ready").touch()
    asked = 'echo "$@" user=$PIP_USER target=$PIP_TARGET >> asked; [ "$2" != venv ] || exit 3'
    done = make_with(tmp_path, asked, PIP_USER="1", PIP_TARGET="/elsewhere", PIP_REQUIRE_VIRTUALENV="1")
    assert done.returncode != 0
    assert (tmp_path / "asked").read_text().splitlines()[-1] == "-m venv --clear .venv user=0 target="
