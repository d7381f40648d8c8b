"""Pages of notebooks show the outputs of the reader's latest execution; what a machine or a moment adds is left out.

A run (`make book`) leaves its executed notebooks in `_build/executed/<section>/<profile>-<data source>/`, beside the HTML. The
page of a notebook takes the outputs of the one that covers most cells of the grid, if it is still the same notebook, and says
what it covers; otherwise it shows the code and says how to run it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx

from mstask.lab import execution
from mstask.parameters import PROFILES
from mstask.results import DATA_SOURCES
from mstask.results.voices import DATA_NAMES, label

FOLDER = "notebooks/"
SHOWN = ("image/png", "text/html", "text/latex", "text/plain")
"""Forms of an output, the best first; a page gets the best that there is."""

MOMENT = re.compile(r" at 0x[0-9a-f]+>|^compiling kernels")
"""Marks of lines that say where something lay in memory, or that this machine did something for the first time."""

BARE = "Shown without outputs: no run of yours has executed this notebook as it is now. `make book` runs what isn't done yet."
LISTING = r"\begin{Verbatim}"
SETTINGS = "settings = resolve("
GRID = ("methods", "cases", "seeds")


def folder_of(app: Sphinx, page: str) -> Path:
    """Where executions of a page's notebook are kept, which need not exist."""
    return Path(app.outdir).parent / "executed" / page.removeprefix(FOLDER)


def fingerprint(app: Sphinx, page: str) -> str:
    """A fingerprint of everything that executions of a page's notebook have left."""
    files = sorted(folder_of(app, page).rglob("*.ipynb"))
    return " ".join(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files)


def show_outputs(app: Sphinx, page: str, source: list[str]) -> None:
    """Give the text of a notebook's page the outputs of its execution; a handler of Sphinx's event `source-read`."""
    if not page.startswith(FOLDER) or not str(app.env.doc2path(page)).endswith(".ipynb"):
        return
    app.env.mstask_executed[page] = fingerprint(app, page)
    notebook = nbformat.reads(source[0], as_version=4)
    done = executed(folder_of(app, page), notebook)
    if done is not None:
        take_outputs(notebook, done)
    for cell in notebook.cells:
        fold(cell)
    told = BARE if done is None else covered(done.metadata.papermill.parameters)
    note = nbformat.v4.new_markdown_cell(f":::{{note}}\n{told}\n:::", id="executed")
    notebook.cells.insert(1, note)
    source[0] = nbformat.writes(notebook)


def executed(folder: Path, notebook: NotebookNode) -> NotebookNode | None:
    """The finished execution of a notebook that counts most: the largest profile's, then the one of most cells of the grid."""
    for profile in reversed(PROFILES[1:]):  # what a smoke test leaves is for nobody to read
        for data in DATA_SOURCES:
            files = sorted((folder / f"{profile}-{data}").glob("*.ipynb"))
            found = [done for done in map(execution.finished, files) if done is not None and execution.same(done, notebook)]
            if found:
                return max(found, key=lambda done: size(done.metadata.papermill.parameters))
    return None


def size(parameters: Mapping[str, Any]) -> int:
    """How many cells of the grid an execution covered."""
    total = 1
    for name in GRID:
        total *= max(1, len(parameters.get(name) or ()))
    return total


def covered(parameters: Mapping[str, Any]) -> str:
    """A sentence on what an execution covered."""
    lists = [f"{name} {', '.join(label(str(one)) for one in parameters[name])}" for name in GRID if parameters.get(name)]
    profile = [f"profile {parameters['profile']}, {DATA_NAMES[parameters['data_source']]}"] if "profile" in parameters else []
    return f"Shown as your run executed it{': ' if lists else ''}{'; '.join([*profile, *lists])}."


def take_outputs(notebook: NotebookNode, done: NotebookNode) -> None:
    """Give the code cells of a notebook the outputs of the same cells of its execution."""
    part = ""
    for cell, ran in zip(notebook.cells, done.cells, strict=True):
        headings = re.findall(r"^#+ (.*)", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []
        part = headings[-1] if headings else part
        if cell.cell_type != "code" or "setup" in cell.metadata.get("tags", []):
            continue
        cell.outputs = list(lasting(ran.outputs))
        described = cell.metadata.setdefault("mystnb", {}).setdefault("image", {})
        described.setdefault("alt", f"What the code above draws, in the part “{part}”")


def fold(cell: NotebookNode) -> None:
    """Fold the cells that lead to others: what can be changed, and the imports with the settings that follow from it."""
    if cell.cell_type != "code":
        return
    tags = cell.metadata.setdefault("tags", [])
    names = {"parameters": "The parameters", "setup": "The set-up"}
    name = next((names[tag] for tag in tags if tag in names), "Imports and settings" if SETTINGS in cell.source else "")
    if name:
        if not any(tag.startswith("hide-") for tag in tags):
            tags.append("hide-input" if "parameters" in tags else "hide-cell")
        cell.metadata.setdefault("mystnb", {}).update(code_prompt_show=name, code_prompt_hide=name)


def lasting(outputs: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    """The outputs that say something of the science: without progress, warnings, clocks and addresses in memory.

    Of a display that was drawn again and again, an executed notebook holds the last state; one of bare text is progress.
    """
    for (kind, name), several in groupby(outputs, lambda output: (output.output_type, output.get("name"))):
        if kind == "stream" and name == "stdout":
            lines = "".join(output.text for output in several).splitlines(keepends=True)
            if text := "".join(line for line in lines if not MOMENT.search(line)):
                yield nbformat.v4.new_output("stream", name=name, text=text)
        elif kind in ("execute_result", "display_data"):
            yield from filter(None, map(best_form, several))


def best_form(output: NotebookNode) -> NotebookNode | None:
    """An output in the best of its forms; None where it is progress, or the name of an object and its address."""
    form = next((form for form in SHOWN if form in output.data), None)
    if form is None or (form == "text/plain" and (output.output_type == "display_data" or MOMENT.search(output.data[form]))):
        return None
    if form == "text/html" and output.data.get("text/latex", "").startswith(LISTING):  # in colours of its own, for light pages
        return nbformat.v4.new_output("display_data", {"text/markdown": f"```python\n{output.data['text/plain']}\n```"})
    return nbformat.v4.new_output("display_data", {form: output.data[form]})
