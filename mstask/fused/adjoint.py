"""The backward of one time step by reverse accumulation; each rule is torch's own formula, at non-smooth points too.

For a step (s_t, h_t) = f(x_t, h_{t-1}, c) it writes, as expressions of one trial and neuron,

    dL/dx_t, dL/dh_{t-1}, dL/dc  =  J_f^T (dL/ds_t, dL/dh_t),

where the spike's derivative is the fast sigmoid's, 1 / (k |u - threshold| + 1)^2 (`neurons.ops.FastSigmoid`). Values are
[B, W]; a layer sum is [B, 1], and its gradient is the same for all neurons of the layer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from mstask.fused.graph import Graph, Node, Step, reachable


@dataclass(frozen=True)
class Adjoint:
    """Gradients that one step passes on: to the drive, to the states before it, to each wanted coefficient that is used."""

    drive: Node
    states: tuple[Node, ...]
    coefficients: dict[int, Node]


def backward_of(step: Step, wanted: Collection[int]) -> Adjoint:
    """Differentiate `step`; `wanted` holds the positions of the coefficients that need a gradient.

    The incoming gradients are the leaves grad_spike and grad_state: of the spikes and of the states after the step.
    """
    graph = step.graph
    targets = [step.drive, *step.states, *(step.coefficients[i] for i in sorted(wanted))]
    outputs = [step.spikes, *step.new_states]
    nodes = reachable(outputs)
    active = {target.index for target in targets}
    # Only what lies between an output and a wanted target gets a gradient; comparisons and detached values carry none.
    for node in nodes:
        if node.op != "detach" and not node.boolean and any(arg.index in active for arg in node.args):
            active.add(node.index)

    gradient: dict[int, Node] = {}
    spread: dict[int, Node] = {}  # gradients [B, W] of a value [B, 1], to be summed over the layer

    def add(node: Node, part: Node, into: dict[int, Node]) -> None:
        if node.index in active:
            into[node.index] = graph("add", into[node.index], part) if node.index in into else part

    incoming = [graph("grad_spike"), *(graph("grad_state", value=k) for k in range(len(step.states)))]
    for output, part in zip(outputs, incoming, strict=True):
        add(output, part, gradient)
    # Nodes stand in the order of operations, so backwards every user of a value comes before the value itself.
    for node in reversed(nodes):
        if node.index in spread:
            add(node, graph("layer_sum", spread[node.index]), gradient)
        if node.index in gradient and node.args:
            for arg, part in zip(node.args, RULES[node.op](graph, node, gradient[node.index]), strict=True):
                if part is not None:
                    add(arg, part, spread if arg.uniform and not node.uniform else gradient)

    zero = graph.constant(0)
    return Adjoint(
        gradient.get(step.drive.index, zero),
        tuple(gradient.get(state.index, zero) for state in step.states),
        {i: gradient[step.coefficients[i].index] for i in sorted(wanted) if step.coefficients[i].index in gradient},
    )


Rule = Callable[[Graph, Node, Node], tuple[Node | None, ...]]


def _mul(g: Graph, node: Node, d: Node) -> tuple:
    a, b = node.args
    return g("mul", d, b), g("mul", d, a)


def _div(g: Graph, node: Node, d: Node) -> tuple:
    a, b = node.args
    return g("div", d, b), g("mul", g("neg", d), g("div", g("div", a, b), b))


def _power(g: Graph, node: Node, d: Node) -> tuple:
    (a,), n = node.args, node.value
    # d a^n = n a^(n-1), with the powers that the kernels know: -2 needs a^-3, which is written as 1 / (a a a).
    if n == -2:
        lower = g("power", g("mul", g("mul", a, a), a), value=-1)
    else:
        lower = a if n == 2 else g("power", a, value=n - 1)
    return (g("mul", d, g("mul", g.constant(n), lower)),)


def _sqrt(g: Graph, node: Node, d: Node) -> tuple:
    return (g("div", d, g("mul", g.constant(2), node)),)


def _tanh(g: Graph, node: Node, d: Node) -> tuple:
    return (g("mul", d, g("sub", g.constant(1), g("mul", node, node))),)


def _sigmoid(g: Graph, node: Node, d: Node) -> tuple:
    return (g("mul", g("mul", d, g("sub", g.constant(1), node)), node),)


def _abs(g: Graph, node: Node, d: Node) -> tuple:
    (a,), zero = node.args, g.constant(0)
    below = g("where", g("lt", a, zero), g.constant(-1), zero)
    return (g("mul", d, g("where", g("gt", a, zero), g.constant(1), below)),)


def _relu(g: Graph, node: Node, d: Node) -> tuple:
    zero = g.constant(0)
    return (g("where", g("le", node, zero), zero, d),)


def _clamp(g: Graph, node: Node, d: Node) -> tuple:
    (a,), (low, high) = node.args, node.value
    if low is not None:
        d = g("where", g("ge", a, g.constant(low)), d, g.constant(0))
    if high is not None:
        d = g("where", g("le", a, g.constant(high)), d, g.constant(0))
    return (d,)


def _extremum(loses: str, wins: str) -> Rule:
    def rule(g: Graph, node: Node, d: Node) -> tuple:
        a, b = node.args
        zero = g.constant(0)
        # Where both are equal each gets half of the gradient, as torch has it.
        tied = g("where", g("eq", a, b), g("div", d, g.constant(2)), d)
        return g("where", g(loses, a, b), zero, tied), g("where", g(wins, a, b), zero, tied)

    return rule


def _atan2(g: Graph, node: Node, d: Node) -> tuple:
    a, b = node.args
    inverse = g("power", g("add", g("mul", a, a), g("mul", b, b)), value=-1)
    return g("mul", g("mul", d, b), inverse), g("mul", g("mul", d, g("neg", a)), inverse)


def _where(g: Graph, node: Node, d: Node) -> tuple:
    zero = g.constant(0)
    return None, g("where", node.args[0], d, zero), g("where", node.args[0], zero, d)


def _spike(g: Graph, node: Node, d: Node) -> tuple:
    steepness = g("add", g("mul", g("slope"), g("abs", node.args[0])), g.constant(1))
    return (g("div", d, g("power", steepness, value=2)),)


RULES: dict[str, Rule] = {
    "add": lambda g, node, d: (d, d),
    "sub": lambda g, node, d: (d, g("neg", d)),
    "mul": _mul,
    "div": _div,
    "neg": lambda g, node, d: (g("neg", d),),
    "power": _power,
    "sqrt": _sqrt,
    "exp": lambda g, node, d: (g("mul", d, node),),
    "log": lambda g, node, d: (g("div", d, node.args[0]),),
    "sin": lambda g, node, d: (g("mul", d, g("cos", node.args[0])),),
    "cos": lambda g, node, d: (g("mul", d, g("neg", g("sin", node.args[0]))),),
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "abs": _abs,
    "relu": _relu,
    "clamp": _clamp,
    "minimum": _extremum("gt", "lt"),
    "maximum": _extremum("lt", "gt"),
    "atan2": _atan2,
    "where": _where,
    "detach": lambda g, node, d: (None,),
    "layer_sum": lambda g, node, d: (d,),
    "spike": _spike,
}
