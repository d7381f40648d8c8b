"""Kernels of a layer whose synapses have delays: one queue of arrivals, every neuron on its own clock.

The forward pass logs every event (an arrival at a neuron, or its spike) with the neuron's state after it; the backward
pass walks the log from its end. Without delays the numbers are those of `synchronous`, more slowly.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import exp, inf

import numpy as np

from mstask.studies.eventprop.compiled import NEVER, adaptive_crossing, adjoint_jump, compiled, crossing, tau_gradients
from mstask.studies.eventprop.synchronous import FULL

INPUT, OWN, SPIKE = 0, 1, 2
"""Kinds of events: an input arrives, a spike of the layer itself arrives, a neuron spikes."""


@compiled
def forward(
    times, ids, starts, weights, recurrent, delays, own_delays, tau_m, tau_s, tau_b, jump, begin, threshold, reset, end,
    out_times, out_ids, out_starts, out_current, out_extra, final,
    log_time, log_kind, log_target, log_source, log_v, log_i, log_starts,
):  # fmt: skip
    """Fill the spikes of a batch and V at the end [B, N], as `synchronous.forward`, and the log; returns the spikes or FULL.

    A spike of source m reaches neuron n after ``delays[m, n]`` ms, one of the layer itself after ``own_delays[m, n]`` ms.
    """
    n_neurons = len(tau_m)
    v, i, extra = np.zeros(n_neurons), np.zeros(n_neurons), np.zeros(n_neurons)
    clock, due = np.zeros(n_neurons), np.empty(n_neurons)
    looped = recurrent.shape[0] > 0
    arrivals = [(0.0, 0, 0, 0)]
    found, logged = 0, 0
    for trial in range(len(starts) - 1):
        out_starts[trial], log_starts[trial] = found, logged
        v[:], i[:], extra[:], clock[:], due[:] = 0.0, 0.0, begin, 0.0, inf
        arrivals.clear()
        # with delays an input reaches every neuron at a time of its own: each arrival is an event
        for k in range(starts[trial], starts[trial + 1]):
            for n in range(n_neurons):
                heappush(arrivals, (times[k] + delays[ids[k], n], INPUT, k, n))
        while True:
            # what comes next: an arrival, or the spike that is due first; at one time the spike is older
            who = np.argmin(due)
            soonest = arrivals[0][0] if len(arrivals) > 0 else inf
            spikes = due[who] <= soonest
            now = due[who] if spikes else soonest
            if now >= end:
                break
            if logged == len(log_time) or found == len(out_times):
                return FULL
            # only the neuron that something happens to is moved; the others' clocks stay behind until it is their turn
            n = who if spikes else arrivals[0][3]
            h = now - clock[n]
            a, b = exp(-h / tau_m[n]), exp(-h / tau_s[n])
            v[n] = v[n] * a + i[n] * tau_s[n] / (tau_m[n] - tau_s[n]) * (a - b)
            i[n] *= b
            extra[n] *= exp(-h / tau_b)
            clock[n] = now
            if spikes:
                kind, source = SPIKE, found
                out_times[found], out_ids[found], out_current[found], out_extra[found] = now, n, i[n], extra[n]
                found += 1
                v[n] = reset
                extra[n] += jump
                if looped:
                    for m in range(n_neurons):
                        heappush(arrivals, (now + own_delays[n, m], OWN, source, m))
            else:
                _, kind, source, _ = heappop(arrivals)
                i[n] += weights[ids[source], n] if kind == INPUT else recurrent[out_ids[source], n]
            log_time[logged], log_kind[logged], log_target[logged], log_source[logged] = now, kind, n, source
            log_v[logged], log_i[logged] = v[n], i[n]
            logged += 1
            # what happened may have moved this neuron's next spike, or cancelled it
            if jump > 0.0 or begin > 0.0:
                u = adaptive_crossing(v[n], i[n], extra[n], tau_m[n], tau_s[n], tau_b, threshold, end - now)
            else:
                u = crossing(v[n], i[n], tau_m[n], tau_s[n], threshold, end - now)
            due[n] = inf if u == NEVER else now + u
        for n in range(n_neurons):
            h = end - clock[n]
            a, b = exp(-h / tau_m[n]), exp(-h / tau_s[n])
            final[trial, n] = v[n] * a + i[n] * tau_s[n] / (tau_m[n] - tau_s[n]) * (a - b)
    out_starts[len(starts) - 1], log_starts[len(starts) - 1] = found, logged
    return found


@compiled
def backward(
    ids, starts, weights, recurrent, tau_m, tau_s, tau_b, jump, threshold, reset, end,
    out_ids, out_current, out_extra, log_time, log_kind, log_target, log_source, log_v, log_i, log_starts,
    error, d_final, push, d_times, d_weights, d_recurrent, d_delays, d_own_delays, d_tau_m, d_tau_s,
):  # fmt: skip
    """Add the gradients of a batch to the d_ arrays; see `synchronous.backward`. `error` [M] is used up."""
    n_neurons = len(tau_m)
    lam_v, lam_i, lam_b = np.zeros(n_neurons), np.zeros(n_neurons), np.zeros(n_neurons)
    until = np.empty(n_neurons)
    gap = tau_m / (tau_m - tau_s)
    for trial in range(len(starts) - 1):
        for n in range(n_neurons):
            lam_v[n], lam_i[n], lam_b[n] = -d_final[trial, n] / tau_m[n], 0.0, 0.0
        until[:] = end
        for event in range(log_starts[trial + 1] - 1, log_starts[trial] - 1, -1):
            n, source = log_target[event], log_source[event]
            h = until[n] - log_time[event]
            of_m, of_s = tau_gradients(log_v[event], log_i[event], lam_v[n], lam_i[n], tau_m[n], tau_s[n], h)
            d_tau_m[n] += of_m
            d_tau_s[n] += of_s
            a, b = exp(-h / tau_m[n]), exp(-h / tau_s[n])
            lam_i[n] = lam_i[n] * b + gap[n] * lam_v[n] * (a - b)
            lam_v[n] *= a
            lam_b[n] *= exp(-h / tau_b)
            until[n] = log_time[event]
            if log_kind[event] == SPIKE:
                drive, extra = out_current[source], out_extra[source]
                jumped, lam_b[n] = adjoint_jump(
                    lam_v[n], lam_b[n], error[source], drive, extra, tau_m[n], tau_b, jump, threshold, reset
                )
                lam_v[n] = jumped + push[trial, n]
            elif log_kind[event] == INPUT:
                row = ids[source]
                felt = weights[row, n] * (lam_v[n] - lam_i[n])
                d_weights[row, n] -= tau_s[n] * lam_i[n]
                d_delays[row, n] += felt
                d_times[source] += felt
            else:
                # the arrival blames the spike that was sent; the log, read backwards, comes to that spike only later
                row = out_ids[source]
                felt = recurrent[row, n] * (lam_v[n] - lam_i[n])
                d_recurrent[row, n] -= tau_s[n] * lam_i[n]
                d_own_delays[row, n] += felt
                error[source] += felt
