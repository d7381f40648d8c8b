"""Plots, tables and sounds of the audio sections: what they show is what the documents hold."""

from __future__ import annotations

from statistics import fmean, stdev

import numpy as np
import pytest
from drawn import drawn
from making import TEST_LABELS, cell, document, scored, with_result

from mstask import results, show
from mstask.results.voices import label
from mstask.show.scores import NBSP, ordinal, ranked, score_table
from mstask.stats import variance_components
from mstask.studies.gallery import exhibits_speech as speech_figures
from mstask.studies.matching.declare import PAIRS
from mstask.studies.matching.exhibits_rotation import components_of, pair
from mstask.studies.matching.facts import differences, facts
from mstask.summary import standings, summarise

SEEDS = (42, 123, 999)
SCORES = {"CrossInhib-LIF": 0.6, "Dual-tau-LIF": 0.7, "Doppler-LIF": 0.4}


def rotation(names=tuple(SCORES), cases=PAIRS[:3], seeds=SEEDS):
    """A rotation whose scores are known: type + 0.05 x number of the pair + 0.01 x number of the seed."""
    return results.merge(
        cell(
            name,
            seed,
            section="rotation",
            case=case,
            result=results.Measures(macro_f1=SCORES[name] + 0.05 * cases.index(case) + 0.01 * seeds.index(seed)),
        )
        for name in names
        for case in cases
        for seed in seeds
    )


def probe(rates, method="D1_H1", types=("STFT-IF", "Doppler-LIF", "Chirp-LIF", "Dual-tau-LIF"), seconds=20.0):
    """A probe of one network and seed with given rates [epoch][layer]; 700 training examples in `seconds` an epoch."""
    measures = results.Measures(
        macro_f1=0.5, n_parameters=1000, epochs=len(rates), history={"firing_rates": rates}, details={"neurons": list(types)}
    )
    timing = results.Timing(seconds=2 * seconds * len(rates), parts={"train": seconds * len(rates)})
    parameters = {"rate_low": 0.02, "rate_high": 0.9, "target_rate": 0.15}
    return results.merge([cell(method, 42, section="probe", result=measures, timing=timing, parameters=parameters)])


class TestRankings:
    PUBLISHED = results.load("disjoint", "published")
    OWN = scored({"CrossInhib-LIF": [0.8, 0.9], "Doppler-LIF": [0.7, 0.6], "Dual-tau-LIF": [0.5, 0.4]}, "disjoint")

    @pytest.mark.parametrize("section", ["disjoint", "mixed"])
    def test_types_stand_in_the_order_of_the_first_voice_that_has_figures(self, section):
        published = results.load(section, "published")
        table = getattr(show, f"table_{section}")({"published": published, "embedded": self.OWN, "run": None})
        assert list(table["neuron"]) == summarise(published)["ranking"]
        assert list(table.columns) == ["neuron", "published", "embedded", "your run"]
        assert set(table["your run"]) == {"not run yet"}

    def test_each_voice_has_its_own_ranks(self):
        table = show.table_disjoint({"published": self.PUBLISHED, "run": self.OWN}).set_index("neuron")
        assert table.loc["Dual-tau-LIF", "published"].endswith(f"·{NBSP}1st")
        assert table.loc["Dual-tau-LIF", "your run"].endswith(f"·{NBSP}3rd")
        assert table.loc["CrossInhib-LIF", "your run"].startswith(f"0.850{NBSP}±")
        assert table.loc["Beam-IF", "your run"] == "not run yet"

    def test_ordinals(self):
        assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21)] == [
            "1st",
            "2nd",
            "3rd",
            "4th",
            "11th",
            "12th",
            "13th",
            "21st",
        ]

    def test_where_nothing_is_published_the_next_voice_sets_the_order(self):
        square = results.load("square", "published")
        own = scored({"Phase-LIF": [0.1], "Doppler-LIF": [0.5], "CrossInhib-LIF": [0.9]}, "square")
        assert ranked({"published": square, "run": own}) == ["CrossInhib-LIF", "Doppler-LIF", "Phase-LIF"]
        table = show.table_square({"published": square, "run": own})
        assert list(table["published"]) == ["not published"] * 3
        assert "not published" in drawn(show.figure_square({"published": square, "run": own}))

    @pytest.mark.parametrize("section", ["disjoint", "mixed", "square"])
    def test_a_run_alone_can_be_shown_and_its_data_are_the_full_values(self, section):
        given = {"run": self.OWN}
        assert {"CrossInhib-LIF", "your run"} <= drawn(getattr(show, f"figure_{section}")(given))
        assert sorted(getattr(show, f"data_{section}")(given)["macro_f1"]) == [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

    def test_published_means_without_seeds_have_a_rank_too(self):
        table = show.table_mixed({"published": results.load("mixed", "published")}).set_index("neuron")
        assert table.loc["Doppler-LIF", "published"] == f"0.601{NBSP}·{NBSP}6th"


class TestRotation:
    def test_the_table_tells_the_extreme_pairs_the_spread_over_seeds_and_the_ranks(self):
        table = show.table_rotation(rotation()).set_index("neuron")
        assert list(table.index) == ["Dual-tau-LIF", "CrossInhib-LIF", "Doppler-LIF"]
        row = table.loc["CrossInhib-LIF"]
        assert row["lowest (pair)"] == "0.610 (0+1)" and row["highest (pair)"] == "0.710 (4+5)"
        assert row.iloc[0].startswith(f"0.660{NBSP}±{NBSP}{stdev([0.61, 0.66, 0.71]):.3f}")
        assert row["sd over seeds"] == "0.010" and row["ranks"] == "2"

    def test_ranks_that_change_are_a_range(self):
        cells = [c for c in rotation().cells if (c.method, c.case) != ("Doppler-LIF", PAIRS[0])]
        best = [cell("Doppler-LIF", s, section="rotation", case=PAIRS[0], result=results.Measures(macro_f1=0.9)) for s in SEEDS]
        assert show.table_rotation(results.merge(cells + best)).set_index("neuron").loc["Doppler-LIF", "ranks"] == "1–3"

    def test_a_line_per_type_stands_at_its_rank_for_each_pair(self):
        figure = show.figure_rotation(rotation())
        lines = {tuple(line.get_ydata()) for line in figure.axes[0].lines}
        assert lines == {(1, 1, 1), (2, 2, 2), (3, 3, 3)}
        assert {"0+1", "2+3", "4+5", *SCORES} <= drawn(figure)

    def test_the_spread_shows_means_over_seeds_and_means_over_pairs(self):
        axes = show.figure_rotation_spread(rotation()).axes[0]
        points = [np.sort(line.get_xdata()) for line in axes.lines if line.get_marker() in ("o", "|")]
        np.testing.assert_allclose(points[0], [0.71, 0.76, 0.81])
        np.testing.assert_allclose(points[1], [0.75, 0.76, 0.77])

    def test_the_data_behind_them_are_every_cell_and_every_mean(self):
        assert len(show.data_rotation(rotation())) == 27
        data = show.data_rotation_spread(rotation())
        own = data[(data.method == "Doppler-LIF") & (data.unit == "pair")].set_index("which")["macro_f1"]
        assert own[PAIRS[2]] == pytest.approx(fmean([0.5, 0.51, 0.52]))

    def test_components_are_those_of_the_statistics_module(self):
        found = components_of(rotation())
        table = score_table(rotation())
        expected = variance_components([[[table[n][c][s] for s in SEEDS] for c in PAIRS[:3]] for n in table])
        assert found == pytest.approx(expected)
        shown = show.table_rotation_components(rotation()).set_index("source")["standard deviation"]
        assert shown["pair of speakers"] == f"{expected['case']:.3f}" and shown["seed"] == f"{expected['seed']:.3f}"

    @pytest.mark.parametrize(
        "part",
        [
            {"seeds": (42,)},
            {"cases": PAIRS[:1]},
            {"names": ("Doppler-LIF",)},
            {"names": ("Doppler-LIF",), "cases": PAIRS[:1], "seeds": (42,)},
        ],
    )
    def test_a_smaller_run_is_shown_without_what_it_cannot_tell(self, part):
        given = rotation(**part)
        assert set(show.table_rotation_components(given)["standard deviation"]) == {"—"}
        assert len(show.table_rotation(given)) == len(part.get("names", SCORES))
        for figure in (show.figure_rotation(given), show.figure_rotation_spread(given)):
            assert figure._repr_png_().startswith(b"\x89PNG")

    def test_an_incomplete_grid_has_no_components_but_a_table(self):
        part = results.merge(rotation().cells[1:])
        assert components_of(part) is None
        assert len(show.table_rotation(part)) == 3

    def test_pairs_are_named_by_their_speakers(self):
        assert [pair(case) for case in ("speakers-0-1", "speakers-10-11", "other")] == ["0+1", "10+11", "other"]


class TestCrossing:
    @staticmethod
    def studies(**changes):
        """Published show, and an embedded square that closes."""
        square = document({"Doppler-LIF": 0.95, "CrossInhib-LIF": 0.3}, "square", source="embedded")
        disjoint = document({"Doppler-LIF": 0.3, "CrossInhib-LIF": 0.95}, "disjoint", source="embedded")
        own = {"square": square, "ablation": None, "disjoint": disjoint} | changes
        return {s: {"published": results.load(s, "published"), "embedded": own[s], "run": None} for s in own}

    def test_the_table_says_who_wins_by_how_much_and_whether_the_square_closes(self):
        table = show.table_square_crossed(self.studies()).set_index("task")
        assert table.loc["radar", "embedded"].startswith("Doppler-LIF by 0.")
        assert table.loc["radar", "embedded"].endswith("clear at every seed")
        assert table.loc["audio", "embedded"].startswith("CrossInhib-LIF by 0.")
        assert table.loc["both", "embedded"] == "✓ supported"
        assert set(table["your run"]) == {"not run yet"}

    def test_a_missing_corner_is_not_filled_in(self):
        table = show.table_square_crossed(self.studies()).set_index("task")
        assert table.loc["radar", "published"] == "not published"
        assert table.loc["audio", "published"].startswith("CrossInhib-LIF by 0.184 [")
        assert table.loc["both", "published"] == "○ not testable"

    def test_the_opposite_winner_is_named_with_his_own_interval(self):
        square = scored({"Doppler-LIF": [0.5, 0.5, 0.5], "CrossInhib-LIF": [0.6, 0.7, 0.8]}, "square")
        table = show.table_square_crossed(self.studies(square=square)).set_index("task")
        found = table.loc["radar", "embedded"]
        assert found == f"CrossInhib-LIF by 0.200 [−0.048,{NBSP}+0.448]"
        assert table.loc["both", "embedded"] == "≈ undecided", "the interval of so few seeds reaches 0"

    def test_corners_come_from_the_square_and_only_else_from_the_ablation(self):
        ablation = scored({"D0_doppler": [0.11]}, "ablation")
        data = show.data_square_crossed(self.studies(ablation=ablation)).set_index(["voice", "task", "neuron"])
        assert data.loc[("embedded", "radar", "Doppler-LIF"), "section"] == "square"
        assert data.loc[("published", "radar", "Doppler-LIF"), "section"] == "ablation"
        assert ("published", "radar", "CrossInhib-LIF") not in data.index
        alone = show.data_square_crossed(self.studies(square=None, disjoint=None, ablation=ablation))
        assert alone[alone.voice == "embedded"]["macro_f1"].tolist() == [0.11]

    def test_there_is_a_panel_per_voice_which_says_what_is_missing(self):
        figure = show.figure_square_crossed(self.studies())
        assert [axes.get_title() for axes in figure.axes] == ["published", "embedded", "your run"]
        assert {"CrossInhib-LIF\non radar:\nnot published", "not run yet"} <= drawn(figure)
        own = [line.get_ydata() for line in figure.axes[1].lines if line.get_linestyle() == "--"]
        square, disjoint = (standings(self.studies()[s]["embedded"]) for s in ("square", "disjoint"))
        assert list(own[0]) == [s["methods"]["Doppler-LIF"]["macro_f1"]["mean"] for s in (square, disjoint)]

    def test_a_task_without_any_figure_is_named_once(self):
        figure = show.figure_square_crossed(self.studies(disjoint=None))
        assert "audio:\nnot locked" in drawn(figure)


class TestProbe:
    QUIET = ((0.15, 0.01, 0.15, 0.95), (0.15, 0.019, 0.15, 0.15), (0.15, 0.02, 0.15, 0.15))

    def test_layers_outside_the_allowed_range_are_named_with_the_number_of_epochs(self):
        table = show.table_drift(probe(self.QUIET))
        assert table.to_dict("records") == [
            {
                "network": label("D1_H1"),
                "layer": "2 (Doppler-LIF)",
                "epochs below 0.02": "2",
                "epochs above 0.9": "0",
                "of": "3",
                "lowest to highest rate": "0.010 to 0.020",
            },
            {
                "network": label("D1_H1"),
                "layer": "4 (Dual-tau-LIF)",
                "epochs below 0.02": "0",
                "epochs above 0.9": "1",
                "of": "3",
                "lowest to highest rate": "0.150 to 0.950",
            },
        ]

    def test_a_network_without_drift_has_one_line(self):
        table = show.table_drift(probe([[0.1, 0.2, 0.3, 0.4]]))
        assert list(table["layer"]) == ["all 4"]
        assert (table.iloc[0]["epochs below 0.02"], table.iloc[0]["epochs above 0.9"]) == ("never", "never")

    def test_a_layer_of_a_bank_is_told_by_its_path(self):
        rates = [[0.15] * 20]
        rates[0][6] = 0.001
        bank = probe(rates, "D2_concat", ("Doppler-LIF", "Chirp-LIF", "STFT-IF", "Dual-tau-LIF", "CrossInhib-LIF"))
        assert list(show.table_drift(bank)["layer"]) == ["3 (Chirp-LIF path)"]
        assert show.table_probe(bank).iloc[0]["layers astray"] == "1 of 20"

    def test_speed_is_examples_over_time_in_training(self):
        table = show.table_probe(probe(self.QUIET, seconds=20.0))
        assert table.iloc[0]["examples per second"] == "35"
        assert table.iloc[0]["layers astray"] == "2 of 4"
        assert show.data_probe(probe(self.QUIET))["examples_per_second"].tolist() == [35.0]

    def test_best_test_accuracy_of_all_epochs_stands_beside_that_of_the_selected_one(self):
        def noted(method, seed, accuracies):
            one = cell(method, seed, section="probe")
            history = one.result.history | {"test_accuracy": [one.result.accuracy + a for a in accuracies]}
            return with_result(one, history=history)

        document = results.merge([noted("D1_H1", 42, [-0.1, 0.0]), noted("D1_H1", 123, [0.02, 0.0])])
        row = show.table_probe_accuracy(document).iloc[0]
        assert row["the second adds"] == "+0.010"
        assert facts(document)["gain"] == {"mean": pytest.approx(0.01), "most": pytest.approx(0.02)}
        assert show.table_probe_accuracy(scored({"D1_H1": [0.5]}, "probe")).iloc[0]["the second adds"] == "—"
        assert facts(scored({"D1_H1": [0.5]}, "probe"))["gain"] is None

    def test_differences_of_accuracy_are_those_of_the_papers_script(self):
        """5,000 paired resamples by a generator with the cell's seed, the best homogeneous network as control."""
        skills = {"D0_doppler": 0.6, "D0_chirp": 0.7, "D1_H1": 0.8, "D1_rev": 0.5}
        built = results.merge(cell(name, seed, skill, "probe") for name, skill in skills.items() for seed in (42, 123))
        pairs = {(pair.a, pair.b): pair for pair in differences(built)}
        assert list(pairs) == [("D1_H1", "D0_chirp"), ("D1_rev", "D0_chirp"), ("D1_H1", "D1_rev")]
        right = {c.method: np.equal(c.result.predictions, TEST_LABELS) for c in built.cells if c.seed == 123}
        apart, rng = right["D1_H1"].astype(float) - right["D0_chirp"], np.random.default_rng(123)
        draws = [apart[rng.integers(0, len(apart), len(apart))].mean() for _ in range(5000)]
        found = pairs["D1_H1", "D0_chirp"].seeds["123"]
        assert found.difference == pytest.approx(apart.mean())
        assert found.interval == pytest.approx(tuple(np.percentile(draws, [2.5, 97.5])), abs=1e-6)
        table = show.table_probe_differences(built)
        assert list(table["difference"])[2] == f"{label('D1_H1')} − {label('D1_rev')}"

    def test_what_was_not_recorded_is_not_shown(self):
        bare = scored({"D0_doppler": [0.5]}, "probe")
        row = show.table_probe(bare).iloc[0]
        assert (row["examples per second"], row["layers astray"], row["parameters"]) == ("—", "—", "—")
        assert show.table_drift(bare).empty

    def test_the_data_have_every_layer(self):
        data = show.data_drift(probe(self.QUIET))
        assert data["below"].tolist() == [0, 2, 0, 0] and data["above"].tolist() == [0, 0, 0, 1]

    def test_the_plot_shades_what_counts_as_silent(self):
        axes = show.figure_firing(probe(self.QUIET)).axes[0]
        assert [patch.get_height() for patch in axes.patches] == [0.02]


class TestSpeech:
    def test_the_word_shown_is_that_of_the_data_set(self):
        """Every tenth channel, its spikes are those that the small set stores."""
        import h5py

        from mstask.data import speech

        file, row = speech_figures.MAIN
        shown = speech_figures.word(file, row)
        with h5py.File(speech.generated("small") / f"{speech.FILES[file]}.h5", "r") as stored:
            units, times = stored["spikes/units"][row], stored["spikes/times"][row]
        kept = shown.units % 10 == 0
        np.testing.assert_array_equal(np.sort(shown.units[kept]), np.sort(units))
        np.testing.assert_allclose(np.sort(shown.times[kept]), np.sort(times.astype(float)), atol=1e-3)

    def test_pictures_sounds_and_data_are_of_the_same_words(self):
        titles = [sound.title for sound in show.audio_speech_words()]
        assert [axes.get_title().replace("\n", " ") for axes in show.figure_speech_words().axes] == titles
        assert set(show.data_speech_words()["word"]) == set(titles)
        assert len(set(titles)) == 6 and sum("held out" in title for title in titles) == 2
        assert show.audio_speech_word()[0].title in show.data_speech_word()["word"].unique()

    def test_the_figure_of_a_word_ends_with_the_counts_that_a_network_gets(self):
        from mstask.data.shd import frame_counts

        shown = speech_figures.word(*speech_figures.MAIN)
        image = show.figure_speech_word().axes[3].images[0].get_array()
        np.testing.assert_array_equal(image, frame_counts(shown.times, shown.units).T)

    def test_the_cochleagram_is_loudest_where_a_tone_belongs(self):
        """A tone moves the membrane most near the place whose best frequency it is."""
        rate, channel = 24000, 300
        tone = np.sin(2 * np.pi * speech_figures.best_frequencies((channel,))[0] * np.arange(rate // 4) / rate)
        level = speech_figures.cochleagram(speech_figures.Sound("tone", tone, rate))
        assert abs(int(level.mean(axis=1).argmax()) - channel) <= 10
        assert (level.min(), level.max()) == (pytest.approx(speech_figures.FLOOR), 0)

    def test_best_frequencies_fall_along_the_membrane(self):
        found = speech_figures.best_frequencies((0, 100, 300, 500, 699))
        assert found == sorted(found, reverse=True)
        assert [speech_figures.frequency_text(f) for f in found[1:4]] == ["9.5 kHz", "2.1 kHz", "470 Hz"]

    def test_statistics_compare_what_is_published_with_what_was_generated(self):
        from mstask.synth import voices

        table = show.table_speech(results.load("speech", "published"))
        assert list(table.columns[1:]) == ["published (the original)", "embedded"]
        rows = table.set_index("property")
        assert rows.loc["words to train on"].tolist() == [f"{n:,}" for n in (8156, voices.FILE_SIZES["paper"][0])]
        assert rows.loc["spikes in a word", "published (the original)"] == "7,208"
        assert 4900 < speech_figures.statistics()["spikes"] < 6000
        assert 0.6 < speech_figures.statistics()["seconds"] < 0.7
