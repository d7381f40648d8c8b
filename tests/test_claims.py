"""The ledger: the verdict rule at its edges, what the papers' figures say, and that only the right claims turn."""

import itertools
import re

import pytest
from making import document, scored

from mstask import claims, results
from mstask.findings import SUBJECTS, VERDICTS, Finding, every

KEYS = {"id", "text", "where", "verdict", "evidence", "fragility"}
RADAR = {
    "D0_doppler": 0.95,
    "D0_stft": 0.3,
    "D0_chirp": 0.5,
    "D0_dualtau": 0.75,
    "D1_H1": 0.6,
    "D1_rev": 0.4,
    "D1_perm1": 0.2,
    "D2_concat": 0.5,
}
PUBLISHED = {
    "double-dissociation": "not testable",
    "heterogeneity-radar": "not testable",
    "radar-winner": "fragile",
    "P1": "not testable",
    "P2": "not testable",
    "P3": "not testable",
    "P4": "not testable",
    "P5": "fragile",
    "audio-winner": "contradicted",
    "audio-winner-mixed": "fragile",
    "crossinhib-doppler": "supported",
    "doppler-sixth": "supported",
    "split-invariance": "fragile",
    "table2-order": "fragile",
    "matched-generic": "fragile",
    "cnn-factor": "fragile",
}


@pytest.fixture(scope="module")
def published():
    return {s: results.load(s, "published") for s in SUBJECTS if s != "probe"}


def verdicts(documents):
    return {claim.id: claim.verdict for claim in claims.judge(documents)}


def of(documents, id):
    return next(claim for claim in claims.judge(documents) if claim.id == id)


def turned(before, after):
    """The claims whose verdict differs, with the new one."""
    before, after = verdicts(before), verdicts(after)
    return {id: after[id] for id in after if after[id] != before[id]}


def swapped(whole, a, b):
    """The document with the figures of two methods exchanged."""
    names = {a: b, b: a}
    cells = [c.model_copy(update={"method": names.get(c.method, c.method)}) for c in whole.cells]
    means = {names.get(name, name): mean for name, mean in whole.means.items()}
    return whole.model_copy(update={"cells": cells, "means": means})


def test_the_ledger_of_the_published_figures():
    ledger = claims.ledger("published")
    assert {claim.id: claim.verdict for claim in ledger} == PUBLISHED
    for entry in claims.as_json(ledger):
        assert set(entry) == KEYS
        assert all(isinstance(value, str) and value for value in entry.values())


def test_the_ledger_without_any_results_is_not_testable_throughout():
    assert set(verdicts({}).values()) == {"not testable"}
    assert verdicts({}) == verdicts(dict.fromkeys(SUBJECTS))


def test_a_run_that_does_not_exist_is_no_error_and_a_damaged_one_is(results_folder):
    assert {claim.verdict for claim in claims.ledger("run")} == {"not testable"}
    damaged = results.cell_path("ablation", "quick", "embedded", "D1_H1", 42)
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    with pytest.raises(results.ResultsError, match=r"D1_H1-42\.json is truncated"):
        claims.ledger("run")


def test_any_set_of_documents_can_be_judged(published):
    for n in range(len(published) + 1):
        for chosen in itertools.combinations(published, n):
            found = verdicts({section: published[section] for section in chosen})
            assert set(found) == set(PUBLISHED)
            assert all(found[id] in (PUBLISHED[id], "not testable") for id in found)


class TestTheRule:
    """One comparison, D2_concat against D1_H1 (prediction P2), at every edge of the rule."""

    @staticmethod
    def judge(bank, vertical, **measures):
        return of({"ablation": scored({"D2_concat": bank, "D1_H1": vertical}, "ablation", **measures)}, "P2")

    def test_supported_needs_the_interval_over_seeds_above_zero(self):
        assert self.judge([0.80, 0.81, 0.79], [0.70, 0.71, 0.70]).verdict == "supported"
        assert self.judge([0.80, 0.81, 0.71], [0.70, 0.70, 0.70]).verdict == "fragile"

    def test_a_difference_that_one_seed_carries_is_fragile(self):
        claim = self.judge([0.95, 0.69, 0.69], [0.70, 0.70, 0.70])
        assert claim.verdict == "fragile"
        assert "reaches 0" in claim.fragility

    def test_a_tie_or_a_lower_mean_is_contradicted(self):
        assert self.judge([0.7, 0.7, 0.7], [0.7, 0.7, 0.7]).verdict == "contradicted"
        claim = self.judge([0.60, 0.60, 0.75], [0.70, 0.70, 0.70])
        assert claim.verdict == "contradicted"
        assert "would have to rise by 0.050 to turn; 2 of 3 seeds go against the claim" in claim.fragility

    def test_a_single_seed_is_fragile_however_large_the_difference(self):
        assert self.judge([0.99], [0.10]).verdict == "fragile"
        assert of({"ablation": document({"D2_concat": 0.95, "D1_H1": 0.2}, seeds=(42,))}, "P2").verdict == "fragile"

    def test_with_predictions_every_seeds_bootstrap_interval_counts(self):
        clear = of({"ablation": document({"D2_concat": 0.9, "D1_H1": 0.5})}, "P2")
        assert clear.verdict == "supported" and "paired bootstrap" in clear.evidence
        close = of({"ablation": document({"D2_concat": 0.74, "D1_H1": 0.69})}, "P2")
        assert close.verdict == "fragile" and "interval that reaches 0" in close.fragility

    def test_unequal_capacities_make_a_matched_claim_fragile(self, published):
        unequal = scored({"D1_H1": [0.70, 0.71, 0.70]}, "ablation", n_parameters=50_000)
        bank = {n: scored({"D2_concat": [0.80, 0.81, 0.79]}, "ablation", n_parameters=n) for n in (54_999, 55_001)}
        judged = {n: of({"ablation": results.merge([*unequal.cells, *d.cells])}, "P2") for n, d in bank.items()}
        assert [judged[n].verdict for n in (54_999, 55_001)] == ["supported", "fragile"]
        assert "55,001 against 50,000 parameters (1.10 times)" in judged[55_001].fragility

    def test_of_several_statements_the_worst_counts(self):
        findings = {verdict: Finding(verdict, f"{verdict} evidence.", f"{verdict} weak.") for verdict in VERDICTS}
        for n in range(1, len(VERDICTS) + 1):
            for chosen in itertools.combinations(VERDICTS, n):
                joined = every(*(findings[verdict] for verdict in reversed(chosen)))
                assert joined.verdict == chosen[0]
                assert joined.fragility == f"{chosen[0]} weak."
                assert all(f"{verdict} evidence." in joined.evidence for verdict in chosen)


class TestPublishedFigures:
    def test_evidence_and_fragility_carry_the_figures_of_the_documents(self, published):
        winner = of(published, "audio-winner")
        assert "CrossInhib-LIF 0.635, Dual-tau-LIF 0.671 macro-F1: difference −0.036" in winner.evidence
        split = of(published, "split-invariance")
        assert "+0.762 over 8 neuron types, exact permutation p = 0.037" in split.evidence
        assert "Without Doppler-LIF, rho is +0.643 and p = 0.139" in split.fragility
        assert "475,000 against 283,000 parameters (1.68 times)" in of(published, "matched-generic").fragility
        changed = published["search"].means | {
            "Parametric-LIF": published["search"].means["Parametric-LIF"].model_copy(update={"macro_f1": 0.8111})
        }
        other = published | {"search": published["search"].model_copy(update={"means": changed})}
        assert "Parametric-LIF 0.811 macro-F1" in of(other, "matched-generic").evidence

    def test_the_factor_of_33_8_hangs_on_less_than_a_thousandth(self, published):
        claim = of(published, "cnn-factor")
        assert "0.9240 at 11.8 µJ" in claim.evidence and claim.evidence.endswith("33.8 times.")
        assert "A tolerance of 0.0008 admits CNN-16-32-64 and leaves 3.91 times." in claim.fragility
        assert "A tolerance of 0.0036 admits CNN-8-16-32 and leaves 1.03 times." in claim.fragility

    @pytest.mark.parametrize(
        ("section", "a", "b", "expected"),
        [
            ("ablation", "D0_doppler", "D0_dualtau", {"radar-winner": "contradicted", "P5": "contradicted"}),
            ("ablation", "D0_chirp", "D0_stft", {}),
            ("disjoint", "CrossInhib-LIF", "Dual-tau-LIF", {"audio-winner": "fragile"}),
            (
                "disjoint",
                "CrossInhib-LIF",
                "Doppler-LIF",
                dict.fromkeys(("crossinhib-doppler", "doppler-sixth", "double-dissociation"), "contradicted"),
            ),
            ("disjoint", "Doppler-LIF", "Phase-LIF", {"doppler-sixth": "contradicted"}),
            ("disjoint", "Doppler-LIF", "Vanilla-LIF", {"doppler-sixth": "contradicted"}),
            ("mixed", "CrossInhib-LIF", "Vanilla-LIF", {"audio-winner-mixed": "contradicted"}),
            ("search", "Vanilla-LIF", "Parametric-LIF", {"table2-order": "contradicted"}),
            (
                "search",
                "Doppler-LIF",
                "Parametric-LIF",
                {"table2-order": "contradicted", "matched-generic": "contradicted"},
            ),
        ],
    )
    def test_exchanging_two_methods_turns_these_claims_and_no_others(self, published, section, a, b, expected):
        assert turned(published, published | {section: swapped(published[section], a, b)}) == expected

    def test_a_winner_must_be_clear_of_every_rival_and_not_of_the_runner_up_alone(self, published):
        swap = swapped(published["disjoint"], "CrossInhib-LIF", "Dual-tau-LIF")
        winner = of(published | {"disjoint": swap}, "audio-winner")
        assert "Beam-IF" in winner.evidence and "reaches 0" in winner.fragility

    def test_a_reversed_ranking_contradicts_split_invariance_and_an_equal_one_supports_it(self, published):
        means = published["mixed"].means
        same = scored({name: [mean.macro_f1] for name, mean in means.items()}, "disjoint")
        reverse = scored({name: [1 - mean.macro_f1] for name, mean in means.items()}, "disjoint")
        assert of(published | {"disjoint": same}, "split-invariance").verdict == "supported"
        assert of(published | {"disjoint": reverse}, "split-invariance").verdict == "contradicted"

    def test_two_splits_with_different_winners_are_not_invariant_however_well_they_correlate(self, published):
        alike = swapped(published["mixed"], "CrossInhib-LIF", "Vanilla-LIF").means
        disjoint = scored({name: [mean.macro_f1] for name, mean in alike.items()}, "disjoint")
        claim = of({"mixed": published["mixed"], "disjoint": disjoint}, "split-invariance")
        assert claim.verdict == "fragile" and "rho is +0.976" in claim.evidence
        assert "the winner is CrossInhib-LIF with mixed and Vanilla-LIF with disjoint speakers" in claim.fragility

    def test_a_cheap_cnn_that_matches_contradicts_the_factor_and_a_poor_field_cant_test_it(self, published):
        frontier = published["frontier"]

        def with_f1(**f1):
            means = {n: m.model_copy(update={"macro_f1": f1.get(n, m.macro_f1)}) for n, m in frontier.means.items()}
            return of({"frontier": frontier.model_copy(update={"means": means})}, "cnn-factor")

        cheap = with_f1(**{"CNN-8-16-32": 0.95, "Doppler-LIF": 0.94})
        assert cheap.verdict == "fragile" and cheap.evidence.endswith("1.0 times.")
        dear = frontier.means["Doppler-LIF"].model_copy(update={"energy_uJ": 12.3})
        means = frontier.means | {
            "Doppler-LIF": dear,
            "CNN-8-16-32": frontier.means["CNN-8-16-32"].model_copy(update={"macro_f1": 0.95}),
        }
        assert of({"frontier": frontier.model_copy(update={"means": means})}, "cnn-factor").verdict == "contradicted"
        assert with_f1(**{"Doppler-LIF": 0.999}).verdict == "not testable"


class TestOwnRuns:
    """Documents with predictions, as a run writes them."""

    def test_radar_claims_follow_the_scores(self):
        assert {id: v for id, v in verdicts({"ablation": document(RADAR)}).items() if v != "not testable"} == {
            "heterogeneity-radar": "supported",
            "radar-winner": "supported",
            "P1": "contradicted",
            "P2": "contradicted",
            "P3": "supported",
            "P5": "supported",
        }

    @pytest.mark.parametrize(
        ("a", "b", "expected"),
        [
            ("D0_doppler", "D0_dualtau", {"radar-winner": "contradicted", "P5": "contradicted"}),
            ("D0_doppler", "D2_concat", {"heterogeneity-radar", "radar-winner", "P1", "P2", "P5"}),
            ("D1_H1", "D1_perm1", {"P2", "P3"}),
            ("D0_stft", "D0_chirp", {}),
        ],
    )
    def test_exchanging_two_methods_turns_these_claims_and_no_others(self, a, b, expected):
        whole = document(RADAR)
        found = turned({"ablation": whole}, {"ablation": swapped(whole, a, b)})
        assert (found if isinstance(expected, dict) else set(found)) == expected

    def test_a_missing_method_leaves_only_the_claims_that_need_it_untestable(self):
        whole = document(RADAR)
        part = results.merge(c for c in whole.cells if c.method != "D2_concat")
        assert turned({"ablation": whole}, {"ablation": part}) == dict.fromkeys(("P1", "P2"), "not testable") | {
            "heterogeneity-radar": "not testable"
        }
        assert "bank of five" in of({"ablation": part}, "P1").evidence

    def test_the_double_dissociation_needs_both_halves(self):
        radar = scored({"Doppler-LIF": [0.8, 0.81, 0.8], "CrossInhib-LIF": [0.6, 0.6, 0.61]}, "square")
        audio = scored({"Doppler-LIF": [0.4, 0.41, 0.4], "CrossInhib-LIF": [0.6, 0.6, 0.61]}, "disjoint")
        id = "double-dissociation"
        assert of({"square": radar, "disjoint": audio}, id).verdict == "supported"
        assert of({"square": radar}, id).verdict == of({"disjoint": audio}, id).verdict == "not testable"
        lost = swapped(radar, "Doppler-LIF", "CrossInhib-LIF")
        assert of({"square": lost, "disjoint": audio}, id).verdict == "contradicted"
        assert of({"square": lost}, id).verdict == "contradicted"

    def test_the_factor_is_firm_only_where_no_cheaper_cnn_may_match(self):
        def factor(cheap, dear_energy=337.0):
            field = {
                "Doppler-LIF": ([0.92, 0.92, 0.92], 10.0),
                "CNN-8-16-32": (cheap, 50.0),
                "CNN-48-96-192": ([0.95, 0.95, 0.95], dear_energy),
            }
            made = [scored({name: f1}, "frontier", energy_uJ=cost) for name, (f1, cost) in field.items()]
            return of({"frontier": results.merge(c for d in made for c in d.cells)}, "cnn-factor")

        assert factor([0.90, 0.901, 0.902]).verdict == "supported"
        noisy = factor([0.89, 0.90, 0.93])
        assert noisy.verdict == "fragile" and "reaches the target for CNN-8-16-32" in noisy.fragility
        assert factor([0.90, 0.901, 0.902], dear_energy=200.0).verdict == "fragile"

    def test_a_published_spread_counts_as_an_interval_too(self, published):
        assert "CNN-16-32-64, CNN-32-64-128 and CNN-8-16-32" in of(published, "cnn-factor").fragility
        means = {name: mean.model_copy(update={"macro_f1_sd": 1e-5}) for name, mean in published["frontier"].means.items()}
        firm = published["frontier"].model_copy(update={"means": means})
        assert "reaches the target" not in of({"frontier": firm}, "cnn-factor").fragility

    def test_the_vertical_mixs_deficit_is_compared_across_domains(self):
        def section(name, vertical):
            others = {m: [0.5, 0.5, 0.5] for m in claims.HOMOGENEOUS} | {"D0_doppler": [0.9, 0.9, 0.9]}
            return scored(others | {"D1_H1": vertical}, name)

        radar = section("ablation", [0.8, 0.81, 0.79])
        assert of({"ablation": radar, "probe": section("probe", [0.5, 0.5, 0.52])}, "P4").verdict == "supported"
        assert of({"ablation": radar, "probe": section("probe", [0.9, 0.5, 0.9])}, "P4").verdict == "fragile"
        assert of({"ablation": radar, "probe": section("probe", [0.85, 0.85, 0.85])}, "P4").verdict == "contradicted"
        assert of({"ablation": radar}, "P4").verdict == "not testable"
        assert "audio probe" in of({"ablation": radar}, "P4").evidence


def test_every_number_in_evidence_has_a_true_minus_sign(published):
    for claim in claims.judge(published):
        assert not re.search(r"(?<![\w-])-\d", claim.evidence + claim.fragility), claim.id
