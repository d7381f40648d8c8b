"""What a cell's numbers depend on beside its parameters and its data: the code and the notebook, as digests.

The code is every top-level statement of this package that the section's experiment can reach, found in the source without
running it: from `load` and `measure` over the names they use to the statements that bind those names, in whichever module,
along with the statements of a module that bind nothing (they run on import) and definitions under a decorator of ours.

Not counted is what reaches a cell in another way that is compared on its own: parameters and the sections that declare them
(their values stand in the document), the generators of data (the data's fingerprint), and records, which keep numbers and
make none. Comments, docstrings and blank lines are no code.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path

from mstask.parameters import Parameters
from mstask.paths import ROOT
from mstask.sections import Place as Cell
from mstask.sections import Section

APART = (
    "mstask.data.cache",
    "mstask.data.fetch",
    "mstask.data.synth",
    "mstask.errors",
    "mstask.grid",
    "mstask.parameters",
    "mstask.paths",
    "mstask.results",
    "mstask.sections",
)
"""Modules (and what lies in them) that reach a cell through its parameters, its data or its record."""

RECORDS = ("mstask.data", "mstask.experiments")
"""Packages whose own file holds records and a look-up only; the modules in them count."""

Place = tuple[str, int]
"""A module and the number of one of its top-level statements."""


def inputs(section: Section) -> dict[str, str]:
    """Digests of the code and, where the section has one, of the notebook."""
    notebook = notebook_digest(ROOT / f"{section.notebook}.ipynb")
    return {"code": code_digest(section)} | ({"notebook": notebook} if notebook else {})


def of_cell(section: Section, place: Cell, parameters: Parameters) -> dict[str, str]:
    """Digests of all that a cell's numbers depend on beside parameters and data: those of `inputs`, and of results it reads."""
    if not section.reads:
        return inputs(section)
    module, _, function = section.reads.partition(":")
    return inputs(section) | getattr(import_module(module), function)(place, parameters)


def code_digest(section: Section, root: Path = ROOT) -> str:
    """Digest of the code that a section's cells depend on."""
    reached = reachable(section, root)
    digest = hashlib.sha256()
    for name, number in sorted(reached.places):
        module = reached.modules[name]
        digest.update(f"{name}\n{module.text(number)}\n".encode())
    return digest.hexdigest()


def notebook_digest(path: Path) -> str | None:
    """Digest of a notebook's code up to the cell that runs the grid; what comes after only shows what was measured."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return None
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    own = [cell for cell in code if not {"parameters", "setup"} & set(cell["metadata"].get("tags", []))]
    sources = ["".join(cell["source"]) for cell in own]
    last = max((i for i, source in enumerate(sources) if "run_cell(" in source), default=len(sources) - 1)
    lines = (line for source in sources[: last + 1] for line in source.splitlines())
    kept = [line.rstrip() for line in lines if line.strip() and line.lstrip()[0] not in "#%!"]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def reachable(section: Section, root: Path = ROOT) -> Reached:
    """The statements that a section's experiment, and the loader of its data, can reach."""
    return _reachable(section.experiment, section.data, root)


@cache
def _reachable(experiment: str, data: str, root: Path) -> Reached:
    from mstask.data import _LOADERS

    reached = Reached(root)
    for name in ("load", "measure"):
        reached.visit(experiment, name)
    if data in _LOADERS:
        reached.visit(*_LOADERS[data].split(":"))
    return reached


@dataclass
class Reached:
    """Statements found so far, and the modules they stand in."""

    root: Path
    places: set[Place] = field(default_factory=set)
    modules: dict[str, Module] = field(default_factory=dict)

    def visit(self, name: str, symbol: str) -> None:
        """Add what `symbol` of the module `name` needs; the symbol "*" is all of the module."""
        module = self._module(name)
        if module is None:
            return
        numbers = range(len(module.statements)) if symbol == "*" else module.bound.get(symbol, ())
        for number in numbers:
            self._add(module, number, symbol)
        if not numbers:
            self.visit_module(f"{name}.{symbol}")

    def visit_module(self, name: str) -> None:
        if self._path(name):
            self.visit(name, "*")

    def _path(self, name: str) -> Path | None:
        if name in RECORDS or any(f"{name}.".startswith(f"{apart}.") for apart in APART):
            return None
        base = self.root.joinpath(*name.split("."))
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

    def _module(self, name: str) -> Module | None:
        if not name.startswith("mstask."):
            return None
        if name not in self.modules:
            path = self._path(name)
            if path is None:
                return None
            module = self.modules[name] = parsed(name, path)
            self._module(name.rpartition(".")[0])
            for number in module.effects:
                self._add(module, number, "*")
        return self.modules[name]

    def _add(self, module: Module, number: int, symbol: str) -> None:
        statement = module.statements[number]
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for target, name, bound in module.imported(statement):
                if symbol in ("*", bound):
                    self.visit(target, name)
            return
        place = module.name, number
        if place in self.places or module.declares(statement):
            return
        self.places.add(place)
        for target, name in module.uses(statement):
            self.visit(target, name)


@dataclass
class Module:
    """A module's source by top-level statements."""

    name: str
    path: Path

    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def statements(self) -> list[ast.stmt]:
        return [statement for statement in ast.parse(self.source).body if not is_text(statement)]

    @cached_property
    def bound(self) -> dict[str, list[int]]:
        """Numbers of the statements that bind or change each name."""
        bound: dict[str, list[int]] = {}
        for number, statement in enumerate(self.statements):
            for name in names_bound(statement):
                bound.setdefault(name, []).append(number)
        return bound

    @cached_property
    def effects(self) -> list[int]:
        """Statements that matter on import: all but definitions, assignments and imports of names."""
        plain = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Import, ast.ImportFrom)
        numbers = []
        for number, statement in enumerate(self.statements):
            decorators = getattr(statement, "decorator_list", [])
            ours = any(name in self.ours for decorator in decorators for name in loaded(decorator))
            if ours or not (isinstance(statement, plain) or is_for_types(statement)):
                numbers.append(number)
        return numbers

    @cached_property
    def ours(self) -> dict[str, tuple[str, str]]:
        """Names that are imported from this package at the top: the module each comes from, and its name there."""
        top = [s for s in self.statements if isinstance(s, ast.Import | ast.ImportFrom)]
        return {bound: (target, name) for statement in top for target, name, bound in self.imported(statement)}

    def imported(self, statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str, str]]:
        """(module, symbol, name bound here) of an import from this package."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name.startswith("mstask."):
                    yield alias.name, "*", alias.asname or "mstask"
            return
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for _ in range(statement.level - 1):
            package = package.rpartition(".")[0]
        target = statement.module or ""
        if statement.level:
            target = f"{package}.{target}".rstrip(".")
        for alias in statement.names:
            if target == "mstask":
                yield f"mstask.{alias.name}", "*", alias.asname or alias.name
            elif target.startswith("mstask."):
                yield target, alias.name, alias.asname or alias.name

    def uses(self, statement: ast.stmt) -> Iterator[tuple[str, str]]:
        """(module, symbol) of everything of this package that a statement names."""
        whole = {name for name, (_, symbol) in self.ours.items() if symbol == "*"}
        parts = set()
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in whole:
                parts.add(id(node.value))
                yield self.ours[node.value.id][0], node.attr
            elif isinstance(node, ast.Import | ast.ImportFrom):
                yield from ((target, symbol) for target, symbol, _ in self.imported(node))
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and id(node) not in parts and node.id in self.bound:
                yield self.name, node.id

    def declares(self, statement: ast.stmt) -> bool:
        """Whether a statement only declares sections: what they say reaches a cell as its parameters."""
        value = getattr(statement, "value", None)
        is_section = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Section"
        return is_section or "SECTIONS" in names_bound(statement)

    def text(self, number: int) -> str:
        """The code of a statement, without comments, docstrings and blank lines."""
        statement = self.statements[number]
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        lines = self._code[first - 1 : statement.end_lineno]
        return "\n".join(line for line in lines if line)

    @cached_property
    def _code(self) -> list[str]:
        lines = self.source.splitlines()
        for token in tokenize.generate_tokens(io.StringIO(self.source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
        for node in ast.walk(ast.parse(self.source)):
            if isinstance(node, ast.stmt) and is_text(node) and not lines[node.lineno - 1][: node.col_offset].strip():
                lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
        return [line.rstrip() for line in lines]


@cache
def parsed(name: str, path: Path) -> Module:
    """The module, parsed once however many sections reach it."""
    return Module(name, path)


def is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a string by itself: a docstring."""
    return (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
    )


def is_for_types(statement: ast.stmt) -> bool:
    """Whether a statement is `if TYPE_CHECKING`."""
    return isinstance(statement, ast.If) and "TYPE_CHECKING" in loaded(statement.test)


def loaded(node: ast.AST) -> set[str]:
    """Every name that occurs in an expression."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def names_bound(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds, or whose value it changes."""
    if is_for_types(statement):
        return set()
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return set().union(*(loaded(target) for target in targets))
    inner = (child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt))
    return set().union(*(names_bound(child) for child in inner)) if not isinstance(statement, ast.Expr) else set()
