"""The product of a layer's weights with its inputs, in the form that costs least: dense, grouped or sparse.

All three forms are exact; they differ in what they skip.

- "dense": the masked weight matrix times the inputs, as one product.
- "grouped": one batched product of the blocks inside groups, and the connections between groups one by one.
- "sparse": all connections one by one; the form for unstructured wiring.

Matrices are feature-major, x [n_in, columns] -> y [n_out, columns].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mstask.errors import MstaskError, nearest
from mstask.neurons.threads import over_parts
from mstask.studies.g2gnet.kernels import STRETCH, add_product, sampled_product
from mstask.studies.g2gnet.wiring import Wiring

FORMS = ("auto", "dense", "grouped", "sparse")
CONNECTION, BLOCK, REARRANGED = 2.2, 1.4, 36.0
"""Cost relative to the dense product of the same layer, as `benchmarks/g2gnet.py` measures it: of a connection taken one by
one and of an entry in a block (each times its share of the matrix), and of rearranging one side by group (divided by the
width, since the product grows with its square)."""

FEW_COLUMNS = 256
"""Below this many columns a product is too small for its form to matter, and "auto" takes the dense one."""


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
