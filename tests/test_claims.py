"""The ledger: the verdict rule at its edges, what the papers' figures say, and that only the right claims turn."""

import itertools
import json
import re
from statistics import fmean, stdev

import making_g2gnet
import making_hetsyn
import making_ncg
import numpy as np
import pytest
from making import data_record, document, scored
from scipy.stats import kendalltau, spearmanr, t, ttest_rel

from mstask import claims, results, stats
from mstask.claims.findings import SUBJECTS, find
from mstask.studies.matching.claims import HOMOGENEOUS
from mstask.studies.matching.declare import AUDIO_NEURONS
from mstask.studies.tuning.facts import factor_by_tolerance, matching
from mstask.summary import standings

KEYS = {"id", "text", "where", "verdict", "evidence", "fragility", "needs"}
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
SQUARE = {"Doppler-LIF": [0.80, 0.81, 0.80], "CrossInhib-LIF": [0.60, 0.60, 0.61]}
PAIRS = ("speakers-0-1", "speakers-2-3", "speakers-4-5", "speakers-6-7")
LEVEL = dict(zip(AUDIO_NEURONS, (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1), strict=True))
PUBLISHED = {
    "double-dissociation": "not testable",
    "interaction": "not testable",
    "doppler-reproduced": "not testable",
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
    "disjoint-drop": "fragile",
    "disjoint-ends": "fragile",
    "split-invariance": "fragile",
    "rotation": "not testable",
    "table2-order": "fragile",
    "table2-cnn": "fragile",
    "matched-generic": "fragile",
    "cnn-factor": "fragile",
    "hetsyn-match": "not testable",
    "hetsyn-fastest": "not testable",
    "hetsyn-pattern": "not testable",
    "hetsyn-memory": "fragile",
    "hetsyn-few": "not testable",
    "hetsyn-speech": "not testable",
    "hetsyn-speech-order": "not testable",
    "hetsyn-robust": "not testable",
    "hetsyn-shd": "fragile",
    "hetsyn-weight-decay": "not testable",
    "hetsyn-book-tasks": "not testable",
    "eventprop-exact": "not testable",
    "eventprop-grid": "not testable",
    "eventprop-yin-yang": "supported",
    "eventprop-speech": "fragile",
    "eventprop-deleted": "not testable",
    "eventprop-long-trials": "not testable",
    "eventprop-shaping": "not testable",
    "eventprop-length": "not testable",
    "ncg-groups": "fragile",
    "ncg-groups-sstdp": "not testable",
    "ncg-regulation": "not testable",
    "ncg-balance": "not testable",
    "ncg-labels": "not testable",
    "ncg-code": "not testable",
    "g2gnet-dense": "fragile",
    "g2gnet-matched": "fragile",
    "g2gnet-grouping-digits": "not testable",
    "g2gnet-grouping-radar": "not testable",
    "g2gnet-grouping-speech": "not testable",
    "g2gnet-grouping-pictures": "contradicted",
    "g2gnet-rewiring": "not testable",
    "g2gnet-groups-kept": "not testable",
    "g2gnet-sparse-pays": "not testable",
}


@pytest.fixture(scope="module")
def published():
    return {s: results.load(s, "published") for s in ("ablation", "disjoint", "frontier", "mixed", "search", "square")}


def verdicts(documents):
    return {entry.id: find(entry.test, documents).verdict for entry in claims.entries()}


def of(documents, id):
    (claim,) = claims.judge(documents, [id])
    return claim


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
        assert all(isinstance(entry[key], str) and entry[key] for key in KEYS - {"needs"})
        assert entry["needs"] and all(entry["needs"].values())
    assert json.loads(json.dumps(claims.as_json(ledger))) == claims.as_json(ledger)


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


def test_any_one_or_two_documents_can_be_judged(published):
    for n in (1, 2):
        for chosen in itertools.combinations(published, n):
            found = verdicts({section: published[section] for section in chosen})
            assert set(found) == set(PUBLISHED)
            assert all(found[id] in (PUBLISHED[id], "not testable") for id in found)


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
                dict.fromkeys(("crossinhib-doppler", "doppler-sixth", "disjoint-ends", "double-dissociation"), "contradicted"),
            ),
            ("disjoint", "Doppler-LIF", "Phase-LIF", {"doppler-sixth": "contradicted", "disjoint-ends": "supported"}),
            ("disjoint", "Doppler-LIF", "Vanilla-LIF", {"doppler-sixth": "contradicted"}),
            (
                "disjoint",
                "CrossInhib-LIF",
                "STFT-IF",
                {"crossinhib-doppler", "double-dissociation", "disjoint-ends", "split-invariance"},
            ),
            ("search", "SmallCNN", "Doppler-LIF", {"table2-cnn": "contradicted"}),
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
        found = turned(published, published | {section: swapped(published[section], a, b)})
        assert (found if isinstance(expected, dict) else set(found)) == expected

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
            others = {m: [0.5, 0.5, 0.5] for m in HOMOGENEOUS} | {"D0_doppler": [0.9, 0.9, 0.9]}
            return scored(others | {"D1_H1": vertical}, name)

        radar = section("ablation", [0.8, 0.81, 0.79])
        assert of({"ablation": radar, "probe": section("probe", [0.5, 0.5, 0.52])}, "P4").verdict == "supported"
        assert of({"ablation": radar, "probe": section("probe", [0.9, 0.5, 0.9])}, "P4").verdict == "fragile"
        assert of({"ablation": radar, "probe": section("probe", [0.85, 0.85, 0.85])}, "P4").verdict == "contradicted"
        assert of({"ablation": radar}, "P4").verdict == "not testable"
        assert "audio probe" in of({"ablation": radar}, "P4").evidence


def audio(scores, section="disjoint"):
    """A document of the eight audio neuron types: given scores per seed, else lower from type to type."""
    rest = (name for name in AUDIO_NEURONS if name not in scores)
    return scored(scores | {name: [0.3 - 0.03 * i] * 3 for i, name in enumerate(rest)}, section)


def rotation(score, seeds=(1, 2, 3), pairs=PAIRS):
    """A document whose macro-F1 is a function of neuron type, held-out pair and seed."""
    return results.merge(
        results.Cell(
            section="rotation",
            method=method,
            case=pair,
            seed=seed,
            profile="paper",
            data=data_record(name="speech", fingerprint=pair),
            result=results.Measures(macro_f1=score(method, pair, seed)),
        )
        for method in AUDIO_NEURONS
        for pair in pairs
        for seed in seeds
    )


class TestCrossing:
    def both(self, audio_scores):
        return {"square": scored(SQUARE, "square"), "disjoint": scored(audio_scores, "disjoint")}

    def test_a_neuron_that_wins_everywhere_interacts_without_dissociating(self):
        found = verdicts(self.both({"Doppler-LIF": [0.62, 0.61, 0.62], "CrossInhib-LIF": [0.60, 0.60, 0.61]}))
        assert (found["interaction"], found["double-dissociation"]) == ("supported", "contradicted")

    def test_the_contrast_is_the_difference_of_the_two_leads(self):
        documents = self.both({"Doppler-LIF": [0.40, 0.41, 0.40], "CrossInhib-LIF": [0.60, 0.60, 0.61]})
        evidence = of(documents, "interaction").evidence
        assert "+0.200 for the audio neurons on radar" in evidence and "−0.200 for speaker-disjoint audio" in evidence
        assert "differ by +0.400" in evidence

    def test_equal_leads_contradict_the_interaction(self):
        assert of(self.both(SQUARE), "interaction").verdict == "contradicted"

    @pytest.mark.parametrize(
        ("again", "expected"),
        [
            ([0.80, 0.82, 0.81], "supported"),
            ([0.82, 0.90, 0.86], "fragile"),
            ([0.50, 0.51, 0.50], "contradicted"),
            ([0.81], "fragile"),
        ],
    )
    def test_doppler_reproduces_the_ablation_if_each_mean_lies_in_the_others_interval(self, again, expected):
        ablation = scored({"D0_doppler": [0.80, 0.81, 0.82]}, "ablation")
        claim = of({"ablation": ablation, "square": scored({"Doppler-LIF": again}, "square")}, "doppler-reproduced")
        assert claim.verdict == expected

    def test_agreement_says_what_so_few_seeds_would_have_missed(self):
        before, again = [0.80, 0.81, 0.82], [0.81, 0.81, 0.80]
        documents = {
            "ablation": scored({"D0_doppler": before}, "ablation"),
            "square": scored({"Doppler-LIF": again}, "square"),
        }
        differences = [a - b for a, b in zip(again, before, strict=True)]
        missed = stats.minimum_detectable_difference(stdev(differences), 3)
        fragility = of(documents, "doppler-reproduced").fragility
        assert f"difference below {missed:.3f}" in fragility
        assert f"within ±{stats.equivalence_margin(differences):.3f}" in fragility


class TestPredictionsBeforeTheDisjointRun:
    def test_every_type_must_score_lower(self, published):
        means = {name: mean.macro_f1 for name, mean in published["mixed"].means.items()}

        def drop(by):
            lower = audio({name: [means[name] - by.get(name, 0.05)] * 3 for name in AUDIO_NEURONS})
            return of({"mixed": published["mixed"], "disjoint": lower}, "disjoint-drop")

        assert drop({}).verdict == "supported"
        assert drop({"Beam-IF": -0.01}).verdict == "fragile"
        assert "Beam-IF scores no lower" in drop({"Beam-IF": -0.01}).fragility
        assert drop(dict.fromkeys(AUDIO_NEURONS, -0.01)).verdict == "contradicted"

    @pytest.mark.parametrize(
        ("crossinhib", "doppler", "expected"),
        [(0.9, 0.01, "supported"), (0.9, 0.2, "fragile"), (0.9, 0.8, "contradicted"), (0.05, 0.01, "contradicted")],
    )
    def test_near_an_end_is_within_two_places_of_it(self, crossinhib, doppler, expected):
        given = audio({"CrossInhib-LIF": [crossinhib] * 3, "Doppler-LIF": [doppler] * 3})
        assert of({"disjoint": given}, "disjoint-ends").verdict == expected

    def test_the_published_ranks_say_how_near_near_has_to_be(self, published):
        claim = of(published, "disjoint-ends")
        assert "CrossInhib-LIF has rank 2 and Doppler-LIF rank 6 of 8." in claim.evidence
        assert "within 3 places" in claim.fragility


class TestRotation:
    def judged(self, *arguments, **options):
        return of({"rotation": rotation(*arguments, **options)}, "rotation")

    def test_the_same_ranking_for_every_pair_supports_it_however_hard_a_pair_is(self):
        claim = self.judged(lambda m, p, s: LEVEL[m] - 0.02 * PAIRS.index(p) + 0.001 * s * (-1) ** len(m))
        assert claim.verdict == "supported" and "Kendall's W is 1.000" in claim.evidence
        assert claim.where == "not in the paper"
        assert "Leaving out any one seed or case changes nothing." in claim.fragility

    def test_another_winner_for_one_pair_makes_it_fragile_and_that_pair_is_named(self):
        def score(method, pair, seed):
            best = method == "Vanilla-LIF" and pair == "speakers-2-3"
            return 0.9 if best else LEVEL[method] + 0.05 * (seed - 2) * (-1) ** len(method)

        claim = self.judged(score)
        assert claim.verdict == "fragile"
        assert "CrossInhib-LIF for 3 and Vanilla-LIF for 1" in claim.evidence
        assert "Without held-out speakers-2-3 it is supported." in claim.fragility

    def test_rankings_that_have_nothing_in_common_contradict_it(self):
        orders = np.random.default_rng(3).permuted(np.tile(np.arange(8), (4, 1)), axis=1)
        claim = self.judged(lambda m, p, s: 0.1 + 0.1 * orders[PAIRS.index(p), AUDIO_NEURONS.index(m)])
        assert claim.verdict == "contradicted"

    def test_a_single_seed_cannot_tell_pairs_from_chance(self):
        claim = self.judged(lambda m, p, s: LEVEL[m], seeds=(1,))
        assert claim.verdict == "fragile" and "single seed" in claim.fragility

    def test_one_pair_or_a_missing_type_is_not_testable(self):
        assert self.judged(lambda m, p, s: LEVEL[m], pairs=PAIRS[:1]).verdict == "not testable"
        whole = rotation(lambda m, p, s: LEVEL[m])
        part = results.merge(cell for cell in whole.cells if cell.method != "Beam-IF")
        assert of({"rotation": part}, "rotation").verdict == "not testable"


class TestFactorCurve:
    def test_it_steps_down_to_the_cheapest_cnn(self, published):
        steps = factor_by_tolerance(standings(published["frontier"]))
        means = published["frontier"].means
        assert [step.tolerance for step in steps] == sorted(step.tolerance for step in steps)
        assert [step.factor for step in steps] == sorted((step.factor for step in steps), reverse=True)
        cnns = {name: mean for name, mean in means.items() if name.startswith("CNN")}
        assert steps[-1].energy_uJ == min(mean.energy_uJ for mean in cnns.values())
        target = means["Doppler-LIF"]
        for tolerance in (-0.05, -0.01, 0.0, 0.001, 0.002, 0.01):
            matching = [m.energy_uJ for m in cnns.values() if m.macro_f1 >= target.macro_f1 - tolerance]
            *_, step = (s for s in steps if s.tolerance <= tolerance)
            assert step.factor == pytest.approx(min(matching) / target.energy_uJ)

    def test_at_no_tolerance_it_is_the_published_factor(self, published):
        step = matching(factor_by_tolerance(standings(published["frontier"])))
        assert round(step.factor, 1) == published["frontier"].values["verdict"]["factor"]

    def test_a_document_without_cnns_or_target_has_no_curve(self, published):
        assert factor_by_tolerance(standings(published["mixed"])) == []
        assert matching([]) is None


class TestPublishedRecomputed:
    """The published verdicts again, from the files' numbers alone."""

    def test_the_split_invariance_figures_are_scipys(self, published):
        mixed = {name: mean.macro_f1 for name, mean in published["mixed"].means.items()}
        disjoint = {name: mean.macro_f1 for name, mean in published["disjoint"].means.items()}
        pairs = [[side[name] for name in AUDIO_NEURONS] for side in (mixed, disjoint)]
        tau = kendalltau(*pairs, method="exact")
        evidence = of(published, "split-invariance").evidence
        assert f"{spearmanr(*pairs).statistic:+.3f}" in evidence
        assert f"Kendall's tau is {tau.statistic:+.3f}, exact p = {tau.pvalue:.3f}" in evidence

    def test_only_types_that_the_files_show_rising_speak_against_the_drop(self, published):
        rising = [n for n in AUDIO_NEURONS if published["disjoint"].means[n].macro_f1 >= published["mixed"].means[n].macro_f1]
        assert rising and all(name in of(published, "disjoint-drop").fragility for name in rising)

    def test_doppler_is_sixth_and_which_seeds_its_rank_rests_on_follows_from_t_intervals(self, published):
        values = {}
        for cell in published["disjoint"].cells:
            values.setdefault(cell.method, {})[cell.seed] = cell.result.macro_f1

        def firm(seeds):
            """Whether Doppler-LIF is sixth over these seeds, clear of both neighbours."""
            ranking = sorted(values, key=lambda name: -sum(values[name][s] for s in seeds))
            assert ranking.index("Doppler-LIF") == 5
            for a, b in itertools.pairwise(ranking[4:7]):
                kept = [values[a][s] - values[b][s] for s in seeds]
                if fmean(kept) <= t.ppf(0.975, len(seeds) - 1) * stdev(kept) / len(seeds) ** 0.5:
                    return False
            return True

        assert firm((42, 123, 999))
        fragile = [f"seed {out}" for out in (42, 123, 999) if not firm([s for s in (42, 123, 999) if s != out])]
        assert f"Without {' or '.join(fragile)} it is fragile." in of(published, "doppler-sixth").fragility

    def test_the_correction_over_the_audio_comparisons_is_holms(self, published):
        cells = {(c.method, c.seed): c.result.macro_f1 for c in published["disjoint"].cells}
        p = {}
        for a, b in itertools.combinations(AUDIO_NEURONS, 2):
            if {a, b} & {"CrossInhib-LIF", "Doppler-LIF"}:
                p[a, b] = ttest_rel(*([cells[name, seed] for seed in (42, 123, 999)] for name in (a, b))).pvalue
        adjusted = dict(zip(p, stats.holm(list(p.values())), strict=True))
        told = f"over {len(p)} comparisons p = {adjusted['CrossInhib-LIF', 'Doppler-LIF']:.3f}"
        assert told in of(published, "crossinhib-doppler").fragility


@pytest.fixture(scope="module")
def everything():
    """Documents by which every claim on their sections can be tested."""
    radar = {name: [s, s + 0.01, s - 0.01] for name, s in RADAR.items()}
    return {
        "ablation": scored(radar, "ablation"),
        "probe": scored(radar, "probe"),
        "square": scored(SQUARE | {"Phase-LIF": [0.2, 0.2, 0.2]}, "square"),
        "disjoint": audio({}),
        "mixed": audio({}, "mixed"),
        "search": results.load("search", "published"),
        "frontier": results.load("frontier", "published"),
        "rotation": rotation(lambda m, p, s: LEVEL[m] + 0.001 * s),
        "hetsyn": making_hetsyn.whole(values=results.load("hetsyn", "published").values),
        "ncg": making_ncg.document(),
        "g2gnet": making_g2gnet.everything(),
        "benchmark-g2gnet": making_g2gnet.benchmark(),
    }


class TestNeeds:
    """What a claim says it needs is what it needs."""

    @staticmethod
    def without(document, method):
        cells = [cell for cell in document.cells if cell.method != method]
        means = {name: mean for name, mean in document.means.items() if name != method}
        return document.model_copy(update={"cells": cells, "means": means})

    def test_with_everything_known_every_claim_is_testable(self, everything):
        found = verdicts(everything)
        known = [entry.id for entry in claims.entries() if entry.needs.keys() <= everything.keys()]
        assert known and "not testable" not in {found[id] for id in known}

    @pytest.mark.parametrize("section", ["ablation", "probe", "square", "disjoint", "mixed", "search", "frontier", "rotation"])
    def test_a_missing_method_matters_to_the_claims_that_name_it_and_to_no_others(self, everything, section):
        before = verdicts(everything)
        methods = {cell.method for cell in everything[section].cells} | set(everything[section].means)
        for method in sorted(name for name in methods if not name.startswith("CNN-")):
            after = verdicts(everything | {section: self.without(everything[section], method)})
            for entry in claims.entries():
                if method not in entry.needs.get(section, ()):
                    assert after[entry.id] == before[entry.id], (entry.id, method)
                elif before[entry.id] != "contradicted":
                    assert after[entry.id] == "not testable", (entry.id, method)


def test_every_number_in_evidence_has_a_true_minus_sign(published):
    for claim in claims.judge(published):
        assert not re.search(r"(?<![\w-])-\d", claim.evidence + claim.fragility), claim.id
