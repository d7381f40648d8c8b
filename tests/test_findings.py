"""The rule of verdicts at its edges, and what the fragility says: margins, one seed less, corrections."""

import itertools

import pytest
from making import document, scored

from mstask import claims, results, stats
from mstask.claims.findings import VERDICTS, Finding, contrasted, every, higher
from mstask.claims.fragility import Removal, describe, leave_one_out, margin
from mstask.summary.comparisons import compare, contrast, contrast_inference, inference

SEEDS = (42, 123, 999)


def of(ablation):
    """The claim on prediction P2, that the bank beats the vertical mix."""
    (claim,) = claims.judge({"ablation": ablation}, ["P2"])
    return claim


def beats(a, b, section="ablation", family=(), **others):
    """The finding of "A beats B" from scores per seed, beside the scores of other methods."""
    return higher({section: scored({"A": a, "B": b, **others}, section)}, section, "A", "B", family=family)


class TestTheRule:
    """One comparison, D2_concat against D1_H1 (prediction P2), at every edge of the rule."""

    @staticmethod
    def judge(bank, vertical, **measures):
        return of(scored({"D2_concat": bank, "D1_H1": vertical}, "ablation", **measures))

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
        assert of(document({"D2_concat": 0.95, "D1_H1": 0.2}, seeds=(42,))).verdict == "fragile"

    def test_with_predictions_every_seeds_bootstrap_interval_counts(self):
        clear = of(document({"D2_concat": 0.9, "D1_H1": 0.5}))
        assert clear.verdict == "supported" and "paired bootstrap" in clear.evidence
        close = of(document({"D2_concat": 0.74, "D1_H1": 0.69}))
        assert close.verdict == "fragile" and "interval that reaches 0" in close.fragility

    def test_unequal_capacities_make_a_matched_claim_fragile(self):
        unequal = scored({"D1_H1": [0.70, 0.71, 0.70]}, "ablation", n_parameters=50_000)
        bank = {n: scored({"D2_concat": [0.80, 0.81, 0.79]}, "ablation", n_parameters=n) for n in (54_999, 55_001)}
        judged = {n: of(results.merge([*unequal.cells, *d.cells])) for n, d in bank.items()}
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


class TestMargins:
    @pytest.mark.parametrize(
        ("a", "verdict", "turned"),
        [
            ([0.80, 0.81, 0.79], "supported", "fragile"),
            ([0.80, 0.81, 0.71], "fragile", "contradicted"),
        ],
    )
    def test_the_verdict_changes_at_the_margin_and_not_before(self, a, verdict, turned):
        finding = beats(a, [0.70, 0.70, 0.70])
        (statement,) = finding.statements
        least = margin(finding)
        assert finding.verdict == statement.verdict() == statement.verdict(least - 1e-9) == verdict
        assert statement.verdict(least + 1e-9) == turned
        assert f"Requiring a lead of more than {least:.3f}" in describe(finding, [])

    def test_a_contradicted_claim_turns_once_its_deficit_is_forgiven(self):
        finding = beats([0.60, 0.61, 0.60], [0.70, 0.70, 0.70])
        (statement,) = finding.statements
        assert margin(finding) == pytest.approx(-0.29 / 3)
        assert statement.verdict(margin(finding)) == "contradicted"
        assert statement.verdict(margin(finding) - 1e-9) != "contradicted"

    def test_with_predictions_the_margin_is_the_lowest_end_of_any_seeds_interval(self):
        whole = document({"D2_concat": 0.9, "D1_H1": 0.5})
        finding = higher({"ablation": whole}, "ablation", "D2_concat", "D1_H1")
        intervals = compare(whole, "D2_concat", "D1_H1")["seeds"].values()
        assert margin(finding) == min(i["low"] for i in intervals)

    def test_of_several_statements_the_first_to_give_way_counts(self):
        firm, weak = beats([0.9, 0.91, 0.9], [0.1, 0.1, 0.1]), beats([0.9, 0.91, 0.9], [0.8, 0.8, 0.8])
        assert margin(every(firm, weak)) == margin(weak) < margin(firm)

    def test_a_lead_smaller_than_a_thousandth_is_not_rounded_to_nothing(self):
        finding = beats([0.70009, 0.80009, 0.60009], [0.7, 0.8, 0.6])
        assert "0.00009 would" in describe(beats([0.70009], [0.7]), [])
        assert margin(finding) == pytest.approx(0.00009)


class TestLeavingOneOut:
    def test_a_seed_that_carries_the_difference_is_named(self):
        whole = scored({"D2_concat": [0.95, 0.69, 0.69], "D1_H1": [0.70, 0.70, 0.70]}, "ablation")
        assert "Without seed 42 it is contradicted." in of(whole).fragility
        removals = leave_one_out(lambda d: higher(d, "ablation", "D2_concat", "D1_H1"), {"ablation": whole}, ["ablation"])
        assert removals == [
            Removal("ablation", "seed 42", "contradicted"),
            Removal("ablation", "seed 123", "fragile"),
            Removal("ablation", "seed 999", "fragile"),
        ]

    def test_each_removal_is_the_verdict_on_the_document_without_that_seed(self):
        whole = document({"D2_concat": 0.76, "D1_H1": 0.69})
        removals = leave_one_out(lambda d: higher(d, "ablation", "D2_concat", "D1_H1"), {"ablation": whole}, ["ablation"])
        for seed, removal in zip(SEEDS, removals, strict=True):
            rest = results.merge(cell for cell in whole.cells if cell.seed != seed)
            assert removal == Removal("ablation", f"seed {seed}", of(rest).verdict)

    def test_an_interval_over_three_seeds_rarely_survives_the_loss_of_any_one(self):
        assert (
            "Without any one seed it is fragile."
            in of(scored({"D2_concat": [0.80, 0.82, 0.78], "D1_H1": [0.70, 0.70, 0.70]}, "ablation")).fragility
        )

    def test_clear_predictions_survive_it(self):
        assert "Leaving out any one seed changes nothing." in of(document({"D2_concat": 0.9, "D1_H1": 0.5})).fragility

    def test_a_single_seed_cannot_be_left_out(self):
        single = of(scored({"D2_concat": [0.9], "D1_H1": [0.5]}, "ablation"))
        assert "eaving out" not in single.fragility and "Without" not in single.fragility

    def test_seeds_of_several_sections_are_told_apart(self):
        radar = scored({"Doppler-LIF": [0.80, 0.81, 0.80], "CrossInhib-LIF": [0.7, 0.7, 0.7]}, "square")
        audio = scored({"Doppler-LIF": [0.55, 0.61, 0.62], "CrossInhib-LIF": [0.9, 0.6, 0.6]}, "disjoint")
        claim = claims.judge({"square": radar, "disjoint": audio}, ["double-dissociation"])[0]
        assert claim.verdict == "fragile"
        assert "Without seed 42 for speaker-disjoint audio it is contradicted." in claim.fragility


class TestCorrection:
    def test_the_p_value_is_holms_over_the_pairs_of_the_family_that_are_known(self):
        values = {"A": [0.80, 0.81, 0.79], "B": [0.70, 0.73, 0.70], "C": [0.78, 0.78, 0.79]}
        family = (("A", "B"), ("A", "C"), ("B", "C"), ("A", "missing"))
        finding = beats(**{k.lower(): values[k] for k in "AB"}, family=family, C=values["C"])
        raw = [stats.paired_t([x - y for x, y in zip(values[a], values[b], strict=True)]) for a, b in family[:3]]
        corrected = finding.statements[0].corrected()
        assert corrected.p == pytest.approx(stats.holm(raw)[0])
        assert (corrected.family, corrected.basis, corrected.error) == (3, "t test over seeds", 0.0)
        assert "After Holm's correction over 3 comparisons p = " in describe(finding, [])

    def test_a_large_family_turns_a_difference_into_possible_chance(self):
        a, b = [0.80, 0.81, 0.79], [0.70, 0.72, 0.71]
        others = {f"C{i}": [0.75, 0.76 + i / 1000, 0.73] for i in range(12)}
        alone, among = beats(a, b), beats(a, b, family=[("A", name) for name in others], **others)
        assert "The test gives p = " in describe(alone, []) and "the difference stands" in describe(alone, [])
        assert "over 13 comparisons" in describe(among, []) and "may be chance" in describe(among, [])
        assert alone.verdict == among.verdict == "supported"

    def test_predictions_are_tested_by_the_hierarchical_bootstrap(self):
        finding = higher({"ablation": document({"D2_concat": 0.9, "D1_H1": 0.5})}, "ablation", "D2_concat", "D1_H1")
        corrected = finding.statements[0].corrected()
        assert corrected.basis == "hierarchical bootstrap" and corrected.p == 2 / 2001

    def test_a_p_value_within_its_simulation_error_of_the_limit_is_called_the_edge(self):
        finding = beats([0.8, 0.81, 0.79], [0.7, 0.7, 0.7])
        near = finding.statements[0].corrected().__class__(0.047, 0.005, 12, "hierarchical bootstrap")
        statement = finding.statements[0].__class__(finding.statements[0].found, False, lambda: near)
        told = describe(Finding("supported", "", "", (statement,)), [])
        assert "p = 0.047 (hierarchical bootstrap): the difference is at the edge of chance." in told

    def test_a_contradiction_says_whether_the_opposite_stands(self):
        finding = beats([0.60, 0.61, 0.60], [0.70, 0.70, 0.70])
        assert "the difference against it stands" in describe(finding, [])

    def test_means_alone_have_no_p_value(self):
        published = results.load("search", "published")
        finding = higher({"search": published}, "search", "Doppler-LIF", "Vanilla-LIF")
        assert finding.statements[0].corrected() is None
        assert "p = " not in describe(finding, [])


class TestComparisons:
    def test_methods_without_a_common_seed_are_not_testable(self):
        halves = [scored({"D2_concat": [0.9]}, "ablation"), scored({"D1_H1": [0.1, 0.2]}, "ablation")]
        apart = results.merge([*halves[0].cells, halves[1].cells[1]])
        assert of(apart).verdict == "not testable" and "no seed in common" in of(apart).evidence

    def test_how_sure_and_how_large_a_difference_is(self):
        a, b = [0.80, 0.81, 0.79], [0.70, 0.73, 0.70]
        found = inference(scored({"A": a, "B": b}, "ablation"), "A", "B")
        differences = [x - y for x, y in zip(a, b, strict=True)]
        assert found.p == stats.paired_t(differences) and found.p_basis == "t test over seeds"
        assert found.effect.cliffs_delta == 1.0 and found.effect.n == 3
        sd = compare(scored({"A": a, "B": b}, "ablation"), "A", "B")["sd"]
        assert found.detectable == pytest.approx(stats.minimum_detectable_difference(sd, 3))
        assert found.hierarchical is None

    def test_the_hierarchical_interval_holds_the_difference_and_is_wider_than_that_of_one_seed(self):
        whole = document({"A": 0.8, "B": 0.7})
        found, pair = inference(whole, "A", "B").hierarchical, compare(whole, "A", "B")
        assert found.low < pair["difference"] < found.high

    def test_a_contrast_is_the_difference_of_differences_seed_by_seed(self):
        first = compare(scored({"A": [0.8, 0.9, 0.7], "B": [0.5, 0.5, 0.5]}, "square"), "A", "B")
        second = compare(scored({"A": [0.3, 0.3, 0.4], "B": [0.5, 0.6, 0.5]}, "disjoint"), "A", "B")
        found = contrast(first, second, ("radar", "audio"))
        assert found["values"] == pytest.approx([0.5, 0.7, 0.3])
        assert (found["low"], found["high"]) == pytest.approx(stats.seed_interval([0.5, 0.7, 0.3])[1:])

    def test_the_contrast_of_two_test_sets_resamples_them_independently(self):
        first, second = document({"A": 0.9, "B": 0.6}, "square"), document({"A": 0.9, "B": 0.6}, "disjoint")
        same = contrast_inference((first, "A", "B"), (second, "A", "B"))
        assert same.hierarchical.low < 0 < same.hierarchical.high and same.p > 0.5
        apart = contrast_inference((first, "A", "B"), (second, "B", "A"))
        assert apart.hierarchical.low > 0 and apart.p < 0.01
        finding = contrasted({"square": first, "disjoint": second}, ("square", "A", "B"), ("disjoint", "B", "A"))
        assert finding.verdict == "supported" and "hierarchical bootstrap [" in finding.evidence
