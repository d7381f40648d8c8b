"""Section 5.3 on the project's data: first-spike codes, features learnt without labels, and whole cells."""

from __future__ import annotations

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from mstask import paths, section as sections
from mstask.data import Split, Splits, shd
from mstask.errors import MstaskError
from mstask.job import Job
from mstask.results import documents
from mstask.studies.ncg import declare as section, equal, features, inputs, measure as experiment, methods
from mstask.studies.ncg.methods import METHODS, Schedule, configuration
from mstask.studies.ncg.names import AT_LENGTH

RECIPE = features.Recipe(n_filters=8, size=3, epochs=4, target_time=0.6, threshold=2.5)


@pytest.fixture
def parameters():
    """The smoke profile's parameters, as `mstask.section.resolve` makes them."""
    chosen = section.SECTION
    whole = {"profile": "smoke", "data_source": "embedded", **chosen.protocol, **chosen.profiles["smoke"]}
    return section.NCGParameters(**whole)


@pytest.fixture(scope="module")
def digits():
    return inputs.load("digits", "embedded", "small")


@pytest.fixture(scope="module")
def pictures(digits):
    return features.as_channels(digits.train.x[:, 0].numpy(), 8)


@pytest.fixture(scope="module")
def learnt(pictures):
    return features.learn(pictures, RECIPE, 0)


def job(method, parameters, splits, path, **changes):
    about = {"case": "digits", "seed": 42} | changes
    return Job(section.SECTION, method, about["case"], about["seed"], parameters, splits, "cpu", path / "checkpoint.pt")


class TestInputs:
    def test_digits_are_on_and_off_latencies_scaled_by_the_training_part(self, digits):
        assert digits.train.x.shape == (195, 1, 128) and digits.meta["coding"] == "on/off latency"
        times = digits.train.x.numpy()
        assert times.min() == 0 and times.max() == 1
        active = (times < 1).any(axis=(0, 1))
        assert (times[:, 0].min(axis=0)[active] == 0).all()

    def test_later_parts_never_change_the_scale(self):
        rng = np.random.default_rng(0)
        train, test = rng.random((6, 8, 8)), rng.random((4, 8, 8))
        with_test, alone = inputs.contrast_latency([train, 100 * test], 5), inputs.contrast_latency([train], 5)
        np.testing.assert_array_equal(with_test[0], alone[0])
        assert with_test[1].min() == 0

    def test_counts_are_early_where_there_are_many(self):
        counts = np.zeros((2, 12, 700), np.float32)
        counts[0, 3, 10:20], counts[1, 3, 15] = 1, 5
        times = inputs.count_latency([inputs.banded(counts)])[0]
        assert times.shape == (2, 840) and times[0, 3 * 70 + 1] == 0 and times[1, 3 * 70 + 1] == 0.5
        assert (times == 1).sum() == 2 * 840 - 2

    def test_averages_of_four_by_four(self):
        picture = np.arange(64.0).reshape(1, 8, 8)
        assert inputs.averaged(picture)[0].tolist() == [[13.5, 17.5], [45.5, 49.5]]

    def test_onsets_are_the_first_spikes_of_each_channel(self, tmp_path):
        times = [np.array([0.5, 0.25, 0.125, 1.25]), np.array([0.75])]
        units = [np.array([3, 3, 699, 5]), np.array([0])]
        shd.write(tmp_path / "shd_train.h5", times, units, [0, 1], [0, 1], ["zero"] * 20, {})
        first, labels = inputs._read_first(tmp_path, "shd_train", 5)
        assert first[0, 3] == 0.25 and first[0, 699] == 0.125 and first[1, 0] == 0.75 and labels.tolist() == [0, 1]
        assert (first == 1).sum() == 2 * 700 - 3
        with pytest.raises(MstaskError, match="has 5 spikes, 6 were counted"):
            inputs._read_first(tmp_path, "shd_train", 6)
        with h5py.File(tmp_path / "shd_train.h5") as file:
            assert len(file["labels"]) == 2


class TestFeatures:
    def test_on_and_off_maps_become_channels(self):
        maps = np.arange(2 * 2 * 9.0).reshape(2, 18)
        channels = features.as_channels(maps, 3)
        assert channels.shape == (2, 3, 3, 2) and channels[1, 0, 2].tolist() == [20.0, 29.0]

    def test_filters_are_the_seeds_and_stay_in_range(self, pictures, learnt):
        again, other = (features.learn(pictures, RECIPE, seed) for seed in (0, 1))
        np.testing.assert_array_equal(again.weights, learnt.weights)
        assert (other.weights != learnt.weights).any()
        assert learnt.weights.min() >= 0 and learnt.weights.max() <= 1 and learnt.thresholds.min() >= 2

    def test_filters_become_different(self, learnt):
        correlation = np.corrcoef(learnt.weights.T)
        assert np.abs(correlation - np.eye(8)).max() < 0.99 and learnt.weights.std() > 0.2

    def test_one_patch_by_hand(self):
        times = np.array([[[[0.1], [0.2]], [[0.3], [1.0]]]], np.float32)
        convolution = features.Convolution(
            np.array([[0.6, 0.1], [0.6, 0.1], [0.6, 0.1], [0.6, 9.0]], np.float32), np.array([1.0, 0.25], np.float32), 2
        )
        np.testing.assert_allclose(convolution.encode(times, 1), [[0.2, 0.3]], atol=1e-6)

    def test_pooling_keeps_the_earliest(self, pictures, learnt):
        every, pooled = learnt.encode(pictures[:5], 1).reshape(5, 6, 6, 8), learnt.encode(pictures[:5], 2)
        np.testing.assert_array_equal(pooled.reshape(5, 3, 3, 8), every.reshape(5, 3, 2, 3, 2, 8).min(axis=(2, 4)))

    def test_pictures_and_pools_that_do_not_fit(self, pictures, learnt):
        with pytest.raises(MstaskError, match="leaves nothing"):
            learnt.encode(pictures, 7)
        with pytest.raises(MstaskError, match="at least 3 x 3"):
            learnt.encode(pictures[:, :2], 1)
        with pytest.raises(MstaskError, match="float32 spike times"):
            features.learn(pictures.astype(np.float64), RECIPE, 0)

    def test_features_feed_a_readout(self):
        splits = inputs.load("digits-features", "embedded", "small")
        assert splits.train.x.shape == (195, 1, 3 * 3 * 64) and 0.1 < (splits.train.x < 1).float().mean() < 0.9


class TestMethods:
    @pytest.mark.parametrize("name", METHODS)
    @pytest.mark.parametrize("case", section.CASES)
    def test_every_method_has_a_valid_configuration_for_every_data_set(self, name, case):
        made = configuration(METHODS[name], methods.settings(case, name), Schedule(5, 2), 10, 60.0)
        assert made.rule(10, 1.0).group == METHODS[name].group
        assert (made.regularizer is not None) == ("CR" in name) and made.trainer.nt_neurons == name.endswith("-L")
        assert (made.trainer.dropout_out > 0) <= METHODS[name].dropout

    def test_the_threshold_follows_the_drive(self):
        chosen = methods.Settings(0.5, 0.1, -0.1, 0.03, eta=0.1)
        made = configuration(METHODS["S2-M5-CR2-L"], chosen.scaled(threshold=2.0), Schedule(5, 2), 10, 60.0)
        assert made.layer.firing_threshold == pytest.approx(0.3 * 60) and made.regularizer.thr_lr == pytest.approx(1.8)

    def test_data_without_a_search_of_their_own_borrow_from_others(self):
        assert methods.settings("fashion-mnist", "S2-M1") == methods.settings("mnist", "S2-M1")
        assert methods.settings("speech-onsets", "R-M1") == methods.settings("speech", "R-M1")

    def test_unknown_data_is_named(self):
        with pytest.raises(MstaskError, match="no settings 'S2-M1' for 'cats'"):
            methods.settings("cats", "S2-M1")

    def test_settings_were_chosen_on_validation_data_with_equal_draws(self):
        kept = json.loads(methods.SETTINGS.read_text())
        assert set(kept["settings"]) == set(kept["chosen_by"]) >= {"digits", "digits-features", "speech", "radar", "mnist"}
        assert len({about["draws"] for about in kept["chosen_by"].values()}) == 1

    def test_settings_at_length_were_chosen_for_every_readout_of_equal_size_by_trainings_as_long_as_used(self):
        kept, used = json.loads(methods.SETTINGS_AT_LENGTH.read_text()), sections.resolve("equal-readout", profile="afternoon")
        assert set(kept["settings"]) >= set(used.cases)
        for case in used.cases:
            assert set(methods.tuned_at_length()[case]) == set(used.methods)
            assert kept["chosen_by"][case]["epochs"] == used.max_epochs

    @pytest.mark.parametrize(("name", "method"), AT_LENGTH.items())
    def test_readouts_of_equal_size_differ_in_competition_alone(self, name, method):
        made = configuration(method, methods.tuned_at_length()["digits"][name], Schedule(5, 2), 10, 60.0)
        assert made.layer.n_neurons == 10 * method.group
        assert made.optimizer.class_inhib == (method.group > 1 and name != "S2-M5-free")
        assert (made.regularizer is not None) == ("CR" in name) and made.trainer.nt_neurons == name.endswith("-L")


class TestCell:
    @pytest.mark.parametrize("method", ["S2-M5-CR2-L", "R-M5"])
    def test_a_cell_measures_everything_and_twice_the_same(self, method, parameters, digits, tmp_path):
        first, second = (experiment.measure(job(method, parameters, digits, tmp_path)).measures for _ in range(2))
        assert documents.dumps(first) == documents.dumps(second)
        assert len(first.predictions) == 60 and first.epochs == 2 and first.stopped == "max_epochs"
        assert first.width == 50 and first.n_parameters == 128 * 50
        wins = np.array(first.details["wins"]).reshape(10, 5)
        np.testing.assert_array_equal(wins.sum(axis=1), np.bincount(digits.train.y))
        assert len(first.details["watched_wins"]) == 2 and first.details["watched_wins"][-1] == wins[0].tolist()

    def test_neurons_that_do_not_compete_all_learn_from_every_sample(self, digits, tmp_path):
        chosen = sections.resolve("equal-readout", profile="smoke")
        cells = {}
        for name in ("S2-M5-free", "S2-M5"):
            task = job(name, chosen, digits, tmp_path)
            cells[name] = equal.measure(replace(task, section=section.EQUAL_SECTION)).measures
        learnt = {name: np.sum(made.details["updates"], axis=1) for name, made in cells.items()}
        assert np.min(learnt["S2-M5-free"]) > 0.9 * len(digits.train.y)
        assert np.max(learnt["S2-M5"].reshape(-1, 5).sum(axis=1)) <= len(digits.train.y)
        assert cells["S2-M5-free"].n_parameters == cells["S2-M5"].n_parameters

    def test_parameters_scale_the_chosen_settings(self, parameters, digits, tmp_path):
        plain = experiment.measure(job("S2-M5-CR2-L", parameters, digits, tmp_path)).measures
        changed = parameters.model_copy(update={"regulation_scale": 0.0, "threshold_scale": 1.5})
        other = experiment.measure(job("S2-M5-CR2-L", changed, digits, tmp_path)).measures
        assert other.thresholds[0] == pytest.approx(1.5 * plain.thresholds[0])
        assert other.details["configuration"]["regularizer"]["thr_lr"] == 0

    def test_loading_by_the_section(self, parameters):
        splits = experiment.load(section.SECTION, parameters, "digits")
        assert splits.meta["name"] == "digits" and splits.meta["source"] == "embedded"
        real = parameters.model_copy(update={"data_source": "real"})
        with pytest.raises(MstaskError, match="digits are bundled"):
            experiment.load(section.SECTION, real, "digits")
        with pytest.raises(MstaskError, match="mnist is not embedded"):
            experiment.load(section.SECTION, parameters, "mnist")
        with pytest.raises(MstaskError, match="needs a case"):
            experiment.load(section.SECTION, parameters, None)

    def test_a_training_sample_without_spikes_is_refused(self, parameters, tmp_path):
        part = Split(torch.ones(20, 1, 4), torch.arange(20) % 10)
        with pytest.raises(MstaskError, match="the training part of digits"):
            experiment.measure(job("S2-M1", parameters, Splits(part, part, part, 10, {"coding": "none"}), tmp_path))

    def test_each_source_has_data_sets_of_its_own(self):
        cases = {source: sections.resolve("ncg", profile="paper", data_source=source).cases for source in ("embedded", "real")}
        assert cases == {
            "embedded": ["digits", "digits-features", "speech", "radar"],
            "real": ["speech", "radar", "mnist", "fashion-mnist"],
        }
        assert sections.resolve("ncg", data_source="real").cases == ["mnist"]


class TestPublished:
    def test_what_is_published_and_what_is_not_are_all_methods(self):
        published = documents.read_record(paths.ROOT / "results" / "published" / "ncg.json", documents.Document)
        quoted = {name for sets in published.values["accuracy"].values() for row in sets.values() for name in row}
        assert quoted | set(published.not_published) == set(METHODS) and not quoted & set(published.not_published)

    def test_quoted_accuracies_of_groups_are_above_those_of_pairs(self):
        values = documents.read_record(paths.ROOT / "results" / "published" / "ncg.json", documents.Document).values
        for case, pairs in values["accuracy_of_the_best_row_of_the_forerunner"].items():
            assert values["accuracy"]["stdp-csnn"][case]["S2-M5-CR2-L"] > pairs
