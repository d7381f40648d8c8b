"""What section 5.3's documents say: facts, claims that turn with the show, exhibits of whole and partial documents."""

from __future__ import annotations

import io
from functools import cache

import making
import numpy as np
import pytest
from making import with_result
from making_ncg import CASES, LEVELS, SEEDS, SHARES, cell, document
from matplotlib.figure import Figure

from mstask import claims, results, show
from mstask.results.voices import VOICES, label
from mstask.studies.ncg.facts import PAIRS, code_and_readout, facts
from mstask.studies.ncg.methods import METHODS, settings
from mstask.summary import summarise

FIGURES = ("ncg", "ncg_ablation", "ncg_balance", "ncg_winners", "ncg_code")


def verdict(document, claim):
    return making.verdict(claim, {"ncg": document})


@pytest.fixture(scope="module")
def whole():
    return document()


class TestFacts:
    def test_what_an_ingredient_adds_is_a_mean_over_data_sets(self, whole):
        lower = document(LEVELS | {"S2-M1": LEVELS["S2-M5-CR2-L"] - 0.2}, cases=("digits",))
        both = results.merge([*lower.cells, *(c for c in whole.cells if c.case == "radar")])
        found = facts(both)["differences"]["groups"]
        assert found["cases"] == pytest.approx({"digits": 0.2, "radar": LEVELS["S2-M5-CR2-L"] - LEVELS["S2-M1"]})
        assert found["mean"] == pytest.approx(np.mean(list(found["cases"].values())))

    def test_code_and_readout_are_mean_absolute_differences(self):
        made = document({"S2-M1": 0.5, "S2-M5": 0.6, "R-M1": 0.8}, digits_features=-0.05)
        assert code_and_readout(made).values == pytest.approx((0.05, (0.1 + 0.3 + 0.2) / 3))

    def test_sentences_find_them_in_the_summary(self, whole):
        found = summarise(whole)["facts"]
        assert found["winner_share"]["S2-M5"] == pytest.approx(0.9) and set(found["differences"]) == set(PAIRS)

    def test_a_document_that_knows_nothing_of_it(self):
        assert facts(document({"R-M1": 0.5}, cases=("radar",)))["differences"] == {}
        assert facts(results.load("ncg", "published")) == {"differences": {}, "winner_share": {}}


class TestClaims:
    @pytest.mark.parametrize(
        ("claim", "pair"),
        [
            ("ncg-groups", "groups"),
            ("ncg-groups-sstdp", "groups_sstdp"),
            ("ncg-regulation", "regulation"),
            ("ncg-labels", "labels"),
        ],
    )
    def test_a_gain_turns_when_two_methods_change_places(self, whole, claim, pair):
        a, b = PAIRS[pair]
        names = {a: b, b: a}
        cells = [c.model_copy(update={"method": names.get(c.method, c.method)}) for c in whole.cells]
        assert verdict(whole, claim) == "supported"
        assert verdict(results.merge(cells), claim) == "contradicted"

    def test_a_gain_over_data_sets_is_judged_by_its_mean_and_names_them(self):
        a, b = PAIRS["groups"]
        mixed = [
            cell(a, case, seed, 0.6 + gain) for case, gain in zip(CASES, (0.1, 0.05, -0.02), strict=True) for seed in SEEDS
        ]
        mixed += [cell(b, case, seed, 0.6) for case in CASES for seed in SEEDS]
        (found,) = claims.judge({"ncg": results.merge(mixed)}, ["ncg-groups"])
        assert found.verdict == "supported" and found.estimate == pytest.approx((0.1 - 0.02) / 2)
        assert "digits +0.100 and radar −0.020" in found.evidence

    def test_a_loss_on_average_contradicts(self):
        assert verdict(document(LEVELS | {"S2-M1": 0.9}), "ncg-groups") == "contradicted"

    def test_a_single_seed_decides_nothing(self):
        alone = document(cases=("mnist",), source="real")
        assert verdict(alone, "ncg-groups") == "supported"
        assert verdict(document(cases=("mnist",), seeds=(42,)), "ncg-groups") == "undecided"

    def test_quoted_accuracies_decide_nothing_whichever_is_higher(self):
        published = results.load("ncg", "published")
        assert verdict(published, "ncg-groups") == "undecided" and verdict(published, "ncg-groups-sstdp") == "not testable"
        turned = {"accuracy": {"stdp-csnn": {"mnist": {"S2-M1": 0.99, "S2-M5-CR2-L": 0.98}}}}
        assert verdict(published.model_copy(update={"values": turned}), "ncg-groups") == "undecided"

    def test_balance_follows_the_shares_averaged_over_data_sets(self, whole):
        assert verdict(whole, "ncg-balance") == "supported"
        worse = {("S2-M5-CR2", "radar"): 0.8}, {("S2-M5-CR2", case): 0.8 for case in CASES}
        for changed, expected in zip(worse, ("supported", "contradicted"), strict=True):
            cells = [
                cell(
                    c.method,
                    c.case,
                    c.seed,
                    0.5,
                    most_frequent_winner=[changed.get((c.method, c.case), SHARES.get(c.method, 1.0))],
                )
                for c in whole.cells
            ]
            assert verdict(results.merge(cells), "ncg-balance") == expected

    def test_balance_needs_all_three(self, whole):
        without = results.merge([c for c in whole.cells if c.method != "S2-M5-CR1"])
        (found,) = claims.judge({"ncg": without}, ["ncg-balance"])
        assert found.verdict == "not testable" and label("S2-M5-CR1") in found.evidence

    def test_the_code_matters_more_only_if_it_moves_the_scores_further(self):
        assert verdict(document(digits_features=0.2), "ncg-code") == "supported"
        assert verdict(document(digits_features=0.01), "ncg-code") == "contradicted"
        assert verdict(document(cases=("digits",)), "ncg-code") == "not testable"

    def test_a_data_set_without_which_the_verdict_is_another_is_named(self):
        a, b = PAIRS["groups"]
        cells = [cell(a, "radar", s, 0.9) for s in SEEDS] + [cell(a, "digits", s, 0.5) for s in SEEDS]
        cells += [cell(b, case, s, 0.6) for case in ("radar", "digits") for s in SEEDS]
        (found,) = claims.judge({"ncg": results.merge(cells)}, ["ncg-groups"])
        assert found.verdict == "supported" and "Without radar it is contradicted." in found.fragility


PARTIAL = {
    "one method": lambda: document({"R-M5": 0.5}),
    "one seed": lambda: document(seeds=(42,)),
    "one data set": lambda: document(cases=("mnist",)),
    "no details": lambda: results.merge([with_result(c, details=None) for c in document().cells]),
    "no cells": lambda: results.load("ncg", "published"),
}


@cache
def part(name):
    return PARTIAL[name]()


class TestExhibits:
    @pytest.mark.parametrize("name", FIGURES)
    @pytest.mark.parametrize("partial", [*PARTIAL, "nothing missing"])
    def test_every_figure_is_drawn_with_its_data(self, whole, name, partial):
        shown = part(partial) if partial in PARTIAL else whole
        drawn = getattr(show, f"figure_{name}")(shown)
        assert isinstance(drawn, Figure) and drawn.get_figwidth() < 5
        drawn.savefig(io.BytesIO(), format="svg")
        data = getattr(show, f"data_{name}")(shown)
        assert len(data.columns) and (len(data) > 0 or partial != "nothing missing")

    @pytest.mark.parametrize("partial", PARTIAL)
    def test_tables_say_what_is_missing(self, partial):
        shown = part(partial)
        for table in (show.table_ncg(shown), show.table_ncg_inputs(shown), show.table_ncg_settings(shown)):
            assert not table.isna().any(axis=None)
        assert not show.table_ncg_published({"embedded": shown, "run": None}).isna().any(axis=None)

    def test_the_settings_are_those_that_the_locked_readouts_had(self):
        table = show.table_ncg_settings(results.load("ncg", "embedded"))
        ours, row = settings("digits", "S2-M5-CR2-L"), table.iloc[2]
        assert (row["data set"], row["readout"]) == ("digits", label("S2-M5-CR2-L"))
        assert [float(row[name]) for name in ("gap", "A₊", "A₋")] == [ours.t_gap, ours.ap, ours.am]
        assert len(table) == 4 * len({method.settings for method in METHODS.values()})
        assert not table.duplicated(["data set", "readout"]).any()

    def test_the_score_table_holds_mean_and_spread_of_every_data_set(self, whole):
        row = show.table_ncg(whole).set_index("readout").loc[label("S2-M1")]
        assert row["radar"].startswith("0.501\N{NO-BREAK SPACE}±")

    def test_methods_stand_by_rule_and_group_size(self, whole):
        shown = show.table_ncg(whole)["readout"].tolist()
        assert shown[0] == label("S2-M1") and shown[-1] == label("R-M20") and shown.index(label("SSTDP-M1")) == 8

    def test_each_accuracy_beside_the_published_ones_says_whose_it_is(self, whole):
        real = document(cases=("mnist",), source="real")
        given = {"published": results.load("ncg", "published"), "embedded": whole, "real": real, "run": None}
        table = show.table_ncg_published(given)
        assert set(table["voice"]) == {VOICES[voice].label for voice in given}
        quoted = table[(table["voice"] == "published") & (table["data set"] == "MNIST")]
        assert "+1.2" in quoted["difference"].tolist()
        assert table[table["voice"] == "real data"]["data set"].tolist() == ["MNIST"]
        assert VOICES["run"].absent in table[table["voice"] == "your run"]["data set"].tolist()

    def test_a_panel_of_winners_adds_up_to_the_whole(self, whole):
        data = show.data_ncg_winners(whole)
        assert set(data["case"]) == {"digits"} and set(data["seed"]) == {42}
        assert set(data.groupby(["method", "epoch"])["wins"].sum()) == {9, 10}

    def test_the_speed_table_leaves_open_what_was_not_measured(self):
        ours = {"accuracy": 0.9, "sd": 0.01, "samples_per_second": 20_000.0, "speed_ratio": 2.0}
        known = {"S2-M1": {"accuracy": 0.8, "sd": 0.02, "samples_per_second": 10_000}}
        values = {"yardstick": known, "intended": {"S2-M1": ours}}
        whole = results.load("ncg", "published").model_copy(update={"section": "benchmark-ncg", "values": values})
        (row,) = show.table_ncg_speed(whole).to_dict("records")
        assert row["times"] == "2.0" and row["this project, same event order"] == "—"
        assert show.table_ncg_speed(whole.model_copy(update={"values": {}})).empty
