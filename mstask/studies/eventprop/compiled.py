"""How the kernels of this package are compiled, and the exact motion of one neuron between two events.

Leaky integrate-and-fire neuron with current-based synapse (times in ms)::

    tau_m dV/dt = -V + I        tau_s dI/dt = -I        arriving spike: I += w        V reaches the threshold: V <- V_reset

Over h ms without events, with a = exp(-h/tau_m), b = exp(-h/tau_s), g = tau_s/(tau_m - tau_s): V <- V a + I g (a - b),
I <- I b. The adjoint pair runs backwards: lam_I <- lam_I b + tau_m/(tau_m - tau_s) lam_V (a - b), lam_V <- lam_V a. At a spike
it jumps: with S = (I - V_reset) lam_V + dL/dt - jump lam_B and X = (I - V)/tau_m + B/tau_B taken just before the spike,
lam_V <- S/(tau_m X) and lam_B <- lam_B - S/(tau_B X). At an arrival dL/dw -= tau_s lam_I.
The formulas need tau_m and tau_s apart; `separated` sees to that.

numba keeps a kernel until the kernel's own file changes: after a change of this file, delete the package's __pycache__.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log

import numba
import numpy as np
from numpy.typing import NDArray

NEVER = -1.0
"""What the crossing functions return when the threshold isn't reached."""
_APART = 1e-6


def compiled(function: Callable) -> Callable:
    """Compile with numba, remembering its work where some cache folder is writable."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)


def separated(tau_m: NDArray[np.float64], tau_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Synaptic time constants at least one part in a million away from the membrane's."""
    return np.where(np.abs(tau_m - tau_s) < _APART * tau_m, tau_m * (1 - _APART), tau_s)


@compiled
def crossing(v: float, i: float, tau_m: float, tau_s: float, threshold: float, h_end: float) -> float:
    """First time in (0, h_end] at which V reaches the threshold from below, or NEVER.

    V has a single maximum and is concave while it rises, so Newton's steps from the left climb to the root.
    """
    if i <= threshold or i <= v:
        return NEVER
    if v >= threshold:
        return 0.0
    c = tau_s / (tau_m - tau_s) * i
    a = v + c
    ratio = c * tau_m / (a * tau_s)
    if not ratio > 0.0:
        return NEVER
    top = tau_m * tau_s / (tau_m - tau_s) * log(ratio)
    high = min(top, h_end)
    if a * exp(-high / tau_m) - c * exp(-high / tau_s) <= threshold:
        return NEVER
    low, h = 0.0, 0.0
    for _ in range(80):
        am, cs = a * exp(-h / tau_m), c * exp(-h / tau_s)
        excess = am - cs - threshold
        if excess > 0.0:
            high = h
        else:
            low = h
        # a step of Newton's method, or half of the bracket where it leaves it
        slope = cs / tau_s - am / tau_m
        following = h - excess / slope if slope > 0.0 else 0.5 * (low + high)
        if not low <= following <= high:
            following = 0.5 * (low + high)
        if abs(following - h) <= 1e-15 * (1.0 + h):
            return following
        h = following
    return h


@compiled
def adaptive_crossing(
    v: float, i: float, extra: float, tau_m: float, tau_s: float, tau_b: float, threshold: float, h_end: float
) -> float:
    """First time in (0, h_end] at which V reaches threshold + extra exp(-h/tau_b), or NEVER; `extra` is not negative.

    V must exceed the bare threshold first. From there, steps of a quarter of the shorter time constant are searched,
    each for a sign change of the distance, or of its slope (a maximum inside the step).
    """
    first = crossing(v, i, tau_m, tau_s, threshold, h_end)
    if first == NEVER or extra == 0.0:
        return first
    step = 0.25 * min(tau_m, tau_s)
    low = first
    rising = _slope(v, i, extra, tau_m, tau_s, tau_b, low)
    while low < h_end:
        high = min(low + step, h_end)
        after = _slope(v, i, extra, tau_m, tau_s, tau_b, high)
        # V can touch the fading threshold between two looks: if the distance has its maximum in there, look at that
        if _excess(v, i, extra, tau_m, tau_s, tau_b, threshold, high) <= 0.0 and rising > 0.0 and after < 0.0:
            left, right = low, high
            for _ in range(60):
                middle = 0.5 * (left + right)
                if _slope(v, i, extra, tau_m, tau_s, tau_b, middle) > 0.0:
                    left = middle
                else:
                    right = middle
            high = left
        if _excess(v, i, extra, tau_m, tau_s, tau_b, threshold, high) > 0.0:
            return _bisect(v, i, extra, tau_m, tau_s, tau_b, threshold, low, high)
        low = min(low + step, h_end)
        rising = after
    return NEVER


@compiled
def _excess(v, i, extra, tau_m, tau_s, tau_b, threshold, h):
    c = tau_s / (tau_m - tau_s) * i
    return (v + c) * exp(-h / tau_m) - c * exp(-h / tau_s) - threshold - extra * exp(-h / tau_b)


@compiled
def _slope(v, i, extra, tau_m, tau_s, tau_b, h):
    c = tau_s / (tau_m - tau_s) * i
    return c / tau_s * exp(-h / tau_s) - (v + c) / tau_m * exp(-h / tau_m) + extra / tau_b * exp(-h / tau_b)


@compiled
def _bisect(v, i, extra, tau_m, tau_s, tau_b, threshold, low, high):
    """Root of the distance between low (below) and high (above): Newton's step where it stays inside, else half."""
    h = high
    for _ in range(100):
        excess = _excess(v, i, extra, tau_m, tau_s, tau_b, threshold, h)
        if excess > 0.0:
            high = h
        else:
            low = h
        slope = _slope(v, i, extra, tau_m, tau_s, tau_b, h)
        following = h - excess / slope if slope > 0.0 else 0.5 * (low + high)
        if not low <= following <= high:
            following = 0.5 * (low + high)
        if abs(following - h) <= 1e-15 * (1.0 + h):
            return following
        h = following
    return h


@compiled
def adjoint_jump(lam_v, lam_b, felt, drive, extra, tau_m, tau_b, jump, threshold, reset):
    """The adjoint (lam_V, lam_B) before a spike in forward time, from that after it.

    `felt` is dL/dt of the spike, from the loss and all that heard it; I = `drive` and B = `extra` are those just before it.
    """
    total = (drive - reset) * lam_v + felt - jump * lam_b
    slope = (drive - threshold - extra) / tau_m + extra / tau_b
    return total / (tau_m * slope), lam_b - total / (tau_b * slope)


@compiled
def tau_gradients(v: float, i: float, lam_v: float, lam_i: float, tau_m: float, tau_s: float, h: float):
    """dL/dtau_m and dL/dtau_s from a free stretch of h ms that starts in (v, i) and whose adjoint ends in (lam_v, lam_i).

    The integrals of lam_V (I - V)/tau_m and -lam_I I/tau_s over the stretch, in closed form.
    """
    a, b = exp(-h / tau_m), exp(-h / tau_s)
    gap = tau_m / (tau_m - tau_s)
    mixed = (a - b) * gap * tau_s
    steady = v + gap * tau_s / tau_m * i
    of_m = lam_v / tau_m * (gap * i * mixed - steady * h * a)
    of_s = -i / tau_s * ((lam_i - gap * lam_v) * h * b + gap * lam_v * mixed)
    return of_m, of_s
