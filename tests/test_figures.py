"""Plots and tables: what the documents hold is what they show, in three voices that can't be mistaken for each other."""

from __future__ import annotations

import pytest
from drawn import drawn
from making import bare, data_record, with_result

from mstask import claims, neurons, results, show
from mstask.claims import findings
from mstask.errors import MstaskError
from mstask.results.voices import VERDICTS, VOICES, heading, label, marked, verdict_of, voice_of
from mstask.show import lesson
from mstask.show.scores import NBSP, score
from mstask.studies.matching.declare import ABLATION
from mstask.studies.matching.exhibits import PREDICTIONS
from mstask.summary import summarise

SEEDS = (1, 2, 3)
TRUE = [0, 1] * 20
METHODS = ("D0_doppler", "D0_dualtau", "D1_H1", "D2_concat")


def document(source="embedded", methods=METHODS, profile="paper", data_source="embedded", seeds=SEEDS):
    """An ablation in which method number i makes 4 i + seed mistakes on forty examples."""
    classes = {"counts": {"test": len(TRUE)}, "class_names": ["bird", "plane"], "test_labels": TRUE}
    record = data_record(source=data_source, **classes)
    cells = []
    for i, method in enumerate(methods):
        for seed in seeds:
            wrong = 4 * i + seed
            layers = 20 if method == "D2_concat" else 4
            result = {
                "macro_f1": 1 - wrong / len(TRUE),
                "predictions": [1 - t for t in TRUE[:wrong]] + TRUE[wrong:],
                "n_parameters": 1000 + 10 * i,
                "width": 8,
                "history": {"firing_rates": [[0.1 + layer / 100 for layer in range(layers)]] * (seed + 1)},
            }
            cells.append(bare("ablation", method, seed, result, profile=profile, data=record))
    return results.merge(cells, source=source)


@pytest.fixture
def published():
    return results.load("ablation", "published")


class TestVoices:
    def test_each_has_its_own_colour_mark_and_label(self):
        for field in ("colour", "marker", "label", "absent"):
            assert len({getattr(voice, field) for voice in VOICES.values()}) == len(VOICES)

    def test_a_heading_tells_a_smaller_profile_and_real_data(self):
        assert heading("embedded", document()) == "embedded"
        assert heading("run", document("run", profile="smoke")) == "your run (smoke)"
        assert heading("run", document("run", data_source="real")) == "your run (real data)"

    def test_a_heading_is_recognised(self):
        assert [voice_of(text) for text in ("published", "your run (quick)", "network")] == ["published", "run", None]

    def test_every_verdict_of_the_ledger_has_a_mark_and_is_recognised(self):
        assert set(VERDICTS) == set(findings.WORST_FIRST)
        assert [verdict_of(marked(verdict)) for verdict in VERDICTS] == list(VERDICTS)
        assert verdict_of("supported by the data") is None

    def test_every_method_of_the_section_has_a_label(self):
        assert all(label(name) != name for name in ABLATION.methods)


class TestScore:
    def test_shows_what_is_known_and_no_more(self):
        summary = summarise(document())["methods"]["D0_doppler"]["macro_f1"]
        assert score(summary) == f"0.950{NBSP}±{NBSP}0.025 [0.89,{NBSP}1.01]"
        assert score(summary | {"low": None}) == f"0.950{NBSP}±{NBSP}0.025"
        assert score(summary | {"low": None, "sd": None}) == "0.950"
        assert score(summary | {"mean": None}) == "—"


class TestAblationTable:
    def test_every_method_and_voice_has_a_cell(self, published):
        table = show.table_ablation({"published": published, "embedded": document(), "run": None})
        rows = table.set_index("network")
        assert list(rows.columns) == ["neurons", "parameters", "published", "embedded", "your run"]
        assert set(rows.index) == {label(name) for name in ABLATION.methods}
        assert rows.loc[label("D2_concat"), "published"] == "not published"
        assert rows.loc[label("D0_doppler"), "published"] == f"{published.means['D0_doppler'].macro_f1:.3f}"
        assert rows.loc[label("D0_doppler"), "embedded"].startswith("0.950")
        assert set(rows["your run"]) == {"not run yet"}

    def test_a_run_alone_is_enough(self):
        table = show.table_ablation({"run": document("run", ("D1_H1",), "smoke", seeds=(1,))})
        assert table.to_dict("records") == [
            {
                "network": label("D1_H1"),
                "neurons": "STFT-IF → Doppler-LIF → Chirp-LIF → Dual-tau-LIF",
                "parameters": "1,000",
                "your run (smoke)": "0.975",
            }
        ]

    def test_the_data_behind_it_are_the_full_values(self, published):
        data = show.data_ablation({"published": published, "embedded": document(), "run": None})
        assert len(data) == len(published.means) + len(METHODS) * len(SEEDS)
        own = data[(data.voice == "embedded") & (data.method == "D1_H1")]
        assert dict(zip(own.seed, own.macro_f1, strict=True)) == {str(s): 1 - (8 + s) / len(TRUE) for s in SEEDS}


class TestOtherTables:
    def test_comparisons_show_every_seed_with_its_interval(self):
        """The best homogeneous network is the one that validation chooses, so its histories are needed."""
        whole = document()
        cells = [with_result(cell, history={"smoothed": [cell.result.macro_f1]}) for cell in whole.cells]
        table = show.table_comparisons(whole.model_copy(update={"cells": cells})).set_index("difference")
        row = table.loc["vertical mix − best homogeneous"]
        assert row["mean"] == "−0.200" and row["consistent"] == "yes"
        assert all(row[f"seed {seed}"].startswith("−0.2") and "[" in row[f"seed {seed}"] for seed in SEEDS)
        without = show.table_comparisons(whole)["difference"]
        assert not without.str.contains("best homogeneous").any(), "without validation scores there is none"

    def test_of_more_than_three_seeds_comparisons_count_those_that_are_clear_of_zero(self):
        whole = document(seeds=(1, 2, 3, 4))
        table = show.table_comparisons(whole)
        assert list(table) == ["difference", "seeds above 0", "seeds below 0", "mean", "consistent"]
        pairs = summarise(whole)["comparisons"].values()
        assert list(table["seeds above 0"]) == [f"{sum(p.low > 0 for p in one.seeds.values())} of 4" for one in pairs]

    def test_capacity_is_told_relative_to_the_vertical_mix(self):
        table = show.table_capacity(document()).set_index("network")
        assert table.loc[label("D1_H1"), "from the vertical mix"] == "+0.00%"
        assert table.loc[label("D0_doppler"), "from the vertical mix"] == f"−{100 * 20 / 1020:.2f}%"

    def test_claims_have_a_row_each_and_a_column_per_voice(self):
        ledgers = {"published": claims.ledger("published"), "embedded": None, "run": None}
        table = show.table_claims(ledgers)
        assert list(table.index) == [claim.id for claim in ledgers["published"]]
        assert list(table["published"]) == [marked(claim.verdict) for claim in ledgers["published"]]
        assert set(table["embedded"]) == {"not locked"} and set(table["your run"]) == {"not run yet"}

    def test_predictions_are_judged_by_the_document_given(self):
        runs = {name: document("run", tuple(ABLATION.methods), profile=name) for name in ("smoke", "paper")}
        table = {name: lesson.verdicts(run, PREDICTIONS) for name, run in runs.items()}
        texts = {entry.id: entry.text for entry in claims.entries()}
        assert table["paper"]["claim"].tolist() == [texts[name] for name in PREDICTIONS]
        assert table["paper"]["verdict"][0] == "contradicted"
        assert table["smoke"]["verdict"][0] == "not testable", "too small for a verdict"

    def test_every_registered_neuron_is_listed_with_its_parameters(self):
        table = show.table_neurons().set_index("neuron")
        assert list(table.index) == neurons.names()
        assert table.loc["Doppler-LIF", "learnt"] == "3" and table.loc["Vanilla-LIF", "learnt"] == "0"


class TestNamespace:
    def test_every_name_offered_is_there_and_every_exhibit_has_its_data(self):
        offered = set(show.exhibits())
        assert all(callable(getattr(show, name)) for name in offered)
        drawings = {name.removeprefix("figure_") for name in offered if name.startswith("figure_")}
        assert {topic for topic in drawings if f"data_{topic}" not in offered} == set()


class TestFigures:
    def test_the_ablation_names_methods_voices_and_what_is_absent(self, published):
        figure = show.figure_ablation({"published": published, "embedded": document(), "run": None})
        assert {label(name) for name in ABLATION.methods} <= drawn(figure)
        assert {"published", "embedded", "your run: not run yet", "not published"} <= drawn(figure)

    def test_a_smoke_run_is_called_one(self):
        assert "your run (smoke)" in drawn(show.figure_ablation({"run": document("run", profile="smoke")}))

    def test_the_mean_stands_where_the_document_says(self):
        axes = show.figure_ablation({"embedded": document()}).axes[0]
        marks = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == VOICES["embedded"].marker]
        assert marks == pytest.approx([0.95, 0.85, 0.75, 0.65])

    def test_firing_has_a_panel_per_method_and_averages_the_banks_paths(self):
        figure = show.figure_firing(document())
        assert [axes.get_title() for axes in figure.axes] == [label(name) for name in METHODS]
        means = [line.get_ydata()[0] for line in figure.axes[3].lines if line.get_linewidth() > 1]
        assert means == pytest.approx([0.1 + (8 + depth) / 100 for depth in range(4)])

    @pytest.mark.parametrize("methods", [("D1_H1",), ("D0_stft", "D2_concat", "D1_rev")])
    def test_any_selection_of_methods_and_a_single_seed_can_be_drawn(self, methods):
        given = document("run", methods, "smoke", seeds=(1,))
        for figure in (show.figure_ablation({"run": given}), show.figure_firing(given)):
            assert {label(name) for name in methods} <= drawn(figure)
        assert len(show.data_firing(given)) == sum(40 if name == "D2_concat" else 8 for name in methods)

    def test_a_notebook_shows_it_as_a_picture(self):
        assert show.figure_ablation({"embedded": document()})._repr_png_().startswith(b"\x89PNG")

    def test_one_radar_example_of_each_class(self):
        from mstask.data.radar import CLASS_NAMES

        titles = [axes.get_title().replace("\n", " ") for axes in show.figure_radar_examples().axes]
        assert titles == list(CLASS_NAMES)


class TestRankStability:
    def test_the_shares_of_a_method_s_ranks_make_a_whole(self):
        table = show.data_rank_stability(document())
        shares = table.drop(columns="method").to_numpy()
        assert shares.shape == (len(METHODS), len(METHODS))
        assert shares.sum(axis=1) == pytest.approx(1)

    def test_a_clear_ranking_stands_on_the_diagonal(self):
        clear = document(methods=("D0_doppler", "D2_concat"), seeds=(1, 2))
        for cell in clear.cells[2:]:
            cell.result.predictions[:] = [1 - label for label in TRUE]
        assert show.data_rank_stability(clear)["rank_1"].tolist() == [1.0, 0.0]
        assert {"100", "all Doppler-LIF", "bank of five"} <= drawn(show.figure_rank_stability(clear))

    def test_means_alone_cannot_be_resampled(self, published):
        with pytest.raises(MstaskError, match="rests on too little to resample"):
            show.figure_rank_stability(published)


def test_verdicts_are_counted_by_voice():
    ledgers = {"published": claims.ledger("published"), "run": None}
    table = show.table_verdicts(ledgers).set_index("verdict")
    assert table["published"].astype(int).sum() == len(ledgers["published"])
    supported = sum(claim.verdict == "supported" for claim in ledgers["published"])
    assert table.loc[marked("supported"), "published"] == str(supported)
