"""One pass of supervised learning over a spike list, compiled as a whole; samples are visited in their order."""

from __future__ import annotations

import numpy as np
from numba import njit

from mstask.studies.ncg.layer import first, integrate
from mstask.studies.ncg.rules import RSTDP, TWO_THRESHOLDS, regulate, reward, right_winner, stdp, timing_errors


@njit(cache=True, error_model="numpy")
def train_epoch(
    rule,
    rates,
    threshold_rate,
    starts,
    inputs,
    times,
    labels,
    weights,
    norms,
    base,
    adaptive,
    leak_tau,
    rng,
    wins,
    updates,
    decided,
    changed,
    thresholds_after,
):
    """Learn from every sample once; returns how many were classified correctly while learning.

    Parameters
    ----------
    rule : `rules.Rule`.
    rates : float64 [4]: A+ and A-, and for R-STDP's punishment its own A+ and A-.
    threshold_rate : step of the competition regulation.
    weights : float32 [D, N], changed in place; `norms` float64 [N] are their initial sums of magnitudes.
    base, adaptive : float32 [N] thresholds: the fixed ones, and those that the regulation moves (in place).
    rng : NumPy generator, drawn from only with dropout.
    wins, updates : int64 [N] and [N, 2], filled in place: own-class samples whose group a neuron won; weight updates on
        samples of its own and of other classes.
    decided, changed, thresholds_after : a trace, filled in place unless empty: int32 [n] the neuron that fired first of all,
        int8 [n, N] whether each neuron was pushed earlier (1), later (-1) or left alone, float32 [n, N / C] the adaptive
        thresholds of the class's group after the sample.
    """
    n_inputs, n_neurons = weights.shape
    out_times, potentials = np.empty(n_neurons, np.float32), np.empty(n_neurons, np.float32)
    errors, dropped = np.empty(n_neurons, np.float64), np.zeros(n_neurons, np.bool_)
    in_times, hidden = np.empty(n_inputs, np.float32), np.zeros(n_inputs, np.bool_)
    thresholds = base.copy()
    correct = 0
    for n in range(len(labels)):
        label, chosen = labels[n], slice(starts[n], starts[n + 1])
        draw(rule.dropout_in, hidden, rng)
        draw(rule.dropout_out, dropped, rng)
        training_thresholds(rule, base, adaptive, label, thresholds)
        integrate(
            inputs[chosen],
            times[chosen],
            weights,
            thresholds,
            leak_tau,
            dropped,
            rule.max_time,
            rule.reference,
            False,
            out_times,
            potentials,
        )
        winner = first(out_times, potentials, 0, n_neurons)
        correct += winner // rule.group == label
        # the competition is inside the group of the sample's class, even where another class was faster
        wins[first(out_times, potentials, label * rule.group, (label + 1) * rule.group)] += 1
        regulate(rule, adaptive, base, out_times, potentials, label, threshold_rate)
        # for plasticity an input that was silent, or is hidden by dropout, spikes last
        in_times[:] = rule.max_time
        for k in range(starts[n], starts[n + 1]):
            if not hidden[inputs[k]]:
                in_times[inputs[k]] = times[k]
        learn(rule, rates, weights, norms, in_times, out_times, potentials, label, errors)
        for j in range(n_neurons):
            if errors[j] != 0.0:
                updates[j, 0 if j // rule.group == label else 1] += 1
        if len(decided):
            decided[n] = winner
            # punishment applies the rates the other way round, so an error of the same sign pushes the other way
            rewarded = rule.kind != RSTDP or right_winner(rule, winner, label)
            for j in range(n_neurons):
                changed[n, j] = np.sign(errors[j]) if rewarded else -np.sign(errors[j])
            thresholds_after[n] = adaptive[label * rule.group : (label + 1) * rule.group]
    return correct


@njit(cache=True, error_model="numpy")
def learn(rule, rates, weights, norms, in_times, out_times, potentials, label, errors):
    """Errors of one sample, and the change of the weights that follows from them."""
    if rule.kind == RSTDP:
        right = reward(rule, out_times, potentials, label, errors)
        a_plus, a_minus = (rates[0], rates[1]) if right else (rates[2], rates[3])
    else:
        timing_errors(rule, out_times, potentials, label, errors)
        a_plus, a_minus = rates[0], rates[1]
    stdp(rule, weights, norms, in_times, out_times, errors, a_plus, a_minus)


@njit(cache=True, error_model="numpy")
def training_thresholds(rule, base, adaptive, label, thresholds):
    """Thresholds while training on a sample: of two, the adaptive ones hold for the target neurons of its class only."""
    if rule.regulation == TWO_THRESHOLDS:
        thresholds[:] = base
        for j in range(label * rule.group + rule.n_nontarget, (label + 1) * rule.group):
            thresholds[j] = adaptive[j]
    else:
        thresholds[:] = adaptive


@njit(cache=True, error_model="numpy")
def draw(share, mask, rng):
    """Set each entry of a mask with this probability; draws nothing for a share of 0."""
    if share > 0.0:
        for j in range(len(mask)):
            mask[j] = rng.random() < share
