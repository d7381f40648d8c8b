"""Calls a neuron's step on recording objects, which yields its expression graph.

A `Recorder` stands for a tensor [B, W]: torch functions, methods and operators on it become nodes of the graph, in the order
in which the step calls them, so that the compiled loop rounds as the plain one does. What isn't pointwise (indexing, a
branch on data, a sum over the batch) is refused with the line of the user's step.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch

from mstask.errors import MstaskError, NotFusable
from mstask.fused.graph import Graph, Node, Step
from mstask.neurons.ops import never_fires

BINARY = {
    "add": "add", "sub": "sub", "subtract": "sub", "mul": "mul", "multiply": "mul", "div": "div", "divide": "div",
    "true_divide": "div", "truediv": "div", "minimum": "minimum", "maximum": "maximum", "atan2": "atan2",
    "arctan2": "atan2", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le", "eq": "eq", "ne": "ne", "greater": "gt",
    "greater_equal": "ge", "less": "lt", "less_equal": "le", "logical_and": "and", "logical_or": "or", "and": "and",
    "or": "or",
}  # fmt: skip
UNARY = {
    "neg": "neg", "negative": "neg", "sqrt": "sqrt", "exp": "exp", "log": "log", "sin": "sin", "cos": "cos",
    "tanh": "tanh", "sigmoid": "sigmoid", "abs": "abs", "absolute": "abs", "relu": "relu", "square": "square",
    "reciprocal": "reciprocal", "detach": "detach", "logical_not": "not", "invert": "not", "zeros_like": "zeros",
    "ones_like": "ones",
}  # fmt: skip
BOOLEAN_ARGUMENTS = ("and", "or", "not")
EXPONENTS = (-2, -1, 0, 1, 2, 3)
OVER_THE_BATCH = ("any", "all", "sum", "mean", "max", "min", "amax", "amin", "item", "tolist", "median", "norm", "std", "var")
"""Of a whole tensor [B, W] these mix the trials of a batch."""
SUPPORTED = (
    "+ - * / unary -, ** with an exponent from -2 to 3, comparisons with & | ~, torch.sqrt, exp, log, sin, cos, tanh, "
    "sigmoid, abs, relu, clamp with numbers, minimum, maximum, where, atan2, square, reciprocal, detach, and modulus, "
    "angle, layer_sum, fire"
)


class Recorder:
    """Stands for a [B, W] tensor while a step is traced: every operation on it becomes a node of the graph."""

    __array_ufunc__ = None
    __hash__ = None
    dtype = "the dtype of the input"

    def __init__(self, trace: Trace, node: Node) -> None:
        self._trace = trace
        self._node = node

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Recorder:
        trace = next(_recorders((args, tuple((kwargs or {}).values()))))._trace
        return trace.operation(func.__name__.strip("_"), args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "where":
            return lambda condition, other: self._trace.operation("where", (condition, self, other), {})
        if name in ("to", "type_as"):
            return lambda other: self._trace.like_input(self, getattr(other, "dtype", other))
        if not callable(getattr(torch.Tensor, name, None)):
            raise self._trace.unsupported(f"Tensor.{name}")
        return lambda *args, **kwargs: self._trace.operation(name, (self, *args), kwargs)

    def layer_sum(self) -> Recorder:
        """See `mstask.neurons.ops.layer_sum`; of a value that every neuron shares, it is that value."""
        value = self._trace.number(self._node, "layer_sum")
        return self if value.uniform else self._trace.record("layer_sum", value)

    def __bool__(self) -> bool:
        raise self._trace.coupling("a branch on data (if, and, or, not, assert on a tensor)")


def _operator(name: str, reflected: bool = False) -> Callable:
    def method(self: Recorder, *others: Any) -> Recorder:
        return self._trace.operation(name, (*others, self) if reflected else (self, *others), {})

    return method


def _refused(what: str) -> Callable:
    def method(self: Recorder, *_: Any) -> Any:
        raise self._trace.unsupported(what)

    return method


# Python looks operators up on the type, so they can't be answered by __getattr__: each is set here, or refused by name.
for _name in ("add", "sub", "mul", "truediv", "pow", "and", "or"):
    setattr(Recorder, f"__{_name}__", _operator(_name))
    setattr(Recorder, f"__r{_name}__", _operator(_name, reflected=True))
    setattr(Recorder, f"__i{_name}__", _refused("an in-place operator (such as +=)"))
for _name in ("gt", "ge", "lt", "le", "eq", "ne", "neg", "abs", "invert"):
    setattr(Recorder, f"__{_name}__", _operator(_name))
for _name in ("float", "int", "index", "len", "iter"):
    setattr(Recorder, f"__{_name}__", _refused(f"{_name}() of a tensor"))
for _name in ("getitem", "setitem"):
    setattr(Recorder, f"__{_name}__", _refused("indexing"))
for _name in ("matmul", "rmatmul", "mod", "rmod", "floordiv", "rfloordiv", "xor", "rxor", "lshift", "rshift"):
    setattr(Recorder, f"__{_name}__", _refused(f"operator {_name}"))


class Trace:
    """One tracing of one neuron type's step."""

    def __init__(self, cls: Any, coefficients: Any) -> None:
        self.name = cls.name
        self.graph = Graph()
        self._step = cls.step
        self._state_type = cls.State
        self._coefficients_type = coefficients

    def run(self) -> Step:
        """Call the step on recorders and check what it returns."""
        graph = self.graph
        drive = graph("drive")
        states = tuple(graph("state", value=k) for k in range(len(self._state_type._fields)))
        coefficients = tuple(graph("coefficient", value=i) for i in range(len(self._coefficients_type._fields)))
        state = self._state_type(*(Recorder(self, node) for node in states))
        c = self._coefficients_type(*(Recorder(self, node) for node in coefficients))
        try:
            result = self._step(Recorder(self, drive), state, c, self._fire)
        except MstaskError:
            raise
        except Exception as error:
            where = self._line(error)
            raise NotFusable(f"{self.name}: step{where} can't be traced: {type(error).__name__}: {error}") from error
        spikes, new_states = self._checked(result)
        return Step(self.name, graph, drive, states, coefficients, spikes, new_states)

    def record(self, op: str, *args: Node, value: Any = None) -> Recorder:
        """Add a node and wrap it."""
        return Recorder(self, self.graph(op, *args, value=value))

    def operation(self, name: str, args: tuple, kwargs: dict) -> Recorder:
        """Record the torch function, method or operator `name`."""
        if name == "clamp":
            return self._clamp(*args, **kwargs)
        kwargs = {key: value for key, value in kwargs.items() if value is not None and value is not False}
        if name in OVER_THE_BATCH and len(args) == 1 and not {"dim", "axis"} & set(kwargs):
            raise self.coupling(f"{name}() of all trials and neurons")
        if kwargs:
            raise self.unsupported(f"{name} with keyword argument {next(iter(kwargs))!r}")
        if name in BINARY and len(args) == 2:
            return self._pointwise(BINARY[name], *args)
        if name in UNARY and len(args) == 1:
            return self._unary(UNARY[name], args[0])
        if name == "pow" and len(args) == 2:
            return self._power(*args)
        if name == "where" and len(args) == 3:
            condition, *branches = (self.node(a, name) for a in args)
            if not condition.boolean:
                raise self.unsupported("where on a condition that is not a comparison")
            return self.record("where", condition, *(self.number(b, name) for b in branches))
        raise self.unsupported(name)

    def node(self, value: Any, op: str) -> Node:
        """The node of an operand: a recorded tensor or a Python number."""
        if isinstance(value, Recorder):
            return value._node
        if isinstance(value, (bool, int, float)):
            return self.graph.constant(value)
        if isinstance(value, torch.Tensor):
            raise self.unsupported(f"{op} with a tensor that is no argument of step (return it from coefficients)")
        raise self.unsupported(f"{op} with a {type(value).__name__}")

    def number(self, node: Node, op: str) -> Node:
        """Refuse a comparison where `op` needs a number."""
        if node.boolean:
            raise self.unsupported(f"{op} of a comparison; use torch.where(comparison, 1.0, 0.0)")
        return node

    def like_input(self, value: Recorder, dtype: Any) -> Recorder:
        """`value.to(x.dtype)`: turns a comparison into 0 and 1."""
        if dtype != Recorder.dtype:
            raise self.unsupported("a change of dtype other than .to(x.dtype)")
        if not value._node.boolean:
            return value
        return self.record("where", value._node, self.graph.constant(1), self.graph.constant(0))

    def coupling(self, what: str) -> NotFusable:
        """Make the error for a step in which trials would decide about each other."""
        return self.unsupported(
            f"{what}: what one trial does then depends on the others of its batch, and results on the batch size; "
            "decide element by element with torch.where, and over a layer with layer_sum"
        )

    def unsupported(self, what: str) -> NotFusable:
        """Make the error that names `what`, the line of the user's step, and what is supported."""
        return NotFusable(f"{self.name}: step{self._line()} uses {what}; the fused loop supports {SUPPORTED}")

    def _fire(self, u: Recorder) -> Recorder:
        distance = self.graph("sub", self.number(self.node(u, "fire"), "fire"), self.graph("threshold"))
        return self.record("spike", distance)

    def _pointwise(self, op: str, *operands: Any) -> Recorder:
        nodes = [self.node(value, op) for value in operands]
        if op in BOOLEAN_ARGUMENTS:
            if not all(node.boolean for node in nodes):
                raise self.unsupported(f"{op} of a value that is not a comparison")
            return self.record(op, *nodes)
        # Tensor times comparison is the usual way to write a mask: the comparison counts as 0 or 1.
        if op == "mul" and any(node.boolean for node in nodes) and not all(node.boolean for node in nodes):
            one, zero = self.graph.constant(1), self.graph.constant(0)
            nodes = [self.graph("where", node, one, zero) if node.boolean else node for node in nodes]
        return self.record(op, *(self.number(node, op) for node in nodes))

    def _unary(self, op: str, operand: Any) -> Recorder:
        if op in ("zeros", "ones"):
            return self.record("full", value=float(op == "ones"))
        if op == "square":
            return self._power(operand, 2)
        if op == "reciprocal":
            return self._power(operand, -1)
        return self._pointwise(op, operand)

    def _power(self, base: Any, exponent: Any) -> Recorder:
        if not isinstance(exponent, (int, float)) or exponent not in EXPONENTS:
            raise self.unsupported(f"** with exponent {exponent if isinstance(exponent, (int, float)) else 'tensor'}")
        node = self.number(self.node(base, "**"), "**")
        if exponent in (0, 1):
            return Recorder(self, node) if exponent else self.record("full", value=1.0)
        return self.record("power", node, value=int(exponent))

    def _clamp(self, value: Any, min: Any = None, max: Any = None) -> Recorder:
        for bound in (min, max):
            if not (bound is None or isinstance(bound, (int, float))):
                raise self.unsupported("clamp with a tensor as bound; use minimum, maximum")
        node = self.number(self.node(value, "clamp"), "clamp")
        bounds = tuple(None if bound is None else float(bound) for bound in (min, max))
        return self.record("clamp", node, value=bounds)

    def _checked(self, result: Any) -> tuple[Node, tuple[Node, ...]]:
        fields = self._state_type._fields
        if not (isinstance(result, tuple) and len(result) == 2):
            raise NotFusable(f"{self.name}: step returned {_described(result)}, expected (spikes, new state)")
        spikes, state = result
        if not (isinstance(state, tuple) and getattr(state, "_fields", None) == fields):
            raise NotFusable(
                f"{self.name}: step returned a new state of {_described(state)}, "
                f"expected {self._state_type.__name__}({', '.join(fields)})"
            )
        for what, value in (("spikes", spikes), *zip((f"state {f}" for f in fields), state, strict=True)):
            if not isinstance(value, Recorder):
                raise NotFusable(f"{self.name}: step returned {_described(value)} as {what}, expected a tensor [B, W]")
            if value._node.uniform or value._node.boolean:
                kind = "a comparison" if value._node.boolean else "one value for the whole layer, shape [B, 1]"
                raise NotFusable(f"{self.name}: step returned {kind} as {what}, expected numbers [B, W]")
        if not _fired(spikes._node):
            raise never_fires(self.name)
        return spikes._node, tuple(value._node for value in state)

    def _line(self, error: BaseException | None = None) -> str:
        """Where the step is: ' at FILE:LINE (SOURCE)', or nothing when the step has no Python frame."""
        code = getattr(self._step, "__code__", None)
        line = None
        if error is not None:
            entry = error.__traceback__
            while entry is not None:
                line = entry.tb_lineno if entry.tb_frame.f_code is code else line
                entry = entry.tb_next
        else:
            # The call is still under way: the step is a caller of the recorder that refuses.
            frame = sys._getframe(1)
            while frame is not None and line is None:
                line = frame.f_lineno if frame.f_code is code else None
                frame = frame.f_back
        if line is None:
            return ""
        return f" at {code.co_filename}:{line} ({linecache.getline(code.co_filename, line).strip()})"


def _fired(value: Node) -> bool:
    """Whether a gradient of the value reaches a spike: not through a comparison, nor what is detached."""
    if value.op == "detach" or value.boolean:
        return False
    return value.op == "spike" or any(_fired(arg) for arg in value.args)


def _recorders(values: Any) -> Iterator[Recorder]:
    """All recorders in nested tuples and lists."""
    for value in values:
        if isinstance(value, Recorder):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _recorders(value)


def _described(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return "one tensor" if isinstance(value, Recorder) else f"a {type(value).__name__}"


def trace(cls: type, coefficients: type) -> Step:
    """Trace `cls.step` for coefficients of the NamedTuple type `coefficients`."""
    return Trace(cls, coefficients).run()
