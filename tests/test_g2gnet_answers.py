"""What G2GNet's documents answer, on documents whose answer is known; and what was published of it."""

from __future__ import annotations

import numpy as np
import pytest

from mstask import results, stats
from mstask.neighbours.g2gnet import answers
from mstask.neighbours.g2gnet.methods import METHODS
from mstask.neighbours.g2gnet.wiring import density, expected_parameters
from mstask.results.files import ResultsError

CLASSES = [str(digit) for digit in range(10)]
LABELS = np.random.default_rng(1).integers(0, 10, 400).tolist()
SEEDS = (42, 123, 999, 7, 2026)


def cell(method, seed, skill, case="digits", **details):
    rng = np.random.default_rng([seed, *method.encode()])
    guesses = np.where(rng.random(len(LABELS)) < skill, LABELS, rng.integers(0, 10, len(LABELS)))
    score, per_class = stats.macro_f1(guesses, LABELS, 10)
    about = {"name": case, "source": "embedded", "size": "paper", "fingerprint": case, "class_names": CLASSES}
    return results.Cell(
        section="g2gnet",
        method=method,
        case=case,
        seed=seed,
        profile="paper",
        data=results.DataRecord(**about, counts={"test": len(LABELS)}, test_labels=LABELS),
        result=results.Measures(
            macro_f1=score,
            accuracy=stats.accuracy(guesses, LABELS),
            per_class_f1=per_class,
            predictions=guesses,
            details={"connections": [4000, 4000], "rewirings": []} | details,
        ),
    )


def document(skills, case="digits", seeds=SEEDS):
    return [cell(method, seed, skill, case) for method, skill in skills.items() for seed in seeds]


def test_a_better_grouping_is_found_and_an_equal_one_is_not():
    cells = document({"er": 0.80, "index": 0.95, "mixer": 0.80}) + document({"er": 0.95, "index": 0.70}, "radar")
    table = answers.contrasts(results.merge(cells)).set_index(["case", "a", "b"])
    assert table["verdict"].to_dict() == {
        ("digits", "index", "er"): "better",
        ("digits", "mixer", "er"): "no difference shown",
        ("radar", "index", "er"): "worse",
    }
    row = table.loc[("digits", "index", "er")]
    assert row["low"] < row["difference"] < row["high"] and row["n"] == 5
    assert row["p"] <= row["p_corrected"]
    assert row["connections"] == 1.0


def test_a_single_seed_shows_no_difference():
    table = answers.contrasts(results.merge(document({"er": 0.5, "index": 0.95}, seeds=(42,))))
    assert table["verdict"].tolist() == ["no difference shown"]


def test_a_case_that_was_not_run_is_named():
    with pytest.raises(ResultsError, match=r"no cells of case 'speech'; found: digits"):
        answers.one_case(results.merge(document({"er": 0.5})), "speech")


def test_erosion_is_averaged_over_layers_and_seeds():
    def told(*shares):
        return [{"step": 9, "layers": [{"intra": s, "regrown": 0.0, "silent": 0.4} for s in shares]}]

    cells = [cell("index-dst", 1, 0.5, rewirings=told(0.4, 0.5)), cell("index-dst", 2, 0.5, rewirings=told(0.3, 0.4) * 2)]
    table = answers.erosion(results.merge(cells))
    assert table[["method", "updates"]].values.tolist() == [["index-dst", 1]]
    assert table["intra"].tolist() == pytest.approx([0.4])


def test_reliance_is_what_the_connections_between_groups_are_worth():
    made = cell("index", 1, 0.9, intra_only_accuracy=0.5)
    (row,) = answers.reliance(results.merge([made, cell("er", 1, 0.9)])).to_dict("records")
    assert row["drop"] == pytest.approx(made.result.accuracy - 0.5)


@pytest.fixture(scope="module")
def published():
    return results.load("g2gnet", "published")


def test_published_methods_are_the_sections_and_the_rest_is_listed_as_missing(published):
    assert set(published.means) | set(published.not_published) == set(METHODS)


def test_published_networks_have_the_parameters_of_the_closed_form(published):
    heads = published.values["heads"]
    for data, classes in (("fashion-mnist", 10), ("cifar-100", 100)):
        found = heads[data]
        sizes = [512] + [heads["width"]] * 3
        assert found["dense"]["n_parameters"] == expected_parameters(sizes, classes, 1.0)
        assert found["dense-matched"]["n_parameters"] == expected_parameters([512] + [heads["matched_width"]] * 3, classes, 1.0)
        expected = expected_parameters(sizes, classes, density(heads["p_inter"]))
        for model in ("er", "index", "mixer"):
            assert found[model]["n_parameters"] == pytest.approx(expected, rel=0.003)


def test_in_the_published_runs_unstructured_wiring_is_ahead_of_both_groupings(published):
    for found in published.values["heads"].values():
        if isinstance(found, dict):
            assert max(found, key=lambda model: found[model]["accuracy"]) == "er"


def test_one_published_run_died(published):
    (dead,) = [row for row in published.values["p_sweep"]["rows"] if row["last_accuracy"] == 0.1]
    assert (dead["model"], dead["p_inter"]) == ("mixer", 0.1)
    assert dead["best_accuracy"] > 0.89
