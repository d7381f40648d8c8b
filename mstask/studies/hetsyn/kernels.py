"""Compiled loops of the synaptic filters and of the spike scan; importing this module needs numba.

Names of indices: b sample, t time step, i presynaptic, j postsynaptic. Matrices of `drive` are [N, M], those of the scans
[presynaptic, postsynaptic]. Every loop runs over the samples first..last, so that parts of a batch can run at once.
The backward of a filter with decay r runs two traces back in time, with delta the gradient of V:

    e^t = delta^t + r e^{t+1}        so that  dL/dw = sum_t x^t e^t
    f^t = e^{t+1} + r f^{t+1}        so that  dL/dr = w sum_t x^t f^t

so no current has to be stored.
"""

import numpy as np
from numba import njit
from numba.core.compiler import Compiler

FAST = {"contract", "nsz", "reassoc"}


class Disjoint(Compiler):
    """A pipeline that promises that the arrays of a call don't overlap, without which its loops stay scalar."""

    def define_pipelines(self):
        self.state.flags.noalias = True
        return super().define_pipelines()


disjoint = njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy", pipeline_class=Disjoint)


@njit(nogil=True, cache=True, fastmath=FAST)
def drive(x, w, r, out, first, last):
    """out_bj^t = sum_i w_ji p_bji^t with p^t = r p^{t-1} + x^t; four steps are done while a trace is at hand."""
    _, steps, inputs = x.shape
    whole = steps - steps % 4
    trace = np.empty(inputs, x.dtype)
    zero = trace.dtype.type(0)
    for b in range(first, last):
        for j in range(len(w)):
            weight, decay = w[j], r[j]
            trace[:] = zero
            # four steps a pass: the trace is read and written once for them, and the four sums don't wait for one another
            for t in range(0, whole, 4):
                x0, x1, x2, x3 = x[b, t], x[b, t + 1], x[b, t + 2], x[b, t + 3]
                v0, v1, v2, v3 = zero, zero, zero, zero
                for i in range(inputs):
                    p0 = decay[i] * trace[i] + x0[i]
                    p1 = decay[i] * p0 + x1[i]
                    p2 = decay[i] * p1 + x2[i]
                    p3 = decay[i] * p2 + x3[i]
                    v0 += weight[i] * p0
                    v1 += weight[i] * p1
                    v2 += weight[i] * p2
                    v3 += weight[i] * p3
                    trace[i] = p3
                out[b, t, j], out[b, t + 1, j], out[b, t + 2, j], out[b, t + 3, j] = v0, v1, v2, v3
            for t in range(whole, steps):
                v0 = zero
                for i in range(inputs):
                    trace[i] = decay[i] * trace[i] + x[b, t, i]
                    v0 += weight[i] * trace[i]
                out[b, t, j] = v0


@njit(nogil=True, cache=True, fastmath=FAST)
def drive_adjoint(x, w, r, delta, grad_x, by_e, by_f, first, last):
    """Add sum_t x^t e^t to by_e [N, M] and sum_t x^t f^t to by_f; write sum_j w_ji e_ji^t to grad_x unless that is empty."""
    _, steps, inputs = x.shape
    wanted = len(grad_x) > 0
    e = np.empty(inputs, x.dtype)
    f = np.empty(inputs, x.dtype)
    for b in range(first, last):
        for j in range(len(w)):
            weight, decay, sum_e, sum_f = w[j], r[j], by_e[j], by_f[j]
            e[:] = 0
            f[:] = 0
            t = steps
            # from the last step back, four at a time; what is left over are the first steps
            while t >= 4:
                t -= 4
                x0, x1, x2, x3 = x[b, t], x[b, t + 1], x[b, t + 2], x[b, t + 3]
                d0, d1, d2, d3 = delta[b, t, j], delta[b, t + 1, j], delta[b, t + 2, j], delta[b, t + 3, j]
                if wanted:
                    g0, g1, g2, g3 = grad_x[b, t], grad_x[b, t + 1], grad_x[b, t + 2], grad_x[b, t + 3]
                    _four_into_x(weight, decay, e, g0, g1, g2, g3, d0, d1, d2, d3)
                _four_back(decay, e, f, sum_e, sum_f, x0, x1, x2, x3, d0, d1, d2, d3)
            while t > 0:
                t -= 1
                for i in range(inputs):
                    f[i] = decay[i] * f[i] + e[i]
                    e[i] = decay[i] * e[i] + delta[b, t, j]
                    sum_e[i] += x[b, t, i] * e[i]
                    sum_f[i] += x[b, t, i] * f[i]
                if wanted:
                    for i in range(inputs):
                        grad_x[b, t, i] += weight[i] * e[i]


@disjoint
def _four_back(decay, e, f, sum_e, sum_f, x0, x1, x2, x3, d0, d1, d2, d3):
    for i in range(len(e)):
        f3 = decay[i] * f[i] + e[i]
        e3 = decay[i] * e[i] + d3
        f2 = decay[i] * f3 + e3
        e2 = decay[i] * e3 + d2
        f1 = decay[i] * f2 + e2
        e1 = decay[i] * e2 + d1
        f0 = decay[i] * f1 + e1
        e0 = decay[i] * e1 + d0
        sum_e[i] += x3[i] * e3 + x2[i] * e2 + x1[i] * e1 + x0[i] * e0
        sum_f[i] += x3[i] * f3 + x2[i] * f2 + x1[i] * f1 + x0[i] * f0
        e[i] = e0
        f[i] = f0


@disjoint
def _four_into_x(weight, decay, e, g0, g1, g2, g3, d0, d1, d2, d3):
    for i in range(len(e)):
        e3 = decay[i] * e[i] + d3
        e2 = decay[i] * e3 + d2
        e1 = decay[i] * e2 + d1
        e0 = decay[i] * e1 + d0
        g3[i] += weight[i] * e3
        g2[i] += weight[i] * e2
        g1[i] += weight[i] * e1
        g0[i] += weight[i] * e0


@njit(nogil=True, cache=True, fastmath=FAST)
def drive_adjoint_across(x, w, r, delta, grad_x, by_e, by_f, first, last):
    """`drive_adjoint` for few inputs: the inner loop runs over receivers, and w, r, by_e and by_f are [M, N]."""
    _, steps, inputs = x.shape
    wanted = len(grad_x) > 0
    e = np.empty(w.shape[1], x.dtype)
    f = np.empty(w.shape[1], x.dtype)
    for b in range(first, last):
        for i in range(inputs):
            weight, decay, sum_e, sum_f = w[i], r[i], by_e[i], by_f[i]
            e[:] = 0
            f[:] = 0
            t = steps
            while t >= 4:
                t -= 4
                x0, x1, x2, x3 = x[b, t, i], x[b, t + 1, i], x[b, t + 2, i], x[b, t + 3, i]
                d0, d1, d2, d3 = delta[b, t], delta[b, t + 1], delta[b, t + 2], delta[b, t + 3]
                if wanted:
                    sums = _four_dots(weight, decay, e, d0, d1, d2, d3)
                    grad_x[b, t, i], grad_x[b, t + 1, i], grad_x[b, t + 2, i], grad_x[b, t + 3, i] = sums
                _four_back_across(decay, e, f, sum_e, sum_f, x0, x1, x2, x3, d0, d1, d2, d3)
            while t > 0:
                t -= 1
                _step_back(e, f, decay, delta[b, t])
                _add(sum_e, sum_f, e, f, x[b, t, i])
                if wanted:
                    grad_x[b, t, i] = _dot(weight, e)


@disjoint
def _four_back_across(decay, e, f, sum_e, sum_f, x0, x1, x2, x3, d0, d1, d2, d3):
    for j in range(len(e)):
        f3 = decay[j] * f[j] + e[j]
        e3 = decay[j] * e[j] + d3[j]
        f2 = decay[j] * f3 + e3
        e2 = decay[j] * e3 + d2[j]
        f1 = decay[j] * f2 + e2
        e1 = decay[j] * e2 + d1[j]
        f0 = decay[j] * f1 + e1
        e0 = decay[j] * e1 + d0[j]
        sum_e[j] += x3 * e3 + x2 * e2 + x1 * e1 + x0 * e0
        sum_f[j] += x3 * f3 + x2 * f2 + x1 * f1 + x0 * f0
        e[j] = e0
        f[j] = f0


@disjoint
def _four_dots(weight, decay, e, d0, d1, d2, d3):
    zero = e.dtype.type(0)
    g0, g1, g2, g3 = zero, zero, zero, zero
    for j in range(len(e)):
        e3 = decay[j] * e[j] + d3[j]
        e2 = decay[j] * e3 + d2[j]
        e1 = decay[j] * e2 + d1[j]
        e0 = decay[j] * e1 + d0[j]
        g3 += weight[j] * e3
        g2 += weight[j] * e2
        g1 += weight[j] * e1
        g0 += weight[j] * e0
    return g0, g1, g2, g3


@njit(nogil=True, cache=True, fastmath={"contract"})
def leaky(y, r, out, first, last):
    """out^t = r out^{t-1} + y^t with one decay r [N] per neuron."""
    _, steps, width = y.shape
    for b in range(first, last):
        out[b, 0] = y[b, 0]
        for t in range(1, steps):
            for j in range(width):
                out[b, t, j] = r[j] * out[b, t - 1, j] + y[b, t, j]


@njit(nogil=True, cache=True, fastmath={"contract"})
def leaky_adjoint(out, r, delta, grad_y, by_r, first, last):
    """Gradients of `leaky`: grad_y^t = e^t, and sum_t e^t out^{t-1} added to by_r [N]."""
    _, steps, width = out.shape
    for b in range(first, last):
        grad_y[b, steps - 1] = delta[b, steps - 1]
        for t in range(steps - 1, 0, -1):
            for j in range(width):
                by_r[j] += grad_y[b, t, j] * out[b, t - 1, j]
                grad_y[b, t - 1, j] = delta[b, t - 1, j] + r[j] * grad_y[b, t, j]


@njit(nogil=True, cache=True, fastmath={"contract"})
def spikes(driven, w, r, per_synapse, constants, v, z, first, last):
    """The scan drive -> V -> z; w [R, N] are the recurrent weights (R = 0: none), r [R, N] or [1, N] their decays.

    constants: theta, kappa (decay of the reset), a (adaptation), rho_a (its decay).
    """
    _, steps, width = driven.shape
    theta, kappa, a, rho_a = constants
    senders = len(w)
    current = np.empty((max(senders, 1) if per_synapse else 1, width), driven.dtype)
    reset = np.empty(width, driven.dtype)
    adaptation = np.empty(width, driven.dtype)
    for b in range(first, last):
        current[:] = 0
        reset[:] = 0
        adaptation[:] = 0
        for t in range(steps):
            now = v[b, t]
            now[:] = driven[b, t]
            if t > 0:
                before = z[b, t - 1]
                if per_synapse:
                    for i in range(senders):
                        # the current of a sender that was silent only fades
                        if before[i] != 0:
                            for j in range(width):
                                current[i, j] = r[i, j] * current[i, j] + w[i, j]
                                now[j] += current[i, j]
                        else:
                            for j in range(width):
                                current[i, j] = r[i, j] * current[i, j]
                                now[j] += current[i, j]
                elif senders > 0:
                    # with equal decays the sum of the currents fades as each of them would
                    shared = current[0]
                    for j in range(width):
                        shared[j] = r[0, j] * shared[j]
                    for i in range(senders):
                        if before[i] != 0:
                            for j in range(width):
                                shared[j] += w[i, j]
                    for j in range(width):
                        now[j] += shared[j]
                for j in range(width):
                    reset[j] = kappa * reset[j] + theta * before[j]
                    adaptation[j] = rho_a * adaptation[j] + a * before[j]
                    now[j] -= reset[j] + adaptation[j]
            for j in range(width):
                z[b, t, j] = 1 if now[j] > theta else 0


@njit(nogil=True, cache=True, fastmath=FAST)
def spikes_adjoint(z, phi, grad_z, w, r, per_synapse, constants, delta, by_e, by_f, first, last):
    """Write dL/dV to delta [B, T, N]; add sum_t z^{t-1} e^t and sum_t z^{t-1} f^t of the recurrent synapses to by_e, by_f."""
    _, steps, width = z.shape
    theta, kappa, a, rho_a = constants
    senders = len(w)
    shape = (max(senders, 1) if per_synapse else 1, width)
    e = np.empty(shape, z.dtype)
    f = np.empty(shape, z.dtype)
    reset = np.empty(width, z.dtype)
    adaptation = np.empty(width, z.dtype)
    back = np.empty(width, z.dtype)
    for b in range(first, last):
        for array in (e, f):
            array[:] = 0
        reset[:] = 0
        adaptation[:] = 0
        back[:] = 0
        for t in range(steps - 1, -1, -1):
            now = delta[b, t]
            for j in range(width):
                into = grad_z[b, t, j] + theta * reset[j] + a * adaptation[j] + back[j]
                now[j] = into * phi[b, t, j]
                reset[j] = kappa * reset[j] - now[j]
                adaptation[j] = rho_a * adaptation[j] - now[j]
            if t == 0 or senders == 0:
                continue
            # the spikes at t - 1 act on V at t through the recurrent synapses: `back` carries that to the next pass
            if not per_synapse:
                _step_back(e[0], f[0], r[0], now)
            for i in range(senders):
                row = i if per_synapse else 0
                if per_synapse:
                    _step_back(e[i], f[i], r[i], now)
                back[i] = _dot(w[i], e[row])
                if z[b, t - 1, i] != 0:
                    _add(by_e[i], by_f[i], e[row], f[row], z[b, t - 1, i])


@disjoint
def _step_back(e, f, r, delta):
    for j in range(len(e)):
        f[j] = r[j] * f[j] + e[j]
        e[j] = r[j] * e[j] + delta[j]


@disjoint
def _add(sum_e, sum_f, e, f, x):
    for j in range(len(e)):
        sum_e[j] += x * e[j]
        sum_f[j] += x * f[j]


@disjoint
def _dot(a, b):
    total = a.dtype.type(0)
    for j in range(len(a)):
        total += a[j] * b[j]
    return total
