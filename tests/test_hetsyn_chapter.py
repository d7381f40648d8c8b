"""HetSyn in the book: what is gathered, drawn and claimed is what the documents hold, also where they hold little."""

from __future__ import annotations

from functools import cache
from statistics import fmean

import pytest
from drawn import drawn
from making import verdict, with_result
from making_hetsyn import SEEDS, SKILL, one, whole

from mstask import claims, results, show
from mstask.claims.findings import find
from mstask.studies.hetsyn.data import BIN_S
from mstask.studies.hetsyn.declare import SECTION
from mstask.studies.hetsyn.exhibits import IN_BINS
from mstask.studies.hetsyn.facts import series, shortening, slow
from mstask.studies.hetsyn.names import CASES, EDGES, METHODS, STEP_MS, TITLES
from mstask.studies.hetsyn.tasks import MatchToSample, Pattern
from mstask.summary import summarise
from mstask.summary.details import measured

PUBLISHED = results.load("hetsyn", "published")
EXHIBITS = sorted(
    name for name in dir(show) if "_hetsyn" in name and not name.endswith(("_speed", "_published", "_memory", "figures"))
)
PARTS = {
    "one network": {"methods": ("HomNeuLIF",)},
    "one task": {"cases": ("digits-rows",)},
    "one seed": {"seeds": (42,)},
    "one cell": {"methods": ("HetNeuLIF",), "cases": ("match-recurrent",), "seeds": (7,)},
    "only series": {"cases": ("match-small", "match-slow")},
    "only the pattern": {"cases": ("pattern-recurrent",)},
}


@cache
def embedded():
    return whole(source="embedded")


@cache
def partial(part):
    return whole(**PARTS[part])


def without(document, **unwanted):
    """The document without the cells that have all these attributes."""
    kept = [c for c in document.cells if any(getattr(c, name) != value for name, value in unwanted.items())]
    return document.model_copy(update={"cells": kept})


def verdicts(document, *ids):
    return [verdict(f"hetsyn-{id}", {"hetsyn": document}) for id in ids]


class TestNames:
    def test_every_case_has_a_title_and_the_synthetic_tasks_their_step(self):
        assert set(TITLES) == set(CASES) == set(SECTION.cases) and SECTION.methods == METHODS
        assert STEP_MS["match-slow"] == MatchToSample.dt_ms and STEP_MS["pattern-recurrent"] == Pattern.dt_ms
        assert STEP_MS["speech-bins"] == 1000 * BIN_S and "radar" not in STEP_MS


@cache
def facts():
    return summarise(embedded())["facts"]


class TestFacts:
    def test_the_lead_is_over_the_best_of_the_others(self):
        found = facts()["accuracy"]["radar"]
        means = {name: fmean(measured(embedded(), "radar", name).values()) for name in METHODS}
        assert found["best"] == "HetSynLIF" and found["HetNeuLIF"] == means["HetNeuLIF"]
        assert found["lead"] == pytest.approx(means["HetSynLIF"] - means["HetNeuLIF"])

    def test_a_smaller_error_is_a_lead(self):
        assert facts()["error"]["pattern-recurrent"]["lead"] == pytest.approx(0.3 * 0.9 - 0.3 * 0.5)
        worse = summarise(whole(SKILL | {"HetSynLIF": 0.1}))["facts"]["error"]["pattern-recurrent"]
        assert worse["lead"] < 0 and worse["best"] == "HetNeuLIF"

    def test_networks_that_never_reach_the_criterion_are_counted(self):
        found = facts()["hits"]["match-feedforward"]
        assert found["HomNeuLIF"] == {"solved": 0, "n": 3}
        assert (found["HetSynLIF"]["solved"], found["HetSynLIF"]["n"]) == (3, 3)

    def test_a_series_is_gathered_by_initial_time_constant(self):
        found = slow(embedded())
        assert list(found) == [100, 400] and found[100]["reset"] == pytest.approx(0.5 + 0.002)

    def test_weight_decay_is_told_by_the_ratio_of_time_constants(self):
        trial = next(iter(measured(embedded(), "speech-bins", "HetSynLIF", "weight_decay").values()))
        assert shortening(trial) == pytest.approx(11 / 6)
        found = facts()["weight_decay"]
        assert found["ratio"] == pytest.approx((11.0 * 11.1 * 11.2) ** (1 / 3) / 6)
        assert found["with"]["median"] == 6.0

    def test_an_infinite_median_is_left_out_of_the_ratio(self):
        arms = {arm: {"time_constants": {"readout": {"median": m}}} for arm, m in (("with", None), ("without", 8.0))}
        assert shortening({"arms": arms}) is None

    @pytest.mark.parametrize("part", PARTS)
    def test_a_partial_document_has_facts_of_what_it_holds(self, part):
        found = summarise(partial(part))["facts"]
        assert set(found) <= set(facts())
        assert all(found.values())

    def test_published_figures_have_no_facts(self):
        assert summarise(PUBLISHED)["facts"] == {}

    def test_one_case_becomes_a_document_without_cases(self):
        cut = embedded().of_case("radar")
        assert {c.case for c in cut.cells} == {None} and len(cut.cells) == len(METHODS) * len(SEEDS)
        assert cut.data.name == "radar"

    def test_seeds_with_other_levels_are_not_averaged(self):
        cells = [c for c in embedded().cells if c.case == "speech-bins"]
        short = one("speech-bins", "HetSynLIF", 5, 0.9)
        short.result.details["deletion"]["accuracy"].pop()
        assert series(results.merge([*cells, short]), "speech-bins", "HetSynLIF", "deletion", "accuracy") == []


class TestExhibits:
    def test_there_is_data_behind_every_figure(self):
        topics = {name.removeprefix("figure_") for name in dir(show) if name.startswith("figure_hetsyn")}
        assert {f"data_{topic}" for topic in topics} <= set(dir(show))

    @pytest.mark.parametrize("name", EXHIBITS)
    @pytest.mark.parametrize("part", PARTS)
    def test_a_partial_document_can_be_shown(self, name, part):
        shown = getattr(show, name)(partial(part))
        if name.startswith("figure"):
            shown.draw_without_rendering()
            assert shown.axes
        else:
            assert shown.shape[1] > 1

    def test_a_figure_names_its_voice_and_what_is_missing(self):
        assert "embedded" in drawn(show.figure_hetsyn(embedded()))
        texts = drawn(show.figure_hetsyn_decay(partial("one task")))
        assert {"your run", "not in this run"} <= texts

    def test_points_are_the_means_of_the_document(self):
        axes = show.figure_hetsyn(embedded()).axes[0]
        shown = [
            float(line.get_xdata()[0]) for line in axes.lines if line.get_color() == "#6a3d9a" and line.get_marker() == "D"
        ]
        cases = [
            case for case in CASES if measured(embedded(), case, "HetSynLIF") and case not in ("match-small", "match-slow")
        ]
        assert shown == pytest.approx([fmean(measured(embedded(), case, "HetSynLIF").values()) for case in cases])

    def test_every_count_of_the_histograms_is_in_the_data(self):
        data = show.data_hetsyn_times(embedded())
        own = data[(data.case == "radar") & (data.method == "HetSynLIF") & (data.seed == 42) & (data.when == "after")]
        assert len(own) == 3 * (len(EDGES) + 1) and own["count"].sum() == 300

    def test_the_pattern_panel_draws_output_and_target(self):
        figure = show.figure_hetsyn_pattern(embedded())
        assert [len(axes.lines) for axes in figure.axes] == [2] * 4
        assert f"HetSynLIF, mean error {0.03 + 0.001 * fmean(s % 5 for s in SEEDS):.3f}" in drawn(figure)

    def test_published_figures_stand_beside_ours_and_nothing_is_filled_in(self):
        table = show.table_hetsyn_published({"published": PUBLISHED, "embedded": embedded(), "run": None}).set_index("what")
        assert table.loc[IN_BINS, "published"] == "0.924"
        assert table.loc["the same, after the last epoch"].to_list() == ["0.908", "—", "not run yet"]
        assert table.loc["TiDigits", "embedded"] == "not in this book"
        assert set(table["your run"]) == {"not run yet"}

    def test_the_knock_out_table_has_the_networks_that_learn_time_constants(self):
        table = show.table_hetsyn_knock_out(embedded())
        assert set(table["network"]) == {"HetNeuLIF", "HetSynLIF"} and set(table["long"]) == {"30 of 3,000"}

    def test_slow_starts_are_given_in_milliseconds(self):
        table = show.table_hetsyn_slow(embedded())
        assert list(table["from, ms"]) == ["100", "400"]
        assert list(table["mean, cue channels, ms"]) == ["150", "150"]

    def test_sets_of_synapses_are_numbered_from_the_input(self):
        assert {"layer\N{NO-BREAK SPACE}1,\ninputs", "readout"} <= drawn(show.figure_hetsyn_decay(embedded()))

    def test_the_arithmetic_of_weight_decay_is_in_order(self):
        table = show.table_hetsyn_decay(embedded())
        assert list(table["value"][:3]) == ["3.5 steps", "6.1 steps", "7.5 steps"]


class TestSpeed:
    @staticmethod
    def document(**values):
        seconds = {"direct": [4.0, 4.0, 6.0], "convolution": [2.0, 2.0, 2.0], "compiled": [1.0, 2.0, 1.0]}
        whole = {
            "workloads": {"match": {"title": "match-to-sample, feedforward"}},
            "runs": [{"clock": "cpu", "seconds": {"match": seconds}}],
            "memory": {"match": {"direct": 300.0, "convolution": 60.0, "compiled": 3.0}},
        }
        about = {"section": "benchmark-hetsyn", "source": "embedded", "profile": "paper", "title": "t", "reference": "r"}
        return results.Document(**about, values=whole | values)

    def test_ratios_are_formed_within_a_repeat(self):
        table = show.table_hetsyn_speed(self.document()).set_index("computed")
        assert table.loc["step by step", "time / compiled"].startswith("4.00 ")
        assert table.loc["step by step", "MiB added"] == "300"
        assert len(show.data_hetsyn_speed(self.document())) == 9

    @pytest.mark.parametrize(
        "missing", [{"memory": {}}, {"runs": []}, {"runs": [{"clock": "cpu", "seconds": {"match": {"direct": [1.0]}}}]}]
    )
    def test_an_incomplete_benchmark_can_be_shown(self, missing):
        document = self.document(**missing)
        assert show.figure_hetsyn_speed(document)._repr_png_().startswith(b"\x89PNG")
        assert "—" in show.table_hetsyn_speed(document).to_numpy()


class TestClaims:
    OWN = ("match", "fastest", "pattern", "memory", "few", "speech", "robust", "weight-decay", "book-tasks")

    def test_with_hetsyn_far_ahead_its_claims_hold(self):
        assert verdicts(embedded(), *self.OWN) == ["supported"] * len(self.OWN)

    def test_with_hetsyn_behind_they_are_contradicted(self):
        behind = whole(SKILL | {"HetSynLIF": 0.1}, source="embedded")
        turned = ("match", "fastest", "pattern", "few", "speech", "robust", "book-tasks")
        assert verdicts(behind, *turned) == ["contradicted"] * len(turned)

    def test_a_single_seed_decides_none_of_them(self):
        assert verdicts(partial("one seed"), *self.OWN) == ["undecided"] * len(self.OWN)

    def test_the_memory_is_not_in_the_long_ones_if_resetting_others_costs_as_much(self):
        cells = []
        for cell in embedded().cells:
            own = dict(cell.result.details)
            if own.get("knock_out"):
                own["knock_out"] = own["knock_out"] | {"random": own["knock_out"]["long"] - 0.1}
            cells.append(with_result(cell, details=own))
        assert verdicts(embedded().model_copy(update={"cells": cells}), "memory") == ["contradicted"]

    def test_the_order_on_speech_needs_every_neighbouring_pair(self):
        for skills, expected in (((0.1, 0.6, 0.35, 0.9), "supported"), ((0.6, 0.5, 0.4, 0.9), "contradicted")):
            document = whole(dict(zip(METHODS, skills, strict=True)), cases=("speech-bins",))
            assert verdicts(document, "speech-order") == [expected]

    def test_a_missing_network_or_task_is_named(self):
        gone = without(embedded(), method="HetNeuLIF", case="speech-bins")
        (claim,) = claims.judge({"hetsyn": gone}, ["hetsyn-speech"])
        assert claim.verdict == "not testable" and "HetNeuLIF" in claim.evidence
        assert verdicts(partial("one task"), *self.OWN) == ["not testable"] * len(self.OWN)

    @pytest.mark.parametrize("part", [*PARTS, "published", "nothing"])
    def test_every_claim_can_be_judged_by_any_document(self, part):
        document = {"published": PUBLISHED, "nothing": None}[part] if part not in PARTS else partial(part)
        for entry in claims.entries():
            if entry.id.startswith("hetsyn-"):
                assert find(entry.test, {"hetsyn": document}).evidence

    @pytest.mark.parametrize("method", METHODS)
    def test_a_missing_network_matters_to_the_claims_that_name_it(self, method):
        gone = without(embedded(), method=method)
        for entry in claims.entries():
            if entry.id.startswith("hetsyn-") and find(entry.test, {"hetsyn": embedded()}).verdict == "supported":
                expected = "not testable" if method in entry.needs["hetsyn"] else "supported"
                assert find(entry.test, {"hetsyn": gone}).verdict == expected, entry.id

    def test_at_the_ceiling_a_task_is_said_to_tell_nothing(self):
        level = whole(SKILL | {"HetSynLIF": 1.0, "HetNeuLIF": 1.0}, cases=("match-feedforward",))
        (claim,) = claims.judge({"hetsyn": level}, ["hetsyn-match"])
        assert "HetNeuLIF and HetSynLIF are at the task's ceiling" in claim.evidence

    def test_the_published_lead_on_shd_rests_on_the_chosen_epoch_and_decides_nothing(self):
        (claim,) = claims.judge({"hetsyn": PUBLISHED}, ["hetsyn-shd"])
        assert claim.verdict == "undecided"
        assert "0.9236" in claim.evidence and "0.9077" in claim.fragility
        better = PUBLISHED.values["competitors"] | {"SHD": {"other": 0.95}}
        other = PUBLISHED.model_copy(update={"values": PUBLISHED.values | {"competitors": better}})
        assert verdicts(other, "shd") == ["undecided"]

    def test_the_published_reset_lacks_a_control(self):
        (claim,) = claims.judge({"hetsyn": PUBLISHED}, ["hetsyn-memory"])
        assert claim.verdict == "undecided" and "No control is published" in claim.fragility
        table = PUBLISHED.values["time_constants"]
        kept = PUBLISHED.values | {"time_constants": table | {"accuracy_reset": table["accuracy"]}}
        assert verdicts(PUBLISHED.model_copy(update={"values": kept}), "memory") == ["undecided"]

    def test_every_claim_names_the_paper_or_says_that_it_is_not_there(self):
        places = [entry.where for entry in claims.entries() if entry.id.startswith("hetsyn-")]
        assert places and all("HetSyn" in place for place in places)
