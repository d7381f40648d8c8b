"""Kernels of a layer whose synapses have no delay: all neurons move together from one input time to the next.

Forward, spikes are found in continuous time between inputs. Backward, the adjoint (lam_V, lam_I, lam_B) runs from the
end of the trial and jumps at the saved spikes (`compiled.adjoint_jump`); what a spike hears is the error of its own
recurrent arrivals, and what later layers and the loss say of its time. A neuron without adaptation is the case jump = B = 0.
"""

from __future__ import annotations

from math import exp

import numpy as np

from mstask.studies.eventprop.compiled import NEVER, adaptive_crossing, adjoint_jump, compiled, crossing, tau_gradients

FULL = -1
"""What `forward` returns when its buffers are too short; nothing of them may be used."""


@compiled
def forward(
    times, ids, starts, weights, recurrent, tau_m, tau_s, tau_b, jump, begin, threshold, reset, end,
    once, out_times, out_ids, out_starts, out_current, out_extra, final, log_v, log_i, log_starts,
):  # fmt: skip
    """Fill the spikes of a batch (times, ids, starts; current I and adaptation B before each) and V at the end [B, N].

    Where `once` holds, a neuron fires once in a trial at most; networks with recurrent weights can't have that.
    `log_v` and `log_i` [E, N] get the state after every input time (and every spike, with recurrence) unless they are
    empty; `log_starts` [B + 1] says which rows are whose. Returns the number of spikes, or FULL.
    """
    n_neurons = len(tau_m)
    v, i, extra = np.zeros(n_neurons), np.zeros(n_neurons), np.zeros(n_neurons)
    a, b = np.empty(n_neurons), np.empty(n_neurons)
    spent = np.zeros(n_neurons, np.bool_)
    gain = tau_s / (tau_m - tau_s)
    looped, logging = recurrent.shape[0] > 0, log_v.shape[0] > 0
    adaptive = jump > 0.0 or begin > 0.0
    found, logged = 0, 0
    last_h = -1.0
    for trial in range(len(starts) - 1):
        out_starts[trial], log_starts[trial] = found, logged
        first = found
        v[:], i[:], extra[:], spent[:] = 0.0, 0.0, begin, False
        now, k, stop = 0.0, starts[trial], starts[trial + 1]
        while True:
            to = times[k] if k < stop else end
            while True:
                h = to - now
                if h != last_h:
                    _decays(tau_m, tau_s, h, a, b)
                    last_h = h
                # without recurrence no neuron hears another before the next input: each can go there on its own, further below
                if not looped:
                    break
                # else the first spike of all ends the stretch, since it changes every current;
                # a candidate is searched for up to the best so far only
                soonest, who = h, -1
                for n in range(n_neurons):
                    # V rises only while I > V: below the threshold at the end and still rising, it was never above;
                    # most neurons are done with here, without a logarithm
                    if i[n] > threshold and i[n] > v[n]:
                        new_v = v[n] * a[n] + i[n] * gain[n] * (a[n] - b[n])
                        if new_v > threshold or i[n] * b[n] < new_v:
                            u = _cross(v[n], i[n], extra[n], tau_m[n], tau_s[n], tau_b, threshold, soonest, adaptive)
                            if u != NEVER and (who < 0 or u < soonest):
                                soonest, who = u, n
                if who < 0:
                    break
                _decays(tau_m, tau_s, soonest, a, b)
                # a and b hold the decays to the spike now, not those of the stretch
                last_h = -1.0
                fade = exp(-soonest / tau_b)
                for n in range(n_neurons):
                    v[n] = v[n] * a[n] + i[n] * gain[n] * (a[n] - b[n])
                    i[n] *= b[n]
                    extra[n] *= fade
                now += soonest
                if found == len(out_times) or (logging and logged == len(log_v)):
                    return FULL
                out_times[found], out_ids[found], out_current[found], out_extra[found] = now, who, i[who], extra[who]
                found += 1
                v[who] = reset
                extra[who] += jump
                for n in range(n_neurons):
                    i[n] += recurrent[who, n]
                if logging:
                    log_v[logged], log_i[logged] = v, i
                    logged += 1
            fade = exp(-h / tau_b) if adaptive else 1.0
            for n in range(n_neurons):
                new_i = i[n] * b[n]
                new_v = v[n] * a[n] + i[n] * gain[n] * (a[n] - b[n])
                # as above: whether the neuron can have fired on the way at all
                rises = i[n] > threshold and i[n] > v[n] and (new_v > threshold or new_i < new_v)
                if rises and not looped and not spent[n]:
                    left, vn, cur, ext = h, v[n], i[n], extra[n]
                    while True:
                        u = _cross(vn, cur, ext, tau_m[n], tau_s[n], tau_b, threshold, left, adaptive)
                        if u == NEVER:
                            break
                        if found == len(out_times):
                            return FULL
                        left -= u
                        cur *= exp(-u / tau_s[n])
                        ext *= exp(-u / tau_b)
                        at = to - left
                        # neurons are visited one by one, but spikes are kept in order of time: later ones move up
                        slot = found
                        while slot > first and out_times[slot - 1] > at:
                            out_times[slot], out_ids[slot] = out_times[slot - 1], out_ids[slot - 1]
                            out_current[slot], out_extra[slot] = out_current[slot - 1], out_extra[slot - 1]
                            slot -= 1
                        out_times[slot], out_ids[slot], out_current[slot], out_extra[slot] = at, n, cur, ext
                        found += 1
                        vn = reset
                        ext += jump
                        if once:
                            spent[n] = True
                            break
                    # what is left of the stretch after the last spike
                    an, bn = exp(-left / tau_m[n]), exp(-left / tau_s[n])
                    new_v = vn * an + cur * gain[n] * (an - bn)
                    new_i = cur * bn
                    extra[n] = ext * exp(-left / tau_b)
                else:
                    extra[n] *= fade
                v[n], i[n] = new_v, new_i
            now = to
            if k == stop:
                break
            # inputs of one time arrive together, so that their order can't decide who fires
            while k < stop and times[k] == to:
                row = ids[k]
                for n in range(n_neurons):
                    i[n] += weights[row, n]
                k += 1
            if logging:
                if logged == len(log_v):
                    return FULL
                log_v[logged], log_i[logged] = v, i
                logged += 1
        final[trial] = v
    out_starts[len(starts) - 1], log_starts[len(starts) - 1] = found, logged
    return found


@compiled
def backward(
    times, ids, starts, weights, recurrent, tau_m, tau_s, tau_b, jump, threshold, reset, end,
    out_times, out_ids, out_starts, out_current, out_extra, log_v, log_i, log_starts,
    error, d_final, push, d_times, d_weights, d_recurrent, d_tau_m, d_tau_s,
):  # fmt: skip
    """Add the gradients of a batch to d_weights, d_recurrent and, where states were logged, d_tau_m and d_tau_s.

    `error` [M] is dL/dt of each spike from elsewhere, `d_final` [B, N] is dL/dV at the end, `push` [B, N] is added to lam_V
    after every jump (regularisation). `d_times` [inputs] gets dL/dt of the input spikes unless it is empty.
    """
    n_neurons = len(tau_m)
    lam_v, lam_i, lam_b = np.zeros(n_neurons), np.zeros(n_neurons), np.zeros(n_neurons)
    until = np.empty(n_neurons)
    gap = tau_m / (tau_m - tau_s)
    looped, logging, through = recurrent.shape[0] > 0, log_v.shape[0] > 0, len(d_times) > 0
    for trial in range(len(starts) - 1):
        for n in range(n_neurons):
            # a loss of V at the end is where the adjoint starts
            lam_v[n], lam_i[n], lam_b[n] = -d_final[trial, n] / tau_m[n], 0.0, 0.0
        until[:] = end
        begin, k = starts[trial], starts[trial + 1]
        own, own_begin = out_starts[trial + 1], out_starts[trial]
        event = log_starts[trial + 1]
        last_h = -1.0
        while True:
            at = times[k - 1] if k > begin else 0.0
            # first the own spikes that came after that input, the latest first; with no input left, all that remain
            while own > own_begin and (out_times[own - 1] > at or k == begin):
                own -= 1
                t, who = out_times[own], out_ids[own]
                outer = error[own]
                if looped:
                    event -= 1
                    for n in range(n_neurons):
                        if logging:
                            of_m, of_s = tau_gradients(
                                log_v[event, n], log_i[event, n], lam_v[n], lam_i[n], tau_m[n], tau_s[n], until[n] - t
                            )
                            d_tau_m[n] += of_m
                            d_tau_s[n] += of_s
                        _fall(lam_v, lam_i, lam_b, n, tau_m[n], tau_s[n], tau_b, gap[n], until[n] - t)
                        until[n] = t
                        # the spike raised every current: its time decides when each neuron received that
                        outer += recurrent[who, n] * (lam_v[n] - lam_i[n])
                        d_recurrent[who, n] -= tau_s[n] * lam_i[n]
                else:
                    if logging:
                        of_m, of_s = tau_gradients(
                            reset, out_current[own], lam_v[who], lam_i[who], tau_m[who], tau_s[who], until[who] - t
                        )
                        d_tau_m[who] += of_m
                        d_tau_s[who] += of_s
                    # nobody else heard this spike, so only this neuron's clock goes back to it
                    _fall(lam_v, lam_i, lam_b, who, tau_m[who], tau_s[who], tau_b, gap[who], until[who] - t)
                    until[who] = t
                jumped, lam_b[who] = adjoint_jump(
                    lam_v[who], lam_b[who], outer, out_current[own], out_extra[own], tau_m[who], tau_b, jump, threshold, reset
                )
                lam_v[who] = jumped + push[trial, who]
            if k == begin:
                break
            event -= 1
            for n in range(n_neurons):
                h = until[n] - at
                if logging:
                    of_m, of_s = tau_gradients(log_v[event, n], log_i[event, n], lam_v[n], lam_i[n], tau_m[n], tau_s[n], h)
                    d_tau_m[n] += of_m
                    d_tau_s[n] += of_s
                # exponentials are dear, and neighbours mostly share their time constants
                if n == 0 or h != last_h or tau_m[n] != tau_m[n - 1] or tau_s[n] != tau_s[n - 1]:
                    an, bn, fade = exp(-h / tau_m[n]), exp(-h / tau_s[n]), exp(-h / tau_b)
                    last_h = h
                lam_i[n] = lam_i[n] * bn + gap[n] * lam_v[n] * (an - bn)
                lam_v[n] *= an
                lam_b[n] *= fade
                until[n] = at
            while k > begin and times[k - 1] == at:
                k -= 1
                row = ids[k]
                for n in range(n_neurons):
                    d_weights[row, n] -= tau_s[n] * lam_i[n]
                if through:
                    felt = 0.0
                    for n in range(n_neurons):
                        felt += weights[row, n] * (lam_v[n] - lam_i[n])
                    d_times[k] = felt


@compiled
def _decays(tau_m, tau_s, h, a, b):
    for n in range(len(tau_m)):
        if n > 0 and tau_m[n] == tau_m[n - 1] and tau_s[n] == tau_s[n - 1]:
            a[n], b[n] = a[n - 1], b[n - 1]
        else:
            a[n], b[n] = exp(-h / tau_m[n]), exp(-h / tau_s[n])


@compiled
def _cross(v, i, extra, tau_m, tau_s, tau_b, threshold, h, adaptive):
    if adaptive:
        return adaptive_crossing(v, i, extra, tau_m, tau_s, tau_b, threshold, h)
    return crossing(v, i, tau_m, tau_s, threshold, h)


@compiled
def _fall(lam_v, lam_i, lam_b, n, tau_m, tau_s, tau_b, gap, h):
    """Carry neuron n's adjoint back over h ms without events."""
    a, b = exp(-h / tau_m), exp(-h / tau_s)
    lam_i[n] = lam_i[n] * b + gap * lam_v[n] * (a - b)
    lam_v[n] *= a
    lam_b[n] *= exp(-h / tau_b)
