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

A sum that is dense instead, by `events_of`, is torch's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mstask.neurons.threads import over_parts
from mstask.plugins import plugin

DENSE_ABOVE = 0.4
"""Share of inputs that aren't 0 from which on a dense product is about as fast, at the widths of the paper's networks."""
PLANES = 8
"""Bits of the largest count."""
NARROW = 64
"""Neurons of a layer below which a dense product is faster at any density."""
WORD = 64


class SparseLinear(nn.Linear):
    """A linear layer for inputs of which many are 0; see `product`."""

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

    Otherwise `events_of` decides. In an event-driven product an input of 0 adds nothing, be its weight finite or not.
    """
    if len(weight) < NARROW or {(t.dtype, t.device) for t in (weight, bias)} != {(x.dtype, x.device)}:
        return nn.functional.linear(x, weight, bias)
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    events = events_of(rows.detach(), dense_above)
    if events is None:
        return nn.functional.linear(x, weight, bias)
    return EventProduct.apply(events, rows, weight, bias).view(*x.shape[:-1], len(weight))


def events_of(x: Tensor, dense_above: float) -> Events | None:
    """What is set in x [rows, inputs]; None where the product has to be dense.

    It has where a larger share of x than `dense_above` isn't 0 (the share of this very x: nothing else decides), where x
    holds anything but whole numbers from 0 to 255, is empty, lies on another device than the CPU or isn't of single or double
    precision, and where numba is missing.
    """
    if dense_above <= 0 or x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or not x.numel():
        return None
    try:
        kernels = plugin("fused.product_kernels")
    except ImportError:
        return None
    rows, inputs = x.shape
    flat, words = _flat(x), np.empty(rows * -(-inputs // WORD), np.uint64)
    found = np.empty((rows, 2), np.uint64)
    _over(kernels.pack, rows, x.numel(), flat, words, found.reshape(-1), inputs)
    if found[:, 0].sum() > dense_above * x.numel() or (largest := int(found[:, 1].max())) >= 2**PLANES:
        return None
    if largest <= 1:
        return Events(words, 1, rows, inputs)
    planes = largest.bit_length()
    words = np.concatenate([words, np.zeros(len(words) * (planes - 1), np.uint64)])
    _over(kernels.split, rows, x.numel(), flat, words, planes, rows, inputs)
    return Events(words, planes, rows, inputs)


class EventProduct(torch.autograd.Function):
    """The event-driven product and its gradients."""

    @staticmethod
    def forward(ctx: Any, events: Events, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.events = events
        ctx.save_for_backward(weight)
        out = x.new_empty(events.rows, len(weight))
        kernels, sizes = plugin("fused.product_kernels"), (events.rows, events.inputs, len(weight))
        arrays = [_flat(tensor) for tensor in (weight.t(), bias, out)]
        _over(kernels.forward, events.rows, out.numel(), events.words, events.planes, *arrays, *sizes)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[None, Tensor | None, Tensor | None, Tensor | None]:
        (weight,), events = ctx.saved_tensors, ctx.events
        _, of_input, of_weight, of_bias = ctx.needs_input_grad
        grad_input = g @ weight if of_input else None
        if not (of_weight or of_bias):
            return None, grad_input, None, None
        kernels, tiles = plugin("fused.product_kernels"), -(-events.rows // WORD)
        by_input = np.empty(events.planes * tiles * (events.inputs + 1), np.uint64)
        sizes = (events.rows, events.inputs, tiles)
        _over(kernels.turn, events.planes * tiles, len(events.words) * WORD, events.words, by_input, *sizes)
        grad = g.new_zeros(events.inputs + 1, g.shape[1])
        sizes = (events.inputs, g.shape[1], tiles)
        _over(kernels.backward, events.inputs + 1, g.numel(), by_input, events.planes, _flat(g), _flat(grad), *sizes)
        return None, grad_input, grad[:-1].t(), grad[-1]


def _flat(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().view(-1).numpy()


def _over(kernel: Any, parts: int, size: int, *arguments: Any) -> None:
    """Run a kernel over independent parts of an array of `size` elements; its sizes are unsigned."""
    own = [np.uint64(value) if isinstance(value, int) else value for value in arguments]
    over_parts(lambda first, last: kernel(*own, np.uint64(first), np.uint64(last)), parts, size)
