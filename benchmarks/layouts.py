"""The LIF loop on arrays of any layout, for `ideas.py`."""

from __future__ import annotations

import numpy as np

from mstask.fused.product_kernels import kernel

BETA, THRESHOLD, SLOPE, ZERO, ONE = map(np.float32, (0.95, 1.5, 25, 0, 1))
U1 = np.uint64(1)


@kernel
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


@kernel
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
