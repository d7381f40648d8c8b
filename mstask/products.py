"""The product of a layer: inputs times weights, walking over the inputs that aren't 0 where few enough are.

Spikes are 0 or 1, counts of spikes small whole numbers, and most of either are 0. Written in binary, plane by plane (the
1s, the 2s, the 4s ...), they are bits, 64 in a word; the forward product adds the weights of the bits that are set in a
row, the gradient of the weights the gradients g of the rows in which an input's bit is set. The gradient of the inputs
stays dense: a surrogate is nowhere 0.

Order of summation, whatever the number of threads and the BLAS library, each sum rounded to the tensors' precision:

- forward: the bias; then for each plane the inputs that are set, ascending, in groups of eight, s = ((a + b) + (c + d)) +
  ((e + f) + (g + h)), at the end in pairs, a + b, and at most one alone; to the sum so far is added 2^plane s, which is exact
  but for the addition.
- gradient of a weight: for each plane and each tile of 64 consecutive rows [B T], ascending, the rows in which the input is
  set, in groups of four, (a + b) + (c + d), where fewer than four are left in pairs and at most one alone. A bias is the
  weight of an input that is always 1.

Dense products, that of the gradient of the inputs among them, are BLAS's: in `CHUNKS` chunks of rows, each of which is a
product of its own in a batch. With MKL the number of threads doesn't change their sums, as it does those of one product of
few rows. Gradients of weights add the chunks in order.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mstask.neurons.threads import over_parts
from mstask.plugins import plugin
from mstask.protocol import DENSE_ABOVE

PLANES = 8
"""Bits of the largest count."""
NARROW = 64
"""Neurons of a layer below which a dense product is faster at any density."""
CHUNKS = 8
"""Parts of a dense product that are summed apart; those of one product alone depend on the number of threads."""
WORD = 64


class Linear(nn.Linear):
    """A linear layer whose product is `product`."""

    dense_above: float = DENSE_ABOVE

    def forward(self, x: Tensor) -> Tensor:
        return product(x, self.weight, self.bias, self.dense_above)


@dataclass(frozen=True)
class Events:
    """Which of [rows, inputs] counts are set, in `planes` planes of bits; see `fused.product_kernels`."""

    words: np.ndarray
    planes: int
    rows: int
    inputs: int


def product(x: Tensor, weight: Tensor, bias: Tensor, dense_above: float = DENSE_ABOVE) -> Tensor:
    """Inputs x [..., K], weight [N, K] and bias [N] -> x W^T + b [..., N], dense for fewer than `NARROW` neurons N.

    Otherwise `events_of` decides. In an event-driven product an input of 0 adds nothing, be its weight finite or not. Other
    devices than the CPU, and tensors that aren't all of single or all of double precision, are left to torch.
    """
    kinds = {(tensor.dtype, tensor.device.type) for tensor in (x, weight, bias)}
    if kinds not in ({(torch.float32, "cpu")}, {(torch.float64, "cpu")}) or not x.numel():
        return nn.functional.linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    events = events_of(rows.detach(), dense_above) if len(weight) >= NARROW else None
    return Product.apply(events, rows, weight, bias).view(*x.shape[:-1], len(weight))


def events_of(x: Tensor, dense_above: float) -> Events | None:
    """What is set in x [rows, inputs], on the CPU; None where the product has to be dense.

    It has where a larger share of x than `dense_above` isn't 0 (the share of this very x: nothing else decides), where x
    holds anything but whole numbers from 0 to 255, and where numba is missing.
    """
    if dense_above <= 0:
        return None
    try:
        plugin("fused.product_kernels")
    except ImportError:
        return None
    rows, inputs = x.shape
    flat, words = _flat(x), np.empty(rows * -(-inputs // WORD), np.uint64)
    found = np.empty((rows, 2), np.uint64)
    _over("pack", rows, x.numel(), flat, words, found.reshape(-1), inputs)
    if found[:, 0].sum() > dense_above * x.numel() or (largest := int(found[:, 1].max())) >= 2**PLANES:
        return None
    if largest <= 1:
        return Events(words, 1, rows, inputs)
    planes = largest.bit_length()
    words = np.concatenate([words, np.zeros(len(words) * (planes - 1), np.uint64)])
    _over("split", rows, x.numel(), flat, words, planes, rows, inputs)
    return Events(words, planes, rows, inputs)


class Product(torch.autograd.Function):
    """The product, event-driven or, without events, dense, and its gradients."""

    @staticmethod
    def forward(ctx: Any, events: Events | None, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.events = events
        ctx.save_for_backward(weight, *([x] if events is None else []))
        if events is None:
            return _joined(torch.baddbmm(bias, _chunks(x), _each(weight.t())), len(x))
        out = x.new_empty(len(x), len(weight))
        arrays = [_flat(tensor) for tensor in (weight.t(), bias, out)]
        sizes = (events.rows, events.inputs, len(weight))
        _over("forward", events.rows, out.numel(), events.words, events.planes, *arrays, *sizes)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[None, Tensor | None, Tensor | None, Tensor | None]:
        weight, *x = ctx.saved_tensors
        _, of_input, *of_parameters = ctx.needs_input_grad
        grad_input = _joined(torch.bmm(_chunks(g), _each(weight)), len(g)) if of_input else None
        if not any(of_parameters):
            return None, grad_input, None, None
        if ctx.events is not None:
            return None, grad_input, *_by_input(ctx.events, g)
        parts = torch.bmm(_chunks(g).transpose(1, 2), _chunks(x[0]))
        return None, grad_input, functools.reduce(torch.add, parts), g.sum(0)


def _by_input(events: Events, g: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of weight and bias."""
    tiles, width = -(-events.rows // WORD), g.shape[1]
    by_input: np.ndarray = np.empty(events.planes * tiles * (events.inputs + 1), np.uint64)
    sizes = (events.rows, events.inputs, tiles)
    _over("turn", events.planes * tiles, len(events.words) * WORD, events.words, by_input, *sizes)
    grad = g.new_zeros(events.inputs + 1, width)
    sizes = (events.inputs, width, tiles)
    _over("backward", events.inputs + 1, g.numel(), by_input, events.planes, _flat(g), _flat(grad), *sizes)
    return grad[:-1].t(), grad[-1]


def _chunks(rows: Tensor) -> Tensor:
    """Rows [M, N] in equal chunks [CHUNKS, M / CHUNKS, N], the last ones filled up with 0."""
    if missing := -len(rows) % CHUNKS:
        rows = nn.functional.pad(rows, (0, 0, 0, missing))
    return rows.reshape(CHUNKS, -1, rows.shape[1])


def _joined(chunks: Tensor, rows: int) -> Tensor:
    """The first `rows` rows of all chunks."""
    return chunks.flatten(0, 1)[:rows]


def _each(matrix: Tensor) -> Tensor:
    """A matrix for every chunk."""
    return matrix.expand(CHUNKS, *matrix.shape)


def _flat(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().view(-1).numpy()


def _over(kernel: str, parts: int, size: int, *arguments: Any) -> None:
    """Run a kernel over independent parts of an array of `size` elements; its sizes are unsigned."""
    run = getattr(plugin("fused.product_kernels"), kernel)
    own = [np.uint64(value) if isinstance(value, int) else value for value in arguments]
    over_parts(lambda first, last: run(*own, np.uint64(first), np.uint64(last)), parts, size)
