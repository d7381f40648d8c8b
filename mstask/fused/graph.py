"""The expression graph of one time step, and the builder that every pass over it shares. Independent of any compiler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

COMPARISONS = ("gt", "ge", "lt", "le", "eq", "ne")
LOGICAL = ("and", "or", "not")
SHARED_LEAVES = ("threshold", "slope", "constant")


@dataclass(frozen=True, eq=False)
class Node:
    """One value of the step: [B, W], or [B, 1] where `uniform`. `index` is its place in the order of operations.

    Leaves are drive, state, coefficient, threshold, slope, constant (a number), full (a [B, W] of one number), grad_spike,
    grad_state, and in a backward pass stored and spikes. `value` is the number, the exponent, or the position of a state,
    coefficient or stored array. `before` marks a leaf that is read one time step earlier.
    """

    op: str
    args: tuple[Node, ...]
    value: Any
    index: int
    uniform: bool
    boolean: bool
    before: bool = False


class Graph:
    """Makes nodes; the same operation on the same operands is the same node."""

    def __init__(self) -> None:
        self._nodes: dict[tuple, Node] = {}

    def __call__(self, op: str, *args: Node, value: Any = None, before: bool = False) -> Node:
        """Return the node `op(*args)`."""
        key = (op, tuple(arg.index for arg in args), repr(value), before)
        if key not in self._nodes:
            uniform = all(arg.uniform for arg in args) if args else op in SHARED_LEAVES
            boolean = op in COMPARISONS or op in LOGICAL
            node = Node(op, args, value, len(self._nodes), uniform or op == "layer_sum", boolean, before)
            self._nodes[key] = node
        return self._nodes[key]

    def constant(self, value: float) -> Node:
        """Return the node of a number."""
        return self("constant", value=float(value))


def reachable(roots: list[Node]) -> list[Node]:
    """All nodes that `roots` depend on, roots included, in the order of operations."""
    found: dict[int, Node] = {}
    todo = list(roots)
    while todo:
        node = todo.pop()
        if node.index not in found:
            found[node.index] = node
            todo.extend(node.args)
    return [found[index] for index in sorted(found)]


@dataclass(frozen=True)
class Step:
    """One traced time step: leaves in, spikes and new states out."""

    name: str
    graph: Graph
    drive: Node
    states: tuple[Node, ...]
    coefficients: tuple[Node, ...]
    spikes: Node
    new_states: tuple[Node, ...]
