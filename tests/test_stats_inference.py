"""Corrections, power and variance components against hand-worked cases, SciPy and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats as scipy_stats

from mstask import stats

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.6, 0.7]) == [1.0, 1.0]
    assert stats.holm([0.2]) == [0.2]


@given(p_values, st.randoms(use_true_random=False))
def test_holm_keeps_the_order_lies_between_raw_and_bonferroni_and_ignores_how_tests_are_listed(values, random):
    adjusted = stats.holm(values)
    assert all(p <= a <= min(1.0, len(values) * p) or a == pytest.approx(p) for p, a in zip(values, adjusted, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)
    shuffled = random.sample(range(len(values)), len(values))
    assert stats.holm([values[i] for i in shuffled]) == [adjusted[i] for i in shuffled]


@pytest.mark.parametrize(("n", "power"), [(3, 0.8), (5, 0.8), (10, 0.9), (34, 0.5)])
def test_the_detectable_difference_has_its_power_by_the_noncentral_t(n, power):
    delta = stats.minimum_detectable_difference(2.0, n, power=power)
    critical, noncentrality = scipy_stats.t.ppf(0.975, n - 1), delta / 2.0 * math.sqrt(n)
    found = scipy_stats.nct.sf(critical, n - 1, noncentrality) + scipy_stats.nct.cdf(-critical, n - 1, noncentrality)
    assert found == pytest.approx(power, abs=1e-5)


def test_two_seeds_detect_only_enormous_differences_as_simulation_confirms():
    delta = stats.minimum_detectable_difference(1.0, 2)
    assert delta > 3.5 * stats.minimum_detectable_difference(1.0, 3)
    drawn = np.random.default_rng(0).normal(delta, 1.0, (100_000, 2))
    t = drawn.mean(1) / drawn.std(1, ddof=1) * math.sqrt(2)
    assert (np.abs(t) > scipy_stats.t.ppf(0.975, 1)).mean() == pytest.approx(0.8, abs=0.01)


def test_the_detectable_difference_scales_with_the_spread_and_falls_with_more_seeds():
    assert stats.minimum_detectable_difference(0.0, 3) == 0.0
    assert stats.minimum_detectable_difference(0.02, 3) == pytest.approx(0.02 * stats.minimum_detectable_difference(1, 3))
    by_n = [stats.minimum_detectable_difference(1, n) for n in range(2, 12)]
    assert by_n == sorted(by_n, reverse=True)


def test_variance_components_of_an_additive_table_by_hand():
    method, case, seed = np.array([0.0, 2.0]), np.array([0.0, 1.0, 2.0]), np.array([-1.0, 1.0])
    found = stats.variance_components(method[:, None, None] + case[None, :, None] + 0.0 * seed)
    assert found["interaction"] == found["seed"] == 0.0
    assert found["method"] == pytest.approx(math.sqrt(2.0))
    assert found["case"] == pytest.approx(1.0)
    assert found["p_interaction"] == 1.0
    noisy = stats.variance_components(method[:, None, None] + case[None, :, None] + seed)
    assert noisy["seed"] == pytest.approx(math.sqrt(2.0))
    assert noisy["interaction"] == 0.0


def test_variance_components_recover_those_of_a_simulation_and_the_f_test_is_scipys():
    rng = np.random.default_rng(4)
    shape = (60, 50, 4)
    parts = [rng.normal(0, s, d) for s, d in ((0.4, (60, 1, 1)), (0.3, (1, 50, 1)), (0.2, (60, 50, 1)), (0.1, shape))]
    found = stats.variance_components(sum(parts))
    assert (found["method"], found["case"], found["interaction"], found["seed"]) == pytest.approx(
        (0.4, 0.3, 0.2, 0.1), rel=0.15
    )
    assert found["p_interaction"] < 1e-6
    table = rng.normal(size=(3, 4, 2))
    cell = table.mean(2)
    residual = cell - cell.mean(1)[:, None] - cell.mean(0)[None] + cell.mean()
    f = (2 * (residual**2).sum() / 6) / (((table - cell[..., None]) ** 2).sum() / 12)
    assert stats.variance_components(table)["p_interaction"] == pytest.approx(scipy_stats.f.sf(f, 6, 12))
