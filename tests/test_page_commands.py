"""Every command that a page shows can be used as it stands; the neighbours' own are followed at a tiny size.

Those that need files of the reader's own, named by an `export` above them, may say that these are missing.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mstask.lab import cli
from mstask.paths import ROOT
from mstask.studies.g2gnet import __main__ as g2gnet
from mstask.studies.ncg import __main__ as ncg

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "book").glob("*.md"))]
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
TINY = {
    "data": ["--size", "small"],
    "run": ["--set", "trainer.epochs=1"],
    "grid": ["--set", "trainer.epochs=1"],
    "kfold": ["--set", "trainer.epochs=1", "--workers", "1"],
    "train": ["--epochs", "1", "--T", "2", "--hidden_dim", "16"],
    "crossval": ["--epochs", "1", "--T", "2", "--hidden_dim", "16", "--k_folds", "2"],
}


def commands(page: Path) -> list[list[str]]:
    """The words of each command in a page's shell blocks."""
    blocks = re.findall(r"^```(?:bash|sh)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def module(words: list[str]) -> str:
    """The package's module that a command runs, or ""."""
    return words[2] if words[0].endswith("python") and words[1:2] == ["-m"] else ""


def test_commands_are_found():
    assert len(commands(ROOT / "book" / "run.md")) > 25 and len(commands(ROOT / "README.md")) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page):
    """Those about a section that the page itself tells how to write are run where `test_recipes` follows it."""
    written = set(re.findall(r'^    id="(\w+)"', page.read_text(encoding="utf-8"), re.MULTILINE))
    for words in commands(page):
        if written.intersection(words):
            continue
        if module(words) == "mstask":
            chosen = cli.parser().parse_args(words[3:])
            if words[3] == "run":
                assert cli.commands.requested(chosen)
        elif words[0] == "python" and not module(words):
            assert (ROOT / words[1]).is_file(), words
        elif words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= TARGETS, words


@pytest.mark.parametrize("page", ["README.md", "book/ncg.md", "book/g2gnet.md"])
def test_the_neighbours_own_commands_do_what_the_page_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    followed, own_files = 0, []
    for words in commands(ROOT / page):
        if words[0] == "export":
            own_files.append(words[1].partition("=")[0])
        system = {"mstask.studies.ncg": ncg, "mstask.studies.g2gnet": g2gnet}.get(module(words))
        if system is None:
            continue
        target = words.pop() if words[-2] == ">" else None
        arguments = words[3:-1] if target else words[3:]
        status = system.main([*arguments, *TINY.get(arguments[0], [])])
        shown, error = capsys.readouterr()
        if status == 1 and any(name in error for name in own_files):
            continue
        assert status == 0 and shown, (words, error)
        if target:
            Path(target).write_text(shown)
        followed += 1
    assert followed >= 3
