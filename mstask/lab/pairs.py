"""Notebook pairs: badge, set-up and parameters cells are written from one source, all else from the side that was edited.

The repository's address and release are read from pyproject.toml and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, get_origin

from mstask.errors import MstaskError
from mstask.paths import ROOT, git
from mstask.results.files import write_atomic
from mstask.section import Section, sections

FORMATS = "py:percent"
BUILT = ROOT / "_build"
"""Under it, `pairs.json` says what each pair held when last brought together, and `replaced/` keeps what was replaced."""
KEPT = ("tags", "mystnb", "lines_to_next_cell")
"""Metadata of cells that is ours; the rest is an editor's."""

SETUP = """import os
import sys

if "google.colab" in sys.modules and not os.path.exists("{name}-{tag}"):
    os.system("git clone -q {repository} {name}-{tag}")
    os.system("git -C {name}-{tag} checkout -q {tag}")
sys.path[:0] = [os.environ.get("MSTASK_ROOT", "."), "..", "{name}-{tag}"]
from mstask.lab import session  # not found? Name the checkout in MSTASK_ROOT

print(session.begin("{tag}"))"""
"""In Colab it clones the repository: at the release, or else at the default branch. A clone that fails git removes itself."""

METADATA = {
    "accelerator": "GPU",
    "colab": {"gpuType": "T4", "provenance": []},
    "jupytext": {
        "cell_metadata_filter": "tags,mystnb,-all",
        "formats": "ipynb,py:percent",
        "notebook_metadata_filter": "kernelspec,jupytext,accelerator,colab,-jupytext.text_representation.jupytext_version",
    },
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
}
"""Metadata of every notebook, whatever an editor or a kernel has made of them."""

CONFLICT = re.compile(r"^<{7} .*^={7}$.*^>{7} ", re.MULTILINE | re.DOTALL)

COLAB = "https://colab.research.google.com"
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({url})"


def project() -> tuple[str, str]:
    """The repository's address and the release tag that links point at."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return declared["urls"]["Repository"].rstrip("/"), f"v{declared['version']}"


def setup_source() -> str:
    """Source of the set-up cell: finds the checkout or the installed package; in Colab it clones the release."""
    repository, tag = project()
    return SETUP.format(repository=repository, tag=tag, name=repository.rsplit("/", 1)[-1])


def badge_source(notebook: Path) -> str:
    """Markdown of the Colab badge, pinned to the release."""
    return BADGE.format(url=colab_url(f"notebooks/{notebook.stem}"))


def colab_url(notebook: str) -> str:
    """The address that opens a notebook, its path without suffix, of the pinned release in Colab."""
    repository, tag = project()
    return f"{COLAB}/github/{repository.removeprefix('https://github.com/')}/blob/{tag}/{notebook}.ipynb"


def parameters_source(section: Section) -> str:
    """Source of a section's parameters cell: every typed parameter with its type, its default and its meaning."""
    lines = []
    for name in section.declared:
        field = section.parameters.model_fields[name]
        kind: Any = str if get_origin(field.annotation) is Literal else get_origin(field.annotation) or field.annotation
        value = {"profile": '"quick"', "data_source": f'"{section.data_sources[0]}"'}.get(name)
        alone = name == "data_source" and section.data_sources == ("embedded",)
        lines.append(f"{name}: {kind.__name__} = {value}  # {'embedded only' if alone else field.description}")
    return "\n".join(lines)


def update() -> list[str]:
    """Bring every pair together: an edit on one side goes to the other; generated cells are renewed.

    Outputs, execution counts and an editor's metadata are dropped. A file that is replaced and isn't in git as it is stays
    as a copy in `_build/replaced/`.

    Returns
    -------
    One line for each file that was written.

    Raises
    ------
    MstaskError : both sides of pairs were edited, differently; they are named, and left as they are.
    """
    synced = read_synced()
    folder = ROOT / "notebooks"
    scripts = sorted({path.with_suffix(".py") for suffix in ("py", "ipynb") for path in folder.glob(f"*.{suffix}")})
    edited = {script: edited_side(script, synced.get(script.stem)) for script in scripts}
    written = []
    for script, side in edited.items():
        if side is not None:
            written += bring_together(script, side)
            synced[script.stem] = digest(read(script))
    write_atomic(BUILT / "pairs.json", json.dumps(synced, indent=2) + "\n")
    if conflicts := [script.stem for script, side in edited.items() if side is None]:
        raise MstaskError(
            f"both the .py and the .ipynb of {', '.join(conflicts)} in notebooks/ were edited, differently: bring your edits "
            "together in one of them and restore the other (git checkout FILE), then run this again"
        )
    return written


def read_synced() -> dict[str, str]:
    """Digest of each pair's own cells when they were last brought together; empty when nothing is known."""
    try:
        return dict(json.loads((BUILT / "pairs.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def edited_side(script: Path, synced: str | None) -> Path | None:
    """The file of a pair whose own cells the other must follow; None when both were edited.

    A side is unedited when it is as it was when the pair was last brought together, or as git has both. Where neither is
    known, or git has both sides as they are, the one that was changed last counts.
    """
    pair = (script, script.with_suffix(".ipynb"))
    if not script.exists():
        return pair[1]
    if not pair[1].exists() or digest(read(pair[0])) == digest(read(pair[1])):
        return script
    texts = {path: in_git(path) for path in pair}
    in_both = {None if text is None else digest(parse(text, path)) for path, text in texts.items()}
    bases = [base for base in (synced, in_both.pop() if len(in_both) == 1 else None) if base]
    for base in bases:
        edited = [path for path in pair if digest(read(path)) != base]
        if len(edited) == 1:
            return edited[0]
    return None if bases and any(map(uncommitted, pair)) else max(pair, key=changed)


def in_git(path: Path) -> str | None:
    """The text of a file of notebooks/ as git has it, or None."""
    return git("show", f"HEAD:./notebooks/{path.name}", whole=True)


def uncommitted(path: Path) -> bool:
    """Whether a file isn't in git as it is."""
    return git("status", "--porcelain", "--", str(path)) != ""


def changed(path: Path) -> float:
    """When a file was last changed: by its last commit where it is as committed, else by its time stamp."""
    stamp = None if uncommitted(path) else git("log", "-1", "--format=%ct", "--", str(path))
    return float(stamp) if stamp else path.stat().st_mtime


def read(path: Path) -> Any:
    """A notebook, from either form."""
    try:
        return parse(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise MstaskError(f"{path} isn't text in UTF-8: {error}; save it as UTF-8") from None


def parse(text: str, path: Path) -> Any:
    """A notebook, from the text of the file `path` in either form, without a byte-order mark and papermill's own cell.

    Raises
    ------
    MstaskError : git's marks of a conflict are left in it; it is damaged, or has no cells, as one of another format.
    """
    import jupytext

    text = text.removeprefix("\ufeff")
    if CONFLICT.search(text):
        raise MstaskError(f"{path} has a conflict that git left open: decide between its versions, remove git's marks")
    try:
        notebook = jupytext.reads(text, fmt=FORMATS if path.suffix == ".py" else "ipynb")
    except Exception as error:
        raise MstaskError(f"{path} can't be read as a notebook: {error}; restore it with git checkout") from error
    if not notebook.get("cells"):
        raise MstaskError(f"{path} holds no cells, expected a notebook of format 4; restore it with git checkout")
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    return notebook


def digest(notebook: Any) -> str:
    """Digest of the cells that people write: type, source and tags of all that aren't generated."""
    own = [
        [cell.cell_type, cell.source, cell.metadata.get("tags", []), cell.metadata.get("mystnb", {})]
        for cell in notebook.cells
        if not {"setup", "badge", "parameters"} & set(cell.metadata.get("tags", []))
    ]
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def bring_together(script: Path, side: Path) -> list[str]:
    """Write both files of a pair from the cells of one; returns a line for each that changed."""
    import jupytext
    import nbformat
    from jupytext.combine import combine_inputs_with_outputs

    target = script.with_suffix(".ipynb")
    notebook = read(script if script.exists() else side)
    if side == target:
        notebook.cells = read(side).cells
    tagged = {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    if lost := {"parameters", "setup"} - tagged if script.stem in sections() else ():
        raise MstaskError(
            f"{side} has no cell tagged {' and none tagged '.join(sorted(lost))}, which a run needs: an editor has dropped the "
            f"tags; give them back, as in git show HEAD:notebooks/{script.name}"
        )
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
        tags = cell.metadata.get("tags", [])
        if "setup" in tags:
            cell.source = setup_source()
        elif "badge" in tags:
            cell.source = badge_source(script)
        elif "parameters" in tags and script.stem in sections():
            cell.source = parameters_source(sections()[script.stem])
    notebook.metadata = nbformat.from_dict(METADATA)
    lines = replace(script, jupytext.writes(notebook, fmt=FORMATS), side)
    notebook = read(script)
    if target.exists():
        ours = notebook.metadata
        notebook = combine_inputs_with_outputs(notebook, read(target), fmt="ipynb")
        notebook.metadata = ours
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return lines + replace(target, jupytext.writes(notebook, fmt="ipynb") + "\n", side)


def replace(path: Path, text: str, side: Path) -> list[str]:
    """Write a file unless it is so already; keep a copy of what git doesn't have."""
    shown = f"notebooks/{path.name}"
    before = path.read_text(encoding="utf-8") if path.exists() else None
    if before == text:
        return []
    kept = ""
    if before is not None and before != in_git(path):
        copy = BUILT / "replaced" / f"{path.stem}-{hashlib.sha256(before.encode()).hexdigest()[:8]}{path.suffix}"
        write_atomic(copy, before)
        kept = f"; what it was: {copy.relative_to(BUILT.parent)}"
    write_atomic(path, text)
    return [f"{shown}: {'generated parts renewed' if path == side else f'follows the {side.suffix}'}{kept}"]
