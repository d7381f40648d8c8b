"""Notebook pairs: the .py is edited, the .ipynb follows; badge, set-up and parameters cells are written from one source.

The repository's address and release are read from pyproject.toml and nowhere else.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Literal, get_origin

from mstask.errors import MstaskError
from mstask.paths import ROOT
from mstask.sections import Section, sections

FORMATS = "py:percent"

SETUP = """import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = os.environ.get("MSTASK_REPOSITORY", "{repository}")
REVISION = os.environ.get("MSTASK_REVISION", "{revision}")
folders = [Path.cwd(), *Path.cwd().parents]
root = next(
    (f for f in folders if (f / "_toc.yml").exists() and (f / "mstask").is_dir()),
    None,
)
if root is None and "google.colab" in sys.modules:
    root = Path.cwd() / "{name}"
    if not root.exists():
        subprocess.run(
            ["git", "clone", "--quiet", REPOSITORY, str(root)], check=True
        )
        subprocess.run(
            ["git", "-C", str(root), "checkout", "--quiet", "--detach", REVISION],
            check=True,
        )
if root is None:
    raise RuntimeError(
        "this notebook needs the mstask checkout around it: clone the repository and open it there"
    )
sys.path.insert(0, str(root))
from mstask import session

print(session.begin())"""

BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({url})"


def project() -> tuple[str, str]:
    """The repository's address and the release tag that links point at."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return declared["urls"]["Repository"].rstrip("/"), f"v{declared['version']}"


def setup_source() -> str:
    """Source of the set-up cell: use the checkout around the notebook, or clone it in Colab."""
    repository, revision = project()
    return SETUP.format(repository=repository, revision=revision, name=repository.rsplit("/", 1)[-1])


def badge_source(notebook: Path) -> str:
    """Markdown of the Colab badge, pinned to the release."""
    repository, revision = project()
    github = repository.removeprefix("https://github.com/")
    name = notebook.with_suffix(".ipynb").name
    return BADGE.format(url=f"https://colab.research.google.com/github/{github}/blob/{revision}/notebooks/{name}")


def parameters_source(section: Section) -> str:
    """Source of a section's parameters cell: every typed parameter with its type, its default and its meaning."""
    lines = []
    for name in declared(section):
        field = section.parameters.model_fields[name]
        kind = str if get_origin(field.annotation) is Literal else get_origin(field.annotation) or field.annotation
        value = {"profile": '"quick"', "data_source": '"embedded"'}.get(name)
        lines.append(f"{name}: {kind.__name__} = {value}  # {field.description}")
    return "\n".join(lines)


def declared(section: Section) -> list[str]:
    """Names of the parameters that a section's notebook declares: all, but for `cases` where it has none."""
    return [name for name in section.parameters.model_fields if section.cases or name != "cases"]


def update() -> list[Path]:
    """Refresh the generated cells of every notebooks/*.py, then write the paired .ipynb; returns the scripts."""
    import jupytext

    scripts = sorted((ROOT / "notebooks").glob("*.py"))
    for script in scripts:
        notebook = jupytext.read(script)
        for cell in notebook.cells:
            tags = cell.metadata.get("tags", [])
            if "setup" in tags:
                cell.source = setup_source()
            elif "badge" in tags:
                cell.source = badge_source(script)
            elif "parameters" in tags and script.stem in sections():
                cell.source = parameters_source(sections()[script.stem])
        jupytext.write(notebook, script, fmt=FORMATS)
        command = [sys.executable, "-m", "jupytext", "--quiet", "--to", "ipynb", "--update", str(script)]
        if subprocess.run(command).returncode:
            raise MstaskError(f"jupytext could not write the notebook of {script}")
    return scripts
