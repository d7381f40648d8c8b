"""The judge: one decision at its edges, and verdicts on simulated documents whose truth is known, at the error rates stated."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from making import bare, cell, data_record, document, scored, with_result
from scipy import stats as scipy_stats

from mstask import claims, results, show, stats
from mstask.claims import words
from mstask.claims.evidence import Removal, budget, leave_one_out
from mstask.claims.figures import both_ways, mean_rho
from mstask.claims.findings import NEGATIVE, POSITIVE, WORST_FIRST, Finding, decide, every
from mstask.claims.rules import RULES, SMALLEST, Drawn, agreement, best, contrast, difference, place, quantity
from mstask.studies.ncg.facts import PAIRS
from mstask.summary.comparisons import BEST, combination, with_best

SEEDS = (42, 123, 999)
NAMES = tuple("ABCD")
EDGES = st.floats(-0.2, 0.2)


def beats(a, b, family=(), **others):
    """The finding of "A scores higher than B" from scores per seed, beside the scores of other methods."""
    return difference({"ablation": scored({"A": a, "B": b, **others}, "ablation")}, "ablation", "A", "B", family=family)


def of(ablation, id="P2"):
    """The claim of that id, by default that the bank beats the vertical mix."""
    (claim,) = claims.judge({"ablation": ablation}, [id])
    return claim


def simulated(truth, seeds, spread, rng, names=NAMES[:2]):
    """A document of methods whose true scores are 0.7 and the first `truth` higher, over so many seeds of this spread."""
    scores = {name: 0.7 + truth * (name == names[0]) + spread * rng.standard_normal(seeds) for name in names}
    return {"ablation": scored(scores, "ablation", range(seeds))}


def rates(truth, seeds, spread, times=120):
    """The share of simulated documents with each verdict on "A scores higher than B"."""
    rng = np.random.default_rng([seeds, round(1e4 * (1 + truth)), round(1e4 * spread)])
    found = [difference(simulated(truth, seeds, spread, rng), "ablation", "A", "B").verdict for _ in range(times)]
    return {verdict: found.count(verdict) / times for verdict in WORST_FIRST}


class TestTheDecision:
    @pytest.mark.parametrize(
        ("bounds", "verdict"),
        [
            ((0.001, 0.2), "supported"),
            ((0.0, 0.2), "undecided"),
            ((-0.05, 0.05), "undecided"),
            ((-0.2, 0.0), "undecided"),
            ((-0.2, -0.001), "contradicted"),
            ((-0.009, 0.009), "contradicted"),
            ((-0.01, 0.009), "undecided"),
        ],
    )
    def test_a_claim_that_something_is_larger(self, bounds, verdict):
        assert decide(bounds, POSITIVE, SMALLEST)[0] == verdict

    def test_a_contradiction_says_which_of_the_two_it_is(self):
        assert "on the other side" in decide((-0.2, -0.1), POSITIVE, SMALLEST)[1]
        assert "within ±0.010: the effect is shown to be absent" in decide((-0.002, 0.005), POSITIVE, SMALLEST)[1]

    @given(EDGES, EDGES)
    def test_it_is_symmetric(self, a, b):
        low, high = sorted((a, b))
        assert decide((low, high), POSITIVE, SMALLEST)[0] == decide((-high, -low), NEGATIVE, SMALLEST)[0]

    @given(EDGES, EDGES, EDGES, EDGES)
    def test_supported_never_touches_the_edge_and_contradicted_lies_outside_a_band(self, a, b, c, d):
        (low, high), (least, most) = sorted((a, b)), sorted((c, d))
        verdict, _ = decide((low, high), (least, most))
        assert (verdict == "supported") == (least < low and high < most)
        assert (verdict == "contradicted") == (high < least or low > most)

    def test_of_several_statements_the_worst_counts_and_is_the_one_reported(self):
        findings = {verdict: Finding(verdict, f"{verdict} evidence.", f"{verdict} weak.") for verdict in WORST_FIRST}
        for n in range(1, len(WORST_FIRST) + 1):
            for chosen in itertools.combinations(WORST_FIRST, n):
                joined = every(*(findings[verdict] for verdict in reversed(chosen)))
                assert (joined.verdict, joined.remark) == (chosen[0], f"{chosen[0]} weak.")
                assert all(f"{verdict} evidence." in joined.evidence for verdict in chosen)

    def test_of_several_alike_the_one_nearest_its_own_border_is_reported(self):
        far, near = (Finding("contradicted", "", name, bounds=bounds, region=(0.9, math.inf)) for name, bounds in FAR_AND_NEAR)
        assert every(far, near).remark == every(near, far).remark == "near"

    @pytest.mark.parametrize("most", [19, math.inf])
    def test_of_several_open_ones_the_one_that_takes_most_seeds_says_how_many(self, most):
        few, many = (Finding("undecided", "", bounds=(-0.1, 0.1), needed=needed) for needed in (5, most))
        assert every(few, many).needed == every(many, few).needed == most

    def test_there_are_six_rules_and_each_says_what_it_does(self):
        assert set(RULES) == {"difference", "best", "place", "contrast", "agreement", "quantity"}
        assert all(len(rule.__doc__.split()) > 20 for rule in RULES.values())


FAR_AND_NEAR = (("far", (0.485, 0.535)), ("near", (0.873, 0.897)))


class TestKnownTruth:
    """A hundred and twenty simulated documents of each kind; a wrong verdict has a true rate of 2.5 %, one side of 5 %."""

    @pytest.mark.parametrize(("seeds", "spread"), [(2, 0.02), (3, 0.01), (3, 0.05), (5, 0.02), (10, 0.02)])
    def test_no_difference_is_called_one_in_at_most_5_percent(self, seeds, spread):
        found = rates(0.0, seeds, spread)
        assert found["supported"] <= 0.055

    def test_a_tie_within_0_005_is_never_called_a_difference_against_the_claim_and_shown_absent_by_enough_seeds(self):
        few, many = rates(0.003, 3, 0.02), rates(0.0, 10, 0.004)
        assert few["undecided"] >= 0.9
        assert many["contradicted"] >= 0.9

    def test_a_difference_of_0_05_is_found_and_one_the_other_way_contradicts(self):
        above, below = rates(0.05, 5, 0.015), rates(-0.05, 5, 0.015)
        assert min(above["supported"], below["contradicted"]) >= 0.9
        assert above["contradicted"] == below["supported"] == 0.0

    def test_three_seeds_at_a_wide_spread_decide_little_and_nothing_wrongly(self):
        found = rates(0.05, 3, 0.05)
        assert found["undecided"] >= 0.7 and found["contradicted"] <= 0.025

    def test_an_outlier_leaves_it_open(self):
        assert beats([0.95, 0.71, 0.72], [0.70, 0.70, 0.70]).verdict == "undecided"

    def test_two_seeds_support_only_what_is_far_beyond_their_spread(self):
        assert beats([0.75, 0.76], [0.70, 0.70]).verdict == "undecided"
        assert beats([0.80, 0.801], [0.70, 0.70]).verdict == "supported"

    def test_one_seed_or_means_only_decide_nothing_however_large_the_difference(self):
        one = beats([0.99], [0.10])
        assert (one.verdict, one.bounds, one.p, one.seeds) == ("undecided", None, None, 1) and "single seed" in one.evidence
        assert of(document({"D2_concat": 0.95, "D1_H1": 0.2}, seeds=(42,))).verdict == "undecided"
        published = results.load("search", "published")
        means = difference({"search": published}, "search", "Doppler-LIF", "Parametric-LIF")
        assert means.verdict == "undecided" and "means only" in means.evidence and means.p is None

    def test_the_best_of_equal_methods_is_called_so_in_at_most_5_percent(self):
        rng = np.random.default_rng(4)
        made = [simulated(0.0, 3, 0.02, rng, NAMES) for _ in range(40)]
        assert np.mean([best(one, "ablation", "A", NAMES).verdict == "supported" for one in made]) <= 0.05

    def test_with_predictions_shared_test_examples_count_too(self):
        clear = of(document({"D2_concat": 0.9, "D1_H1": 0.5}))
        assert clear.verdict == "supported" and clear.interval[0] > 0 and clear.p < 0.01
        assert of(document({"D2_concat": 0.72, "D1_H1": 0.71})).verdict == "undecided"


scores_of_seeds = st.lists(st.floats(0.25, 0.875, width=32), min_size=3, max_size=3)


class TestWhatIsNeverSaid:
    @given(scores_of_seeds, scores_of_seeds, scores_of_seeds)
    def test_verdict_interval_and_p_agree_within_a_family(self, a, b, c):
        found = beats(a, b, family=(("A", "B"), ("A", "C"), ("B", "C")), C=c)
        low, high = found.bounds
        assume(low < high)  # scores without any spread have no p-value
        absent = low > -SMALLEST and high < SMALLEST
        if found.verdict == "contradicted":
            assert found.p <= 0.05 or absent
        if found.verdict == "supported":
            assert found.p <= 0.05 and low > 0
        assume(abs(found.p - 0.05) > 1e-6)
        assert (found.p < 0.05) == (low > 0 or high < 0)

    @given(scores_of_seeds, scores_of_seeds)
    def test_exchanging_the_two_turns_supported_into_contradicted(self, a, b):
        one, other = beats(a, b), beats(b, a)
        assert (one.p or 0.0) == pytest.approx(other.p or 0.0) and one.estimate == pytest.approx(-other.estimate)
        if one.verdict == "supported":
            assert other.verdict == "contradicted"

    def test_the_p_value_is_holms_over_the_pairs_of_the_family_that_are_known(self):
        values = {"A": [0.80, 0.81, 0.79], "B": [0.70, 0.73, 0.70], "C": [0.78, 0.78, 0.79]}
        family = (("A", "B"), ("A", "C"), ("B", "C"), ("A", "missing"))
        found = beats(values["A"], values["B"], family, C=values["C"])
        raw = [scipy_stats.ttest_rel(values[a], values[b]).pvalue for a, b in family[:3]]
        assert found.p == pytest.approx(stats.holm(raw)[0])
        assert "after Holm's correction over 3 comparisons" in found.evidence

    def test_a_large_family_leaves_a_difference_open_that_stands_alone(self):
        a, b = [0.80, 0.81, 0.79], [0.70, 0.72, 0.71]
        others = {f"C{i}": [0.75, 0.76 + i / 1000, 0.73] for i in range(12)}
        assert beats(a, b).verdict == "supported"
        assert beats(a, b, [("A", name) for name in others], **others).verdict == "undecided"


class TestWhatItHangsOn:
    def test_an_undecided_difference_says_how_many_seeds_would_decide(self):
        found = beats([0.75, 0.72, 0.70], [0.70, 0.70, 0.70])
        needed = stats.estimate([0.05, 0.02, 0.0]).seeds_needed(found.estimate)
        assert (found.verdict, found.needed) == ("undecided", needed)

    def test_a_supported_one_says_how_much_it_can_spare(self):
        found = beats([0.80, 0.81, 0.79], [0.70, 0.70, 0.70])
        assert f"a lead of more than {found.bounds[0]:.3f} would leave it undecided" in found.remark

    def test_a_lead_that_is_real_and_too_small_to_matter_is_called_so(self):
        found = beats([0.7021, 0.8020, 0.6019], [0.7, 0.8, 0.6])
        assert found.verdict == "supported" and "too small to matter" in found.remark

    def test_a_seed_without_which_the_verdict_is_another_is_named(self):
        whole = {"ablation": scored({"A": [0.80, 0.81, 0.40], "B": [0.70, 0.71, 0.70]}, "ablation")}
        test = lambda documents: difference(documents, "ablation", "A", "B")  # noqa: E731
        assert test(whole).verdict == "undecided"
        assert Removal("ablation", "seed 999", "supported") in leave_one_out(test, whole, ["ablation"])

    def test_leaving_seeds_out_is_judged_again_and_never_changes_the_verdict(self):
        clear = of(document({"D2_concat": 0.9, "D1_H1": 0.5}))
        assert clear.verdict == "supported" and "Leaving out any one seed changes nothing." in clear.fragility
        single = of(scored({"D2_concat": [0.9], "D1_H1": [0.5]}, "ablation"))
        assert "eaving out" not in single.fragility and "Without" not in single.fragility


class TestOtherRules:
    def test_the_best_of_several_must_be_clear_of_every_rival(self):
        field = {"A": [0.9, 0.91, 0.9], "B": [0.7, 0.71, 0.7], "C": [0.5, 0.52, 0.5]}
        given = {"ablation": scored(field, "ablation")}
        assert best(given, "ablation", "A", field).verdict == "supported"
        assert best(given, "ablation", "B", field).verdict == "contradicted"
        assert best(given, "ablation", "B", field, region=NEGATIVE).verdict == "supported"
        close = {"ablation": scored(field | {"B": [0.95, 0.8, 0.9]}, "ablation")}
        found = best(close, "ablation", "A", field)
        assert found.verdict == "undecided" and "B may be ahead" in found.remark

    def test_the_p_value_of_a_lead_is_that_of_what_its_interval_says(self):
        """Ahead of all needs the rival that is hardest to leave behind, behind some one the rival that is surely ahead."""
        near, noisy = {"B": [0.89, 0.891, 0.8905]}, {"C": [0.80, 0.95, 0.84]}
        given = {"ablation": scored({"A": [0.9, 0.901, 0.9]} | near | noisy, "ablation")}
        found = best(given, "ablation", "A", "ABC")
        assert found.verdict == "undecided" and found.bounds[0] < 0 and found.p > 0.05
        given = {"ablation": scored({"A": [0.9, 0.901, 0.9], "B": [0.95, 0.951, 0.9505], "C": [0.85, 0.99, 0.98]}, "ablation")}
        found = best(given, "ablation", "A", "ABC")
        assert found.verdict == "contradicted" and found.p < 0.05

    def test_behind_one_rival_the_seeds_that_decide_are_those_for_the_clearest(self):
        a, b, c = [0.70, 0.71, 0.69], [0.74, 0.72, 0.755], [0.70, 0.60, 0.82]
        alone = best({"ablation": scored({"A": a, "B": b}, "ablation")}, "ablation", "A", "AB")
        both = best({"ablation": scored({"A": a, "B": b, "C": c}, "ablation")}, "ablation", "A", "ABC")
        assert alone.verdict == both.verdict == "undecided"
        assert alone.needed <= both.needed < 4 * alone.needed

    def test_a_rank_is_an_interval_of_ranks(self):
        field = {"A": [0.9, 0.901, 0.9], "B": [0.7, 0.701, 0.7], "C": [0.5, 0.501, 0.5]}
        given = {"ablation": scored(field, "ablation")}
        found = place(given, "ablation", "B", tuple(field), (2,))
        assert (found.verdict, found.estimate, found.bounds) == ("supported", 2.0, (2.0, 2.0))
        assert place(given, "ablation", "B", tuple(field), (1,)).verdict == "contradicted"
        wide = {"ablation": scored(field | {"B": [0.9, 0.5, 0.7]}, "ablation")}
        assert place(wide, "ablation", "B", tuple(field), (2,)).verdict == "undecided"

    @pytest.mark.parametrize(
        ("again", "verdict"),
        [
            ([0.801, 0.811, 0.819], "supported"),
            ([0.82, 0.90, 0.86], "undecided"),
            ([0.50, 0.51, 0.50], "contradicted"),
            ([0.80], "undecided"),
        ],
    )
    def test_the_same_score_again_is_shown_by_equivalence(self, again, verdict):
        given = {
            "ablation": scored({"A": [0.80, 0.81, 0.82][: len(again)]}, "ablation"),
            "square": scored({"A": again}, "square"),
        }
        sides = ("square", {"A": 1.0}), ("ablation", {"A": 1.0})
        assert contrast(given, *sides, "macro-F1 of A", region=(-SMALLEST, SMALLEST)).verdict == verdict

    def test_a_contrast_is_the_difference_of_differences_seed_by_seed(self):
        given = {
            "square": scored({"A": [0.8, 0.9, 0.7], "B": [0.5, 0.5, 0.5]}, "square"),
            "disjoint": scored({"A": [0.3, 0.3, 0.4], "B": [0.5, 0.6, 0.5]}, "disjoint"),
        }
        lead = {"A": 1.0, "B": -1.0}
        found = contrast(given, ("square", lead), ("disjoint", lead), "lead of A")
        assert found.estimate == pytest.approx(0.5)
        assert found.bounds == pytest.approx(stats.estimate([0.5, 0.7, 0.3]).interval())

    def test_rankings_are_the_same_only_if_surely_so(self):
        levels = dict(zip("ABCDEFGH", np.linspace(0.2, 0.9, 8), strict=True))

        def ranked(order, spread):
            rng = np.random.default_rng(1)
            scores = {n: np.clip(levels[m] + spread * rng.standard_normal(3), 0, 1).tolist() for n, m in order.items()}
            return scored(scores, "mixed")

        same, turned = dict(zip(levels, levels, strict=True)), dict(zip(levels, reversed(levels), strict=True))
        for order, spread, verdict in ((same, 0.005, "supported"), (turned, 0.005, "contradicted"), (same, 0.3, "undecided")):
            found = agreement([(ranked(same, 0.005), list(levels)), (ranked(order, spread), list(levels))], "two")
            assert found.verdict == verdict, found.evidence

    def test_the_interval_of_a_rank_correlation_covers_it_where_draws_alone_miss_it(self):
        rng, alone, both = np.random.default_rng(0), [], []
        for _ in range(60):
            first = rng.standard_normal(8)
            truth = np.stack([first, first + 0.1 * rng.standard_normal(8)])
            seen = truth + rng.standard_normal((2, 8)) / 3
            drawn, rho = mean_rho(seen + rng.standard_normal((500, 2, 8)) / 3), mean_rho(seen[None])[0]
            ends = np.quantile(both_ways(drawn, rho), [0.025, 0.975], axis=1)
            inside = (ends[0] - 1e-9 <= mean_rho(truth[None])) & (mean_rho(truth[None]) <= ends[1] + 1e-9)
            alone.append(inside[0])
            both.append(inside.any())
        assert np.mean(both) >= 0.95 and np.mean(alone) < 0.5

    def test_a_quantity_lies_in_its_range_or_outside_or_neither(self):
        verdicts = [
            quantity("q", values, (0.0, 1.0), "Told").verdict for values in ([0.4, 0.5], [1.44, 1.46], [0.9, 1.0], [0.5])
        ]
        assert verdicts == ["undecided", "contradicted", "undecided", "undecided"]
        assert quantity("q", [0.45, 0.5, 0.55], (0.0, 1.0), "Told").verdict == "supported"
        assert quantity("q", Drawn(33.0, (31.0, 36.0), 3), (30.4, 37.2), "Told").verdict == "supported"
        assert quantity("q", Drawn(33.0, (31.0, math.inf), 3), (30.4, 37.2), "Told").verdict == "undecided"

    def test_unequal_capacities_make_a_matched_claim_untestable(self):
        unequal = scored({"D1_H1": [0.70, 0.71, 0.70]}, "ablation", n_parameters=50_000)
        bank = {n: scored({"D2_concat": [0.80, 0.81, 0.79]}, "ablation", n_parameters=n) for n in (54_999, 55_001)}
        judged = {n: of(results.merge([*unequal.cells, *d.cells])) for n, d in bank.items()}
        assert [judged[n].verdict for n in (54_999, 55_001)] == ["supported", "not testable"]
        assert "55,001 against 50,000 parameters (1.10 times)" in judged[55_001].evidence
        varied = bank[54_999].cells[0].result.model_copy(update={"n_parameters": 80_000})
        cells = [bank[54_999].cells[0].model_copy(update={"result": varied}), *bank[54_999].cells[1:]]
        assert "80,000 against 50,000" in of(results.merge([*unequal.cells, *cells])).evidence

    def test_methods_without_a_common_seed_are_not_testable(self):
        halves = [scored({"D2_concat": [0.9]}, "ablation"), scored({"D1_H1": [0.1, 0.2]}, "ablation")]
        apart = results.merge([*halves[0].cells, halves[1].cells[1]])
        assert of(apart).verdict == "not testable" and "no seed in common" in of(apart).evidence


def validated(scores, validation):
    """A document with a validation history: test and validation scores of each method, the same at every seed."""
    return results.merge(
        bare("ablation", name, seed, {"macro_f1": value, "history": {"smoothed": [0.1, validation[name]]}})
        for name, value in scores.items()
        for seed in SEEDS
    )


VALIDATION = {"A": 0.8, "B": 0.9, "C": 0.7}
AGAINST = {"D2_concat": 0.5, "D1_H1": 0.9}


class TestBestByValidation:
    @given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
    def test_test_scores_never_decide_which_network_is_chosen(self, scores):
        made = validated(dict(zip("ABC", scores, strict=True)), VALIDATION)
        chosen = [c for c in with_best(made, "ABC").cells if c.method == BEST]
        assert [(c.seed, c.result.macro_f1) for c in chosen] == [(seed, scores[1]) for seed in sorted(SEEDS)]

    def test_without_validation_scores_none_is_chosen(self):
        assert with_best(scored({"A": [0.5], "B": [0.6]}, "ablation"), "AB") is None


class TestCautions:
    def changed(self, stopped="patience", profile="paper", seeds=SEEDS):
        whole = document(AGAINST, seeds=seeds)
        cells = [with_result(c, stopped=stopped).model_copy(update={"profile": profile}) for c in whole.cells]
        return whole.model_copy(update={"cells": cells})

    @pytest.mark.parametrize("profile", ["smoke", "quick", "quick+changed"])
    def test_runs_that_are_too_small_get_no_verdict(self, profile):
        claim = of(self.changed(profile=profile))
        assert claim.verdict == "not testable" and "too small to judge a claim" in claim.evidence

    @pytest.mark.parametrize(
        ("stopped", "profile", "verdict", "converged"),
        [
            ("patience", "afternoon", "contradicted", True),
            ("max_epochs", "afternoon", "undecided", False),
            ("max_epochs", "paper", "contradicted", False),
            ("max_epochs", "paper+1f2e3d4c", "undecided", False),
        ],
    )
    def test_networks_that_were_cut_short_contradict_nothing_unless_the_papers_were_too(
        self, stopped, profile, verdict, converged
    ):
        claim = of(self.changed(stopped, profile))
        assert (claim.verdict, claim.converged, claim.profile) == (verdict, converged, profile)
        assert ("cut off by a budget that isn't the paper's" in claim.evidence + claim.fragility) == (verdict == "undecided")

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ([0.70, 0.66, 0.71], "wouldn't settle this: at this spread they would contradict the claim"),
            ([0.78, 0.70, 0.77], "seeds would decide it"),
        ],
    )
    def test_no_number_of_seeds_is_said_to_decide_against_a_claim_by_networks_that_were_cut(self, values, said):
        whole = scored({"D2_concat": values, "D1_H1": [0.70, 0.71, 0.69]}, "ablation")
        cells = [with_result(c, stopped="max_epochs").model_copy(update={"profile": "afternoon"}) for c in whole.cells]
        claim = of(whole.model_copy(update={"cells": cells}))
        assert claim.verdict == "undecided" and said in claim.fragility

    def test_what_longer_training_does_not_decide_is_contradicted_all_the_same(self):
        documents = {"ablation": self.changed("max_epochs", "afternoon")}
        (entry,) = claims.entries_of(["P2"])
        verdicts = [claims.judged(dataclasses.replace(entry, settled=settled), documents).verdict for settled in (False, True)]
        assert verdicts == ["undecided", "contradicted"]

    def test_the_budget_counts_how_training_ended(self):
        found = budget({"ablation": self.changed("max_epochs")}, {"ablation": ("D*",)})
        assert (found.networks, found.converged, found.cut) == (6, 0, 6)
        assert str(found) == "6 networks of profile paper: 6 cut off by the budget."

    def test_the_verdict_by_the_papers_seeds_stands_beside_that_by_all(self):
        values = {"D2_concat": [0.75, 0.72, 0.70] + [0.78] * 4, "D1_H1": [0.70] * 7}
        all_seeds, first = (of(scored(values, "ablation", seeds)) for seeds in ((*SEEDS, 1, 2, 3, 4), SEEDS))
        assert (all_seeds.verdict, all_seeds.seeds) == ("supported", 7)
        assert all_seeds.paper_seeds == first.verdict == "undecided" and first.paper_seeds is None
        assert all_seeds.paper_interval == first.interval and first.paper_interval is None
        (row,) = show.table_seeds({"embedded": [all_seeds, first]}).to_dict("records")
        assert row["by seeds 42, 123 and 999"].startswith("≈ undecided [") and row["by all"].startswith("✓ supported [")
        assert float(row["width, all : three"]) == pytest.approx(np.ptp(all_seeds.interval) / np.ptp(first.interval), abs=0.005)


def test_a_data_set_with_a_single_seed_counts_as_much_as_one_with_many():
    gains = {"digits": [0.1] * 5, "radar": [0.2] * 5, "speech": [0.6]}
    cells = [
        bare("g2gnet", method, seed, {"macro_f1": 0.3 + gain * (method == "A")}, case=case, data=data_record(fingerprint=case))
        for case, own in gains.items()
        for seed, gain in enumerate(own)
        for method in "AB"
    ]
    found = combination(results.merge(cells), {"A": 1.0, "B": -1.0})
    assert (found.value, found.n) == (pytest.approx(0.3), 3)


def test_two_codes_of_the_same_examples_are_not_two_data_sets():
    a, b = PAIRS["groups"]
    gains = {"digits": 0.1, "digits-features": 0.5, "radar": 0.2}
    cells = [
        bare("ncg", name, seed, {"macro_f1": 0.2 + gain * (name == a)}, case=case, data=data_record(fingerprint=case))
        for case, gain in gains.items()
        for seed in SEEDS
        for name in (a, b)
    ]
    (claim,) = claims.judge({"ncg": results.merge(cells)}, ["ncg-groups"])
    assert claim.estimate == pytest.approx(0.15)


def test_a_ledger_is_judged_once(monkeypatch):
    first = claims.ledger("published", ["P2", "P5"])
    monkeypatch.setattr(claims, "_judge", None)
    assert [one is other for one, other in zip(claims.ledger("published", ["P5", "P2"]), first, strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (POSITIVE, ""),
        (NEGATIVE, ""),
        ((0.7, math.inf), "to lie above 0.7"),
        ((math.log(4), math.inf), "to lie above 1.39"),
        ((-0.01, 0.01), "to lie between −0.01 and 0.01"),
        ((0.0, 1.0), "to lie between 0 and 1"),
    ],
)
def test_where_an_interval_has_to_lie(region, said):
    assert words.demand(region) == said


def test_of_ranks_the_whole_numbers_are_told():
    assert words.demand((4.5, 8.5), ranks=True) == "to lie between 5 and 8"
    assert words.demand((5.5, 6.5), ranks=True) == "to be 6"


def test_scores_are_told_of_the_seeds_that_are_compared():
    """Not of those that only one of two methods, or only one of two sections, has."""

    def run(section, method, values):
        return [
            results.Cell(section=section, method=method, seed=seed, profile="paper", result=results.Measures(macro_f1=value))
            for seed, value in zip((*SEEDS, 1), values, strict=False)
        ]

    concat, vertical = run("ablation", "D2_concat", [0.7, 0.7, 0.7, 0.1]), run("ablation", "D1_H1", [0.6, 0.61, 0.62])
    assert of(results.merge([*concat, *vertical])).evidence.startswith("Bank of five 0.700, vertical mix 0.610")
    square = results.merge(run("square", "Doppler-LIF", [0.8, 0.81, 0.82, 0.1]))
    ablation = results.merge(run("ablation", "D0_doppler", [0.7, 0.71, 0.72]))
    (claim,) = claims.judge({"square": square, "ablation": ablation}, ["doppler-reproduced"])
    assert "0.810" in claim.evidence and "0.710" in claim.evidence and claim.seeds == 3


def test_examples_of_the_same_test_set_are_paired_across_sections():
    whole = cell("Doppler-LIF", skill=0.8, section="square")
    cells = [whole.model_copy(update={"seed": seed}) for seed in SEEDS]
    again = [c.model_copy(update={"section": "ablation", "method": "D0_doppler"}) for c in cells]
    square, ablation = results.merge(cells), results.merge(again)
    (claim,) = claims.judge({"square": square, "ablation": ablation}, ["doppler-reproduced"])
    assert claim.verdict == "supported" and claim.interval == pytest.approx((0.0, 0.0), abs=1e-9)
    (none,) = claims.judge({"square": results.merge(cells[:1]), "ablation": results.merge(again[1:])}, ["doppler-reproduced"])
    assert none.verdict == "not testable" and "no seed in common" in none.evidence
    (claim,) = claims.judge({"square": results.merge(cells[:1]), "ablation": results.merge(again[:2])}, ["doppler-reproduced"])
    assert claim.verdict == "undecided"
    other = results.merge(c.model_copy(update={"data": data_record(fingerprint="sha256:2222")}) for c in again)
    (apart,) = claims.judge({"square": square, "ablation": other}, ["doppler-reproduced"])
    assert apart.verdict == "undecided"
