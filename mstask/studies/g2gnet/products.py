"""The product of a layer's weights with its inputs, in the form that costs least: dense, grouped or sparse.

All three forms are exact; they differ in what they skip.

- "dense": the masked weight matrix times the inputs, as one product.
- "grouped": one batched product of the blocks inside groups, and the connections between groups one by one.
- "sparse": all connections one by one; the form for unstructured wiring.

Matrices are feature-major, x [n_in, columns] -> y [n_out, columns]. The compiled products take them flat and work on eight
connections at a time, over stretches of columns. Connections are in compressed rows: those of output o stand at
`starts[o] : starts[o + 1]`, from the inputs `sources`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from mstask.errors import MstaskError, nearest
from mstask.neurons.threads import over_parts
from mstask.studies.g2gnet.wiring import Wiring

FORMS = ("auto", "dense", "grouped", "sparse")
CONNECTION, BLOCK, REARRANGED = 2.2, 1.4, 36.0
"""Cost relative to the dense product of the same layer, as `benchmarks/g2gnet.py` measures it: of a connection taken one by
one and of an entry in a block (each times its share of the matrix), and of rearranging one side by group (divided by the
width, since the product grows with its square)."""

FEW_COLUMNS = 256
"""Below this many columns a product is too small for its form to matter, and "auto" takes the dense one."""
STRETCH = 512
"""Columns worked on together: rows this long stay in the first cache and cost little to begin."""

FAST = {"contract", "reassoc"}


@dataclass(frozen=True)
class Connections:
    """Connections in compressed rows; `at` says where each stands in the flat weight matrix."""

    starts: Any
    sources: Any
    at: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> Connections:
        out, into = mask.nonzero(as_tuple=True)
        starts = torch.zeros(len(mask) + 1, dtype=torch.int64)
        starts[1:] = mask.sum(1).cumsum(0)
        return cls(starts.numpy(), into.int().numpy(), out * mask.shape[1] + into)

    @classmethod
    def transposed(cls, mask: Tensor) -> Connections:
        """The same connections by input: rows are inputs, `sources` outputs."""
        found = cls.of(mask.T.contiguous())
        rows = torch.repeat_interleave(torch.arange(mask.shape[1]), mask.sum(0))
        return cls(found.starts, found.sources, torch.from_numpy(found.sources).long() * mask.shape[1] + rows)


@dataclass(frozen=True)
class Order:
    """Neurons by group, [G, n / G]; `contiguous` where that is the order they have anyway."""

    rows: Tensor
    contiguous: bool

    @classmethod
    def of(cls, groups: Tensor) -> Order:
        return cls(groups.argsort(stable=True).view(int(groups.max()) + 1, -1), bool((groups.diff() >= 0).all()))


@dataclass(frozen=True)
class Blocks:
    """The neurons of either side by group, and which entries of the blocks are connections [G, n_out / G, n_in / G]."""

    outputs: Order
    inputs: Order
    mask: Tensor

    @classmethod
    def of(cls, wiring: Wiring) -> Blocks:
        outputs, inputs = Order.of(wiring.groups_out), Order.of(wiring.groups_in)
        return cls(outputs, inputs, wiring.mask[outputs.rows[:, :, None], inputs.rows[:, None, :]])

    @property
    def at(self) -> tuple[Tensor, Tensor]:
        """Indices of the blocks' entries in the weight matrix."""
        return self.outputs.rows[:, :, None], self.inputs.rows[:, None, :]


@dataclass(frozen=True)
class Plan:
    """How a layer's product is computed: blocks (or none) and single connections, by output and by input (or none)."""

    form: str
    mask: Tensor
    blocks: Blocks | None = None
    rest: Connections | None = None
    rest_by_input: Connections | None = None


def plan(wiring: Wiring, form: str = "auto") -> Plan:
    """Prepare a product; "auto" takes the form of the least cost.

    Raises
    ------
    MstaskError : an unknown form.
    """
    if form not in FORMS:
        raise MstaskError(f"product form {form!r} is unknown; {nearest(form, FORMS)}")
    if form == "auto":
        costs = predicted_costs(wiring)
        form = min(costs, key=costs.__getitem__)
    if form == "dense":
        return Plan("dense", wiring.mask)
    rest = wiring.mask if form == "sparse" else wiring.mask & ~wiring.intra
    single = (Connections.of(rest), Connections.transposed(rest)) if rest.any() else (None, None)
    return Plan(form, wiring.mask, Blocks.of(wiring) if form == "grouped" else None, *single)


def predicted_costs(wiring: Wiring) -> dict[str, float]:
    """Cost of each form relative to the dense product."""
    size, groups = wiring.mask.numel(), int(wiring.groups_in.max()) + 1
    between = (wiring.mask & ~wiring.intra).sum().item() / size
    sides = sum(1 for groups_of in (wiring.groups_in, wiring.groups_out) if (groups_of.diff() < 0).any())
    return {
        "dense": 1.0,
        "grouped": BLOCK / groups + CONNECTION * between + sides * REARRANGED / math.sqrt(size),
        "sparse": CONNECTION * wiring.mask.sum().item() / size,
    }


def product(weight: Tensor, x: Tensor, chosen: Plan) -> Tensor:
    """Weight [n_out, n_in] at its connections times x [n_in, columns], differentiable in both."""
    if chosen.form == "dense" or x.is_cuda or x.shape[1] < FEW_COLUMNS:
        return MaskedProduct.apply(weight, x, chosen.mask)
    return StructuredProduct.apply(weight, x.contiguous(), chosen)


class MaskedProduct(torch.autograd.Function):
    """(weight * mask) @ x; the gradient of an absent connection is exactly 0."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: Tensor, mask: Tensor) -> Tensor:
        present = weight * mask
        ctx.save_for_backward(present, x, mask)
        return present @ x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        present, x, mask = ctx.saved_tensors
        by_input = present.T @ grad if ctx.needs_input_grad[1] else None
        return (grad @ x.T) * mask, by_input, None


class StructuredProduct(torch.autograd.Function):
    """The grouped and the sparse form."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: Tensor, chosen: Plan) -> Tensor:
        ctx.save_for_backward(weight, x)
        ctx.plan = chosen
        if blocks := chosen.blocks:
            y = _unrows(torch.bmm(_block_weights(weight, blocks), _rows(x, blocks.inputs)), blocks.outputs)
        else:
            y = x.new_zeros(weight.shape[0], x.shape[1])
        _add(chosen.rest, weight, x, y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        weight, x = ctx.saved_tensors
        chosen, grad = ctx.plan, grad.contiguous()
        by_weight = torch.zeros_like(weight)
        by_input = torch.zeros_like(x) if ctx.needs_input_grad[1] and not chosen.blocks else None
        if blocks := chosen.blocks:
            rows = _rows(grad, blocks.outputs)
            by_weight[blocks.at] = torch.bmm(rows, _rows(x, blocks.inputs).transpose(1, 2)) * blocks.mask
            if ctx.needs_input_grad[1]:
                back = torch.bmm(_block_weights(weight, blocks).transpose(1, 2), rows)
                by_input = _unrows(back, blocks.inputs)
        if rest := chosen.rest:
            sampled = grad.new_zeros(len(rest.at))
            arrays = rest.starts, rest.sources, grad.view(-1).numpy(), x.view(-1).numpy(), sampled.numpy(), x.shape[1]
            over_parts(lambda a, b: sampled_product(a, b, *arrays), len(grad), grad.numel())
            by_weight.view(-1)[rest.at] = sampled
        if by_input is not None:
            _add(chosen.rest_by_input, weight, grad, by_input)
        return by_weight, by_input, None


def _block_weights(weight: Tensor, blocks: Blocks) -> Tensor:
    return weight[blocks.at] * blocks.mask


def _rows(x: Tensor, order: Order) -> Tensor:
    """Rows of x [n, columns] by group, [G, n / G, columns]."""
    rows = x if order.contiguous else x[order.rows.flatten()]
    return rows.view(*order.rows.shape, -1)


def _unrows(by_group: Tensor, order: Order) -> Tensor:
    """The inverse of `_rows`."""
    rows = by_group.flatten(0, 1)
    if order.contiguous:
        return rows
    return torch.empty_like(rows).index_copy_(0, order.rows.flatten(), rows)


def _add(single: Connections | None, weight: Tensor, x: Tensor, y: Tensor) -> None:
    """Add the products of single connections to y, columns spread over threads."""
    if single is None:
        return
    values = weight.detach().reshape(-1)[single.at].numpy()
    arrays = single.starts, single.sources, values, x.detach().view(-1).numpy(), y.view(-1).numpy(), x.shape[1]
    over_parts(lambda a, b: add_product(a, b, *arrays), -(-x.shape[1] // STRETCH), y.numel())


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _add8(y, at, m, x, a0, a1, a2, a3, a4, a5, a6, a7, w0, w1, w2, w3, w4, w5, w6, w7):
    for c in range(m):
        y[at + c] += (
            w0 * x[a0 + c]
            + w1 * x[a1 + c]
            + w2 * x[a2 + c]
            + w3 * x[a3 + c]
            + w4 * x[a4 + c]
            + w5 * x[a5 + c]
            + w6 * x[a6 + c]
            + w7 * x[a7 + c]
        )


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _add1(y, at, m, x, a, w):
    for c in range(m):
        y[at + c] += w * x[a + c]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _dot8(g, at, m, x, a0, a1, a2, a3, a4, a5, a6, a7):
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = g.dtype.type(0)
    for c in range(m):
        v = g[at + c]
        s0 += v * x[a0 + c]
        s1 += v * x[a1 + c]
        s2 += v * x[a2 + c]
        s3 += v * x[a3 + c]
        s4 += v * x[a4 + c]
        s5 += v * x[a5 + c]
        s6 += v * x[a6 + c]
        s7 += v * x[a7 + c]
    return s0, s1, s2, s3, s4, s5, s6, s7


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _dot1(g, at, m, x, a):
    s = g.dtype.type(0)
    for c in range(m):
        s += g[at + c] * x[a + c]
    return s


@njit(nogil=True, cache=True, error_model="numpy")
def add_product(first, last, starts, sources, values, x, y, columns):
    """y[o] += sum of values[e] x[sources[e]] over the connections e of every output o, in stretches first..last-1."""
    columns, stretch = np.uintp(columns), np.uintp(STRETCH)
    for k in range(first, last):
        c = np.uintp(k) * stretch
        m = min(stretch, columns - c)
        for o in range(starts.size - 1):
            at, e, stop = np.uintp(o) * columns + c, starts[o], starts[o + 1]
            while e + 7 < stop:
                i, w = sources[e : e + 8], values[e : e + 8]
                a0, a1 = np.uintp(i[0]) * columns + c, np.uintp(i[1]) * columns + c
                a2, a3 = np.uintp(i[2]) * columns + c, np.uintp(i[3]) * columns + c
                a4, a5 = np.uintp(i[4]) * columns + c, np.uintp(i[5]) * columns + c
                a6, a7 = np.uintp(i[6]) * columns + c, np.uintp(i[7]) * columns + c
                _add8(y, at, m, x, a0, a1, a2, a3, a4, a5, a6, a7, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])
                e += 8
            while e < stop:
                _add1(y, at, m, x, np.uintp(sources[e]) * columns + c, values[e])
                e += 1


@njit(nogil=True, cache=True, error_model="numpy")
def sampled_product(first, last, starts, sources, g, x, out, columns):
    """out[e] = dot(g[o], x[sources[e]]) for every connection e of the outputs o in first..last-1."""
    columns, stretch, c = np.uintp(columns), np.uintp(STRETCH), np.uintp(0)
    while c < columns:
        m = min(stretch, columns - c)
        for o in range(first, last):
            at, e, stop = np.uintp(o) * columns + c, starts[o], starts[o + 1]
            while e + 7 < stop:
                i = sources[e : e + 8]
                a0, a1 = np.uintp(i[0]) * columns + c, np.uintp(i[1]) * columns + c
                a2, a3 = np.uintp(i[2]) * columns + c, np.uintp(i[3]) * columns + c
                a4, a5 = np.uintp(i[4]) * columns + c, np.uintp(i[5]) * columns + c
                a6, a7 = np.uintp(i[6]) * columns + c, np.uintp(i[7]) * columns + c
                s0, s1, s2, s3, s4, s5, s6, s7 = _dot8(g, at, m, x, a0, a1, a2, a3, a4, a5, a6, a7)
                out[e] += s0
                out[e + 1] += s1
                out[e + 2] += s2
                out[e + 3] += s3
                out[e + 4] += s4
                out[e + 5] += s5
                out[e + 6] += s6
                out[e + 7] += s7
                e += 8
            while e < stop:
                out[e] += _dot1(g, at, m, x, np.uintp(sources[e]) * columns + c)
                e += 1
        c += m
