"""Executions that do a part of a grid run what its cells need, and no more."""

import ast
import builtins

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mstask.lab import slicing
from mstask.lab.kernel import read_notebook
from mstask.paths import ROOT
from mstask.section import section, sections


def sources(*cells):
    return [cell.source for cell in slicing.grid_only(new_notebook(cells=list(cells))).cells]


def test_a_section_s_notebook_keeps_what_its_grid_uses_and_nothing_that_comes_after():
    code = [
        "settings = 1",
        "splits = settings + 1",
        "network = splits * 2\nnetwork.train()",
        "cells = [run_cell(splits)]",
        "print(cells)",
    ]
    kept = sources(new_markdown_cell("# A lesson"), *map(new_code_cell, code))
    assert kept == [code[0], code[1], code[3]]


@pytest.mark.parametrize(
    "line",
    [
        "splits = []",
        "import somewhere as splits",
        "from somewhere import splits",
        "def splits(): ...",
        "class splits: ...",
        "for splits in range(3): ...",
        "splits.parts[0].x = 1",
        "del splits[0]",
        "splits.parts.append(1)",
        "%matplotlib inline\nsplits, other = 1, 2",
        "if (splits := 1): ...",
        "with open('f') as splits: ...",
    ],
)
def test_whatever_binds_or_changes_a_name_that_is_used_is_kept(line):
    assert sources(new_code_cell(line), new_code_cell("run_cell(splits)")) == [line, "run_cell(splits)"]


def test_parameters_and_the_set_up_are_kept_whatever_they_bind():
    cells = [new_code_cell("x = 1", metadata={"tags": [tag]}) for tag in ("parameters", "setup", "hide-input")]
    assert sources(*cells, new_code_cell("run_cell()")) == ["x = 1", "x = 1", "run_cell()"]


def test_a_cell_that_is_no_plain_python_is_kept():
    cells = ["%%bash\nls -l *", "x = !ls", "y = 1", "run_cell(x)"]
    assert sources(*map(new_code_cell, cells)) == [cells[0], cells[1], cells[3]]


def test_a_notebook_that_measures_nothing_is_left_whole():
    assert sources(new_markdown_cell("text"), new_code_cell("x = 1")) == ["text", "x = 1"]


@pytest.mark.parametrize("name", sections())
def test_every_name_that_a_part_uses_is_bound_in_it(name):
    notebook = read_notebook(ROOT / f"{section(name).notebook}.ipynb")
    part = slicing.grid_only(notebook)
    trees = [slicing._parsed(cell.source) for cell in part.cells]
    bound = {one for tree in trees for one in slicing._bound(tree)} | set(dir(builtins))
    bound |= {argument.arg for tree in trees for argument in ast.walk(tree) if isinstance(argument, ast.arg)}
    assert {one for tree in trees for one in slicing._used(tree)} <= bound
    assert len(part.cells) < len(notebook.cells) and "run_cell" in part.cells[-1].source
