"""The single-spike layer and its supervised rules, step by step against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mstask.studies.ncg import rules
from mstask.studies.ncg.layer import first, integrate
from mstask.studies.ncg.rules import (
    ONE_THRESHOLD,
    RSTDP,
    S2STDP,
    S4NN,
    TWO_THRESHOLDS,
    Rule,
    learn,
    regulate,
    stdp,
    timing_errors,
    training_thresholds,
)

SILENT = 1.0
IN_TIMES = np.array([0.1, 0.4, SILENT], np.float32)


def rule(**changes):
    """S2-STDP with one neuron per class, additive, weights in 0..1."""
    plain = Rule(
        kind=S2STDP,
        group=1,
        n_nontarget=0,
        t_gap=0.09,
        inhibit=False,
        use_time_ranges=False,
        ignore_silent=False,
        multiplicative=False,
        beta=2.0,
        kernel_min=0.0,
        kernel_max=1.0,
        w_min=0.0,
        w_max=1.0,
        w_norm=False,
        regulation=rules.NO_REGULATION,
        dropout_in=0.0,
        dropout_out=0.0,
        max_time=1.0,
        reference=False,
    )
    return plain._replace(**changes)


def times(*values):
    return np.array(values, np.float32)


def learned(chosen, out_times, label, potentials=None, rates=(0.1, -0.05, -0.1, 0.05), weights=None):
    """Weights [neurons, inputs] after one sample with inputs at 0.1, 0.4 and silence, all 0.5 before it."""
    out_times = times(*out_times)
    potentials = np.zeros(len(out_times), np.float32) if potentials is None else times(*potentials)
    weights = np.full((3, len(out_times)), 0.5, np.float32) if weights is None else weights
    norms = weights.sum(axis=0, dtype=np.float64)
    errors = np.zeros(len(out_times))
    learn(chosen, np.array(rates), weights, norms, IN_TIMES, out_times, potentials, label, errors)
    return weights.T


class TestLayer:
    INPUTS = np.arange(4, dtype=np.int32)
    TIMES = times(0.1, 0.2, 0.2, 0.6)
    WEIGHTS = np.array([[0.5, 0.5, 0.5, 0.5], [0.2, 0.9, 0.1, 0.9]], np.float32).T.copy()

    def run(self, thresholds, tau=(), reference=False, dropped=(False, False), first_only=False):
        out, potentials = np.empty(2, np.float32), np.empty(2, np.float32)
        integrate(
            self.INPUTS,
            self.TIMES,
            self.WEIGHTS,
            times(*thresholds),
            times(*tau),
            np.array(dropped),
            1.0,
            reference,
            first_only,
            out,
            potentials,
        )
        return out.tolist(), potentials.tolist()

    def test_spikes_of_equal_time_count_together_and_the_last_spike_can_make_a_neuron_fire(self):
        out, potentials = self.run([0.9, 1.5])
        assert out == pytest.approx([0.2, 0.6]) and potentials == pytest.approx([1.5, 2.1])

    def test_reference_timing_never_tests_the_last_spike(self):
        out, potentials = self.run([0.9, 1.5], reference=True)
        assert out == pytest.approx([0.2, SILENT]) and potentials == pytest.approx([1.5, 2.1])

    def test_the_threshold_is_strict(self):
        assert self.run([1.5, 2.2])[0] == pytest.approx([0.6, SILENT])

    def test_leak_decays_between_spikes_only(self):
        out, potentials = self.run([0.9, 1.1], tau=[0.5, 0.5])
        assert out == pytest.approx([0.2, 0.2])
        decay = np.exp(-0.1 / 0.5)
        assert potentials == pytest.approx([0.5 * decay + 1.0, 0.2 * decay + 1.0])

    def test_reference_timing_decays_before_it_tests(self):
        out, potentials = self.run([0.9, 1.1], tau=[0.5, 0.5], reference=True)
        assert out == [SILENT, SILENT] and potentials == pytest.approx([1.13327, 1.42290], abs=1e-5)

    def test_a_dropped_neuron_stays_silent_with_no_potential(self):
        assert self.run([0.9, 1.5], dropped=[True, False])[1][0] == 0.0
        assert self.run([0.9, 1.5], dropped=[True, False])[0] == pytest.approx([SILENT, 0.6])

    @given(
        st.lists(
            st.tuples(st.integers(0, 4), st.sampled_from([0.1, 0.2, 0.3, 0.4])),
            min_size=1,
            max_size=5,
            unique_by=lambda s: s[0],
        ),
        st.integers(0, 2**16),
        st.booleans(),
    )
    def test_the_decision_needs_only_the_first_spike(self, events, seed, reference):
        events.sort(key=lambda event: event[1])
        inputs, when = np.array([i for i, _ in events], np.int32), times(*[t for _, t in events])
        weights = np.random.default_rng(seed).random((5, 6)).astype(np.float32)
        winners = []
        for first_only in (False, True):
            out, potentials = np.empty(6, np.float32), np.empty(6, np.float32)
            thresholds = np.full(6, 1.2, np.float32)
            integrate(
                inputs, when, weights, thresholds, times(), np.zeros(6, bool), 1.0, reference, first_only, out, potentials
            )
            winners.append((first(out, potentials, 0, 6), out.min()))
        assert winners[0] == winners[1]


class TestFirst:
    def test_earliest_then_highest_potential_then_lowest_index(self):
        assert first(times(0.4, 0.3, 0.3), times(9, 1, 2), 0, 3) == 2
        assert first(times(SILENT, SILENT, SILENT), times(1, 3, 3), 0, 3) == 1
        assert first(times(0.1, 0.5, 0.4), times(1, 1, 1), 1, 3) == 2


class TestS2STDP:
    OUT = (0.3, 0.5, SILENT)

    def test_additive_step(self):
        expected = [[0.496, 0.502, 0.502], [0.507, 0.507, 0.4965], [0.557, 0.557, 0.557]]
        np.testing.assert_allclose(learned(rule(), self.OUT, 0), expected, atol=1e-6)

    def test_sstdp_leaves_neurons_alone_that_are_on_the_right_side(self):
        np.testing.assert_array_equal(learned(rule(use_time_ranges=True), self.OUT, 0), np.float32(0.5))

    def test_sstdp_corrects_a_late_target_neuron(self):
        changed = learned(rule(use_time_ranges=True), self.OUT, 1)
        assert (changed[1] != 0.5).all() and (changed[2] == 0.5).all()

    def test_multiplicative_step(self):
        changed = learned(rule(multiplicative=True), self.OUT, 0)
        np.testing.assert_allclose(changed[0], [0.498528, 0.500736, 0.500736], atol=1e-6)

    def test_when_all_are_silent_only_the_target_neuron_learns(self):
        changed = learned(rule(), (SILENT, SILENT, SILENT), 0)
        np.testing.assert_allclose(changed[0], 0.509, atol=1e-6)
        np.testing.assert_array_equal(changed[1:], np.float32(0.5))

    def test_silent_inputs_can_be_left_alone(self):
        changed = learned(rule(ignore_silent=True), self.OUT, 0)
        np.testing.assert_allclose(changed[0], [0.496, 0.502, 0.5], atol=1e-6)

    @given(st.integers(0, 2**16), st.booleans())
    def test_desired_offsets_sum_to_zero(self, seed, inhibit):
        rng = np.random.default_rng(seed)
        out, potentials = rng.uniform(0.2, 0.7, 12).astype(np.float32), rng.random(12).astype(np.float32)
        chosen, errors = rule(group=3, t_gap=0.1, inhibit=inhibit), np.zeros(12)
        timing_errors(chosen, out, potentials, 2, errors)
        updated = np.flatnonzero(errors)
        desired = out[updated] - errors[updated]
        assert desired.mean() == pytest.approx(out[updated].mean(), abs=1e-6)


class TestCompetition:
    OUT, POTENTIALS = (0.4, 0.5, 0.3, 0.6, 0.6, SILENT), (2, 2, 2, 2, 2.5, 1)
    CHOSEN = rule(group=3, n_nontarget=1, t_gap=0.1, inhibit=True)

    def test_only_the_winner_of_each_group_learns(self):
        changed = learned(self.CHOSEN, self.OUT, 0, self.POTENTIALS)
        expected = np.full((6, 3), 0.5, np.float32)
        expected[2], expected[4] = [0.49, 0.505, 0.505], [0.51, 0.51, 0.495]
        np.testing.assert_allclose(changed, expected, atol=1e-6)

    def test_a_nontarget_neuron_that_wins_its_own_class_is_pushed_late_and_a_late_target_neuron_early(self):
        out = (0.2, 0.5, 0.3, 0.6, 0.6, SILENT)
        assert learned(self.CHOSEN, out, 0, self.POTENTIALS)[0, 0] < 0.5
        assert learned(self.CHOSEN, (0.8, 0.7, 0.8, 0.6, 0.6, SILENT), 0, self.POTENTIALS)[1, 0] > 0.5


class TestS4NN:
    def test_errors_are_relative_to_the_first_spike_and_of_unit_length(self):
        errors = np.zeros(3)
        timing_errors(
            rule(kind=S4NN, use_time_ranges=True, t_gap=0.3), times(0.3, 0.5, SILENT), np.zeros(3, np.float32), 1, errors
        )
        raw = np.array([0.3 - 0.6, 0.5 - 0.3, 0.0])
        np.testing.assert_allclose(errors, raw / np.linalg.norm(raw), atol=1e-6)

    def test_only_causal_inputs_change(self):
        changed = learned(rule(kind=S4NN, t_gap=0.3), (0.3, 0.5, SILENT), 1, rates=(0.1, 0.0, -0.1, 0.0))
        assert changed[1, 0] > 0.5 and changed[1, 1] > 0.5 and changed[1, 2] == 0.5


class TestRSTDP:
    CHOSEN = rule(kind=RSTDP, w_min=0.2, w_max=0.8)
    RATES = (0.05 * 2 / 3, -0.005 * 2 / 3, -0.05 / 3, 0.005 / 3)

    def test_the_winner_is_rewarded_then_punished(self):
        rewarded = learned(self.CHOSEN, (0.3, 0.5, SILENT), 0, rates=self.RATES)
        np.testing.assert_allclose(rewarded[0], [0.533333, 0.496667, 0.496667], atol=1e-6)
        punished = learned(self.CHOSEN, (0.3, 0.5, SILENT), 1, rates=self.RATES, weights=rewarded.T)
        np.testing.assert_allclose(punished[0], [0.516667, 0.498333, 0.498333], atol=1e-6)
        np.testing.assert_array_equal(punished[1:], np.float32(0.5))


class TestWeights:
    @given(st.integers(0, 2**16), st.booleans())
    def test_row_sums_are_kept_with_normalisation_and_the_range_without(self, seed, norm):
        rng = np.random.default_rng(seed)
        weights = rng.uniform(0.1, 0.9, (40, 6)).astype(np.float32)
        norms = weights.sum(axis=0, dtype=np.float64)
        in_times, out = (rng.random(n).astype(np.float32) for n in (40, 6))
        stdp(rule(w_norm=norm), weights, norms, in_times, out, rng.normal(0, 1, 6), 0.3, -0.3)
        if norm:
            np.testing.assert_allclose(weights.sum(axis=0), norms, rtol=1e-5)
        else:
            assert weights.min() >= 0 and weights.max() <= 1

    @pytest.mark.parametrize("left", [0.0, 1e-45])
    def test_a_neuron_that_lost_every_weight_begins_again_from_equal_ones(self, left):
        weights = np.array([[0.5, 0.2], [0.3, 0.6], [0.4, 0.1]], np.float32)
        norms, errors = weights.sum(axis=0, dtype=np.float64), np.array([-1.0, 0.0])
        weights[:, 0] = [left, 0.0, 0.0]
        stdp(rule(w_norm=True), weights, norms, times(0.1, 0.2, 0.3), times(0.5, 0.5), errors, 0.3, -0.3)
        np.testing.assert_allclose(weights, [[0.4, 0.2], [0.4, 0.6], [0.4, 0.1]], rtol=1e-6)


class TestRegulation:
    POTENTIALS = TestCompetition.POTENTIALS

    def after(self, chosen, *samples, start=5.0, eta=0.6):
        base, adaptive = np.full(6, 5.0, np.float32), np.full(6, start, np.float32)
        for out in samples:
            regulate(chosen, adaptive, base, times(*out), times(*self.POTENTIALS), 0, eta)
        return adaptive

    def test_two_thresholds_rise_for_the_winner_and_never_fall_below_the_base(self):
        chosen = TestCompetition.CHOSEN._replace(regulation=TWO_THRESHOLDS)
        same, other = TestCompetition.OUT, (0.4, 0.1, 0.3, 0.6, 0.6, SILENT)
        np.testing.assert_allclose(self.after(chosen, same), [5, 5, 5.3, 5, 5, 5], atol=1e-5)
        np.testing.assert_allclose(self.after(chosen, same, same, other), [5, 5.3, 5.3, 5, 5, 5], atol=1e-5)

    def test_one_threshold_falls_for_the_loser(self):
        chosen = TestCompetition.CHOSEN._replace(regulation=ONE_THRESHOLD)
        np.testing.assert_allclose(self.after(chosen, TestCompetition.OUT), [5, 4.7, 5.3, 5, 5, 5], atol=1e-5)

    @pytest.mark.parametrize("regulation", [ONE_THRESHOLD, TWO_THRESHOLDS])
    @given(seed=st.integers(0, 2**16))
    def test_one_threshold_keeps_the_groups_sum_and_two_stay_above_the_base(self, regulation, seed):
        rng = np.random.default_rng(seed)
        base, adaptive = np.full(8, 2.0, np.float32), np.full(8, 2.0, np.float32)
        chosen = rule(group=4, regulation=regulation)
        for _ in range(20):
            out, potentials = (rng.random(8).astype(np.float32) for _ in range(2))
            regulate(chosen, adaptive, base, out, potentials, int(rng.integers(2)), 0.5)
        if regulation == ONE_THRESHOLD:
            np.testing.assert_allclose(adaptive.reshape(2, 4).sum(axis=1), 8.0, atol=1e-4)
        else:
            assert adaptive.min() >= 2.0 and adaptive.max() > 2.0

    def test_adaptive_thresholds_hold_for_target_neurons_of_the_samples_class(self):
        chosen = TestCompetition.CHOSEN._replace(regulation=TWO_THRESHOLDS)
        base, adaptive, used = np.full(6, 5.0, np.float32), times(9, 6, 7, 9, 9, 9), np.empty(6, np.float32)
        training_thresholds(chosen, base, adaptive, 0, used)
        assert used.tolist() == [5, 6, 7, 5, 5, 5]
        training_thresholds(chosen, base, times(5, 6, 7, 5, 5, 5), 1, used)
        assert used.tolist() == [5, 5, 5, 5, 5, 5]
