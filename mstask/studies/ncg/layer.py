"""The single-spike layer, event by event: integrate first spikes, fire once, decide by the first spike.

Neuron j has the potential V_j, 0 before the first spike. An input spike of input i at time t adds w_ij; spikes of equal
time are added together, and then every neuron with V_j > theta_j that has not fired yet fires at that time and keeps its
potential. With leak, V_j decays by exp(-dt / tau_j) between spike times. A neuron that never fires is silent: its time
is max_time and its potential the final one.

`reference` timing reproduces the event order of the published code, which the measured figures of the sheet stem from: the
thresholds are looked at only when the next spike time arrives, after the decay up to it, or when the last spike is reached,
before it is added, so that the last spike can make nobody fire.

Weights are stored [inputs, neurons], so that a spike adds one contiguous row.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def integrate(inputs, times, weights, thresholds, leak_tau, dropped, max_time, reference, first_only, out_times, potentials):
    """Send one sample through the layer; fills `out_times` and `potentials`, float32 [N].

    Parameters
    ----------
    inputs, times : the sample's spikes, in order of time.
    thresholds : float32 [N].
    leak_tau : float32 [N] time constants, or an empty array for integrate-and-fire without leak.
    dropped : bool [N], neurons that take no part: silent, potential 0.
    reference : whether to reproduce the event order of the published code.
    first_only : stop at the first spike of any neuron: all that a decision needs.
    """
    n_neurons = weights.shape[1]
    waiting = thresholds.copy()
    # potentials run in the array that is handed back; those of neurons that fired are put right at the end
    running = potentials
    left = n_neurons
    for j in range(n_neurons):
        running[j] = 0.0
        out_times[j] = max_time
        if dropped[j]:
            # a threshold that nothing reaches takes the neuron out without a branch in the loops below
            waiting[j] = np.inf
            left -= 1
    fired = np.zeros(n_neurons, np.bool_)
    frozen = np.zeros(n_neurons, np.float32)
    n_spikes = len(times)
    k = 0
    now = np.float32(0.0)
    while k < n_spikes and left > 0:
        if reference:
            # the published order: thresholds are looked at when the next time arrives, and at the last spike before it counts
            if k == 0:
                now = times[0]
            if times[k] != now or k == n_spikes - 1:
                if len(leak_tau):
                    _decay(running, leak_tau, times[k] - now)
                newly = _fire(running, waiting, now, out_times, fired, frozen)
                left -= newly
                now = times[k]
                if first_only and newly:
                    break
            _add(running, weights, inputs[k])
            k += 1
        else:
            if len(leak_tau) and k > 0:
                _decay(running, leak_tau, times[k] - now)
            now = times[k]
            # spikes of one time are added together before anyone may fire
            while k < n_spikes and times[k] == now:
                _add(running, weights, inputs[k])
                k += 1
            newly = _fire(running, waiting, now, out_times, fired, frozen)
            left -= newly
            if first_only and newly:
                break
    for j in range(n_neurons):
        if fired[j]:
            potentials[j] = frozen[j]
        elif dropped[j]:
            potentials[j] = 0.0


@njit(cache=True, error_model="numpy", inline="always")
def _add(running, weights, i):
    for j in range(weights.shape[1]):
        running[j] += weights[i, j]


@njit(cache=True, error_model="numpy")
def _decay(running, leak_tau, interval):
    for j in range(len(running)):
        running[j] *= np.exp(-interval / leak_tau[j])


@njit(cache=True, error_model="numpy")
def _fire(running, waiting, now, out_times, fired, frozen):
    """Let every neuron above its threshold fire at `now`; returns how many did."""
    above = 0
    for j in range(len(running)):
        above += running[j] > waiting[j]
    if above:
        for j in range(len(running)):
            if running[j] > waiting[j]:
                out_times[j], frozen[j], fired[j], waiting[j] = now, running[j], True, np.inf
    return above


@njit(cache=True, error_model="numpy")
def first(out_times, potentials, start, stop):
    """The neuron in start..stop - 1 that fires first.

    Ties, silence included, go to the higher potential, then to the lower index.
    """
    best = start
    for j in range(start + 1, stop):
        earlier = out_times[j] < out_times[best]
        if earlier or (out_times[j] == out_times[best] and potentials[j] > potentials[best]):
            best = j
    return best


@njit(cache=True, error_model="numpy")
def decide(starts, inputs, times, weights, thresholds, leak_tau, max_time, reference, winners, out_times):
    """The first neuron to fire in each sample: fills `winners` int64 [N samples] and its times float32 [N samples]."""
    n_neurons = weights.shape[1]
    dropped = np.zeros(n_neurons, np.bool_)
    fired_at, potentials = np.empty(n_neurons, np.float32), np.empty(n_neurons, np.float32)
    for n in range(len(starts) - 1):
        chosen = slice(starts[n], starts[n + 1])
        integrate(
            inputs[chosen],
            times[chosen],
            weights,
            thresholds,
            leak_tau,
            dropped,
            max_time,
            reference,
            True,
            fired_at,
            potentials,
        )
        winners[n] = first(fired_at, potentials, 0, n_neurons)
        out_times[n] = fired_at[winners[n]]
