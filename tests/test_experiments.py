"""Claims about what a cell of the paper's sections does, and about documents whose cells differ in their data."""

import json
from dataclasses import replace

import making
import pytest
import torch
from making import Killed, cell, data_record, killing

from mstask import cell as cells, results, spiking
from mstask.calibration import calibrate_thresholds
from mstask.errors import MstaskError
from mstask.results import ResultsError
from mstask.section import Place, resolve, section
from mstask.studies.matching import probe

TINY = {"profile": "smoke", "width": 8, "max_epochs": 2}


def job(name, method, folder, **given):
    return making.job(name, method, folder, **TINY | given)


def test_a_case_of_the_rotation_holds_its_pair_out_and_nobody_else():
    splits = cells.load("rotation", resolve("rotation", profile="smoke"), "speakers-2-3")
    speakers = splits.meta["speakers"]
    assert set(speakers["test"]) == {2, 3}
    assert set(speakers["train"]) | set(speakers["validation"]) == set(range(12)) - {2, 3}


def test_every_case_of_the_rotation_is_another_pair_and_all_speakers_have_their_turn():
    turns = [case.split("-")[1:] for case in section("rotation").cases]
    assert sorted(int(speaker) for pair in turns for speaker in pair) == list(range(12))


def test_the_probe_calibrates_before_every_epoch(tmp_path, monkeypatch):
    rates = []

    def watched(model, x, target):
        calibrate_thresholds(model, x, target)
        rates.append(model.firing_rates(x))

    monkeypatch.setattr(probe, "calibrate_thresholds", watched)
    probe.measure(job("probe", "D1_H1", tmp_path, max_epochs=3))
    assert len(rates) == 3
    assert torch.tensor(rates).sub(0.15).abs().max() < 0.05


def test_the_probe_differs_from_the_same_network_calibrated_once(tmp_path):
    homeostatic = probe.measure(job("probe", "D0_dualtau", tmp_path / "probe")).measures
    free = spiking.measure(job("probe", "D0_dualtau", tmp_path / "free")).measures
    assert homeostatic.thresholds == free.thresholds
    assert homeostatic.history["train_loss"][1] != free.history["train_loss"][1]


def test_a_probe_interrupted_after_an_epoch_ends_with_the_same_measures(tmp_path):
    whole = probe.measure(job("probe", "D0_chirp", tmp_path / "whole", max_epochs=3)).measures
    broken = job("probe", "D0_chirp", tmp_path / "broken", max_epochs=3)
    with pytest.raises(Killed):
        probe.measure(replace(broken, on_epoch=killing(1)))
    assert broken.checkpoint.exists()
    assert probe.measure(broken).measures == whole


def test_the_probe_selects_on_validation_and_notes_the_test_accuracy_of_every_epoch(tmp_path):
    measures = probe.measure(job("probe", "D0_doppler", tmp_path, max_epochs=3)).measures
    noted = measures.history["test_accuracy"]
    assert len(noted) == len(measures.history["smoothed"]) == 3
    assert measures.accuracy == noted[measures.best_epoch - 1]


def test_the_probe_that_selects_on_test_has_no_validation_and_reports_its_best_accuracy(tmp_path):
    """As script 01 does: all of the first part is trained on, the first examples of it calibrate."""
    original = job("probe", "D0_doppler", tmp_path, max_epochs=4, select_on="test", learning_rate=0.01)
    own = job("probe", "D0_doppler", tmp_path, max_epochs=4)
    assert original.splits.meta["counts"]["validation"] == 0
    assert len(original.splits.train) == len(own.splits.train) + len(own.splits.validation)
    measures = probe.measure(original).measures
    noted = measures.history["test_accuracy"]
    assert measures.accuracy == max(noted) and measures.best_epoch == 1 + noted.index(max(noted))
    assert "validation_macro_f1" not in measures.history


def test_the_probes_firing_is_that_of_the_examples_that_calibrate(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(probe, "predict", lambda model, x: seen.append(x) or (torch.zeros(len(x)), [0.0] * 4))
    chosen = job("probe", "D0_doppler", tmp_path, max_epochs=1)
    assert probe.measure(chosen).measures.history["firing_rates"] == [[0.0] * 4]
    assert torch.equal(seen[-1], chosen.splits.train.x[: chosen.parameters.calibration_examples])


def test_the_mixed_cache_alone_is_enough_for_the_real_probe(tmp_path, monkeypatch):
    x, y = torch.randint(0, 3, (200, 12, 30)).float(), torch.arange(200) % 20
    torch.save({"Xtr": x[:160], "ytr": y[:160], "Xte": x[160:], "yte": y[160:]}, tmp_path / "shd.pt")
    monkeypatch.setenv("SHD_CACHE", str(tmp_path / "shd.pt"))
    monkeypatch.delenv("SHD_DATA", raising=False)
    real = job("probe", "D0_doppler", tmp_path, data_source="real", max_epochs=1)
    assert torch.equal(real.splits.test.x, x[160:])
    assert probe.measure(real).measures.epochs == 1


def test_an_unknown_network_gets_a_suggestion(tmp_path):
    with pytest.raises(MstaskError, match="did you mean 'Doppler-LIF'"):
        spiking.measure(job("square", "Dopler-LIF", tmp_path))


class TestCases:
    def make(self, case, **data):
        record = data_record(name="speech", **data)
        return cell("Doppler-LIF", section="rotation", case=case, data=record)

    def test_a_document_keeps_one_data_record_for_each_case(self, tmp_path):
        document = results.merge([self.make("speakers-0-1", fingerprint="sha256:1"), self.make("speakers-2-3")])
        path = tmp_path / "rotation.json"
        results.write_document(path, document)
        values = json.loads(path.read_text())
        assert sorted(values["cases"]) == ["speakers-0-1", "speakers-2-3"]
        assert all("data" not in written for written in values["cells"])
        assert results.read_document(path) == document
        assert document.data is None
        assert document.data_source == "embedded"

    def test_cells_of_one_case_must_share_their_data(self):
        twin = self.make("speakers-0-1", fingerprint="sha256:2").model_copy(update={"seed": 1})
        with pytest.raises(ResultsError, match="ran on data"):
            results.merge([self.make("speakers-0-1"), twin])

    def test_the_same_method_and_seed_may_meet_several_cases_but_each_once(self):
        results.merge([self.make("a"), self.make("b")])
        with pytest.raises(ResultsError, match="appears twice"):
            results.merge([self.make("a"), self.make("a")])

    def test_a_cell_lies_in_a_file_of_its_own_and_is_found_by_it(self, results_folder):
        made = self.make("speakers-0-1")
        path = results.cell_path("rotation", "paper", "embedded", made.method, made.seed, made.case)
        assert path.name == "Doppler-LIF@speakers-0-1-42.json"
        results.write_cell(path, made)
        assert results.run_cells("rotation", "paper", "embedded") == [made]

    @pytest.mark.parametrize("change", [{"case": ["a"]}, {"case": "../x"}, {"case": 3}])
    def test_an_edited_case_is_one_clear_error(self, tmp_path, change):
        path = tmp_path / "rotation.json"
        results.write_document(path, results.merge([self.make("a")]))
        values = json.loads(path.read_text())
        values["cells"][0].update(change)
        path.write_text(json.dumps(values))
        with pytest.raises(ResultsError, match="case"):
            results.read_document(path)

    def test_the_manifest_names_the_data_of_every_case(self, results_folder):
        path = results_folder / "embedded" / "rotation.json"
        results.write_document(path, results.merge([self.make("a"), self.make("b")], source="embedded"))
        results.lock(path)
        entry = json.loads((results_folder / "manifest.json").read_text())["files"]["embedded/rotation.json"]
        assert set(entry["cases"]) == {"a", "b"}


def test_a_finished_cell_is_read_back_and_not_trained_again(results_folder, monkeypatch):
    parameters = resolve("square", **TINY)
    place = Place("Doppler-LIF", None, 42)
    splits = cells.load("square", parameters)
    first = cells.run_cell("square", place, parameters, splits)
    monkeypatch.setattr(spiking, "measure", None)
    assert cells.run_cell("square", place, parameters, splits) == first
