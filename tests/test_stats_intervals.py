"""Intervals of means over few seeds: limits that are known, coverage by simulation, and agreement of interval, p and Holm."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats as scipy_stats
from scipy.integrate import quad

from mstask import stats
from mstask.stats import intervals
from mstask.stats.intervals import Estimate, Estimates, coverage

FEW = st.integers(2, 10)
SPREADS = st.floats(1e-3, 1.0)
NORMAL = scipy_stats.norm.ppf(0.975)


def covered(n, ratio, experiments=3000):
    """How often the interval over n seeds covers 0, their spread being `ratio` times the standard error of the examples."""
    rng = np.random.default_rng([n, round(10 * ratio)])
    values = ratio * rng.standard_normal((experiments, n)) + rng.standard_normal((experiments, 1))
    seeds = values.var(axis=1, ddof=1) / n
    return (coverage(np.abs(values.mean(axis=1)), seeds, n - 1, np.ones(experiments)) <= 0.95).mean()


class TestOneMean:
    def test_without_an_error_of_test_examples_it_is_students(self):
        values = [0.71, 0.64, 0.69, 0.70]
        found = stats.estimate(values)
        expected = scipy_stats.t.interval(0.95, 3, np.mean(values), scipy_stats.sem(values))
        assert found.interval() == pytest.approx(expected) and stats.estimate([0.7]).interval() is None
        assert found.p(0.6) == pytest.approx(scipy_stats.ttest_1samp(values, 0.6).pvalue)

    def test_without_a_spread_of_seeds_it_is_normal(self):
        found = Estimate(0.5, 0.0, 2, 0.04, 3)
        assert found.interval() == pytest.approx((0.5 - 0.2 * NORMAL, 0.5 + 0.2 * NORMAL))
        assert found.p() == pytest.approx(2 * scipy_stats.norm.sf(2.5), abs=1e-6)

    def test_with_many_seeds_both_errors_are_normal_and_add(self):
        half = math.sqrt(0.03 + 0.04) * NORMAL
        assert Estimate(0.0, 0.03, 100_000, 0.04, 100_001).interval() == pytest.approx((-half, half), rel=1e-3)

    @pytest.mark.parametrize("half", [0.3, 2.0, 15.0])
    @pytest.mark.parametrize("spread", [0.02, 1.0, 3.0])
    @pytest.mark.parametrize("n", [2, 3, 5, 10])
    def test_it_is_that_of_a_students_and_a_normal_error_added(self, n, spread, half):
        """Beside the convolution of their densities, to a millionth."""
        student, normal = scipy_stats.t(n - 1, scale=spread), scipy_stats.norm()

        def inside(error):
            return student.pdf(error) * (normal.cdf(half - error) - normal.cdf(-half - error))

        borders = [k * spread for k in (0, 1, 4, 20)] + [half, half + 8]
        parts = [quad(inside, *ends, epsabs=1e-11)[0] for ends in pairwise(sorted({b for b in borders if b <= half + 8}))]
        assert coverage(half, spread**2, n - 1, 1.0) == pytest.approx(2 * sum(parts), abs=1e-6)

    @given(st.floats(-1, 1), SPREADS, SPREADS, FEW)
    def test_p_is_below_a_level_exactly_where_the_interval_excludes_0(self, value, seeds, examples, n):
        found = Estimate(value, seeds**2, n - 1, examples**2, n)
        (low, high), p = found.interval(), found.p()
        assert abs(p - 0.05) < 1e-6 or (p < 0.05) == (low > 0 or high < 0)

    @given(SPREADS, SPREADS, FEW)
    def test_either_error_widens_it_and_it_is_no_wider_than_both_of_them_together(self, seeds, examples, n):
        def half(seeds, examples):
            return Estimate(0.0, seeds**2, n - 1, examples**2, n).interval()[1]

        apart = half(seeds, 0.0), half(0.0, examples)
        assert max(apart) <= half(seeds, examples) * (1 + 1e-6) <= sum(apart) * (1 + 2e-6)

    def test_equal_seeds_leave_nothing_to_chance_and_one_seed_everything(self):
        assert stats.estimate([0.25, 0.25]).p() == 0.0 and stats.estimate([0.0, 0.0]).p() == 1.0
        single = stats.estimate([0.25])
        assert single.interval() is single.p() is single.error is single.seeds_needed(0.1) is None

    @pytest.mark.parametrize("half", [0.02, 0.05, 0.2])
    def test_that_many_seeds_are_needed_and_one_less_is_too_few(self, half):
        found = Estimate(0.0, 0.06**2 / 3, 2, 0.005**2, 3)
        needed = found.seeds_needed(half)

        def reaches(n):
            return Estimate(0.0, 0.06**2 / n, n - 1, 0.005**2, n).interval()[1]

        assert reaches(needed) <= half * (1 + 1e-6)
        assert needed == 2 or reaches(needed - 1) > half

    def test_no_number_of_seeds_makes_up_for_too_few_test_examples(self):
        assert Estimate(0.0, 0.01, 2, 0.01**2, 3).seeds_needed(0.0195) is None


class TestCoverage:
    @pytest.mark.parametrize("ratio", [2.5, 5.0, 20.0])
    @pytest.mark.parametrize("n", [3, 5, 10])
    def test_95_percent_intervals_cover_93_to_97_percent(self, n, ratio):
        assert 0.93 <= covered(n, ratio) <= 0.97

    @pytest.mark.parametrize("n", [3, 5, 10])
    def test_where_seeds_matter_less_it_is_no_narrower(self, n):
        assert 0.94 <= covered(n, 0.0) <= 0.96
        assert 0.94 <= covered(n, 1.0) <= 0.985

    def test_two_seeds_are_never_too_sure(self):
        assert all(covered(2, ratio) >= 0.94 for ratio in (0.0, 1.0, 2.5, 5.0, 20.0))

    def test_intervals_of_the_leads_over_equal_methods_cover_all_at_once(self, monkeypatch):
        monkeypatch.setattr(intervals, "DRAWS", 400)
        rng, inside = np.random.default_rng(0), []
        ahead = np.hstack([np.ones((3, 1)), -np.eye(3)])
        for _ in range(120):
            values = 0.02 * rng.standard_normal((4, 3)) + 0.01 * rng.standard_normal((4, 1))
            low, high, _ = Estimates(values.mean(1), values - values.mean(1)[:, None], 1e-4 * np.eye(4)).simultaneous(ahead)
            inside.append(bool((low <= 0).all() and (high >= 0).all()))
        assert np.mean(inside) >= 0.93


class TestSeveralMeans:
    VALUES = np.array([[0.80, 0.82, 0.79], [0.70, 0.71, 0.69], [0.60, 0.66, 0.61]])

    def test_a_weighted_sum_is_the_estimate_of_the_summed_scores(self):
        found = stats.estimates(self.VALUES).combined([1.0, -0.5, -0.5])
        alone = stats.estimate(self.VALUES[0] - self.VALUES[1:].mean(axis=0))
        assert (found.value, found.over_seeds) == pytest.approx((alone.value, alone.over_seeds))

    def test_a_single_sum_needs_no_correction_and_several_are_wider_than_each_alone(self):
        found = stats.estimates(self.VALUES)
        alone = found.combined([1.0, -1.0, 0.0]).interval()
        one = found.simultaneous([[1.0, -1.0, 0.0]])
        both = found.simultaneous([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]])
        assert (one[0][0], one[1][0]) == pytest.approx(alone)
        assert both[0][0] < alone[0] and both[1][0] > alone[1] and both[2][0] >= one[2][0]

    def test_without_any_spread_an_interval_is_a_point(self):
        low, high, p = stats.estimates([[0.9, 0.9], [0.7, 0.7], [0.9, 0.9]]).simultaneous([[1, -1, 0], [1, 0, -1]])
        assert [*low, *high] == pytest.approx([0.2, 0.0, 0.2, 0.0]) and p[0] < 0.001 and p[1] == 1.0

    def test_drawn_errors_have_the_spread_of_the_estimate(self):
        values = np.random.default_rng(0).normal(0.7, 0.05, (2, 10))
        covariance = np.array([[4e-4, 3e-4], [3e-4, 4e-4]])
        found = Estimates(values.mean(1), values - values.mean(1)[:, None], covariance)
        errors = found.errors(40_000)
        expected = found[0].over_seeds * 9 / 7 + covariance[0, 0]
        assert errors.mean(axis=0) == pytest.approx(0.0, abs=1e-3)
        assert errors[:, 0].var() == pytest.approx(expected, rel=0.05)

    def test_only_the_error_that_seeds_share_counts_as_that_of_the_examples(self):
        rng = np.random.default_rng(0)
        shared, own = 0.03 * rng.standard_normal((2, 1, 4000)), 0.02 * rng.standard_normal((2, 3, 4000))
        found = stats.estimates(self.VALUES[:2], shared + own)
        assert np.sqrt(np.diag(found.over_examples)) == pytest.approx(0.03, rel=0.05)
        assert stats.estimates(self.VALUES[:2], own).over_examples == pytest.approx(0.0, abs=2e-5)

    def test_data_sets_that_were_chosen_count_the_same_and_their_errors_are_independent(self):
        parts = [Estimate(0.1, 4e-4, 2, 1e-4, 3), Estimate(0.3, 1e-4, 4, 3e-4, 5)]
        found = stats.pooled(parts)
        assert (found.value, found.over_seeds, found.over_examples, found.n) == pytest.approx((0.2, 5e-4 / 4, 4e-4 / 4, 3))
        assert found.free == pytest.approx((5e-4) ** 2 / (16e-8 / 2 + 1e-8 / 4))
        assert stats.pooled(parts[:1]) == parts[0]
        assert stats.pooled([parts[0], stats.estimate([0.5])]).interval() is None

    @pytest.mark.parametrize("spreads", [(1, 1), (1, 1, 1, 1, 1), (5, 1, 1, 0.2)])
    def test_a_mean_over_data_sets_errs_about_as_often_as_it_says(self, spreads):
        rng = np.random.default_rng(1)
        p = [stats.pooled([stats.estimate(s * rng.standard_normal(3)) for s in spreads]).p() for _ in range(2000)]
        assert 0.02 < np.mean(np.array(p) < 0.05) < 0.08

    @pytest.mark.parametrize("spreads", [(1, 0, 0.5), (0.3, 1, 0.3), (0, 1, 0.1)])
    def test_a_mean_over_folds_errs_no_more_than_it_says_whatever_seeds_do_to_all_of_them(self, spreads):
        """Spreads over folds, over seeds alike in all folds, and over both together."""
        rng, (over_folds, over_seeds, over_both) = np.random.default_rng(0), spreads
        hits = []
        for _ in range(400):
            errors = rng.normal(0, 1, (5, 1)) * over_folds + rng.normal(0, 1, 3) * over_seeds
            errors = errors + rng.normal(0, 1, (5, 3)) * over_both
            found = intervals.over_folds([{seed: [value] for seed, value in enumerate(fold)} for fold in errors])[0]
            low, high = found.interval()
            hits.append(low <= 0 <= high)
        assert np.mean(hits) > 0.93

    def test_as_many_more_seeds_are_needed_of_several_data_sets_as_their_degrees_of_freedom_say(self):
        alone = stats.estimate([0.02, 0.06, 0.01])
        whole = stats.pooled([alone] * 4)
        n = whole.seeds_needed(0.02)
        spread = whole.over_seeds * whole.n
        assert float(coverage(0.02, spread / n, 4 * (n - 1), 0.0)) >= 0.95
        assert n == 2 or float(coverage(0.02, spread / (n - 1), 4 * (n - 2), 0.0)) < 0.95
        assert Estimate(0.0, 1e-6, 2.0, 1e-6, 3).p() <= 1.0

    def test_no_simultaneous_p_value_is_smaller_than_one_draw_in_all(self):
        found = stats.estimates([[0.9, 0.91, 0.92, 0.9], [0.1, 0.11, 0.1, 0.12], [0.2, 0.21, 0.2, 0.22]])
        *_, p = found.simultaneous([[1, -1, 0], [1, 0, -1]])
        assert p.min() >= 1 / (intervals.DRAWS + 1)


@given(st.lists(st.tuples(st.floats(-0.2, 0.2), SPREADS, st.integers(2, 6)), min_size=1, max_size=6))
def test_the_interval_at_holms_level_excludes_0_exactly_where_holms_p_is_below_5_percent(tests):
    family = [Estimate(value, (spread / 10) ** 2, n - 1, 1e-5, n) for value, spread, n in tests]
    raw = [found.p() for found in family]
    for found, level, p in zip(family, stats.holm_levels(raw), stats.holm(raw), strict=True):
        low, high = found.interval(level)
        assert abs(p - 0.05) < 1e-5 or (p < 0.05) == (low > 0 or high < 0)
