"""Derived numbers: computed from the cells, complete, and the same every time."""

import json
from statistics import fmean

import pytest
from making import CLASSES, TEST_LABELS, cell, document, scored

from mstask import results, stats, summary
from mstask.summary import compare, is_homogeneous, summarise

SKILLS = {"D0_doppler": 0.9, "D0_dualtau": 0.8, "D1_H1": 0.6, "D1_rev": 0.5, "D1_perm1": 0.4, "D2_concat": 0.7}


@pytest.fixture(scope="module")
def ablation():
    return document(SKILLS, budget="Shorter than the paper.")


def test_every_method_has_its_mean_spread_and_interval_over_seeds(ablation):
    found = summarise(ablation)["methods"]["D1_H1"]
    values = [c.result.macro_f1 for c in ablation.cells if c.method == "D1_H1"]
    assert found["seeds"] == [42, 123, 999]
    assert found["macro_f1"]["values"] == values
    assert (found["macro_f1"]["mean"], found["macro_f1"]["low"], found["macro_f1"]["high"]) == stats.seed_interval(values)
    assert found["macro_f1"]["min"] == min(values) and found["macro_f1"]["max"] == max(values)
    assert found["accuracy"]["n"] == 3
    assert found["n_parameters"] == 58_000 and found["width"] == 128
    assert found["epochs_mean"] == 32 and found["best_epoch_mean"] == 12
    assert found["firing"] == {"mean": pytest.approx(0.146875), "per_layer": [0.15, 0.125, 0.25, 0.0625]}
    assert len(found["per_class_f1"]) == len(CLASSES)
    assert found["macro_f1"]["mean"] == pytest.approx(fmean(found["per_class_f1"]))
    assert not found["published_mean_only"]


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


def test_comparisons_are_those_of_the_paper_by_paired_bootstrap_per_seed(ablation):
    found = summarise(ablation)["comparisons"]
    assert set(found) == set(summary.COMPARISONS) - {"CrossInhib-LIF-Doppler-LIF"}
    pair = found["D1_H1-best"]
    assert (pair["a"], pair["b"], pair["basis"], pair["n"]) == ("D1_H1", "D0_doppler", "predictions", 3)
    cells = {(c.method, c.seed): c.result.predictions for c in ablation.cells}
    for seed in (42, 123, 999):
        expected = stats.paired_bootstrap(cells["D1_H1", seed], cells["D0_doppler", seed], TEST_LABELS, len(CLASSES))
        assert tuple(pair["seeds"][str(seed)].values()) == expected
    assert pair["consistent"] is True and pair["difference"] < 0
    assert pair["difference"] == pytest.approx(fmean(pair["values"]))
    assert (pair["low"], pair["high"]) == stats.seed_interval(pair["values"])[1:]


def test_an_interval_on_the_other_side_makes_a_comparison_inconsistent():
    close = compare(document({"D1_H1": 0.70, "D1_rev": 0.69}), "D1_H1", "D1_rev")
    assert any(i["low"] < 0 < i["high"] for i in close["seeds"].values())
    assert close["consistent"] is False


def test_a_comparison_uses_the_seeds_that_both_have():
    cells = [cell("D1_H1", 42), cell("D1_H1", 123), cell("D1_rev", 123), cell("D1_rev", 999)]
    assert list(compare(results.merge(cells), "D1_H1", "D1_rev")["seeds"]) == ["123"]
    with pytest.raises(results.ResultsError, match="no seed in common"):
        compare(results.merge([cells[0], cells[2]]), "D1_H1", "D1_rev")
    with pytest.raises(results.ResultsError, match="no macro-F1 of 'D0_stft'"):
        compare(results.merge(cells), "D0_stft", "D1_rev")


def test_scores_without_predictions_are_compared_over_seeds():
    found = compare(scored({"D1_H1": [0.5, 0.6, 0.7], "D1_rev": [0.4, 0.4, 0.4]}, "ablation"), "D1_H1", "D1_rev")
    assert (found["basis"], found["consistent"], found["n"]) == ("seeds", None, 3)
    assert found["difference"] == pytest.approx(0.2)
    assert all(i["low"] is None for i in found["seeds"].values())


def test_the_bootstrap_runs_once_per_process(ablation):
    summary._bootstrap.cache_clear()
    first = summarise(ablation)
    ran = summary._bootstrap.cache_info().misses
    assert summarise(ablation) == first
    assert summary._bootstrap.cache_info().misses == ran == 18


def test_missing_cells_of_the_grid_are_named():
    whole = document({"D0_doppler": 0.9, "D1_H1": 0.8})
    assert summarise(whole)["complete"] and summarise(whole)["missing"] == []
    part = summarise(results.merge(c for c in whole.cells if (c.method, c.seed) != ("D1_H1", 123)))
    assert part["complete"] is False
    assert part["missing"] == [{"method": "D1_H1", "seed": 123}]
    assert part["cells"] == 5


def test_the_summary_is_plain_json_and_says_where_it_comes_from(ablation):
    found = summarise(ablation)
    assert json.loads(results.dumps(found)) == found
    assert found["budget"] == "Shorter than the paper."
    assert found["data"]["counts"]["test"] == len(TEST_LABELS)
    assert "test_labels" not in found["data"]
    assert found["source"] == "run" and found["section"] == "ablation"
