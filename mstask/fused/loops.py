"""Orders the expressions of one time step into loops over the neurons, as the lines of a Python (numba) program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mstask.fused.graph import Node, reachable

EXPRESSIONS = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "neg": "-{0}", "sqrt": "math.sqrt({0})",
    "exp": "math.exp({0})", "log": "math.log({0})", "sin": "math.sin({0})", "cos": "math.cos({0})",
    "tanh": "math.tanh({0})", "sigmoid": "ONE / (ONE + math.exp(-{0}))", "abs": "abs({0})", "atan2": "REAL(atan2({0}, {1}))",
    "relu": "ZERO if {0} <= ZERO else {0}", "minimum": "{0} if ({0} <= {1}) | ({0} != {0}) else {1}",
    "maximum": "{0} if ({0} >= {1}) | ({0} != {0}) else {1}", "where": "{1} if {0} else {2}", "detach": "{0}",
    "spike": "ONE if {0} >= ZERO else ZERO", "before": "{0} if t > START else ZERO", "gt": "{0} > {1}", "ge": "{0} >= {1}",
    "lt": "{0} < {1}", "le": "{0} <= {1}", "eq": "{0} == {1}", "ne": "{0} != {1}", "and": "{0} & {1}", "or": "{0} | {1}",
    "not": "not {0}",
}  # fmt: skip
POWERS = {-2: "ONE / ({0} * {0})", -1: "ONE / {0}", 2: "{0} * {0}", 3: "{0} * {0} * {0}"}


@dataclass(frozen=True)
class Output:
    """Where a value goes: row `offset` of `array`; `adds` accumulates instead of overwriting."""

    array: str
    offset: str
    value: Node
    adds: bool = False


class Loops:
    """The body of one time step. `row` names the array and the offset in it where the W values of a leaf stand.

    All values that no layer sum separates share one loop over the neurons; a layer sum ends a loop, and what a later loop
    needs again is carried in the arrays w0, w1, ... of [W].
    """

    def __init__(self, outputs: Sequence[Output], row: Callable[[Node], tuple[str, str]]) -> None:
        self._outputs = outputs
        self._row = row
        self._nodes = reachable([output.value for output in outputs])
        self._names = {node.index: f"v{number}" for number, node in enumerate(self._nodes)}
        self._earliest = self._earliest_loops()
        self.count = max(self._earliest.values()) + 1
        self._loop = self._latest_loops()
        self._carried = self._find_carried()

    @property
    def carriers(self) -> int:
        """How many arrays w0, w1, ... are needed."""
        return len(self._carried)

    def lines(self) -> list[str]:
        """The program text of the step, unindented."""
        text: list[str] = []
        for loop in range(self.count):
            text += self._shared(loop)
            body = self._body(loop)
            if body:
                text += ["for n in range(W):", *(f"    {line}" for line in body)]
        return text

    def _earliest_loops(self) -> dict[int, int]:
        earliest: dict[int, int] = {}
        for node in self._nodes:
            after = max((earliest[arg.index] for arg in node.args), default=0)
            earliest[node.index] = after + (node.op == "layer_sum")
        return earliest

    def _latest_loops(self) -> dict[int, int]:
        """Place each value in the loop of its first user; a layer sum stands before the loop that it opens."""
        latest = {output.value.index: self.count - 1 for output in self._outputs}
        for node in reversed(self._nodes):
            if node.op == "layer_sum":
                latest[node.index] = self._earliest[node.index]
            for arg in node.args:
                due = latest[node.index] - (node.op == "layer_sum")
                latest[arg.index] = min(due, latest.get(arg.index, due))
        return latest

    def _find_carried(self) -> dict[int, str]:
        carried: dict[int, str] = {}
        for node in self._nodes:
            for arg in node.args:
                summed = node.op == "layer_sum" and not _in_array(arg)
                later = self._loop[arg.index] < self._loop[node.index] and not arg.uniform and arg.args
                if summed or later:
                    carried.setdefault(arg.index, f"w{len(carried)}")
        for output in self._outputs:
            value = output.value
            if value.args and not value.uniform and self._loop[value.index] < self.count - 1:
                carried.setdefault(value.index, f"w{len(carried)}")
        return carried

    def _shared(self, loop: int) -> list[str]:
        """Values that all neurons share, before the loop in which they are first used."""
        text = []
        for node in self._nodes:
            if not (node.uniform and node.args and self._loop[node.index] == loop):
                continue
            if node.op == "layer_sum":
                (arg,) = node.args
                array, offset = self._row(arg) if _in_array(arg) else (self._carried[arg.index], "START")
                text.append(f"{self._names[node.index]} = row_sum({array}, {offset}, W)")
            else:
                operands = [self._operand(arg) for arg in node.args]
                text.append(f"{self._names[node.index]} = {_expression(node, operands)}")
        return text

    def _body(self, loop: int) -> list[str]:
        here = [node for node in self._nodes if self._loop[node.index] == loop]
        known: set[int] = set()
        text: list[str] = []

        def fetch(node: Node) -> str:
            """The name of a value in this loop; leaves and values of earlier loops are loaded at first use."""
            shared_or_new = node.uniform or (node.args and self._loop[node.index] == loop)
            if not shared_or_new and node.index not in known:
                known.add(node.index)
                source = f"{self._carried[node.index]}[n]" if node.args else self._operand(node)
                text.append(f"{self._names[node.index]} = {source}")
            return self._operand(node) if node.uniform else self._names[node.index]

        for node in here:
            if node.args and not node.uniform:
                expression = _expression(node, [fetch(arg) for arg in node.args])
                text.append(f"{self._names[node.index]} = {expression}")
            if node.index in self._carried:
                text.append(f"{self._carried[node.index]}[n] = {self._operand(node)}")
        if loop == self.count - 1:
            values = [fetch(output.value) for output in self._outputs]  # all reads stand before the first write
            for output, value in zip(self._outputs, values, strict=True):
                text.append(f"{output.array}[{output.offset} + n] {'+=' if output.adds else '='} {value}")
        return text

    def _operand(self, node: Node) -> str:
        """The variable, number or array element that holds a value."""
        if node.args:
            return self._names[node.index]
        if node.op in ("constant", "full"):
            return f"REAL({node.value!r})"
        if not _in_array(node):
            return node.op
        array, offset = self._row(node)
        return f"{array}[{offset} + n]"


def _in_array(node: Node) -> bool:
    return not node.args and not node.uniform and node.op != "full"


def _expression(node: Node, operands: list[str]) -> str:
    if node.op == "power":
        return POWERS[node.value].format(*operands)
    if node.op == "clamp":
        text, (low, high) = operands[0], node.value
        text = text if high is None else f"REAL({high!r}) if {operands[0]} > REAL({high!r}) else {text}"
        return text if low is None else f"REAL({low!r}) if {operands[0]} < REAL({low!r}) else {text}"
    return EXPRESSIONS[node.op].format(*operands)
