"""The part of a notebook that its grid of cells needs: what the parts of a grid execute when they are shared out.

A notebook explains before it measures, and draws afterwards. Where its grid is spread over several executions, all but one
of them would do that for nobody. Which code cells the grid needs follows from the names that they bind and use.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from nbformat import NotebookNode

from mstask import syntax

MEASURES = "run_cell"
"""The function by whose call the grid's cell is known."""

ALWAYS = {"parameters", "setup"}
"""Tags of cells that are kept whatever they bind: papermill's, and the one that finds this package."""


def grid_only(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without the code that the last call of `run_cell` doesn't need; whole where nothing calls it.

    A cell is needed if it binds a name that a needed cell after it uses. Assigning to a name's attribute or item and calling
    its method as a statement count as binding it; what a function does to its arguments isn't seen. A cell that isn't plain
    Python (`%%bash`, `x = !ls`) is kept.
    """
    parsed = [_parsed(cell.source) if cell.cell_type == "code" else None for cell in notebook.cells]
    measuring = [i for i, tree in enumerate(parsed) if tree and MEASURES in _used(tree)]
    if not measuring:
        return notebook
    kept: set[int] = set()
    wanted: set[str] = set()
    for i in reversed(range(measuring[-1] + 1)):
        tree, tags = parsed[i], set(notebook.cells[i].metadata.get("tags", []))
        if tree and (i == measuring[-1] or wanted & set(_bound(tree)) or ALWAYS & tags):
            kept.add(i)
            wanted |= set(_used(tree))
        elif tree is None and notebook.cells[i].cell_type == "code":
            kept.add(i)
    part = copy.copy(notebook)
    part.cells = [cell for i, cell in enumerate(notebook.cells) if i in kept]
    return part


def _parsed(source: str) -> ast.Module | None:
    """The code of a cell, without IPython's magic lines; None where the rest isn't Python."""
    try:
        return syntax.tree("\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))))
    except SyntaxError:
        return None


def _used(tree: ast.Module) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                yield from _root(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                yield from _root(method)


def _root(node: ast.expr) -> Iterator[str]:
    """The name at the root of `name.a[0].b`, if there is one."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
