"""Supervised rules for the single-spike layer: who is wrong by how much (errors), and what that does to the weights.

`train_epoch` is one pass over a spike list, compiled as a whole; samples are visited in their order.

S2-STDP (Goupy et al. 2024) steers the firing times o of one neuron per class towards desired times around their mean:
T = mean - gap_t for the sample's class and T = mean + gap_nt for the others, with gaps that sum to zero over the neurons,
so that the mean firing time is stable. SSTDP only asks for at least these distances. S4NN steers relative to the first
spike. In R-STDP the first neuron to fire is rewarded or punished. The weights follow by STDP (section 3 of the sheet):
an input that fired at or before the neuron changes by A+, any other by A-, both times the error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mstask.studies.ncg.layer import first, integrate

S2STDP, RSTDP, S4NN = 0, 1, 2
NO_REGULATION, ONE_THRESHOLD, TWO_THRESHOLDS = 0, 1, 2


class Rule(NamedTuple):
    """What is the same for every sample of a run; `kind` is S2STDP, RSTDP or S4NN, `regulation` as above.

    `group` is the number of neurons per class, the first `n_nontarget` of each group are labelled non-target.
    """

    kind: int
    group: int
    n_nontarget: int
    t_gap: float
    inhibit: bool
    use_time_ranges: bool
    ignore_silent: bool
    multiplicative: bool
    beta: float
    kernel_min: float
    kernel_max: float
    w_min: float
    w_max: float
    w_norm: bool
    regulation: int
    dropout_in: float
    dropout_out: float
    max_time: float
    reference: bool


@njit(cache=True, error_model="numpy")
def timing_errors(rule, out_times, potentials, label, errors):
    """Signed errors (o - T) / max_time of S2-STDP, SSTDP and S4NN: fills `errors` float64 [N], zero where nothing is learnt.

    Without `inhibit` all neurons are updated; with it the winner of each group is, and the others count as silent.
    """
    n_neurons = len(out_times)
    n_classes = n_neurons // rule.group
    updated = np.ones(n_neurons, np.bool_)
    if rule.inhibit:
        updated[:] = False
        for c in range(n_classes):
            updated[first(out_times, potentials, c * rule.group, (c + 1) * rule.group)] = True
    errors[:] = 0.0
    base, gap_target, gap_other = _base_time(rule, out_times, updated, n_classes)
    square = 0.0
    for j in range(n_neurons):
        if not updated[j]:
            continue
        target = j // rule.group == label and j % rule.group >= rule.n_nontarget
        desired = base - gap_target if target else base + gap_other
        if rule.use_time_ranges:
            desired = min(out_times[j], desired) if target else max(out_times[j], desired)
        errors[j] = (out_times[j] - desired) / rule.max_time
        square += errors[j] ** 2
    if rule.kind == S4NN and square > 0.0:
        errors /= np.sqrt(square)


@njit(cache=True, error_model="numpy")
def _base_time(rule, out_times, updated, n_classes):
    """The time around which the desired times lie, and the distances of target and other neurons from it."""
    n_updated, n_fired, total, earliest = 0, 0, 0.0, rule.max_time
    for j in range(len(out_times)):
        if updated[j]:
            n_updated += 1
            earliest = min(earliest, np.float64(out_times[j]))
            if out_times[j] < rule.max_time:
                n_fired += 1
                total += out_times[j]
    if rule.kind == S4NN:
        return min(earliest, rule.max_time - rule.t_gap), 0.0, rule.t_gap
    n_target = n_updated // n_classes
    gap_other = rule.t_gap * n_target / n_updated
    gap_target = rule.t_gap * (n_updated - n_target) / n_updated
    latest = rule.max_time - gap_other
    return min(total / n_fired, latest) if n_fired else latest, gap_target, gap_other


@njit(cache=True, error_model="numpy")
def stdp(rule, weights, norms, in_times, out_times, errors, a_plus, a_minus):
    """Change the weights [D, N] of neurons with an error, clip all to [w_min, w_max], rescale to `norms` [N] if `w_norm`.

    Additive: dw = e A+ for inputs with t_i <= o, else e A-. Multiplicative: times exp(-beta u) and exp(-beta (1 - u)), with
    u the weight's place between kernel_min and kernel_max. A silent input has t_i = max_time; so has a silent neuron.
    """
    n_inputs, n_neurons = weights.shape
    wrong = False
    up, down = np.empty(n_neurons, np.float32), np.empty(n_neurons, np.float32)
    for j in range(n_neurons):
        up[j], down[j] = errors[j] * a_plus, errors[j] * a_minus
        wrong |= errors[j] != 0.0
    if not wrong and not rule.w_norm:
        return
    low, high = np.float32(rule.w_min), np.float32(rule.w_max)
    nothing = np.zeros(n_neurons, np.float32)
    totals = np.zeros(n_neurons, np.float64)
    for i in range(n_inputs):
        time = in_times[i]
        later = nothing if rule.ignore_silent and time >= rule.max_time else down
        if rule.multiplicative:
            _multiplicative(rule, weights[i], time, out_times, up, later)
        else:
            for j in range(n_neurons):
                weights[i, j] += up[j] if time <= out_times[j] else later[j]
        for j in range(n_neurons):
            clipped = min(max(weights[i, j], low), high)
            weights[i, j] = clipped
            totals[j] += abs(clipped)
    if rule.w_norm:
        normalise(weights, norms, totals)


@njit(cache=True, error_model="numpy")
def _multiplicative(rule, row, time, out_times, up, later):
    for j in range(len(row)):
        place = (row[j] - rule.kernel_min) / (rule.kernel_max - rule.kernel_min)
        if time <= out_times[j]:
            row[j] += up[j] * np.exp(-rule.beta * place)
        else:
            row[j] += later[j] * np.exp(-rule.beta * (1.0 - place))


@njit(cache=True, error_model="numpy")
def normalise(weights, norms, totals):
    """Rescale the weights of each neuron from their present sum of magnitudes [N] to the one in `norms` [N].

    A neuron whose weights are all zero begins again from equal ones. (Taken at its word, the rule divides by zero there: the
    weights would be NaN from then on, and the neuron would never fire again.)
    """
    n_inputs, n_neurons = weights.shape
    scale = np.empty(n_neurons, np.float32)
    for j in range(n_neurons):
        scale[j] = norms[j] / totals[j]
        if not np.isfinite(scale[j]):
            weights[:, j] = 1.0
            scale[j] = norms[j] / n_inputs
    for i in range(n_inputs):
        for j in range(n_neurons):
            weights[i, j] *= scale[j]


@njit(cache=True, error_model="numpy")
def regulate(rule, adaptive, base, out_times, potentials, label, rate):
    """Move the adaptive thresholds [N] of the target neurons of the sample's class: the winner's up, the others' down.

    With n of them, the winner's rises by rate (n - 1) / n and the others' fall by rate / n. With two thresholds they
    never fall below the base thresholds, with one (CR-1) they move freely.
    """
    start, stop = label * rule.group + rule.n_nontarget, (label + 1) * rule.group
    n = stop - start
    if rule.regulation == NO_REGULATION or n < 2 or rate <= 0.0:
        return
    winner = first(out_times, potentials, start, stop)
    for j in range(start, stop):
        adaptive[j] += rate * (n - 1) / n if j == winner else -rate / n
        if rule.regulation == TWO_THRESHOLDS:
            adaptive[j] = max(adaptive[j], base[j])


@njit(cache=True, error_model="numpy")
def reward(rule, out_times, potentials, label, errors):
    """R-STDP: mark the first neuron of all to fire; returns whether it is a target neuron of the sample's class."""
    errors[:] = 0.0
    winner = first(out_times, potentials, 0, len(out_times))
    errors[winner] = 1.0
    return right_winner(rule, winner, label)


@njit(cache=True, error_model="numpy")
def right_winner(rule, winner, label):
    """Whether a neuron is a target neuron of the sample's class."""
    return winner // rule.group == label and winner % rule.group >= rule.n_nontarget


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
