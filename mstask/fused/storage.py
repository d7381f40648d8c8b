"""Which values the forward pass stores, so that the backward pass can recompute the others.

Memory traffic costs more than arithmetic (`STORE_COST` of an array [B, T, W], against one addition per element). So the
backward step is written in terms of the drive, the spikes and as few stored arrays as pay; a state before the step is the
new state of one step earlier, recomputed from what is stored there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from mstask.fused.adjoint import Adjoint
from mstask.fused.graph import Graph, Node, Step, reachable

STORE_COST = 24
"""Cost of writing and later reading one stored array, in vectorised additions per element."""

MANY = 24
"""Values in a step above which the search doesn't try exchanges in pairs."""

READ_COST = {"drive": 14, "spikes": 10, "coefficient": 1}
OPERATION_COST = {"div": 5, "sqrt": 5, "power": 5, "atan2": 60, "exp": 100, "log": 100, "sin": 100, "cos": 100}
OPERATION_COST |= {"tanh": 150, "sigmoid": 150}


@dataclass(frozen=True)
class Plan:
    """Values of the forward pass to store, and the backward of one step written in terms of them."""

    stored: tuple[Node, ...]
    drive: Node
    states: tuple[Node, ...]
    coefficients: dict[int, Node]

    @cached_property
    def reads(self) -> set[str]:
        """Kinds of leaves that the backward reads."""
        return {node.op for node in reachable([self.drive, *self.states, *self.coefficients.values()]) if not node.args}


class Rewriter:
    """Rewrites backward expressions so that their leaves are inputs, stored arrays, spikes and incoming gradients."""

    def __init__(self, step: Step, kept: list[Node]) -> None:
        self._step = step
        self._graph: Graph = step.graph
        self.stored = [node for node in kept if node is not step.spikes]
        self._leaf = {node.index: ("stored", j) for j, node in enumerate(self.stored)}
        if step.spikes in kept:
            self._leaf[step.spikes.index] = ("spikes", None)
        self._done: dict[tuple[int, bool], Node] = {}

    def __call__(self, node: Node, before: bool = False) -> Node:
        """The expression of `node`, at this time step or at the one before."""
        key = (node.index, before)
        if key not in self._done:
            self._done[key] = self._rewritten(node, before)
        return self._done[key]

    def _rewritten(self, node: Node, before: bool) -> Node:
        graph = self._graph
        if node.index in self._leaf:
            op, value = self._leaf[node.index]
            return graph(op, value=value, before=before)
        if node.op == "state":
            return graph("before", self(self._step.new_states[node.value], before=True))
        if node.op in ("drive", "coefficient"):
            return graph(node.op, value=node.value, before=before)
        if not node.args:
            return node
        return graph(node.op, *(self(arg, before) for arg in node.args), value=node.value)


def plan(step: Step, adjoint: Adjoint) -> Plan:
    """Choose what to store by local search, from "every state before the step" downhill to the least cost."""
    roots = [adjoint.drive, *adjoint.states, *adjoint.coefficients.values()]
    candidates = [node for node in reachable([step.spikes, *step.new_states]) if _storable(node)]
    kept = list(step.states)
    best = _cost(step, roots, kept)
    improved = True
    # The first improvement is taken, not the best: what each trial costs matters more than how many there are.
    while improved:
        improved = False
        for trial in _neighbours(kept, candidates):
            cost = _cost(step, roots, trial)
            if cost < best:
                kept, best, improved = trial, cost, True
                break
    rewrite = Rewriter(step, kept)
    return Plan(
        tuple(rewrite.stored),
        rewrite(adjoint.drive),
        tuple(rewrite(node) for node in adjoint.states),
        {i: rewrite(node) for i, node in adjoint.coefficients.items()},
    )


def _storable(node: Node) -> bool:
    return not node.uniform and not node.boolean and node.op not in ("drive", "coefficient", "full")


def _neighbours(kept: list[Node], candidates: list[Node]) -> Iterator[list[Node]]:
    """Choices that differ from `kept` by one value, then those that differ by two."""
    others = [node for node in candidates if node not in kept]
    for gone in kept:
        yield [node for node in kept if node is not gone]
    for new in others:
        yield [*kept, new]
        yield from ([new if node is gone else node for node in kept] for gone in kept)
    if len(others) <= MANY:
        for first, second in combinations(kept, 2):
            rest = [node for node in kept if node is not first and node is not second]
            yield from ([*rest, *pair] for pair in combinations(others, 2))


def _cost(step: Step, roots: list[Node], kept: list[Node]) -> float:
    """Cost of a choice per element; infinite where a value can't be recomputed from it."""
    available = {node.index for node in kept}
    total = sum(READ_COST["spikes"] if node is step.spikes else STORE_COST for node in kept)
    seen: set[tuple[int, bool]] = set()
    todo = [(root, False) for root in roots]
    while todo:
        node, before = todo.pop()
        if (node.index, before) in seen:
            continue
        seen.add((node.index, before))
        if node.index in available:
            continue
        if node.op == "state":
            # One step back is as far as it goes: a state of two steps earlier would need all steps before it.
            if before:
                return float("inf")
            todo.append((step.new_states[node.value], True))
        total += OPERATION_COST.get(node.op, 1) if node.args else READ_COST.get(node.op, 0)
        todo.extend((arg, before) for arg in node.args)
    return total
