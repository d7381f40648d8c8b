"""Claims about wiring in groups: each follows its documents, and only its own."""

from __future__ import annotations

import pytest
from making_g2gnet import SEEDS, SKILLS, benchmark, document, everything

from mstask import claims, results
from mstask.claims.findings import find
from mstask.studies.g2gnet import claims as g2gnet

IDS = tuple(entry.id for entry in g2gnet.CLAIMS)


def judge(made=None, measured=None):
    """Verdicts by id."""
    return {claim.id: claim for claim in claims.judge({"g2gnet": made, "benchmark-g2gnet": measured}, IDS)}


def verdicts(made=None, measured=None):
    """The same without what stands beside them, which takes time."""
    documents = {"g2gnet": made, "benchmark-g2gnet": measured}
    return {entry.id.removeprefix("g2gnet-"): find(entry.test, documents).verdict for entry in g2gnet.CLAIMS}


@pytest.fixture(scope="module")
def published():
    return results.load("g2gnet", "published")


def test_where_groups_help_every_claim_but_the_one_on_keeping_them_is_supported():
    found = verdicts(everything(), benchmark())
    assert found.pop("groups-kept") == "contradicted"
    assert set(found.values()) == {"supported"} and len(found) == len(IDS) - 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"er": 0.98}, {"grouping-digits": "contradicted"}),
        ({"er": 0.88}, {"grouping-digits": "undecided"}),
        ({"er": 0.8, "random": 0.7}, {"grouping-digits": "contradicted"}),
        ({"dense": 0.98}, {"dense": "contradicted"}),
        ({"dense-matched": 0.98}, {"matched": "contradicted"}),
        ({"index-dst": 0.6}, {"rewiring": "contradicted"}),
        ({"index": 0.3, "random": 0.3, "mixer": 0.3}, dict.fromkeys(("dense", "matched", "grouping-digits"), "contradicted")),
    ],
)
def test_exchanged_skills_turn_the_claims_about_them_and_no_others(changes, expected):
    before, after = (verdicts(document(SKILLS | change), benchmark()) for change in ({}, changes))
    assert {name: verdict for name, verdict in after.items() if verdict != before[name]} == expected


def test_a_claim_on_all_data_sets_is_judged_by_their_mean_and_those_on_one_by_its_own():
    cells = document(SKILLS).cells + document(SKILLS | {"er": 0.98, "dense": 0.98}, ("radar",)).cells
    found = judge(results.merge(cells))
    assert found["g2gnet-grouping-radar"].verdict == "contradicted"
    assert found["g2gnet-grouping-digits"].verdict == "supported"
    assert "By data set: digits +" in found["g2gnet-dense"].evidence and " radar −" in found["g2gnet-dense"].evidence
    assert "radar" not in found["g2gnet-grouping-digits"].fragility


def test_every_grouping_that_was_run_must_be_ahead_and_random_groups_are_not_needed():
    behind = judge(document(SKILLS | {"er": 0.8, "random": 0.7}))["g2gnet-grouping-digits"]
    assert behind.verdict == "contradicted" and "random groups − unstructured" in behind.estimand
    without = {name: skill for name, skill in SKILLS.items() if name != "random"}
    assert judge(document(without))["g2gnet-grouping-digits"].verdict == "supported"


def test_a_data_set_that_lacks_a_needed_network_is_left_out_where_another_has_it():
    part = document({"er": 0.7, "index": 0.9}, ("radar",)).cells
    claim = judge(results.merge(document(SKILLS).cells + part))["g2gnet-dense"]
    assert claim.verdict == "supported" and "Radar" not in claim.evidence
    assert judge(results.merge(part))["g2gnet-dense"].verdict == "not testable"


def test_a_single_seed_supports_nothing():
    found = verdicts(document(SKILLS, seeds=SEEDS[:1]))
    assert {found[name] for name in ("dense", "matched", "grouping-digits", "rewiring")} == {"undecided"}


@pytest.mark.parametrize(
    ("left", "verdict"),
    [((0.48, 0.47), "supported"), ((0.45, 0.42), "contradicted"), ((0.45, 0.39), "contradicted")],
)
def test_groups_are_kept_where_nine_tenths_of_their_connections_are_left(left, verdict):
    claim = judge(document({"index-dst": 0.9}, left=left))["g2gnet-groups-kept"]
    assert claim.verdict == verdict
    assert claim.estimate == pytest.approx(left[-1] / 0.488)
    assert "Digits: after the last of 2 rewirings at random" in claim.evidence and "above 0.9 counts as kept" in claim.evidence


@pytest.mark.parametrize(("ratio", "verdict"), [(0.2, "supported"), (0.848, "undecided"), (0.9, "contradicted")])
def test_sparse_products_pay_where_every_ratio_is_below_one(ratio, verdict):
    claim = judge(None, benchmark(ratio))["g2gnet-sparse-pays"]
    assert claim.verdict == verdict
    assert f"of 1024 neurons {ratio + 0.15:.2f}, 95 % interval" in claim.evidence


def test_the_sparse_claim_says_where_it_ends():
    assert (
        "stops paying at a probability between groups of 0.45" in judge(None, benchmark(0.55))["g2gnet-sparse-pays"].fragility
    )
    assert judge(None, benchmark(0.2))["g2gnet-sparse-pays"].fragility == (
        "It pays at every probability between groups that was measured."
    )


def test_published_runs_of_one_seed_decide_nothing_and_are_quoted(published):
    found = judge(published)
    assert {claim.id: claim.verdict for claim in found.values() if claim.verdict != "not testable"} == dict.fromkeys(
        ("g2gnet-dense", "g2gnet-matched", "g2gnet-grouping-pictures"), "undecided"
    )
    claim = found["g2gnet-grouping-pictures"]
    assert "Fashion-MNIST: index groups 0.869, unstructured 0.876 accuracy, −0.007" in claim.evidence
    assert "one run each, best test epoch" in claim.evidence


def test_nothing_can_be_tested_without_documents():
    assert set(verdicts().values()) == {"not testable"}
    assert all(claim.evidence and claim.fragility for claim in judge().values())
