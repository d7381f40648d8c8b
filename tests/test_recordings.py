"""The section on recordings, on tiny ones made by hand: what is measured, what is said of it, and what happens without any."""

from __future__ import annotations

import making
import numpy as np
import pytest
import torch

from mstask import cell, data, results, section, show, summary
from mstask.data import recorded, shd, speech
from mstask.errors import MstaskError
from mstask.job import Job
from mstask.lab import batch
from mstask.lab.cli import main
from mstask.stats.scoring import macro_f1
from mstask.studies.matching.declare import ALL_NEURONS
from mstask.studies.recordings import facts, measure, transfer
from mstask.studies.recordings.declare import RECORDINGS

SMALL = {"profile": "smoke", "max_epochs": 1, "batch_size": 16, "width": 8}


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No copy of any recordings."""
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "cache"))
    for original in recorded.ORIGINALS:
        monkeypatch.delenv(original.variable, raising=False)


def job(method, case, folder, **given):
    return making.job("recordings", method, folder, case=case, **SMALL | given)


def cell_of(method, case, seed=42, score=0.5, n_classes=10):
    """A cell with half of its predictions right, more or less."""
    true = np.resize(np.arange(n_classes), 40)
    wrong = np.arange(40) >= 40 * score
    predictions = np.where(wrong, (true + 1) % n_classes, true).tolist()
    classes = [str(number) for number in range(n_classes)]
    about = {"counts": {"test": 40}, "class_names": classes, "test_labels": true.tolist()}
    record = making.data_record(name="radar-recorded", source="recorded", size="all", fingerprint=case, **about)
    return making.bare("recordings", method, seed, making.measured(predictions, true, classes), case=case, data=record)


@pytest.fixture(scope="module")
def document():
    """Two neuron types and a baseline: Doppler-LIF ahead on radar, CrossInhib-LIF on speech; two seeds."""
    scores = {"Doppler-LIF": (0.3, 0.9), "CrossInhib-LIF": (0.6, 0.5), "logistic": (0.7, 0.7)}
    cases = ["speech-george", "speech-theo", "radhar-pass-1", "radhar-pass-2", "acconeer-2022-07-27", "transfer-to-recorded"]
    cells = [
        cell_of(method, case, seed, pair[case[0] in "ra"] - 0.05 * (case in ("speech-theo", "acconeer-2022-07-27")))
        for method, pair in scores.items()
        for case in cases
        for seed in (42, 123)
    ]
    return results.merge(cells, source="recorded")


class TestGrid:
    def test_nine_neurons_and_two_baselines_meet_every_case(self):
        from mstask import neurons

        assert set(ALL_NEURONS) <= set(neurons.names()) and len(RECORDINGS.methods) == 11
        paper = section.resolve("recordings", profile="paper")
        assert len(paper.seeds) == 5 and paper.cases == list(RECORDINGS.cases) and paper.data_source == "recorded"
        assert len(section.grid(paper)) == len(RECORDINGS.cases) * 11 * 5

    def test_there_is_no_other_source(self):
        with pytest.raises(MstaskError, match="recordings"):
            section.resolve("recordings", data_source="embedded")
        assert "recordings" not in section.having("real") and section.having("recorded") == ["recordings"]


class TestMeasures:
    @pytest.mark.parametrize("case", ["neuroradar-fold-1", "radhar-pass-1"])
    @pytest.mark.parametrize("method", ["Doppler-LIF", "logistic", "SmallCNN"])
    def test_scores_follow_from_the_predictions(self, copies, tmp_path, case, method):
        asked = job(method, case, tmp_path)
        found = measure.measure(asked).measures
        score, per_class = macro_f1(found.predictions, asked.splits.test.y, asked.splits.n_classes)
        assert found.macro_f1 == pytest.approx(score) and found.per_class_f1 == pytest.approx(per_class)

    def test_logistic_regression_finds_what_is_there_to_be_found(self, copies, tmp_path):
        assert measure.measure(job("logistic", "radhar-pass-1", tmp_path)).measures.macro_f1 == 1

    def test_neighbouring_channels_of_the_ear_are_summed_for_it(self):
        x = torch.arange(2 * 3 * 700, dtype=torch.float32).reshape(2, 3, 700)
        assert measure.flat(x).shape == (2, 210) and measure.flat(x)[0, 0] == sum(range(10))
        assert measure.flat(x[..., :6]).shape == (2, 18)

    def test_a_narrow_picture_is_repeated_until_it_can_be_pooled(self, copies):
        splits = recorded.load_case("neuroradar-fold-1")
        wide = measure.widened(splits).train.x
        assert (
            wide.shape[-1] == 12
            and torch.equal(wide[..., ::2], splits.train.x)
            and torch.equal(wide[..., 1::2], wide[..., ::2])
        )
        assert measure.widened(recorded.load_case("radhar-pass-1")).train.x.shape[-1] == 16

    def test_the_window_is_that_of_the_domain(self, copies, tmp_path):
        on_radar = job("STFT-IF", "radhar-pass-1", tmp_path)
        assert measure.of_domain(on_radar).parameters.window_len == 16
        speech_like = data.Splits(*[on_radar.splits.train] * 3, 5, {"name": "speech-recorded"})
        asked = Job(RECORDINGS, "STFT-IF", "speech-george", 42, on_radar.parameters, speech_like, "cpu", tmp_path / "c")
        assert measure.of_domain(asked).parameters.window_len == 8


class TestTransfer:
    @pytest.fixture(autouse=True)
    def both(self, monkeypatch):
        """Ten synthetic speakers who say twenty words, and six people who say ten."""

        def examples(n_speakers, n_words):
            y, speakers = (grid.ravel() for grid in np.mgrid[:n_words, :n_speakers])
            return np.ones((len(y), 12, 700), np.uint8), y, speakers

        halves = [shd.Words(*examples(10, 20), None, 1, 0) for _ in range(2)]
        corpus = speech.Corpus(*halves, None, "embedded")
        people = recorded.Examples(*examples(6, 10), list("abcdef"), shd.ENGLISH, "recorded")
        monkeypatch.setattr(speech, "read", lambda *_: corpus)
        monkeypatch.setattr(recorded, "speech", lambda *_: people)

    def test_only_english_words_are_used_and_no_speaker_is_in_two_parts(self):
        to, back = (transfer.load(case, "paper") for case in transfer.CASES)
        assert to.meta["counts"] == {"train": 160, "validation": 40, "test": 60}
        assert back.meta["counts"] == {"train": 50, "validation": 10, "test": 200}
        assert to.n_classes == back.n_classes == 10 and to.meta["fingerprint"] != back.meta["fingerprint"]
        for splits in (to, back):
            groups = [group for part in splits.meta["groups"].values() for group in part]
            assert len(set(groups)) == len(groups)


class TestFacts:
    def test_folds_are_what_an_interval_is_over(self, document):
        found = summary.summarise(document)["facts"]["sets"]
        assert found["speech"]["methods"]["Doppler-LIF"]["macro_f1"]["n"] == 2 and found["speech"]["chance"] == 0.1
        assert found["to_recorded"]["folds"] == ["transfer-to-recorded"] and found["neuroradar"] is None

    def test_baselines_are_no_neurons(self, document):
        found = facts.facts(document)["sets"]
        assert found["speech"]["ranking"] == ["CrossInhib-LIF", "Doppler-LIF"] and found["radhar"]["best"] == "Doppler-LIF"
        assert "logistic" in found["speech"]["methods"]

    def test_the_crossing_and_the_radar_where_it_is_widest(self, document):
        found = facts.facts(document)["crossing"]
        assert found["sets"]["radhar"]["mean"] > 0 > found["sets"]["speech"]["mean"]

    def test_the_radar_drawn_first_is_that_of_most_folds_whatever_the_scores(self, document):
        assert facts.first_radar(document) == "radhar"
        few = document.model_copy(update={"cells": [c for c in document.cells if c.case != "radhar-pass-2"]})
        assert facts.first_radar(few) == "radhar" and show.table_recorded_square(few)["recordings"].tolist()[0] == "RadHAR"
        other = few.model_copy(update={"cells": [c for c in few.cells if not c.case.startswith("radhar")]})
        assert facts.first_radar(other) == "acconeer"

    def test_rank_agreement_needs_three_neurons(self, document):
        assert facts.stand_in(document, "speech", {"disjoint": results.load("disjoint", "embedded")}) is None
        whole = results.load("disjoint", "embedded")
        cells = [
            cell_of(name, "speech-george", score=0.9 - 0.1 * i) for i, name in enumerate(summary.standings(whole)["ranking"])
        ]
        found = facts.stand_in(results.merge(cells, source="recorded"), "speech", {"disjoint": whole})
        assert found["rho"] == pytest.approx(1) and found["types"] == len(cells) and found["verdict"] == "undecided"

    def test_another_section_has_none(self):
        assert facts.facts(results.load("square", "embedded")) == {}


class TestExhibits:
    def test_every_method_has_a_row_and_every_set_a_column(self, document):
        table = show.table_recordings(document)
        assert table["method"].tolist() == ["CrossInhib-LIF", "Doppler-LIF", "logistic regression"]
        assert table.shape[1] == 4 and "1st" in table.iloc[0, 1] and "2nd" in table.iloc[1, 1]
        assert len(show.data_recordings(document)) == len(document.cells)
        assert len(show.figure_recordings(document).axes) == 3

    def test_transfer_is_one_table(self, document):
        table = show.table_transfer(document).set_index("method")
        assert table.loc["CrossInhib-LIF", "embedded to recorded, accuracy"] == "0.600"
        assert (table["recorded to embedded, accuracy"] == "—").all()


class TestWithoutRecordings:
    def test_each_case_says_how_to_get_them(self, nowhere):
        parameters = section.resolve("recordings", profile="smoke")
        for case, name in (("speech-george", "fsdd"), ("radhar-pass-1", "radhar"), ("neuroradar-days", "neuroradar")):
            with pytest.raises(MstaskError, match=f"run python -m mstask data fetch {name}, or set {name.upper()}_DATA"):
                cell.load("recordings", parameters, case)
            assert not recorded.is_here(case)

    def test_a_run_of_everything_leaves_them_out_and_one_of_them_fails(self, nowhere, results_folder, monkeypatch, capsys):
        monkeypatch.setattr(section, "having", lambda source: ["recordings"])
        assert main(["run", "--profile", "smoke"]) == 0
        told = capsys.readouterr().err
        assert told.count("left out: recordings, 4 cells: no recordings fsdd: run python -m mstask data fetch fsdd") == 1
        assert told.count("left out") == 2
        assert main(["run", "recordings", "--profile", "smoke"]) == 1

    def test_what_is_here_is_run(self, copies, results_folder, monkeypatch, tmp_path):
        monkeypatch.delenv("FSDD_DATA")
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "cache"))
        made = batch.plan([("recordings", section.resolve("recordings", profile="smoke"))], 1, None, False, False)
        assert {outcome.status for outcome in made.outcomes} == {"absent"} and len(made.outcomes) == 4
        assert [place.case for task in made.tasks for place in task.places] == ["radhar-pass-1"] * 4


def test_a_run_is_locked_in_a_folder_of_its_own_and_verified(copies, results_folder):
    parameters = section.resolve("recordings", **SMALL | {"methods": ["logistic"], "cases": ["radhar-pass-1"]})
    splits = cell.load("recordings", parameters, "radhar-pass-1")
    place = section.grid(parameters)[0]
    made = cell.run_cell("recordings", place, parameters, splits)
    assert (made.data.source, made.parameters["data_source"]) == ("recorded", "recorded")
    path = results.lock_run("recordings", made.profile, "recorded")
    assert path == results_folder / "recorded" / "recordings.json" and results.verify(results_folder) == []
    kept = results.load("recordings", "recorded")
    assert kept.source == kept.data_source == "recorded" and kept.cells[0].result == made.result
    path.write_text(path.read_text().replace('"accuracy": 1.0', '"accuracy": 0.9'))
    assert any("accuracy" in problem or "SHA-256" in problem for problem in results.verify(results_folder))
