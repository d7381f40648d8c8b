"""Compiled products with the connections of a layer and nothing else, eight at a time over stretches of columns.

Connections are in compressed rows: those of output o stand at `starts[o] : starts[o + 1]`, from the inputs `sources`.
Matrices are feature-major, [neurons, columns], given flat.
"""

from __future__ import annotations

import numpy as np
from numba import njit

STRETCH = 512
"""Columns worked on together: rows this long stay in the first cache and cost little to begin."""

FAST = {"contract", "reassoc"}


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
