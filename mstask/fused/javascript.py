"""Writes a layer as a JavaScript function, from the step that is traced for the compiled loops; float64, the same order.

    function (x, p, threshold) -> {u, s, state}

x [T * W] is the input of one trial, p holds arrays by the names of the layer's attributes (`attributes`), u and s [T * W] are
membrane and spikes, state the final states. Spikes and membranes are those of the reference loop; exp, log, sin, cos, tanh and
sigmoid inside a step, `angle`, and a layer sum of values other than spikes may differ in the last place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mstask.fused.graph import Node, Step, reachable
from mstask.fused.javascript_arrays import EXPRESSIONS, POWERS, Arrays, attributes, clamped, literal
from mstask.fused.trace import trace

if TYPE_CHECKING:
    from mstask.neurons.base import Neuron

__all__ = ["attributes", "function"]

FUNCTION = """function (x, p, threshold) {{
  const T = {steps}, W = {width}, at = (n, f) => Float64Array.from({{length: n}}, (_, i) => f(i));
{start}
  for (let t = 0; t < T; t++) {{
{body}
  }}
  return {{u, s, state: {{{states}}}}};
}}"""


def function(layer: Neuron, steps: int) -> str:
    """Return the layer as a JavaScript function for trials of `steps` steps.

    Raises NotFusable, with the reason, when the layer's step can't be traced or uses an operation that has no counterpart.
    """
    step = trace(type(layer), type(layer.coefficients(steps)))
    arrays = Arrays(layer, steps)
    fields = layer.State._fields
    made = [f"{name} = new Float64Array({size})" for name, size in (("u", "T * W"), ("s", "T * W"))]
    made += [f"h{k} = new Float64Array(W)" for k in range(len(fields))]
    body = Body(step, arrays.drive, arrays.coefficients).lines()
    return FUNCTION.format(
        steps=steps,
        width=layer.size,
        start="\n".join(f"  {line}" for line in (*arrays.lines, f"const {', '.join(made)};")),
        body="\n".join(f"    {line}" for line in body),
        states=", ".join(f"{name}: h{k}" for k, name in enumerate(fields)),
    )


def membrane(step: Step) -> Node:
    """What the step compares with the threshold, in the last comparison that its spikes come from."""
    distance = [node for node in reachable([step.spikes]) if node.op == "spike"][-1].args[0]
    return distance.args[0]


class Body:
    """The lines of one time step: loops over the neurons, a new one after each layer sum."""

    def __init__(self, step: Step, drive: str, coefficients: list[tuple[str, int]]) -> None:
        self._drive, self._coefficients = drive, coefficients
        self._outputs: Mapping[str, Node] = {"u[t * W + n]": membrane(step), "s[t * W + n]": step.spikes} | {
            f"h{k}[n]": node for k, node in enumerate(step.new_states)
        }
        self._nodes = reachable(list(self._outputs.values()))
        self._stage: dict[Node, int] = {}
        for node in self._nodes:
            self._stage[node] = max((self._stage[arg] for arg in node.args), default=0) + (node.op == "layer_sum")
        self._last = max(self._stage.values())
        used = [(arg, self._stage[node]) for node in self._nodes for arg in node.args]
        used += [(node, self._last) for node in self._outputs.values()]
        self._kept = {node for node, at in used if node.args and not node.uniform and self._stage[node] < at}

    def lines(self) -> list[str]:
        """The program text, unindented."""
        text = [f"const w{node.index} = new Float64Array(W);" for node in self._nodes if node in self._kept]
        for stage in range(self._last + 1):
            text += [line for node in self._nodes if node.args and node.uniform for line in self._shared(node, stage)]
            if body := self._loop(stage):
                text += ["for (let n = 0; n < W; n++) {", *(f"  {line}" for line in body), "}"]
        return text

    def _shared(self, node: Node, stage: int) -> list[str]:
        """A value that all neurons share, before the loop that may use it."""
        if self._stage[node] != stage:
            return []
        if node.op != "layer_sum":
            return [f"const v{node.index} = {self._expression(node)};"]
        (arg,) = node.args
        element = f"w{arg.index}[n]" if arg.args else self._leaf(arg)
        return [f"let v{node.index} = 0;", f"for (let n = 0; n < W; n++) v{node.index} += {element};"]

    def _loop(self, stage: int) -> list[str]:
        here = [node for node in self._nodes if node.args and not node.uniform and self._stage[node] == stage]
        ends = list(self._outputs.values()) if stage == self._last else []
        read = dict.fromkeys(arg for node in here for arg in node.args) | dict.fromkeys(ends)
        text = []
        for node in read:
            if node not in here and not node.uniform and self._named(node):
                text.append(f"const v{node.index} = {f'w{node.index}[n]' if node.args else self._leaf(node)};")
        for node in here:
            text.append(f"const v{node.index} = {self._expression(node)};")
            text += [f"w{node.index}[n] = v{node.index};"] * (node in self._kept)
        return text + [f"{place} = {self._operand(node)};" for place, node in self._outputs.items() if ends]

    def _named(self, node: Node) -> bool:
        """Whether a value has a variable: all but numbers that are written out."""
        return (
            bool(node.args) or node.op in ("drive", "state") or (node.op == "coefficient" and self._coefficients[node.value][1])
        )

    def _operand(self, node: Node) -> str:
        return f"v{node.index}" if self._named(node) else self._leaf(node)

    def _leaf(self, node: Node) -> str:
        match node.op:
            case "drive":
                return f"{self._drive}[t * W + n]"
            case "state":
                return f"h{node.value}[n]"
            case "coefficient":
                name, dimensions = self._coefficients[node.value]
                return (name, f"{name}[n]", f"{name}[t * W + n]")[dimensions]
            case "threshold":
                return "threshold"
        return literal(node.value)

    def _expression(self, node: Node) -> str:
        operands = [self._operand(arg) for arg in node.args]
        if node.op == "power":
            return POWERS[node.value].format(*operands)
        return clamped(operands[0], *node.value) if node.op == "clamp" else EXPRESSIONS[node.op].format(*operands)
