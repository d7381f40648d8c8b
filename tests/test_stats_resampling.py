"""The bootstraps over seeds and examples: known variances, exact degenerate cases, and a brute-force twin."""

import numpy as np
import pytest

from mstask import stats

CLASSES = 4


def drawn_predictions(methods, seeds, examples, rng):
    true = rng.integers(0, CLASSES, examples)
    skill = np.linspace(0.9, 0.4, methods)[:, None, None] + rng.normal(0, 0.03, (methods, seeds, 1))
    guess = rng.integers(0, CLASSES, (methods, seeds, examples))
    return np.where(rng.random((methods, seeds, examples)) < skill, true, guess), true


def by_hand(predictions, true, resamples, rng):
    """The same bootstrap, one resample and one model at a time."""
    methods, seeds, examples = predictions.shape
    rows = []
    for _ in range(resamples):
        chosen, drawn = rng.integers(0, examples, examples), rng.integers(0, seeds, max(seeds - 1, 1))
        score = [[stats.macro_f1(predictions[m, s, chosen], true[chosen], CLASSES)[0] for s in drawn] for m in range(methods)]
        rows.append(np.mean(score, axis=1))
    return np.array(rows)


def test_the_hierarchical_bootstrap_has_the_mean_and_covariance_of_its_brute_force_twin():
    rng = np.random.default_rng(1)
    predictions, true = drawn_predictions(2, 3, 80, rng)
    fast = stats.hierarchical_bootstrap(predictions, true, CLASSES, resamples=4000)
    slow = by_hand(predictions, true, 1200, rng)
    assert fast.mean(0) == pytest.approx(slow.mean(0), abs=0.006)
    assert fast.std(0) == pytest.approx(slow.std(0), rel=0.08)
    assert np.corrcoef(fast.T)[0, 1] == pytest.approx(np.corrcoef(slow.T)[0, 1], abs=0.08)


def test_models_that_differ_only_by_seed_leave_the_unbiased_variance_of_a_mean_over_seeds():
    values = np.array([0.5, 0.62, 0.71])
    draws = stats.unit_bootstrap([values], resamples=100_000)[:, 0]
    assert draws.mean() == pytest.approx(values.mean(), abs=0.001)
    assert draws.var() == pytest.approx(values.var(ddof=1) / 3, rel=0.02)


def test_right_everywhere_against_wrong_everywhere_is_certain():
    true = np.arange(40) % CLASSES
    draws = stats.hierarchical_bootstrap(np.stack([[true] * 3, [(true + 1) % CLASSES] * 3]), true, CLASSES)
    assert (draws == [1.0, 0.0]).all()
    assert stats.bootstrap_p(draws[:, 0] - draws[:, 1]) == 2 / 2001


def test_a_single_seed_varies_by_test_examples_alone():
    predictions, true = drawn_predictions(1, 1, 60, np.random.default_rng(2))
    draws = stats.hierarchical_bootstrap(predictions, true, CLASSES)
    assert (draws[:, 0] == stats.example_bootstrap(predictions[0, 0], true, CLASSES)).all()
    assert draws.std() > 0


def test_a_methods_resamples_do_not_depend_on_which_others_it_is_compared_with():
    predictions, true = drawn_predictions(3, 3, 60, np.random.default_rng(3))
    together = stats.hierarchical_bootstrap(predictions, true, CLASSES)
    assert (together[:, [1]] == stats.hierarchical_bootstrap(predictions[[1]], true, CLASSES)).all()
    assert (together != stats.hierarchical_bootstrap(predictions, true, CLASSES, seed=1)).any()


def test_p_is_uniform_where_two_methods_differ_by_chance_and_small_where_they_differ():
    rng = np.random.default_rng(5)
    chance = []
    for _ in range(60):
        true = rng.integers(0, CLASSES, 100)
        predictions = np.where(rng.random((2, 3, 100)) < 0.7, true, rng.integers(0, CLASSES, (2, 3, 100)))
        draws = stats.hierarchical_bootstrap(predictions, true, CLASSES, resamples=400)
        chance.append(stats.bootstrap_p(draws[:, 0] - draws[:, 1]))
    assert np.mean(np.array(chance) < 0.05) <= 0.1
    predictions, true = drawn_predictions(2, 3, 100, rng)
    draws = stats.hierarchical_bootstrap(predictions, true, CLASSES)
    assert stats.bootstrap_p(draws[:, 0] - draws[:, 1]) < 0.01


def test_p_by_hand():
    assert stats.bootstrap_p([1.0] * 98 + [-1.0]) == pytest.approx(2 * 2 / 100)
    assert stats.bootstrap_p([0.0] * 5) == 1.0


def test_rank_probabilities_by_hand_and_ties_share_the_better_rank():
    found = stats.rank_probabilities([[0.9, 0.8, 0.1], [0.7, 0.8, 0.1], [0.9, 0.8, 0.1], [0.5, 0.5, 0.1]])
    assert found.tolist() == [[0.75, 0.25, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]


def test_the_paper_sized_grid_has_probabilities_that_sum_to_one():
    predictions, true = drawn_predictions(8, 3, 300, np.random.default_rng(0))
    found = stats.rank_probabilities(stats.hierarchical_bootstrap(predictions, true, CLASSES))
    assert found.shape == (8, 8)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert found[0, 0] > 0.5 and found[0, 7] == found[7, 0] == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.hierarchical_bootstrap([[0, 1]], [0, 1], 2), "methods, seeds, examples"),
        (lambda: stats.hierarchical_bootstrap([[[0, 1]]], [0], 2), "differ in length"),
        (lambda: stats.hierarchical_bootstrap([[[0, 5]]], [0, 1], 2), "0 to 5"),
        (lambda: stats.example_bootstrap([0], [0], 2, resamples=0), "resamples"),
        (lambda: stats.unit_bootstrap([[1.0], [1.0, 2.0]]), "equally many"),
        (lambda: stats.unit_bootstrap([]), "empty"),
        (lambda: stats.bootstrap_p([]), "non-empty"),
        (lambda: stats.rank_probabilities([[float("nan")]]), "NaN"),
    ],
)
def test_bad_input_is_one_clear_error(call, message):
    with pytest.raises(stats.StatisticsError, match=message):
        call()
