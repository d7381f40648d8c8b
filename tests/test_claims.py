"""The ledger: what the papers' figures say of every claim, that only the right claims turn, and what each one needs."""

import itertools
import json
import re
from dataclasses import asdict

import making
import making_g2gnet
import making_hetsyn
import making_ncg
import numpy as np
import pytest
from making import document, scored
from scipy.stats import spearmanr, ttest_rel

from mstask import claims, results, show, stats
from mstask.claims import evidence
from mstask.claims.findings import WORST_FIRST, find
from mstask.claims.rules import RULES
from mstask.section import sections
from mstask.stats import intervals
from mstask.studies.matching.claims import HOMOGENEOUS
from mstask.studies.matching.declare import ALL_NEURONS, AUDIO_NEURONS
from mstask.studies.tuning.facts import factor_by_tolerance, matching
from mstask.summary import standings

TOLD = {"id", "text", "where", "verdict", "evidence", "fragility"}
JUDGED = {
    *("estimand", "estimate", "interval", "p", "smallest", "rule", "seeds"),
    *("profile", "budget", "converged", "paper_seeds", "paper_interval"),
}
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
TUNED = ("Doppler-LIF", "Vanilla-LIF", "Parametric-LIF", "SmallCNN")
SQUARE = {"Doppler-LIF": [0.80, 0.81, 0.80], "CrossInhib-LIF": [0.60, 0.60, 0.61]}
PAIRS = ("speakers-0-1", "speakers-2-3", "speakers-4-5", "speakers-6-7")
LEVEL = dict(zip(AUDIO_NEURONS, (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1), strict=True))
PUBLISHED = {
    "double-dissociation": "not testable",
    "interaction": "not testable",
    "some-pair": "not testable",
    "doppler-reproduced": "not testable",
    "heterogeneity-radar": "not testable",
    "radar-winner": "undecided",
    "P1": "not testable",
    "P2": "not testable",
    "P3": "not testable",
    "P4": "not testable",
    "P5": "undecided",
    "audio-winner": "undecided",
    "audio-winner-mixed": "undecided",
    "crossinhib-doppler": "supported",
    "doppler-sixth": "undecided",
    "disjoint-drop": "undecided",
    "disjoint-ends": "undecided",
    "split-invariance": "undecided",
    "rotation": "not testable",
    "table2-order": "undecided",
    "table2-cnn": "undecided",
    "matched-generic": "not testable",
    "cnn-factor": "undecided",
    "hetsyn-match": "not testable",
    "hetsyn-fastest": "not testable",
    "hetsyn-pattern": "not testable",
    "hetsyn-memory": "undecided",
    "hetsyn-few": "not testable",
    "hetsyn-speech": "not testable",
    "hetsyn-speech-order": "not testable",
    "hetsyn-robust": "not testable",
    "hetsyn-shd": "undecided",
    "hetsyn-weight-decay": "not testable",
    "hetsyn-book-tasks": "not testable",
    "eventprop-exact": "not testable",
    "eventprop-grid": "not testable",
    "eventprop-yin-yang": "not testable",
    "eventprop-speech": "undecided",
    "eventprop-deleted": "not testable",
    "eventprop-long-trials": "not testable",
    "eventprop-shaping": "not testable",
    "eventprop-length": "not testable",
    "ncg-groups": "undecided",
    "ncg-groups-sstdp": "not testable",
    "ncg-regulation": "not testable",
    "ncg-balance": "not testable",
    "ncg-labels": "not testable",
    "ncg-code": "not testable",
    "g2gnet-dense": "undecided",
    "g2gnet-matched": "undecided",
    "g2gnet-grouping-digits": "not testable",
    "g2gnet-grouping-radar": "not testable",
    "g2gnet-grouping-speech": "not testable",
    "g2gnet-grouping-pictures": "undecided",
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


def known(found):
    """Those of the claims that are named here; a new one needs no word here."""
    return {id: verdict for id, verdict in found.items() if id in PUBLISHED}


def turned(before, after):
    """The claims whose verdict differs, with the new one."""
    before, after = known(verdicts(before)), known(verdicts(after))
    return {id: after[id] for id in after if after[id] != before[id]}


def swapped(whole, a, b):
    """The document with the figures of two methods exchanged."""
    names = {a: b, b: a}
    cells = [c.model_copy(update={"method": names.get(c.method, c.method)}) for c in whole.cells]
    means = {names.get(name, name): mean for name, mean in whole.means.items()}
    return whole.model_copy(update={"cells": cells, "means": means})


def test_the_ledger_of_the_published_figures():
    ledger = claims.ledger("published")
    assert known({claim.id: claim.verdict for claim in ledger}) == PUBLISHED
    entries = [asdict(claim) for claim in ledger]
    for entry in entries:
        assert set(entry) == TOLD | JUDGED | {"needs", "demand"}
        assert all(isinstance(entry[key], str) and entry[key] for key in TOLD)
        assert entry["needs"] and all(entry["needs"].values())
    assert json.loads(json.dumps(entries)) == json.loads(json.dumps(entries, allow_nan=False))


@pytest.mark.parametrize("source", ["published", "embedded"])
def test_no_verdict_stands_beside_an_interval_or_a_p_value_that_says_otherwise(source, monkeypatch):
    monkeypatch.setattr(intervals, "DRAWS", 200)
    documents = {section: _loaded(section, source) for entry in claims.entries() for section in entry.needs}
    for entry in claims.entries():
        found = find(entry.test, documents)
        assert found.verdict in WORST_FIRST
        assert found.rule in RULES or (found.rule == "" and found.verdict == "not testable"), entry.id
        if found.verdict in ("supported", "contradicted"):
            assert found.bounds and found.estimand and found.seeds > 0, entry.id
        if found.verdict == "supported" and found.rule in ("difference", "best"):
            assert found.p <= 0.05 and (found.bounds[0] > 0 or found.bounds[1] < 0), entry.id
        if found.verdict == "contradicted" and found.p is not None and found.p > 0.05:
            assert max(map(abs, found.bounds)) < found.smallest and "shown to be absent" in found.remark, entry.id


def _loaded(section, source):
    try:
        return results.load(section, source)
    except results.MissingResult:
        return None


def test_the_ledger_without_any_results_is_not_testable_throughout():
    assert set(verdicts({}).values()) == {"not testable"}
    assert verdicts({}) == verdicts(dict.fromkeys(sections()))


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
            found = known(verdicts({section: published[section] for section in chosen}))
            assert set(found) == set(PUBLISHED)
            assert all(found[id] in (PUBLISHED[id], "not testable") for id in found)


class TestPublishedFigures:
    def test_evidence_carries_the_figures_of_the_documents(self, published):
        winner = of(published, "audio-winner")
        assert "CrossInhib-LIF 0.635, the best of 7 others Dual-tau-LIF 0.671: lead −0.036" in winner.evidence
        split = of(published, "split-invariance")
        assert "is +0.762, exact permutation p = 0.037 against no relation (means only)" in split.evidence
        assert "475,000 against 283,000 parameters (1.68 times)" in of(published, "matched-generic").evidence

    def test_the_factor_of_33_8_hangs_on_less_than_a_thousandth(self, published):
        claim = of(published, "cnn-factor")
        assert "0.9240 at 11.8 µJ" in claim.evidence and "33.8 times (means only)" in claim.evidence
        assert "A tolerance of 0.0008 admits CNN-16-32-64 and leaves 3.91 times." in claim.fragility
        assert "A tolerance of 0.0036 admits CNN-8-16-32 and leaves 1.03 times." in claim.fragility

    @pytest.mark.parametrize(
        ("section", "a", "b", "expected"),
        [
            ("ablation", "D0_doppler", "D0_dualtau", {}),
            ("search", "SmallCNN", "Doppler-LIF", {}),
            ("disjoint", "CrossInhib-LIF", "Dual-tau-LIF", {}),
            (
                "disjoint",
                "CrossInhib-LIF",
                "Doppler-LIF",
                dict.fromkeys(("double-dissociation", "audio-winner", "crossinhib-doppler"), "contradicted"),
            ),
            ("disjoint", "Doppler-LIF", "Phase-LIF", {"doppler-sixth": "contradicted"}),
            ("disjoint", "Doppler-LIF", "Vanilla-LIF", {"crossinhib-doppler": "undecided"}),
        ],
    )
    def test_exchanging_two_methods_turns_these_claims_and_means_alone_turn_none(self, published, section, a, b, expected):
        assert turned(published, published | {section: swapped(published[section], a, b)}) == expected

    def test_means_alone_decide_nothing(self, published):
        means_only = {name: one for name, one in published.items() if not one.cells}
        assert means_only and set(verdicts(means_only).values()) == {"undecided", "not testable"}

    def test_a_field_in_which_no_cnn_reaches_the_target_has_no_factor(self, published):
        frontier = published["frontier"]
        high = frontier.means["Doppler-LIF"].model_copy(update={"macro_f1": 0.999})
        poor = frontier.model_copy(update={"means": frontier.means | {"Doppler-LIF": high}})
        assert of({"frontier": poor}, "cnn-factor").verdict == "not testable"


class TestOwnRuns:
    """Documents with predictions, as a run writes them."""

    def test_radar_claims_follow_the_scores(self):
        assert {id: v for id, v in known(verdicts({"ablation": document(RADAR)})).items() if v != "not testable"} == {
            "heterogeneity-radar": "supported",
            "radar-winner": "supported",
            "P1": "contradicted",
            "P2": "undecided",
            "P3": "supported",
            "P5": "supported",
        }

    @pytest.mark.parametrize(
        ("a", "b", "expected"),
        [
            ("D0_doppler", "D0_dualtau", {"radar-winner": "contradicted", "P5": "contradicted"}),
            (
                "D0_doppler",
                "D2_concat",
                dict.fromkeys(("heterogeneity-radar", "radar-winner", "P5"), "contradicted")
                | dict.fromkeys(("P1", "P2"), "supported"),
            ),
            ("D1_H1", "D1_perm1", {"P2": "supported", "P3": "contradicted"}),
            ("D0_stft", "D0_chirp", {}),
        ],
    )
    def test_exchanging_two_methods_turns_these_claims_and_no_others(self, a, b, expected):
        whole = document(RADAR)
        assert turned({"ablation": whole}, {"ablation": swapped(whole, a, b)}) == expected

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

    def test_the_factor_is_found_only_where_no_cheaper_cnn_may_match(self):
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
        assert noisy.verdict == "undecided" and noisy.interval[0] == pytest.approx(5.0)
        assert factor([0.90, 0.901, 0.902], dear_energy=200.0).verdict == "contradicted"

    def test_the_vertical_mixs_deficit_is_compared_across_domains(self):
        def section(name, vertical):
            others = {m: [0.5, 0.5, 0.5] for m in HOMOGENEOUS} | {"D0_doppler": [0.9, 0.9, 0.9]}
            return scored(others | {"D1_H1": vertical}, name)

        radar = section("ablation", [0.8, 0.81, 0.79])
        assert of({"ablation": radar, "probe": section("probe", [0.5, 0.5, 0.52])}, "P4").verdict == "supported"
        assert of({"ablation": radar, "probe": section("probe", [0.9, 0.5, 0.9])}, "P4").verdict == "undecided"
        assert of({"ablation": radar, "probe": section("probe", [0.88, 0.89, 0.87])}, "P4").verdict == "contradicted"
        assert of({"ablation": radar}, "P4").verdict == "not testable"
        assert "audio probe" in of({"ablation": radar}, "P4").evidence

    def test_deficits_on_unlike_budgets_are_not_compared(self):
        def section(name, epochs):
            whole = scored({method: [0.5, 0.6, 0.5] for method in (*HOMOGENEOUS, "D1_H1")}, name)
            cells = [cell.model_copy(update={"parameters": {"max_epochs": epochs}}) for cell in whole.cells]
            return whole.model_copy(update={"cells": cells})

        claim = of({"ablation": section("ablation", 200), "probe": section("probe", 15)}, "P4")
        assert claim.verdict == "not testable" and "up to 15 epochs against up to 200" in claim.evidence


def audio(scores, section="disjoint"):
    """A document of the eight audio neuron types: given scores per seed, else lower from type to type."""
    rest = (name for name in AUDIO_NEURONS if name not in scores)
    return scored(scores | {name: [0.3 - 0.03 * i] * 3 for i, name in enumerate(rest)}, section)


def rotation(score, seeds=(1, 2, 3), pairs=PAIRS):
    """A document whose macro-F1 is a function of neuron type, held-out pair and seed."""
    return making.rotation(score, AUDIO_NEURONS, pairs, seeds)


class TestCrossing:
    def both(self, audio_scores):
        return {"square": scored(SQUARE, "square"), "disjoint": scored(audio_scores, "disjoint")}

    def test_a_neuron_that_wins_everywhere_interacts_without_dissociating(self):
        found = verdicts(self.both({"Doppler-LIF": [0.66, 0.65, 0.665], "CrossInhib-LIF": [0.60, 0.60, 0.61]}))
        assert (found["interaction"], found["double-dissociation"]) == ("supported", "contradicted")

    def test_the_contrast_is_the_difference_of_the_two_leads(self):
        documents = self.both({"Doppler-LIF": [0.40, 0.41, 0.40], "CrossInhib-LIF": [0.60, 0.60, 0.61]})
        claim = of(documents, "interaction")
        assert "+0.200 for radar (the square)" in claim.evidence and "−0.200 for speaker-disjoint audio" in claim.evidence
        assert claim.estimate == pytest.approx(0.4)

    def test_equal_leads_contradict_the_interaction_by_equivalence(self):
        claim = of(self.both(SQUARE), "interaction")
        assert claim.verdict == "contradicted" and "the effect is shown to be absent" in claim.fragility

    def test_types_that_share_no_seed_leave_every_claim_untestable_and_the_tables_whole(self):
        apart = results.merge(
            [*scored({"Doppler-LIF": [0.8]}, "square", [1]).cells, *scored({"CrossInhib-LIF": [0.6]}, "square", [2]).cells]
        )
        speech = audio({"Doppler-LIF": [0.4] * 3, "CrossInhib-LIF": [0.6] * 3})
        found = verdicts({"square": apart, "disjoint": speech})
        assert {found[name] for name in ("double-dissociation", "interaction", "some-pair")} == {"not testable"}
        studies = {"square": {"run": apart}, "disjoint": {"run": speech}}
        assert show.table_square_crossed(studies)["your run"][0] == "no common seed" and show.data_square_flips(studies).empty

    def test_what_is_left_out_is_named_by_the_section_that_holds_it_out(self):
        assert evidence._named("case", "speakers-0-1") == "held-out speakers 0-1"
        assert evidence._named("case", "speech-george") == "the speaker george"
        assert evidence._named("case", "speech-onsets") == "speech-onsets"


class TestPredictionsBeforeTheDisjointRun:
    @pytest.mark.parametrize(("by", "verdict"), [(0.05, "supported"), (-0.05, "contradicted"), (0.0, "contradicted")])
    def test_scores_drop_on_average_over_types(self, by, verdict):
        mixed = {name: [0.5 + 0.001 * i, 0.51, 0.50] for i, name in enumerate(AUDIO_NEURONS)}
        lower = {name: [value - by + 0.001 * k for k, value in enumerate(row)] for name, row in mixed.items()}
        documents = {"mixed": scored(mixed, "mixed"), "disjoint": scored(lower, "disjoint")}
        assert of(documents, "disjoint-drop").verdict == verdict

    @pytest.mark.parametrize(
        ("crossinhib", "doppler", "expected"),
        [(0.9, 0.01, "supported"), (0.9, 0.8, "contradicted"), (0.05, 0.01, "contradicted")],
    )
    def test_near_an_end_is_in_that_half(self, crossinhib, doppler, expected):
        given = audio({"CrossInhib-LIF": [crossinhib] * 3, "Doppler-LIF": [doppler] * 3})
        assert of({"disjoint": given}, "disjoint-ends").verdict == expected


class TestRotation:
    def judged(self, *arguments, **options):
        return of({"rotation": rotation(*arguments, **options)}, "rotation")

    def test_the_same_ranking_for_every_pair_supports_it_however_hard_a_pair_is(self):
        claim = self.judged(lambda m, p, s: LEVEL[m] - 0.02 * PAIRS.index(p) + 0.001 * s * (-1) ** len(m))
        assert claim.verdict == "supported" and claim.estimate == pytest.approx(1.0)
        assert claim.where == "not in the paper"

    def test_rankings_that_have_nothing_in_common_contradict_it(self):
        orders = np.random.default_rng(3).permuted(np.tile(np.arange(8), (4, 1)), axis=1)
        claim = self.judged(lambda m, p, s: 0.1 + 0.1 * orders[PAIRS.index(p), AUDIO_NEURONS.index(m)] + 0.001 * s)
        assert claim.verdict == "contradicted"

    def test_a_single_seed_cannot_tell_pairs_from_chance(self):
        assert self.judged(lambda m, p, s: LEVEL[m], seeds=(1,)).verdict == "undecided"

    def test_one_pair_or_a_missing_type_is_not_testable(self):
        assert self.judged(lambda m, p, s: LEVEL[m], pairs=PAIRS[:1]).verdict == "not testable"
        whole = rotation(lambda m, p, s: LEVEL[m])
        part = results.merge(cell for cell in whole.cells if cell.method != "Beam-IF")
        assert of({"rotation": part}, "rotation").verdict == "not testable"

    def test_a_pair_that_lacks_a_type_is_left_out(self):
        whole = rotation(lambda m, p, s: LEVEL[m] + 0.001 * s * (-1) ** len(m))
        part = results.merge(cell for cell in whole.cells if (cell.case, cell.method) != (PAIRS[0], "Beam-IF"))
        claim = of({"rotation": part}, "rotation")
        assert claim.verdict == "supported" and f"one for each of {len(PAIRS) - 1} choices" in claim.estimand

    def test_scores_that_are_all_equal_have_no_order_to_compare(self):
        assert self.judged(lambda m, p, s: 0.5).verdict == "not testable"


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
    """Published evidence again, from the files' numbers alone."""

    def test_the_split_invariance_figures_are_scipys(self, published):
        sides = [[published[section].means[name].macro_f1 for name in AUDIO_NEURONS] for section in ("mixed", "disjoint")]
        assert f"{spearmanr(*sides).statistic:+.3f}" in of(published, "split-invariance").evidence

    def test_the_correction_over_the_audio_comparisons_is_holms(self, published):
        """Intervals over examples are published for one pair only; without them the test is Student's."""
        bare = published["disjoint"].model_copy(update={"values": {}})
        cells = {(c.method, c.seed): c.result.macro_f1 for c in bare.cells}
        p = {}
        for a, b in itertools.combinations(AUDIO_NEURONS, 2):
            if {a, b} & {"CrossInhib-LIF", "Doppler-LIF"}:
                p[a, b] = ttest_rel(*([cells[name, seed] for seed in (42, 123, 999)] for name in (a, b))).pvalue
        adjusted = dict(zip(p, stats.holm(list(p.values())), strict=True))
        claim = of({"disjoint": bare}, "crossinhib-doppler")
        assert claim.p == pytest.approx(adjusted["CrossInhib-LIF", "Doppler-LIF"])
        assert f"after Holm's correction over {len(p)} comparisons" in claim.evidence

    def test_published_intervals_over_examples_widen_it(self, published):
        bare = published["disjoint"].model_copy(update={"values": {}})
        with_examples, without = (of({"disjoint": one}, "crossinhib-doppler") for one in (published["disjoint"], bare))
        assert with_examples.p > without.p


@pytest.fixture(scope="module")
def everything():
    """Documents by which every claim on their sections can be tested."""
    radar = {name: [s, s + 0.01, s - 0.01] for name, s in RADAR.items()}
    return {
        "ablation": scored(radar, "ablation"),
        "probe": scored(radar, "probe"),
        "square": scored({name: [0.2, 0.2, 0.21] for name in ALL_NEURONS} | SQUARE, "square"),
        "disjoint": audio({"Parametric-LIF": [0.5, 0.51, 0.5]}),
        "mixed": audio({}, "mixed"),
        "search": scored(
            {name: [s, s + 0.01, s] for name, s in dict(zip(TUNED, (0.9, 0.8, 0.7, 0.95), strict=True)).items()}, "search"
        ),
        "frontier": results.load("frontier", "published"),
        "rotation": rotation(lambda m, p, s: LEVEL[m] + 0.001 * s),
        "hetsyn": making_hetsyn.whole(values=results.load("hetsyn", "published").values),
        "ncg": making_ncg.document(),
        "g2gnet": making_g2gnet.everything(),
        "benchmark-g2gnet": making_g2gnet.benchmark(),
    }


class TestNeeds:
    """What a claim says it needs is what it needs."""

    @pytest.fixture(autouse=True)
    @staticmethod
    def fewer_draws(monkeypatch):
        monkeypatch.setattr(intervals, "DRAWS", 200)

    @staticmethod
    def without(document, method):
        cells = [cell for cell in document.cells if cell.method != method]
        means = {name: mean for name, mean in document.means.items() if name != method}
        return document.model_copy(update={"cells": cells, "means": means})

    def test_with_everything_known_every_claim_is_testable(self, everything):
        known = [entry for entry in claims.entries() if entry.needs.keys() <= everything.keys()]
        assert known and [e.id for e in known if find(e.test, everything).verdict == "not testable"] == []

    @pytest.mark.parametrize("section", ["ablation", "probe", "square", "disjoint", "mixed", "search", "frontier", "rotation"])
    def test_without_a_method_the_claims_that_name_it_are_not_testable_and_the_others_are(self, everything, section):
        methods = {cell.method for cell in everything[section].cells} | set(everything[section].means)
        concerned = [entry for entry in claims.entries() if section in entry.needs]
        for method in sorted(name for name in methods if not name.startswith("CNN-")):
            part = everything | {section: self.without(everything[section], method)}
            for entry in concerned:
                found = find(entry.test, part)
                if method not in entry.needs[section]:
                    assert found.verdict != "not testable", (entry.id, method)
                else:
                    parts = [one.verdict for one in found.parts] or [found.verdict]
                    assert "not testable" in parts, (entry.id, method)


def test_every_number_in_evidence_has_a_true_minus_sign(published):
    for claim in claims.judge(published):
        assert not re.search(r"(?<![\w-])-\d", claim.evidence + claim.fragility), claim.id
