"""Claims about the repository as a whole."""

import random
import re
import shutil
import subprocess
import sys
import types

from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_every_requirement_is_pinned():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert [line for line in lines if "==" not in line] == []


def test_formatting_and_lint_are_clean():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, "-q", "."], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def make_with(folder, python):
    """Run `make test` where the only Python is a script of the given source (none where None)."""
    tools = folder / "bin"
    tools.mkdir()
    for name in ("sh", "date", "touch"):
        (tools / name).symlink_to(shutil.which(name))
    if python is not None:
        (tools / "python3").write_text(f"#!{shutil.which('sh')}\n{python}\n")
        (tools / "python3").chmod(0o755)
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    command = [shutil.which("make"), "test"]
    return subprocess.run(command, cwd=folder, env={"PATH": str(tools)}, capture_output=True, text=True)


def test_a_machine_without_python_is_told_what_to_install(tmp_path):
    done = make_with(tmp_path, None)
    assert done.returncode != 0
    assert "mstask needs Python 3.11 or newer: install python3" in done.stderr


def test_a_python_without_venv_is_told_what_to_install(tmp_path):
    done = make_with(tmp_path, 'case "$2" in *ensurepip*) exit 1;; esac')
    assert done.returncode != 0
    assert "Python's venv module is missing" in done.stderr
    assert not (tmp_path / ".venv").exists()
