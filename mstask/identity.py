"""What a cell's numbers depend on beside its parameters and its data: the code and the notebook, as digests of their content.

The code is every top-level statement of this package that the section's experiment can reach, found in the source without
running it: from `load` and `measure` over the names they use to the statements that bind those names, in whichever module.
With a module come its statements that bind nothing (they run on import), with a statement the data files it names. What
stands in a registry (a neuron type under `register`, a loader under `data_set`) is reached by its name alone, and what
`plugins.plugin` fetches as if it were imported.

Statements count by what they say: no comment, docstring, annotation of a function, layout, import, module name or path
does. Code that only moves to another module leaves every digest as it was. `APART` is not counted.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from mstask import syntax
from mstask.parameters import Parameters
from mstask.paths import ROOT, named
from mstask.section import Place as Cell, Section

APART = {
    "mstask.data.cache": "generated data is compared by its fingerprint",
    "mstask.synth": "generated data is compared by its fingerprint",
    "mstask.parameters": "parameters are compared one by one",
    "mstask.section": "declares parameters and names",
    "mstask.errors": "says what went wrong where nothing was measured",
    "mstask.runs": "decides which cells are measured",
    "mstask.cell": "decides which cells are measured",
    "mstask.progress": "says how far a run is",
    "mstask.paths": "says where files lie",
    "mstask.results": "keeps numbers and makes none; what a cell takes from other cells is compared on its own",
}
"""Modules, and what lies in them, that aren't counted, each with the reason."""

SCHEME = "content:"
"""Begins a digest of code; earlier ones began with nothing, and held module names and less of the code."""

GENERATED = re.compile(r"from (mstask[\w.]*) import (\w+)")
"""What the text of generated code imports."""
Place = tuple[str, int]
"""A module and the number of one of its top-level statements."""


def inputs(section: Section, method: str = "") -> dict[str, str]:
    """Digests of the code that cells of a method depend on and, where the section has one, of the notebook."""
    notebook = notebook_digest(ROOT / f"{section.notebook}.ipynb")
    return {"code": code_digest(section, method)} | ({"notebook": notebook} if notebook else {})


def of_cell(section: Section, place: Cell, parameters: Parameters) -> dict[str, str]:
    """All that a cell's numbers depend on beside parameters and data: `inputs`, digests of results it reads, other neurons."""
    from mstask import neurons

    found = inputs(section, place.method) | neurons.identity()
    return found | section.reads(place, parameters) if section.reads else found


def is_earlier(made: dict[str, str]) -> bool:
    """Whether a cell's digests were recorded by an earlier scheme, so that they can't be compared with present ones."""
    return "code" in made and not made["code"].startswith(SCHEME)


def notebook_digest(path: Path) -> str | None:
    """Digest of a notebook's code up to the cell that runs the grid; what comes after only shows what was measured."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
    except (OSError, ValueError, KeyError):
        return None
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    own = [cell for cell in code if not {"parameters", "setup"} & set(cell["metadata"].get("tags", []))]
    sources = ["".join(cell["source"]) for cell in own]
    last = max((i for i, source in enumerate(sources) if "run_cell(" in source), default=len(sources) - 1)
    lines = [line for source in sources[: last + 1] for line in source.splitlines() if line.lstrip()[:1] not in ("%", "!")]
    try:
        told = [*parsed("notebook", "\n".join(lines), path).texts]
    except SyntaxError:
        told = lines
    return _digest(told)


def code_digest(section: Section, method: str = "", root: Path = ROOT) -> str:
    """Digest of the code that cells of a method depend on: the same for all methods but `Section.added`."""
    return SCHEME + reachable(section, method, root).digest


def reachable(section: Section, method: str = "", root: Path = ROOT) -> Reached:
    """The statements that a section's experiment can reach for a method."""
    experiment = f"{section.experiment.__module__}.{section.experiment.__qualname__}"
    methods = (name for name in section.methods if name not in section.added or name == method)
    return _reachable(experiment, (section.id, section.data, *methods, *section.cases), root)


@cache
def _reachable(experiment: str, named: tuple[str, ...], root: Path) -> Reached:
    reached = Reached(root, set(named))
    for module in reached.returned(experiment):
        for name in ("load", "measure"):
            reached.visit(f"{module}.{name}")
    while waiting := [entry for entry in reached.registered if reached.names(entry[0])]:
        for entry in waiting:
            reached.registered.remove(entry)
            reached.visit(entry[1])
    return reached


@dataclass
class Reached:
    """The statements found so far, each with those it uses, and what waits in registries to be called by its name."""

    root: Path
    strings: set[str]
    uses: dict[Place, set[Place]] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    registered: list[tuple[str, str]] = field(default_factory=list)
    visited: dict[str, set[Place]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files = dict(counted(self.root))

    @cached_property
    def digest(self) -> str:
        """Digest of every statement with those it uses, wherever they stand."""
        own = {(name, number): self.modules[name].texts[number] for name, number in self.uses}
        told = (own[place] + "".join(sorted({_digest([own[used]]) for used in uses})) for place, uses in self.uses.items())
        return _digest(sorted(told))

    def names(self, key: str) -> bool:
        """Whether something reached calls a registered entry by its name, alone or as the beginning of a longer one."""
        return any(s == key or s.startswith((f"{key}-", f"{key}.")) for s in self.strings)

    def returned(self, function: str) -> set[str]:
        """Dotted names of the modules that a function such as a section's `experiment` imports and returns."""
        name, symbol = self._split(function)
        module = self.modules[name]
        return module.targets[module.bound[symbol][0]]

    def visit(self, target: str) -> set[Place]:
        """Add what a dotted name stands for, and all that it needs in turn; a bare module is all of it."""
        if target not in self.visited:
            self.visited[target] = self._visit(target)
        return self.visited[target]

    def _visit(self, target: str) -> set[Place]:
        name, symbol = self._split(target)
        module = self.modules.get(name)
        if module is None:
            return set()
        numbers = module.bound.get(symbol, ()) if symbol else range(len(module.statements))
        if not numbers and symbol in module.imports:
            return set().union(*(self.visit(imported) for imported in module.imports[symbol]))
        return {place for number in numbers if (place := self._add(module, number))}

    def _split(self, target: str) -> tuple[str, str]:
        """The longest beginning of a dotted name that is a module, and the symbol of that module that it names."""
        parts = target.split(".")
        for n in range(len(parts), 0, -1):
            if self._load(name := ".".join(parts[:n])):
                return name, parts[n] if n < len(parts) else ""
        return "", ""

    def _load(self, name: str) -> Module | None:
        if name in self.modules or name not in self.files:
            return self.modules.get(name)
        path = self.files[name]
        module = self.modules[name] = parsed(name, path.read_text(encoding="utf-8"), path)
        self._load(name.rpartition(".")[0])
        for number in module.effects:
            self._add(module, number)
        self.registered += module.entries
        if "iter_modules" in module.source:  # a package that imports every module in its folder
            for inner in [other for other in self.files if other.rpartition(".")[0] == name]:
                self._load(inner)
        return module

    def _add(self, module: Module, number: int) -> Place | None:
        place = module.name, number
        if place not in self.uses:
            self.uses[place] = set()
            self.strings |= module.strings[number]
            for target in module.targets[number]:
                self.uses[place] |= self.visit(target)
        return place


class Module:
    """A module's source by top-level statements, without what says nothing (see `Silent`)."""

    def __init__(self, name: str, source: str, path: Path) -> None:
        self.name, self.source, self.path = name, source, path
        tree = syntax.tree(source)
        self.imports: dict[str, set[str]] = {}
        for node in ast.walk(tree):
            for bound, target in self._imported(node):
                self.imports.setdefault(bound, set()).add(target)
        Silent().visit(tree)
        self.statements = tree.body

    def _imported(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """(name bound here, dotted name it stands for) of an import."""
        if isinstance(node, ast.Import):
            yield from ((a.asname, a.name) if a.asname else (a.name.partition(".")[0],) * 2 for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = self.name.split(".")
            up = len(parts) - node.level + (self.path.name == "__init__.py")
            package = [*(parts[:up] if node.level else []), *([node.module] if node.module else [])]
            yield from ((alias.asname or alias.name, ".".join([*package, alias.name])) for alias in node.names)

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
        """Numbers of the statements that matter on import: all but definitions and assignments."""
        plain = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)
        return [number for number, statement in enumerate(self.statements) if not isinstance(statement, plain)]

    @cached_property
    def entries(self) -> list[tuple[str, str]]:
        """(key, dotted name) of what is registered here: classes under `register` by their `name`, loaders under `data_set`."""
        entries = []
        for statement in self.statements:
            if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                continue
            for decorator in statement.decorator_list:
                own = []
                bodies = [s for s in statement.body if isinstance(s, ast.Assign | ast.AnnAssign)]
                if isinstance(statement, ast.ClassDef) and "register" in loaded(decorator):
                    own = [_constant(s.value) for s in bodies if "name" in names_bound(s)]
                elif isinstance(decorator, ast.Call) and "data_set" in loaded(decorator):
                    own = [_constant(argument) for argument in decorator.args]
                entries += [(name, f"{self.name}.{statement.name}") for name in own]
        return entries

    @cached_property
    def strings(self) -> list[set[str]]:
        """The strings in each statement."""
        return [{_constant(node) for node in ast.walk(statement)} - {""} for statement in self.statements]

    @cached_property
    def targets(self) -> list[set[str]]:
        """Dotted names of everything that each statement uses."""
        found = []
        for statement, strings in zip(self.statements, self.strings, strict=True):
            nodes = list(ast.walk(statement))
            inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
            used = {target for node in nodes if id(node) not in inner for target in self._stands_for(node)}
            found.append(used | {".".join(match) for text in strings for match in GENERATED.findall(text)})
        return found

    def _stands_for(self, node: ast.AST) -> set[str]:
        """The dotted names that an expression such as `a`, `a.b.c` or `plugin("a").b` may stand for."""
        if isinstance(node, ast.Call) and "mstask.plugins.plugin" in self._stands_for(node.func):
            return {f"mstask.{_constant(node.args[0])}"}
        if isinstance(node, ast.Attribute):
            return {f"{target}.{node.attr}" for target in self._stands_for(node.value)}
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, set()) | ({f"{self.name}.{node.id}"} if node.id in self.bound else set())
        return set()

    @cached_property
    def texts(self) -> list[str]:
        """What each statement says."""
        return [self._text(statement) for statement in self.statements]

    def _text(self, node: Any) -> str:
        """A syntax tree as text that is the same for every layout and version of Python; ours go by their last name alone."""
        if isinstance(node, list):
            return f"[{','.join(map(self._text, node))}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        if isinstance(node, ast.Name | ast.Attribute) and (targets := self._stands_for(node)):
            return "|".join(sorted(t.rpartition(".")[2] if t.startswith(("mstask.", self.name)) else t for t in targets))
        if text := _constant(node):
            beside = self.path.parent / text
            if re.fullmatch(r"[\w-]+\.\w+", text) and beside.is_file():
                return _digest([beside.read_text(encoding="utf-8")])
            return repr(GENERATED.sub(r"import \2", text))
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        said = (f"{name}={self._text(value)}" for name, value in fields if name not in ("ctx", "kind", "type_comment"))
        return f"{type(node).__name__}({','.join(said)})"


class Silent(ast.NodeTransformer):
    """Leaves out what says nothing of what is computed: docstrings, imports, functions' annotations, code for type checkers."""

    def visit(self, node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.Expr) and _constant(node.value)):
            return None
        if isinstance(node, ast.If) and "TYPE_CHECKING" in loaded(node.test):
            return None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        return self.generic_visit(node)


def counted(root: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of every module that is counted."""
    own = {path: path.relative_to(root) for path in sorted((root / "mstask").rglob("*.py"))}
    if folder := named("MSTASK_STUDIES"):
        own |= {path: Path("mstask/studies") / path.relative_to(folder) for path in sorted(folder.rglob("*.py"))}
    for path, place in own.items():
        parts = place.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name != "mstask" and not any(f"{name}.".startswith(f"{apart}.") for apart in APART):
            yield name, path


@cache
def parsed(name: str, source: str, path: Path) -> Module:
    """The module, parsed once however many sections reach it."""
    return Module(name, source, path)


def loaded(node: ast.AST) -> set[str]:
    """Every name that occurs in an expression."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def names_bound(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds, or whose value it changes."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return set().union(*(loaded(target) for target in targets))
    inner = (child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt))
    return set().union(*(names_bound(child) for child in inner)) if not isinstance(statement, ast.Expr) else set()


def _constant(node: ast.AST | None) -> str:
    """The value of a string constant, else ""."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
