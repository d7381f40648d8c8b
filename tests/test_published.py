"""The published documents: what they hold, and what can be recomputed from them."""

import numpy as np
import pytest

from mstask import results, stats
from mstask.summary import compare, summarise

TABLE_3 = {
    "Dual-tau-LIF": 0.6709,
    "CrossInhib-LIF": 0.6352,
    "Beam-IF": 0.6249,
    "Chirp-LIF": 0.5811,
    "Vanilla-LIF": 0.5806,
    "Doppler-LIF": 0.4512,
    "Phase-LIF": 0.2855,
    "STFT-IF": 0.0966,
}


@pytest.fixture(scope="module")
def published():
    return {s: results.load(s, "published") for s in ("ablation", "disjoint", "frontier", "mixed", "search", "square")}


def test_table_3_means_follow_from_the_per_seed_figures(published):
    methods = summarise(published["disjoint"])["methods"]
    assert {name: round(m["macro_f1"]["mean"], 4) for name, m in methods.items()} == TABLE_3
    for name, mean in published["disjoint"].means.items():
        assert methods[name]["macro_f1"]["mean"] == pytest.approx(mean.macro_f1, abs=1e-12)
        assert methods[name]["seeds"] == [42, 123, 999]


def test_the_papers_standard_deviation_divides_by_n_and_ours_by_n_minus_1(published):
    methods = summarise(published["disjoint"])["methods"]
    for name, mean in published["disjoint"].means.items():
        values = methods[name]["macro_f1"]["values"]
        assert np.std(values, ddof=0) == pytest.approx(mean.macro_f1_sd, abs=1e-12)
        assert methods[name]["macro_f1"]["sd"] == pytest.approx(mean.macro_f1_sd * np.sqrt(3 / 2), abs=1e-12)


def test_the_ranking_of_table_3_follows_from_the_per_seed_figures(published):
    assert summarise(published["disjoint"])["ranking"] == published["disjoint"].values["ranking"] == list(TABLE_3)
    assert summarise(published["mixed"])["ranking"] == published["mixed"].values["ranking"]


def test_spearman_between_the_splits_follows_with_its_exact_p(published):
    mixed, disjoint = (summarise(published[s])["methods"] for s in ("mixed", "disjoint"))
    rho, p = stats.rank_correlation(*([m[name]["macro_f1"]["mean"] for name in TABLE_3] for m in (mixed, disjoint)))
    assert rho == pytest.approx(published["disjoint"].values["spearman_mixed_vs_disjoint"], abs=1e-12)
    assert round(rho, 4) == published["mixed"].values["spearman_mixed_vs_disjoint"] == 0.7619
    assert p == 1482 / 40320


def test_crossinhib_minus_doppler_follows_and_lies_in_its_published_intervals(published):
    stated = published["disjoint"].values["comparisons"]["CrossInhib-LIF-Doppler-LIF"]
    found = compare(published["disjoint"], "CrossInhib-LIF", "Doppler-LIF")
    assert found.difference == pytest.approx(stated["difference"], abs=1e-12)
    assert found.consistent is stated["consistent"] is True
    assert all(pair.low < pair.difference < pair.high for pair in found.seeds.values())
    on_mixed = compare(published["mixed"], "CrossInhib-LIF", "Doppler-LIF")
    stated = published["mixed"].values["comparisons"]["CrossInhib-LIF-Doppler-LIF"]
    assert round(on_mixed.difference, 4) == stated["difference"]
    assert (on_mixed.consistent, on_mixed.n) == (None, 0)


def test_the_frontiers_proxy_is_its_multiply_accumulates_at_4_6_picojoule(published):
    frontier = published["frontier"]
    picojoule = frontier.values["energy_model"]["E_MAC_pJ"]
    cnns = {name: mean for name, mean in frontier.means.items() if name.startswith("CNN")}
    assert len(cnns) == 7
    for name, mean in cnns.items():
        assert mean.energy_uJ == pytest.approx(mean.macs * picojoule * 1e-6)
        assert name == "CNN-" + "-".join(str(c) for c in mean.channels)
        assert mean.n_parameters == _cnn_parameters(mean.channels, n_classes=6)


def _cnn_parameters(channels, n_classes):
    """Three 3 x 3 convolutions with bias and batch normalisation, then a linear layer."""
    inputs = [1, *channels]
    convolutions = sum(9 * a * b + b + 2 * b for a, b in zip(inputs, channels, strict=False))
    return convolutions + channels[-1] * n_classes + n_classes


def test_the_published_factor_is_that_of_the_cheapest_cnn_at_no_tolerance(published):
    stated, means = published["frontier"].values["verdict"], published["frontier"].means
    matching = [m for m in means.values() if m.channels and m.macro_f1 >= stated["target_macro_f1"]]
    cheapest = min(matching, key=lambda m: m.energy_uJ)
    assert cheapest == means[stated["cheapest_match"]]
    assert round(cheapest.energy_uJ / stated["target_energy_uJ"], 1) == stated["factor"]


def test_what_is_not_published_is_said_and_not_filled_in(published):
    assert published["ablation"].not_published == ["D1_H1", "D1_perm1", "D1_rev", "D2_concat"]
    assert sorted(published["ablation"].means) == ["D0_chirp", "D0_doppler", "D0_dualtau", "D0_stft"]
    assert set(published["square"].not_published) == {"CrossInhib-LIF", "Doppler-LIF", "Phase-LIF"}
    assert not published["square"].means and not published["square"].cells
    for document in published.values():
        assert all(cell.result.predictions is None and cell.data is None for cell in document.cells)
        summary = summarise(document)
        assert not set(document.not_published) & set(summary["methods"])


def test_means_without_seeds_have_no_interval(published):
    summary = summarise(published["ablation"])
    for method in summary["methods"].values():
        assert method["macro_f1"]["values"] == []
        assert method["macro_f1"]["low"] is method["macro_f1"]["sd"] is None
    assert summary["best"] == summary["best_homogeneous"] == "D0_doppler"
    assert summary["comparisons"] == {}
