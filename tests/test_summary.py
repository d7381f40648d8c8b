"""Derived numbers: computed from the cells, complete, and the same every time."""

from statistics import fmean

import numpy as np
import pytest
from making import CLASSES, TEST_LABELS, cell, document, rotation, scored, with_result

from mstask import results, stats, summary
from mstask.stats import example_bootstrap
from mstask.summary import compare, comparisons, is_homogeneous, summarise

SKILLS = {"D0_doppler": 0.9, "D0_dualtau": 0.8, "D1_H1": 0.6, "D1_rev": 0.5, "D1_perm1": 0.4, "D2_concat": 0.7}


@pytest.fixture(scope="module")
def ablation():
    return document(SKILLS, budget="Shorter than the paper.")


def test_every_method_has_its_mean_spread_and_interval_over_seeds(ablation):
    found = summarise(ablation)["methods"]["D1_H1"]
    values = [c.result.macro_f1 for c in ablation.cells if c.method == "D1_H1"]
    assert found["seeds"] == [42, 123, 999]
    assert found["macro_f1"]["values"] == values
    known = stats.estimate(values)
    assert tuple(found["macro_f1"][name] for name in ("mean", "low", "high")) == (known.value, *known.interval())
    assert found["macro_f1"]["min"] == min(values) and found["macro_f1"]["max"] == max(values)
    assert found["accuracy"]["n"] == 3
    assert found["n_parameters"] == 58_000 and found["width"] == 128
    assert found["firing"] == {"mean": pytest.approx(0.146875)}


def test_methods_are_ranked_by_mean_and_the_best_homogeneous_is_told_apart(ablation):
    found = summarise(ablation)
    assert found["ranking"] == ["D0_doppler", "D0_dualtau", "D2_concat", "D1_H1", "D1_rev", "D1_perm1"]
    assert found["rank"]["D1_H1"] == 4
    mixed_wins = summarise(document(SKILLS | {"D2_concat": 0.99}))
    assert (mixed_wins["best"], mixed_wins["best_homogeneous"]) == ("D2_concat", "D0_doppler")
    assert [is_homogeneous(m) for m in ("D0_stft", "Beam-IF", "D1_rev", "D2_concat", "CNN-8-16-32", "SmallCNN")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def validated(whole, scores):
    """The document with validation histories that end at the given scores."""
    cells = [with_result(c, history={"smoothed": [0.1, scores.get(c.method, 0.2)]}) for c in whole.cells]
    return whole.model_copy(update={"cells": cells})


def test_comparisons_are_those_of_the_paper_against_the_best_by_validation(ablation):
    found = summarise(validated(ablation, {"D0_dualtau": 0.9}))["comparisons"]
    assert set(found) == {key for key in summary.COMPARISONS if key.startswith(("D1_", "D2_"))}
    pair = found["D1_H1-best"]
    assert (pair.a, pair.b, pair.n) == ("D1_H1", comparisons.BEST, 3)
    assert pair.difference == pytest.approx(compare(ablation, "D1_H1", "D0_dualtau").difference)
    assert not any(key.endswith("-best") for key in summarise(ablation)["comparisons"])


def test_each_seed_of_a_comparison_has_its_paired_bootstrap(ablation):
    pair = compare(ablation, "D1_H1", "D0_doppler")
    cells = {(c.method, c.seed): c.result.predictions for c in ablation.cells}
    for seed in (42, 123, 999):
        expected = stats.paired_bootstrap(cells["D1_H1", seed], cells["D0_doppler", seed], TEST_LABELS, len(CLASSES))
        found = pair.seeds[str(seed)]
        assert (found.difference, found.low, found.high) == pytest.approx(expected)
    assert pair.consistent is True and pair.difference < 0
    assert pair.difference == pytest.approx(fmean(pair.values))


def test_the_interval_and_p_are_those_of_the_estimate_and_no_narrower_than_the_seeds_alone(ablation):
    pair = compare(ablation, "D1_H1", "D0_doppler")
    assert (pair.low, pair.high) == pair.estimate.interval() and pair.p == pair.estimate.p() < 0.05
    assert pair.high - pair.low >= np.ptp(stats.estimate(pair.values).interval()) - 1e-9
    assert pair.detectable == pytest.approx(stats.minimum_detectable_difference(np.std(pair.values, ddof=1), 3))


def test_an_interval_on_the_other_side_makes_a_comparison_inconsistent():
    close = compare(document({"D1_H1": 0.70, "D1_rev": 0.69}), "D1_H1", "D1_rev")
    assert any(pair.low < 0 < pair.high for pair in close.seeds.values())
    assert close.consistent is False


def test_a_comparison_uses_the_seeds_that_both_have():
    cells = [cell("D1_H1", 42), cell("D1_H1", 123), cell("D1_rev", 123), cell("D1_rev", 999)]
    assert list(compare(results.merge(cells), "D1_H1", "D1_rev").seeds) == ["123"]
    with pytest.raises(results.ResultsError, match="no seed in common"):
        compare(results.merge([cells[0], cells[2]]), "D1_H1", "D1_rev")
    with pytest.raises(results.ResultsError, match="no macro-F1 of 'D0_stft'"):
        compare(results.merge(cells), "D0_stft", "D1_rev")


def test_scores_without_predictions_are_compared_over_seeds():
    found = compare(scored({"D1_H1": [0.5, 0.6, 0.7], "D1_rev": [0.4, 0.4, 0.4]}, "ablation"), "D1_H1", "D1_rev")
    assert (found.consistent, found.n) == (None, 3)
    assert found.difference == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx(stats.estimate([0.1, 0.2, 0.3]).interval())
    assert all(pair.low is None for pair in found.seeds.values())


def test_the_bootstrap_of_a_cell_runs_once_per_process(monkeypatch):
    ran = []
    monkeypatch.setattr(stats, "example_bootstrap", lambda *given: ran.append(given) or example_bootstrap(*given))
    whole = document({"D1_H1": 0.7, "D1_rev": 0.6})
    assert compare(whole, "D1_H1", "D1_rev") == compare(whole, "D1_H1", "D1_rev")
    summarise(whole)
    assert len(ran) == 6


CASES = ("speakers-0-1", "speakers-2-3", "speakers-4-5")
LEVEL = {"A": 0.8, "B": 0.6, "C": 0.4}


def by_case(score, seeds=(1, 2)):
    return rotation(score, LEVEL, CASES, seeds)


class TestCases:
    @pytest.fixture(scope="class")
    @staticmethod
    def document():
        return by_case(lambda m, c, s: LEVEL[m] - 0.1 * CASES.index(c) + 0.01 * s)

    def test_each_case_counts_once_by_its_mean_over_seeds(self, document):
        found = summarise(document)["methods"]["A"]
        assert found["seeds"] == [1, 2]
        assert found["macro_f1"]["values"] == pytest.approx([0.815, 0.715, 0.615])
        assert found["macro_f1"]["n"] == 3
        assert (found["macro_f1"]["low"], found["macro_f1"]["high"]) == pytest.approx(
            stats.estimate([0.815, 0.715, 0.615]).interval()
        )

    def test_within_a_case_the_spread_is_that_over_seeds(self, document):
        found = summarise(document)["methods"]["A"]["cases"]["speakers-2-3"]
        assert found["seeds"] == [1, 2]
        assert found["macro_f1"]["values"] == pytest.approx([0.71, 0.72])
        assert found["accuracy"]["values"] == []

    def test_every_case_has_its_ranking(self):
        upset = by_case(lambda m, c, s: 0.9 if (m, c) == ("C", CASES[1]) else LEVEL[m])
        found = summarise(upset)["cases"]
        assert {case: found[case]["best"] for case in found} == {CASES[0]: "A", CASES[1]: "C", CASES[2]: "A"}
        assert found[CASES[1]]["ranking"] == ["C", "A", "B"]

    def test_data_sets_of_several_seeds_count_the_same_each_by_its_own_spread(self, document):
        found = compare(document, "A", "B")
        assert set(found.seeds) == {f"{case}/{seed}" for case in CASES for seed in (1, 2)}
        assert found.values == pytest.approx([0.2, 0.2, 0.2]) and found.n == 3
        assert (found.low, found.high) == pytest.approx((0.2, 0.2)) and found.p == pytest.approx(0.0)

    def test_with_one_seed_each_the_spread_is_that_over_cases(self):
        leads = dict(zip(CASES, (0.1, 0.2, 0.3), strict=True))
        found = compare(by_case(lambda m, c, s: 0.5 + leads[c] * (m == "A"), seeds=(1,)), "A", "B")
        assert (found.low, found.high) == pytest.approx(stats.estimate([0.1, 0.2, 0.3]).interval())


def test_cells_without_a_macro_f1_are_summarised_by_what_they_have():
    cells = [cell(seed=s, result=results.Measures(accuracy=0.5, details={"mse": 0.1})) for s in (42, 123)]
    found = summarise(results.merge(cells))
    assert found["ranking"] == [] and found["rank_stability"] is None
    assert found["methods"]["D0_doppler"]["accuracy"]["mean"] == 0.5


class TestRankStability:
    def test_predictions_are_resampled_by_seed_and_test_example(self, ablation):
        found = summarise(ablation)["rank_stability"]
        assert found["over"] == "seeds and test examples"
        assert list(found["probabilities"]) == summarise(ablation)["ranking"]
        assert found["probabilities"]["D0_doppler"][0] > 0.9 > found["probabilities"]["D1_H1"][0]

    def test_whole_cases_are_resampled(self):
        assert summarise(by_case(lambda m, c, s: LEVEL[m] + 0.01 * s))["rank_stability"]["over"] == "cases"

    def test_scores_alone_are_resampled_by_seed_and_means_not_at_all(self):
        seeds = scored({"A": [0.9, 0.8, 0.7], "B": [0.6, 0.85, 0.6]}, "ablation")
        found = summarise(seeds)["rank_stability"]
        assert 0.5 < found["probabilities"]["A"][0] < 0.99
        assert summarise(results.load("mixed", "published"))["rank_stability"] is None


def test_the_summary_says_where_it_comes_from(ablation):
    found = summarise(ablation)
    assert found["budget"] == "Shorter than the paper."
    assert found["data"]["counts"]["test"] == len(TEST_LABELS)
    assert "test_labels" not in found["data"]
    assert found["source"] == "run" and found["section"] == "ablation"
