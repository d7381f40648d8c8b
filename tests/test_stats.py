"""Statistics against scikit-learn, SciPy, brute force and cases done by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats as scipy_stats
from sklearn.metrics import accuracy_score, f1_score

from mstask import stats
from mstask.errors import MstaskError

label_pairs = st.integers(1, 7).flatmap(
    lambda c: st.tuples(
        st.just(c),
        st.lists(st.tuples(st.integers(0, c - 1), st.integers(0, c - 1)), min_size=1, max_size=60),
    )
)


def sklearn_macro_f1(pred, true, n_classes):
    return f1_score(true, pred, labels=list(range(n_classes)), average="macro", zero_division=0)


def brute_force_p(a, b):
    """Share of all orderings of b whose rho is at least as far from 0, with rho from the mid-ranks."""
    rank_a, rank_b = scipy_stats.rankdata(a), scipy_stats.rankdata(b)
    rank_a, rank_b = rank_a - rank_a.mean(), rank_b - rank_b.mean()
    orderings = np.array(list(itertools.permutations(rank_b)))
    products = orderings @ rank_a
    return float((np.abs(products) >= abs(rank_a @ rank_b) - 1e-9).mean())


@given(label_pairs)
def test_macro_f1_is_that_of_scikit_learn(case):
    n_classes, pairs = case
    pred, true = (list(side) for side in zip(*pairs, strict=True))
    score, per_class = stats.macro_f1(pred, true, n_classes)
    expected = f1_score(true, pred, labels=list(range(n_classes)), average=None, zero_division=0)
    assert per_class == pytest.approx(expected, abs=1e-12)
    assert score == pytest.approx(expected.mean(), abs=1e-12)
    assert stats.accuracy(pred, true) == pytest.approx(accuracy_score(true, pred))


def test_macro_f1_by_hand_counts_an_absent_class_as_zero():
    score, per_class = stats.macro_f1(pred=[0, 0, 1, 1], true=[0, 1, 1, 1], n_classes=3)
    assert per_class == [pytest.approx(2 / 3), pytest.approx(4 / 5), 0.0]
    assert score == pytest.approx((2 / 3 + 4 / 5) / 3)


def test_bootstrap_interval_is_that_of_resampling_indices_shared_by_both_models():
    rng = np.random.default_rng(3)
    true = rng.integers(0, 6, 300)
    a, b = (np.where(rng.random(300) < skill, true, rng.integers(0, 6, 300)) for skill in (0.8, 0.7))
    difference, low, high = stats.paired_bootstrap(a, b, true, 6, resamples=20_000)
    assert difference == pytest.approx(sklearn_macro_f1(a, true, 6) - sklearn_macro_f1(b, true, 6))
    draws = []
    for _ in range(4000):
        chosen = rng.integers(0, 300, 300)
        scores = [stats.macro_f1(model[chosen], true[chosen], 6)[0] for model in (a, b)]
        draws.append(scores[0] - scores[1])
    assert [low, high] == pytest.approx(np.percentile(draws, [2.5, 97.5]), abs=0.006)


def test_bootstrap_of_accuracy_has_the_known_standard_error():
    true = np.zeros(1000, int)
    a, b = np.zeros(1000, int), np.zeros(1000, int)
    a[:100], b[100:250] = 1, 1
    difference, low, high = stats.paired_bootstrap(a, b, true, 2, metric="accuracy", resamples=20_000)
    standard_error = math.sqrt((0.25 - 0.05**2) / 1000)
    assert difference == pytest.approx(0.05)
    assert (high - low) / (2 * 1.96) == pytest.approx(standard_error, rel=0.03)


def test_bootstrap_is_deterministic_and_draws_the_same_examples_for_every_model():
    rng = np.random.default_rng(0)
    true, a, b = rng.integers(0, 4, (3, 200))
    first = stats.paired_bootstrap(a, b, true, 4, seed=5)
    assert first == stats.paired_bootstrap(a, b, true, 4, seed=5)
    drawn = [stats.example_bootstrap(model, true, 4, seed=5) for model in (a, b)]
    assert first[1:] == tuple(np.percentile(drawn[0] - drawn[1], [2.5, 97.5]))
    assert first != stats.paired_bootstrap(a, b, true, 4, seed=6)


@pytest.mark.parametrize("metric", ["macro_f1", "accuracy"])
def test_bootstrap_of_equal_models_is_exactly_zero_and_of_right_against_wrong_exactly_one(metric):
    true = np.array([0, 1, 0, 1, 1])
    assert stats.paired_bootstrap(true, true, true, 2, metric) == (0.0, 0.0, 0.0)
    difference, low, high = stats.paired_bootstrap(true, 1 - true, true, 2, metric)
    assert (difference, high) == (1.0, 1.0)
    assert low >= 0.5


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=6))
def test_rank_correlation_with_ties_is_that_of_brute_force(pairs):
    a, b = (list(side) for side in zip(*pairs, strict=True))
    if len(set(a)) == 1 or len(set(b)) == 1:
        with pytest.raises(stats.StatisticsError, match="equal"):
            stats.rank_correlation(a, b)
        return
    rho, p = stats.rank_correlation(a, b)
    assert rho == pytest.approx(scipy_stats.spearmanr(a, b).statistic, abs=1e-12)
    assert p == pytest.approx(brute_force_p(a, b), abs=1e-12)


def test_exact_p_for_eight_pairs_is_that_of_all_40320_orderings():
    a, b = np.random.default_rng(11).random((2, 8))
    assert stats.rank_correlation(a, b)[1] == brute_force_p(a, b)


def test_exact_p_is_that_of_scipys_permutation_test():
    a, b = np.random.default_rng(2).random((2, 6))
    reference = scipy_stats.permutation_test(
        (a,), lambda x: scipy_stats.spearmanr(x, b).statistic, permutation_type="pairings", n_resamples=math.inf
    )
    assert stats.rank_correlation(a, b) == pytest.approx((reference.statistic, reference.pvalue))


@pytest.mark.parametrize("n", [2, 4, 12])
def test_perfect_agreement_has_two_extreme_orderings(n):
    assert stats.rank_correlation(range(n), range(n)) == (1.0, 2 / math.factorial(n))
    assert stats.rank_correlation(range(n), range(n, 0, -1)) == (-1.0, 2 / math.factorial(n))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.macro_f1([0, 1], [0], 2), "differ in length"),
        (lambda: stats.macro_f1([], [], 2), "non-empty"),
        (lambda: stats.macro_f1([0, 2], [0, 1], 2), "0 to 2, expected 0 to 1"),
        (lambda: stats.macro_f1([0, -1], [0, 1], 2), "-1 to 0"),
        (lambda: stats.macro_f1([0.5], [0], 2), "integers"),
        (lambda: stats.macro_f1([math.nan], [0], 2), "NaN"),
        (lambda: stats.macro_f1(["a"], [0], 2), "numbers"),
        (lambda: stats.macro_f1([0], [0], 0), "n_classes"),
        (lambda: stats.macro_f1([[0]], [[0]], 1), "shape"),
        (lambda: stats.accuracy([0, 1], [0]), "differ in length"),
        (lambda: stats.paired_bootstrap([0], [0], [0], 1, metric="macro-f1"), "did you mean 'macro_f1'"),
        (lambda: stats.paired_bootstrap([0], [0], [0], 1, resamples=0), "resamples"),
        (lambda: stats.paired_bootstrap([0], [1], [0], 1), "pred_b"),
        (lambda: stats.rank_correlation([1, 2], [1, 2, 3]), "equally many"),
        (lambda: stats.rank_correlation([1, math.inf], [1, 2]), "infinite"),
        (lambda: stats.rank_correlation(range(13), range(13)), "2 to 12"),
        (lambda: stats.rank_correlation([1], [1]), "2 to 12"),
        (lambda: stats.holm([0.5, 1.5]), "0.5 to 1.5"),
        (lambda: stats.holm([]), "non-empty"),
        (lambda: stats.minimum_detectable_difference(1.0, 1), "at least 2"),
        (lambda: stats.minimum_detectable_difference(-1.0, 3), "not negative"),
        (lambda: stats.minimum_detectable_difference(1.0, 3, alpha=0.9), "alpha"),
        (lambda: stats.variance_components(np.ones((2, 1, 3))), r"\[2, 1, 3\]"),
        (lambda: stats.estimate([]), "non-empty"),
        (lambda: stats.estimates([[0.1, float("nan")]]), "finite"),
        (lambda: stats.estimates([0.1, 0.2]), "quantities, seeds"),
        (lambda: stats.estimates([[0.1, 0.2]], [[[0.1]]]), "expected .* and the resamples"),
        (lambda: stats.estimate([0.1, 0.2]).interval(1.0), "between 0 and 1"),
        (lambda: stats.pooled([]), "at least one"),
        (lambda: stats.estimates([[0.1], [0.2]]).errors(), "at least 2"),
        (lambda: stats.example_bootstrap([0, 1], [0], 2), "differ in length"),
        (lambda: stats.example_bootstrap([0, 5], [0, 1], 2), "0 to 5"),
        (lambda: stats.example_bootstrap([0], [0], 2, resamples=0), "resamples"),
        (lambda: stats.rank_probabilities([[float("nan")]]), "NaN"),
    ],
)
def test_bad_input_is_one_clear_error(call, message):
    with pytest.raises(stats.StatisticsError, match=message) as caught:
        call()
    assert isinstance(caught.value, MstaskError) and isinstance(caught.value, ValueError)
