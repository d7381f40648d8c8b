"""The bootstraps over test examples, and the ranks that follow from draws: by hand and by a brute-force twin."""

import numpy as np
import pytest

from mstask import stats

CLASSES = 4


def drawn_predictions(skill, examples, rng):
    true = rng.integers(0, CLASSES, examples)
    return np.where(rng.random(examples) < skill, true, rng.integers(0, CLASSES, examples)), true


def test_it_has_the_mean_and_spread_of_its_brute_force_twin():
    rng = np.random.default_rng(1)
    predictions, true = drawn_predictions(0.7, 80, rng)
    chosen = rng.integers(0, 80, (1200, 80))
    slow = np.array([stats.macro_f1(predictions[i], true[i], CLASSES)[0] for i in chosen])
    fast = stats.example_bootstrap(predictions, true, CLASSES)
    assert fast.mean() == pytest.approx(slow.mean(), abs=0.006)
    assert fast.std() == pytest.approx(slow.std(), rel=0.08)


def test_right_everywhere_is_certain():
    true = np.arange(40) % CLASSES
    assert (stats.example_bootstrap(true, true, CLASSES) == 1.0).all()


def test_rank_probabilities_by_hand_and_ties_share_the_better_rank():
    found = stats.rank_probabilities([[0.9, 0.8, 0.1], [0.7, 0.8, 0.1], [0.9, 0.8, 0.1], [0.5, 0.5, 0.1]])
    assert found.tolist() == [[0.75, 0.25, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
