"""Compiled loops of the causal filter; importing this module needs numba."""

from numba import njit


@njit(nogil=True, cache=True)
def causal(x, taps, y, first, last):
    """y_t = sum_n taps_n x_{t-n} for batch rows first..last."""
    _, steps, width = x.shape
    for b in range(first, last):
        for t in range(steps):
            for i in range(width):
                y[b, t, i] = taps[0, i] * x[b, t, i]
            for n in range(1, min(len(taps), t + 1)):
                for i in range(width):
                    y[b, t, i] += taps[n, i] * x[b, t - n, i]


@njit(nogil=True, cache=True)
def adjoint(x, taps, grad, grad_x, grad_taps, first, last):
    """Gradients of `causal` for the input and, per batch row, for the taps."""
    _, steps, width = x.shape
    for b in range(first, last):
        for t in range(steps):
            for i in range(width):
                grad_x[b, t, i] = taps[0, i] * grad[b, t, i]
            for n in range(1, min(len(taps), steps - t)):
                for i in range(width):
                    grad_x[b, t, i] += taps[n, i] * grad[b, t + n, i]
            for n in range(min(len(taps), t + 1)):
                for i in range(width):
                    grad_taps[b, n, i] += grad[b, t, i] * x[b, t - n, i]
