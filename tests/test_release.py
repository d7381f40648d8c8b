"""Claims about a release: what its links name is what is tagged, and what disagrees is said."""

import subprocess

import pytest
from making import git
from test_pairs import SCRIPT

from mstask import paths, results
from mstask.lab import pairs, readme, release
from mstask.paths import ROOT


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A committed tree whose version, CITATION and notebook agree, and the address that it is published at."""
    address, folder = tmp_path / "published", tmp_path / "tree"
    git(tmp_path, "init", "-q", "--bare", str(address))
    git(tmp_path, "init", "-q", str(folder))
    for module in (pairs, release, paths):
        monkeypatch.setattr(module, "ROOT", folder)
    monkeypatch.setattr(pairs, "BUILT", folder / "_build")
    monkeypatch.setattr(pairs, "project", lambda: (str(address), "v1"))
    (folder / ".gitignore").write_text("_build\n")
    monkeypatch.setattr(readme, "PATH", folder / "README.md")
    monkeypatch.setattr(readme, "renewed", lambda text: text.replace("earlier", "present"))
    monkeypatch.setattr(results, "verify", lambda: ["square.json is damaged"] if (folder / "damaged").exists() else [])
    (folder / "README.md").write_text("present results\n")
    (folder / "CHANGELOG.md").write_text("# Changes\n\n## 1, the first edition\n")
    (folder / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1\n")
    (folder / "notebooks").mkdir()
    page = SCRIPT.replace("# A page", "# A page\n\n# %% [markdown] tags=['badge']\n# a badge").replace("'", '"')
    (folder / "notebooks" / "page.py").write_text(page)
    pairs.update()
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "all")
    return folder


def test_a_tree_that_agrees_gets_the_commands_that_publish_it(tree):
    assert release.problems() == []
    for command in release.commands().splitlines():
        subprocess.run(command.replace("git ", "git -c user.name=t -c user.email=t@t "), shell=True, cwd=tree, check=True)
    assert release.problems() == []
    assert release.commands().startswith("git push")


def test_what_git_cannot_tell_is_no_agreement(tree, monkeypatch):
    monkeypatch.setattr(release, "git", lambda *arguments: None)
    assert any("git doesn't answer here" in problem for problem in release.problems())


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("citation", "CITATION.cff says version 2, pyproject.toml 1"),
        ("changelog", "CHANGELOG.md begins with version 0, pyproject.toml has 1"),
        ("readme", "README.md's tables aren't those of the locked results"),
        ("results", "square.json is damaged"),
        ("notebook", "notebooks/page.ipynb names another release than v1"),
        ("uncommitted", "1 file is changed and not committed"),
        ("tag", "tag v1 is an earlier commit"),
        ("published", "has a v1 of another commit"),
    ],
)
def test_what_disagrees_is_said(tree, fault, told):
    if fault == "citation":
        (tree / "CITATION.cff").write_text("version: 2\n")
    elif fault == "changelog":
        (tree / "CHANGELOG.md").write_text("# Changes\n\n## 0\n")
    elif fault == "readme":
        (tree / "README.md").write_text("earlier results\n")
    elif fault == "results":
        (tree / "damaged").touch()
    elif fault == "notebook":
        page = tree / "notebooks" / "page.ipynb"
        page.write_text(page.read_text().replace("v1", "v0"))
    elif fault == "uncommitted":
        (tree / "more").touch()
    else:
        git(tree, "tag", "v1")
        git(tree, "push", "-q", pairs.project()[0], "v1")
        (tree / "more").touch()
        git(tree, "add", ".")
        git(tree, "commit", "-qm", "later")
    if fault == "published":
        git(tree, "tag", "-d", "v1")
    assert any(told in problem for problem in release.problems())


def test_this_trees_version_is_the_one_to_cite():
    assert f"version: {pairs.project()[1][1:]}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
