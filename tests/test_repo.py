"""Claims about the repository as a whole."""

import subprocess

from mstask.paths import ROOT


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
        done = subprocess.run(["ruff", *command, "-q", "."], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
