"""Scratch kernels for `ideas.py`: products that visit only the neurons that fired, and the LIF loop on any layout.

Spikes are read as bits, 64 in a word: by row (which inputs of an example and time step fired) for the forward product, and
by column (in which of 64 consecutive rows an input fired) for the weight gradient.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from numba.core.compiler import Compiler
from numba.cpython.unsafe.numbers import trailing_zeros
from torch import Tensor, nn

WORD = 64
REAL, BITS, SIZE = numba.float32[::1], numba.uint64[::1], numba.uint64
BETA, THRESHOLD, SLOPE, ZERO, ONE = map(np.float32, (0.95, 1.5, 25, 0, 1))
U0, U1, U2, U4, U8, U64 = map(np.uint64, (0, 1, 2, 4, 8, 64))


class DisjointArrays(Compiler):
    """Promises that array arguments don't overlap."""

    def define_pipelines(self) -> Any:
        self.state.flags.noalias = True
        return super().define_pipelines()


def kernel(*types: Any) -> Any:
    return numba.njit(numba.void(*types), error_model="numpy", nogil=True, pipeline_class=DisjointArrays)


@kernel(REAL, BITS, SIZE)
def bits_by_row(s, words, count):
    for i in range(count):
        word = U0
        for k in range(U64):
            word |= (U1 if s[i * U64 + k] != ZERO else U0) << k
        words[i] = word


@kernel(REAL, BITS, SIZE, SIZE)
def bits_by_column(s, words, tiles, inputs):
    for i in range(tiles):
        for k in range(inputs):
            words[i * inputs + k] = U0
        for r in range(U64):
            at = (i * U64 + r) * inputs
            for k in range(inputs):
                words[i * inputs + k] |= (U1 if s[at + k] != ZERO else U0) << r


@kernel(BITS, REAL, REAL, REAL, SIZE, SIZE, SIZE)
def sum_rows(words, weight, bias, out, rows, per_row, width):
    fired = np.empty(per_row * U64, np.uint64)
    for i in range(rows):
        count, o = U0, i * width
        for q in range(per_row):
            word = words[i * per_row + q]
            while word != U0:
                fired[count] = (q * U64 + np.uint64(trailing_zeros(word))) * width
                count += U1
                word &= word - U1
        for n in range(width):
            out[o + n] = bias[n]
        j = U0
        while j + U8 <= count:
            a, b, c, d = fired[j], fired[j + U1], fired[j + U2], fired[j + U1 + U2]
            e, f, g, h = fired[j + U4], fired[j + U4 + U1], fired[j + U4 + U2], fired[j + U8 - U1]
            for n in range(width):
                first = (weight[a + n] + weight[b + n]) + (weight[c + n] + weight[d + n])
                out[o + n] += first + ((weight[e + n] + weight[f + n]) + (weight[g + n] + weight[h + n]))
            j += U8
        while j + U2 <= count:
            a, b = fired[j], fired[j + U1]
            for n in range(width):
                out[o + n] += weight[a + n] + weight[b + n]
            j += U2
        if j < count:
            a = fired[j]
            for n in range(width):
                out[o + n] += weight[a + n]


@kernel(BITS, REAL, REAL, SIZE, SIZE, SIZE)
def sum_columns(words, g, out, tiles, inputs, width):
    for i in range(tiles):
        start = i * U64 * width
        for k in range(inputs):
            word, o = words[i * inputs + k], k * width
            while word != U0:
                a = start + np.uint64(trailing_zeros(word)) * width
                word &= word - U1
                if word == U0:
                    for n in range(width):
                        out[o + n] += g[a + n]
                    break
                b = start + np.uint64(trailing_zeros(word)) * width
                word &= word - U1
                if word == U0 or (word & (word - U1)) == U0:
                    for n in range(width):
                        out[o + n] += g[a + n] + g[b + n]
                    continue
                c = start + np.uint64(trailing_zeros(word)) * width
                word &= word - U1
                d = start + np.uint64(trailing_zeros(word)) * width
                word &= word - U1
                for n in range(width):
                    out[o + n] += (g[a + n] + g[b + n]) + (g[c + n] + g[d + n])


@kernel(REAL, REAL, REAL, REAL, SIZE, SIZE, SIZE, SIZE, SIZE)
def lif_forward(x, u, s, m, rows, steps, width, row, step):
    for b in range(rows):
        for n in range(width):
            m[b * width + n] = ZERO
        for t in range(steps):
            at = b * row + t * step
            for n in range(width):
                membrane = BETA * m[b * width + n] + x[at + n]
                spike = ONE if membrane >= THRESHOLD else ZERO
                u[at + n] = membrane
                s[at + n] = spike
                m[b * width + n] = membrane * (ONE - spike)


@kernel(REAL, REAL, REAL, REAL, REAL, SIZE, SIZE, SIZE, SIZE, SIZE)
def lif_backward(g, u, s, dx, mu, rows, steps, width, row, step):
    for b in range(rows):
        for n in range(width):
            mu[b * width + n] = ZERO
        for back in range(steps):
            at = b * row + (steps - U1 - back) * step
            for n in range(width):
                steepness = SLOPE * abs(u[at + n] - THRESHOLD) + ONE
                later = mu[b * width + n]
                du = (g[at + n] - later * u[at + n]) / (steepness * steepness) + later * (ONE - s[at + n])
                dx[at + n] = du
                mu[b * width + n] = BETA * du


def bits(s: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Spikes [M, K] of 0 and 1 as bits by row [M K/64] and by column [M/64 K]; K and M padded to whole words."""
    s = nn.functional.pad(s, (0, -s.shape[1] % WORD, 0, -s.shape[0] % WORD)).contiguous()
    rows, inputs = s.shape
    flat, by_row, by_column = _flat(s), np.empty(rows * inputs // WORD, np.uint64), np.empty(rows * inputs // WORD, np.uint64)
    bits_by_row(flat, by_row, rows * inputs // WORD)
    bits_by_column(flat, by_column, rows // WORD, inputs)
    return by_row, by_column


def forward(by_row: np.ndarray, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Spikes times weight [N, K] transposed, plus bias: [M padded, N]."""
    width, inputs = weight.shape
    per_row = -(-inputs // WORD)
    rows = len(by_row) // per_row
    out = torch.empty(rows, width)
    bias = torch.zeros(width) if bias is None else bias
    sum_rows(by_row, _flat(weight.t().contiguous()), _flat(bias), _flat(out), rows, per_row, width)
    return out


def weight_gradient(by_column: np.ndarray, g: Tensor, inputs: int) -> Tensor:
    """Gradient g [M, N] transposed times spikes: [N, K]."""
    rows, width = g.shape
    padded = -(-inputs // WORD) * WORD
    g = nn.functional.pad(g, (0, 0, 0, -rows % WORD)).contiguous()
    out = torch.zeros(padded, width)
    sum_columns(by_column, _flat(g), _flat(out), len(g) // WORD, padded, width)
    return out[:inputs].t()


class EventProduct(torch.autograd.Function):
    """Linear layer on spikes: event-driven forward and weight gradient, dense gradient of the spikes."""

    @staticmethod
    def forward(ctx, s, weight, bias):
        flat = s.reshape(-1, s.shape[-1])
        by_row, ctx.by_column = bits(flat)
        ctx.save_for_backward(weight)
        ctx.biased = bias is not None
        return forward(by_row, weight, bias)[: len(flat)].view(*s.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx, g):
        (weight,) = ctx.saved_tensors
        flat = g.reshape(-1, g.shape[-1])
        bias = flat.sum(0) if ctx.biased else None
        return (flat @ weight).view(*g.shape[:-1], -1), weight_gradient(ctx.by_column, flat, weight.shape[1]), bias


class EventLinear(nn.Module):
    """An nn.Linear whose input consists of spikes."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, s: Tensor) -> Tensor:
        return EventProduct.apply(s, self.weight, self.bias)


def _flat(tensor: Tensor) -> np.ndarray:
    return tensor.detach().view(-1).numpy()
