"""Writes in JavaScript what a layer does outside its time loop: `drive` and `coefficients`, as operations on flat arrays.

torch traces both to a graph of its own operations. What depends on neither input nor parameters is worked out here and
written as numbers; the rest becomes one line an operation, each array a flat Float64Array. JavaScript's Math.exp, sin and the
like may differ from torch's in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, fx

from mstask.errors import NotFusable

if TYPE_CHECKING:
    from mstask.neurons.base import Neuron

EXPRESSIONS = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "neg": "-{0}", "sqrt": "Math.sqrt({0})",
    "exp": "Math.exp({0})", "log": "Math.log({0})", "sin": "Math.sin({0})", "cos": "Math.cos({0})",
    "tanh": "Math.tanh({0})", "sigmoid": "1 / (1 + Math.exp(-{0}))", "abs": "Math.abs({0})", "atan2": "Math.atan2({0}, {1})",
    "relu": "{0} <= 0 ? 0 : {0}", "minimum": "{0} <= {1} || {0} !== {0} ? {0} : {1}",
    "maximum": "{0} >= {1} || {0} !== {0} ? {0} : {1}", "where": "{0} ? {1} : {2}", "detach": "{0}",
    "spike": "{0} >= 0 ? 1 : 0", "gt": "{0} > {1}", "ge": "{0} >= {1}", "lt": "{0} < {1}", "le": "{0} <= {1}",
    "eq": "{0} === {1}", "ne": "{0} !== {1}", "and": "{0} && {1}", "or": "{0} || {1}", "not": "!{0}",
}  # fmt: skip
POWERS = {-2: "1 / ({0} * {0})", -1: "1 / {0}", 2: "{0} * {0}", 3: "{0} * {0} * {0}"}
OF_ARRAYS = EXPRESSIONS | {
    "reciprocal": POWERS[-1], "square": POWERS[2], "rsqrt": "1 / Math.sqrt({0})", "log1p": "Math.log1p({0})",
    "expm1": "Math.expm1({0})", "tan": "Math.tan({0})", "atan": "Math.atan({0})", "floor": "Math.floor({0})",
    "softplus": "{0} > 20 ? {0} : Math.log1p(Math.exp({0}))", "rsub": "{1} - {0}",
}  # fmt: skip
PLAIN = {"softplus": (1, 20), "add": (1,), "sub": (1,), "rsub": (1,)}
"""Further arguments that an operation may have where they say what holds without them (softplus: beta, threshold)."""
MOVES = (
    "view", "_unsafe_view", "reshape", "select", "slice", "unsqueeze", "squeeze", "expand", "permute", "transpose", "t",
    "alias", "detach", "clone", "_to_copy", "lift_fresh_copy", "roll", "flip", "diagonal",
)  # fmt: skip
NOT_LEARNT = ("threshold", "surrogate_slope")


def literal(value: float) -> str:
    """A number in JavaScript, in brackets where a sign stands before it."""
    if math.isnan(value):
        return "NaN"
    text = "Infinity" if math.isinf(value) else repr(abs(float(value))).removesuffix(".0")
    return f"(-{text})" if math.copysign(1, value) < 0 else text


def attributes(layer: Neuron) -> dict[str, Tensor]:
    """What a layer computes with, by name: its own parameters, buffers and plain numbers but for the threshold.

    What belongs to a module within the layer is a constant.
    """
    numbers = {k: torch.tensor(v, dtype=torch.float64) for k, v in vars(layer).items() if isinstance(v, float)}
    named = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
    arrays = {name: value.detach().double() for name, value in named}
    return arrays | {name: value for name, value in numbers.items() if name not in NOT_LEARNT}


def address(sizes: Sequence[int], strides: Sequence[int], offset: int = 0) -> str:
    """Where element i of a flat array of shape `sizes` lies in another, whose strides over that shape are given."""
    dims: list[tuple[int, int]] = []
    for size, stride in zip(sizes, strides, strict=True):
        if size > 1:
            joins = dims and dims[-1][1] == stride * size
            dims = [*dims[:-1], (dims[-1][0] * size, stride)] if joins else [*dims, (size, stride)]
    terms, inner = [str(offset)] * (offset > 0), 1
    for place, (size, stride) in reversed(list(enumerate(dims))):
        digit = f"(i / {inner} | 0)" if inner > 1 else "i"
        digit += f" % {size}" if place else ""
        terms += [] if stride == 0 else [digit] if stride == 1 else [f"({digit}) * {stride}"]
        inner *= size
    return " + ".join(terms) or "0"


@dataclass(frozen=True)
class Strided:
    """A view of a flat array: its name, the strides of each dimension, and where it begins."""

    name: str
    strides: tuple[int, ...]
    offset: int = 0


class Arrays:
    """The lines that compute a layer's drive and coefficients for one trial of `steps` steps, from x and the attributes p.

    `drive` is the name of an array [T, W]; `coefficients` are names of arrays [W] or [T, W] with their number of dimensions, or
    plain numbers, written out, with 0.
    """

    def __init__(self, layer: Neuron, steps: int) -> None:
        self.name = layer.name
        self.lines: list[str] = []
        self._views: dict[fx.Node, Strided] = {}
        self._values: dict[fx.Node, Tensor] = {}
        self._literals: dict[str, str] = {}
        shape = (1, steps, layer.size)
        inputs = attributes(layer)
        leaves = iter([("x", torch.zeros(shape, dtype=torch.float64)), *((f"p.{k}", v) for k, v in inputs.items())])
        graph = traced(layer, shape, inputs)
        for node in graph.nodes:
            if node.op == "placeholder":
                name, value = next(leaves)
                self._values[node], self._views[node] = value, Strided(name, value.stride())
            elif node.op == "get_attr":
                self._values[node] = getattr(graph.owning_module, node.target)
            elif node.op == "call_function":
                self._call(node)
        drive, *coefficients = next(node for node in graph.nodes if node.op == "output").args[0]
        self.drive = self._flat(drive)
        self.coefficients = [self._coefficient(node, steps, layer.size) for node in coefficients]
        self.lines = [*(f"const {name} = {text};" for text, name in self._literals.items()), *self.lines]

    def _coefficient(self, node: fx.Node, steps: int, width: int) -> tuple[str, int]:
        shape = tuple(self._values[node].shape)
        if shape not in ((width,), (steps, width)):
            raise NotFusable(f"{self.name}: a coefficient has shape {shape}, expected ({width},) or ({steps}, {width})")
        return (self._number(node), 0) if self._number(node) else (self._flat(node), len(shape))

    def _call(self, node: fx.Node) -> None:
        operation = node.target.overloadpacket.__name__
        values = fx.node.map_arg(node.args, lambda arg: self._values[arg])
        self._values[node] = result = node.target(*values, **node.kwargs)
        if any(arg in self._views for arg in node.all_input_nodes):
            moved = self._moved(node, values) if operation in MOVES else self._expression(operation, node, values, result)
            self._views[node] = moved if isinstance(moved, Strided) else self._computed(result.shape, moved)

    def _computed(self, shape: torch.Size, element: str) -> Strided:
        name = f"a{len(self.lines)}"
        self.lines.append(f"const {name} = at({shape.numel()}, i => {element});")
        return Strided(name, torch.empty(shape).stride())

    def _view(self, node: fx.Node) -> Strided:
        """Where the elements of a value lie; a value that is known by now is written out, once."""
        if node in self._views:
            return self._views[node]
        value = self._values[node]
        text = f"[{','.join(map(literal, value.flatten().tolist()))}]"
        return Strided(self._literals.setdefault(text, f"k{len(self._literals)}"), torch.empty(value.shape).stride())

    def _flat(self, node: fx.Node) -> str:
        """The name of an array that holds the elements of a value in their order."""
        shape, view = self._values[node].shape, self._view(node)
        element = f"{view.name}[{address(shape, view.strides, view.offset)}]"
        return view.name if element == f"{view.name}[i]" else self._computed(shape, element).name

    def _number(self, arg: fx.Node | float) -> str:
        """The one number that all elements of an operand are known to be, or nothing."""
        if not isinstance(arg, fx.Node):
            return literal(float(arg))
        first = self._values[arg].flatten()[:1]
        known = arg not in self._views and bool((self._values[arg] == first).all())
        return literal(first.item()) if known else ""

    def _element(self, arg: fx.Node | float, shape: torch.Size) -> str:
        """Element i of an operand that is stretched to `shape`."""
        if number := self._number(arg):
            return number
        view, own = self._view(arg), self._values[arg].shape
        fixed = [0] * (len(shape) - len(own))
        strides = [*fixed, *(stride if size > 1 else 0 for size, stride in zip(own, view.strides, strict=True))]
        return f"{view.name}[{address(shape, strides, view.offset)}]"

    def _expression(self, operation: str, node: fx.Node, values: tuple, result: Tensor) -> str:
        """Element i of what an operation yields."""
        if operation == "constant_pad_nd":
            return self._padded(node, *values)
        if operation == "mm" or (operation == "addmm" and not node.kwargs):
            (inner, across), (a, b) = values[-1].shape, map(self._flat, node.args[-2:])
            product = f"{a}[(i / {across} | 0) * {inner} + k] * {b}[k * {across} + i % {across}]"
            added = f" + {self._element(node.args[0], result.shape)}" if operation == "addmm" else ""
            return f"{{ let y = 0; for (let k = 0; k < {inner}; k++) y += {product}; return y{added}; }}"
        if operation == "pow" and not isinstance(node.args[1], fx.Node):
            base = self._element(node.args[0], result.shape)
            return POWERS.get(node.args[1], f"Math.pow({{0}}, {literal(node.args[1])})").format(base)
        if operation == "clamp":
            return clamped(self._element(node.args[0], result.shape), *(*node.args[1:], None)[:2])
        count = sum(f"{{{n}}}" in OF_ARRAYS.get(operation, "") for n in range(3))
        further = (*node.args[count:], *node.kwargs.values())
        if not count or further != PLAIN.get(operation, ())[: len(further)]:
            raise NotFusable(f"{self.name}: drive or coefficients use {node.target}, which has no JavaScript yet")
        return OF_ARRAYS[operation].format(*(self._element(arg, result.shape) for arg in node.args[:count]))

    def _moved(self, node: fx.Node, values: tuple) -> Strided | str:
        """Elements in other places: where they come from is found by moving their places about."""
        source, view = values[0], self._view(node.args[0])
        extent = view.offset + sum((size - 1) * stride for size, stride in zip(source.shape, view.strides, strict=True))
        places = torch.arange(extent + 1, dtype=source.dtype).as_strided(source.shape, view.strides, view.offset)
        moved = node.target(places, *values[1:], **node.kwargs)
        if moved.untyped_storage().data_ptr() == places.untyped_storage().data_ptr():
            return Strided(view.name, moved.stride(), moved.storage_offset())
        return f"{view.name}[[{','.join(str(int(place)) for place in moved.flatten())}][i]]"

    def _padded(self, node: fx.Node, source: Tensor, pads: list[int], value: float = 0) -> str:
        """An array with a border of one value along one dimension."""
        sides = [(source.dim() - 1 - k // 2, *pads[k : k + 2]) for k in range(0, len(pads), 2) if any(pads[k : k + 2])]
        if len(sides) != 1:
            raise NotFusable(f"{self.name}: a border along {len(sides)} dimensions has no JavaScript yet, expected 1")
        ((dim, before, after),) = sides
        name, size, inner = self._flat(node.args[0]), source.shape[dim], math.prod(source.shape[dim + 1 :])
        if not after and math.prod(source.shape[:dim]) == 1:
            return f"i < {before * inner} ? {literal(value)} : {name}[i - {before * inner}]"
        whole = size + before + after
        picked = f"{name}[((i / {inner * whole} | 0) * {size} + k) * {inner} + i % {inner}]"
        place = f"(i / {inner} | 0) % {whole} - {before}"
        return f"{{ const k = {place}; return k < 0 || k >= {size} ? {literal(value)} : {picked}; }}"


def clamped(operand: str, low: float | None, high: float | None) -> str:
    """An operand between two bounds, either of which may be absent."""
    text = operand if high is None else f"{operand} > {literal(high)} ? {literal(high)} : {operand}"
    return text if low is None else f"{operand} < {literal(low)} ? {literal(low)} : {text}"


def traced(layer: Neuron, shape: tuple[int, ...], inputs: dict[str, Tensor]) -> fx.Graph:
    """The graph of a layer's drive and coefficients, of input [1, T, W] and attributes."""
    from torch.fx.experimental.proxy_tensor import make_fx

    def outside(x: Tensor, p: dict[str, Tensor]) -> list[Tensor]:
        own = object.__new__(type(layer))
        own.__dict__ = {**vars(layer), "_parameters": {}, "_buffers": {}, "backend": "reference", **p}
        return [own.drive(x), *own.coefficients(x.shape[1])]

    try:
        with torch.no_grad():
            return make_fx(outside)(torch.zeros(shape, dtype=torch.float64), inputs).graph
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise NotFusable(f"{layer.name}: drive and coefficients can't be traced: {reason}") from error
