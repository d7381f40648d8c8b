"""Kernels of the readout: leaky integrators without threshold, driven by spikes and sampled on a comb of times.

The comb is t_k = (k + 1/2) step. V(t_k) is continuous in every spike time, so any loss of the samples has exact gradients:
dL/dV(t_k) makes lam_V jump by -dL/dV(t_k)/tau_m, and between the teeth the adjoint moves freely.
"""

from __future__ import annotations

from math import exp

import numpy as np

from mstask.studies.eventprop.compiled import compiled, tau_gradients


@compiled
def forward(times, ids, starts, weights, tau_m, tau_s, step, voltage, current):
    """Fill V [B, K, M] and, unless `current` is empty, I [B, K, M] at the comb."""
    n_outputs, n_samples = len(tau_m), voltage.shape[1]
    gain = tau_s / (tau_m - tau_s)
    a, b = np.exp(-step / tau_m), np.exp(-step / tau_s)
    v, i = np.empty(n_outputs), np.empty(n_outputs)
    for trial in range(len(starts) - 1):
        v[:], i[:] = 0.0, 0.0
        k, stop = starts[trial], starts[trial + 1]
        for sample in range(n_samples):
            at = (sample + 0.5) * step
            for m in range(n_outputs):
                v[m] = v[m] * a[m] + i[m] * gain[m] * (a[m] - b[m])
                i[m] *= b[m]
            while k < stop and times[k] <= at:
                # the integrators are linear: an arrival between two teeth adds its own free motion up to the later one
                h = at - times[k]
                for m in range(n_outputs):
                    if m == 0 or tau_m[m] != tau_m[m - 1] or tau_s[m] != tau_s[m - 1]:
                        am, bm = exp(-h / tau_m[m]), exp(-h / tau_s[m])
                    v[m] += weights[ids[k], m] * gain[m] * (am - bm)
                    i[m] += weights[ids[k], m] * bm
                k += 1
            voltage[trial, sample] = v
            if current.shape[0] > 0:
                current[trial, sample] = i


@compiled
def backward(
    times, ids, starts, weights, tau_m, tau_s, step, voltage, current, d_voltage, d_times, d_weights, d_tau_m, d_tau_s
):  # fmt: skip
    """Set dL/dt of each spike and add to the gradients of weights and, where `current` was kept, time constants.

    The motion is linear, so a stretch with arrivals counts as the stretch without them plus one from rest for each.
    """
    n_outputs, n_samples = len(tau_m), voltage.shape[1]
    gap = tau_m / (tau_m - tau_s)
    a, b = np.exp(-step / tau_m), np.exp(-step / tau_s)
    lam_v, lam_i = np.empty(n_outputs), np.empty(n_outputs)
    taus = current.shape[0] > 0
    for trial in range(len(starts) - 1):
        lam_v[:], lam_i[:] = 0.0, 0.0
        begin, k = starts[trial], starts[trial + 1]
        # what arrives after the last tooth is never seen
        last = (n_samples - 0.5) * step
        while k > begin and times[k - 1] > last:
            k -= 1
        for sample in range(n_samples - 1, -1, -1):
            at = (sample + 0.5) * step
            for m in range(n_outputs):
                lam_v[m] -= d_voltage[trial, sample, m] / tau_m[m]
            before = at - step if sample > 0 else -1.0
            while k > begin and times[k - 1] > before:
                k -= 1
                # from the tooth back to the arrival alone; lam itself stays at the tooth for the other arrivals
                h = at - times[k]
                felt = 0.0
                for m in range(n_outputs):
                    if m == 0 or tau_m[m] != tau_m[m - 1] or tau_s[m] != tau_s[m - 1]:
                        am, bm = exp(-h / tau_m[m]), exp(-h / tau_s[m])
                    w = weights[ids[k], m]
                    here_v = lam_v[m] * am
                    here_i = lam_i[m] * bm + gap[m] * lam_v[m] * (am - bm)
                    d_weights[ids[k], m] -= tau_s[m] * here_i
                    felt += w * (here_v - here_i)
                    if taus:
                        of_m, of_s = tau_gradients(0.0, w, lam_v[m], lam_i[m], tau_m[m], tau_s[m], h)
                        d_tau_m[m] += of_m
                        d_tau_s[m] += of_s
                d_times[k] = felt
            if sample == 0:
                break
            for m in range(n_outputs):
                if taus:
                    of_m, of_s = tau_gradients(
                        voltage[trial, sample - 1, m], current[trial, sample - 1, m],
                        lam_v[m], lam_i[m], tau_m[m], tau_s[m], step,
                    )  # fmt: skip
                    d_tau_m[m] += of_m
                    d_tau_s[m] += of_s
                lam_i[m] = lam_i[m] * b[m] + gap[m] * lam_v[m] * (a[m] - b[m])
                lam_v[m] *= a[m]
