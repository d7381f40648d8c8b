"""What G2GNet's documents answer, on documents whose answer is known; and what was published of it."""

from __future__ import annotations

import pytest
from making_g2gnet import SEEDS, SKILLS, cell, document, rewirings

from mstask import results
from mstask.studies.g2gnet import facts as answers
from mstask.studies.g2gnet.methods import METHODS
from mstask.studies.g2gnet.wiring import density, expected_parameters
from mstask.summary import summarise


def test_a_better_grouping_is_found_and_an_equal_one_is_not():
    cells = document({"er": 0.80, "index": 0.95, "mixer": 0.80}).cells + document({"er": 0.95, "index": 0.70}, ("radar",)).cells
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
    table = answers.contrasts(document({"er": 0.5, "index": 0.95}, seeds=(42,)))
    assert table["verdict"].tolist() == ["no difference shown"]


def test_one_case_of_a_sealed_document_can_be_looked_at_alone():
    made = results.provenance("python -m mstask run g2gnet")
    sealed = [results.sealed(c.model_copy(update={"provenance": made})) for c in document({"er": 0.9, "index": 0.9}).cells]
    own = results.merge(sealed).of_case("digits")
    assert own.data == sealed[0].data and {c.case for c in own.cells} == {None}


def test_erosion_is_averaged_over_layers_and_seeds():
    runs = {1: rewirings(0.45), 2: rewirings(0.35, 0.2)}
    cells = [cell("index-dst", seed, 0.5, rewirings=run, first_intra_share=[0.5, 0.6]) for seed, run in runs.items()]
    table = answers.erosion(results.merge(cells))
    assert table[["method", "updates"]].values.tolist() == [["index-dst", 0], ["index-dst", 1]]
    assert table["intra"].tolist() == pytest.approx([0.55, 0.4])


def test_reliance_sets_a_cut_beside_as_large_a_one_at_random_and_beside_training_without():
    cuts = {
        "groups_only": {"accuracy": 0.3, "firing_rates": [0.1, 0.0]},
        "thinned": {"accuracy": 0.4, "firing_rates": [0.1, 0.1]},
    }
    made = cell("index", 1, 0.9, p_inter=0.15, cuts=cuts)
    alone = cell("index-p0", 1, 0.7, p_inter=0.0, cuts=cuts)
    (row,) = answers.reliance(results.merge([made, alone, cell("er", 1, 0.9)])).to_dict("records")
    assert (row["method"], row["groups_only"], row["thinned"]) == ("index", 0.3, 0.4)
    assert (row["accuracy"], row["without"]) == (made.result.accuracy, alone.result.accuracy)
    assert (row["rate"], row["rate_groups_only"], row["rate_thinned"]) == pytest.approx((0.15, 0.05, 0.1))


def test_numbers_for_sentences_are_means_over_data_sets():
    whole = document(SKILLS, ("digits", "radar"))
    facts = summarise(whole)["facts"]
    score = {(c.case, c.method, c.seed): c.result.macro_f1 for c in whole.cells}
    gaps = [score["digits", "index", seed] - score["digits", "er", seed] for seed in SEEDS]
    assert facts["leads"]["digits"]["index"] == pytest.approx(sum(gaps) / len(gaps))
    named = [facts["leads"]["radar"][name] for name in ("index", "mixer", "random")]
    assert facts["leads"]["radar"]["groupings"] == pytest.approx(sum(named) / 3)
    assert "er" not in facts["leads"]["radar"]
    mean = facts["mean"]
    assert (mean["kept_before"], mean["kept_after"]) == pytest.approx((0.488, 0.4))
    assert mean["kept_random"] == answers.expected_intra_share(0.15, 2)[-1]
    assert mean["lost_to_groups"] == pytest.approx(0.1)
    assert mean["adjusted"] == pytest.approx(mean["without"] - 0.3)
    assert mean["sparse"] > 0 and mean["rewiring"] > 0
    assert answers.facts(document({"er": 0.5})) == {"leads": {}, "mean": {}}


def test_documents_without_any_such_detail_give_empty_tables():
    bare = results.merge([results.Cell(section="g2gnet", method="er", seed=1, profile="quick", result={"macro_f1": 0.5})])
    for table in (answers.contrasts(bare), answers.erosion(bare), answers.reliance(bare)):
        assert len(table) == 0 and "case" in table
    assert answers.facts(bare)["mean"] == {}


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
