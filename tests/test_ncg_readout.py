"""A readout learns, is saved and continued exactly, and reaches on real digits what the published code reaches."""

from __future__ import annotations

import numpy as np
import pytest
from making import Killed, killing

from benchmarks import ncg
from mstask.studies.ncg.config import parse
from mstask.studies.ncg.readout import Readout
from mstask.studies.ncg.spikes import SpikeError, SpikeList, from_dense
from mstask.studies.ncg.training import History, epochs_waited, fit, most_frequent_winner, reason_to_stop

FOLDS = 2


def configuration(method="s2stdp", group=3, **changes):
    """A readout of four classes; `changes` are "section__field" entries."""
    values = {
        "network": [
            {
                "n_neurons": 4 * group,
                "firing_threshold": 1.2,
                "w_init_normal": True,
                "w_init_mean": 0.3,
                "w_init_std": 0.05,
                "w_norm": method == "s2stdp",
                "w_min": 0.0,
                "w_max": 1.0,
            }
        ],
        "optimizer": {"method": method, "ap": 0.1, "am": -0.05, "annealing": 0.9},
        "trainer": {"epochs": 6, "early_stopping": 0},
    }
    if method == "s2stdp":
        values["optimizer"] |= {"t_gap": 0.1, "class_inhib": True}
    for place, value in changes.items():
        section, field = place.split("__")
        (values["network"][0] if section == "network" else values.setdefault(section, {}))[field] = value
    return parse(values)


@pytest.fixture(scope="module")
def samples():
    """Four classes, each with two sub-patterns of early inputs among twelve."""
    rng = np.random.default_rng(0)
    prototypes = rng.random((8, 12)) < 0.4
    kind = rng.integers(0, 8, 120)
    times = np.where(prototypes[kind], rng.uniform(0, 0.3, (120, 12)), rng.uniform(0.6, 1.2, (120, 12)))
    return from_dense(times, kind // 2)


@pytest.fixture(scope="module")
def digits():
    return ncg.folds(FOLDS)


@pytest.fixture(scope="module")
def measured(digits):
    """Accuracy and balance by the yardstick's protocol, on two of its folds, with its event order."""
    return {name: ncg.measure(name, digits, ncg.EPOCHS, True) for name in ncg.YARDSTICK}


class TestState:
    def test_the_seed_decides_the_start_and_everything_after(self, samples):
        config = configuration(trainer__dropout_out=0.2, trainer__dropout_in=0.1)
        digests = []
        for seed in (1, 1, 2):
            readout = Readout.create(config, 12, 4, seed)
            readout.train_epoch(samples)
            digests.append(readout.digest())
        assert digests[0] == digests[1] != digests[2]

    def test_a_saved_readout_goes_on_as_if_it_had_never_stopped(self, samples, tmp_path):
        config = configuration(trainer__dropout_out=0.2, regularizer__thr_lr=0.1, regularizer__thr_anneal=0.5)
        whole = Readout.create(config, 12, 4, 0)
        whole.train_epoch(samples)
        whole.save(tmp_path / "r.npz")
        whole.train_epoch(samples)
        again = Readout.load(tmp_path / "r.npz")
        again.train_epoch(samples)
        assert again.digest() == whole.digest() and again.epochs == 2

    def test_row_sums_are_those_of_the_start_with_normalisation(self, samples):
        readout = Readout.create(configuration(), 12, 4, 0)
        before = readout.norms.copy()
        readout.train_epoch(samples)
        np.testing.assert_allclose(readout.weights.sum(axis=0), before, rtol=1e-5)

    def test_weights_stay_in_range_without_it(self, samples):
        readout = Readout.create(configuration("rstdp", network__w_min=0.2, network__w_max=0.8), 12, 4, 0)
        readout.train_epoch(samples)
        assert readout.weights.min() >= np.float32(0.2) and readout.weights.max() <= np.float32(0.8)

    def test_uniform_weights_fill_the_range(self):
        weights = Readout.create(configuration(network__w_init_normal=False), 500, 4, 0).weights
        assert 0 <= weights.min() < 0.01 and 0.99 < weights.max() <= 1

    def test_rates_anneal_and_those_of_rstdp_follow_the_accuracy(self, samples):
        readout = Readout.create(configuration("rstdp"), 12, 4, 0)
        np.testing.assert_allclose(readout.rates, [0.1 * 0.75, -0.05 * 0.75, -0.1 * 0.25, 0.05 * 0.25])
        a = readout.train_epoch(samples).accuracy
        np.testing.assert_allclose(readout.rates, 0.9 * np.array([0.1 * (1 - a), -0.05 * (1 - a), -0.1 * a, 0.05 * a]))

    def test_two_thresholds_start_every_epoch_at_the_base_and_one_becomes_the_base(self, samples):
        for two, moved in ((True, False), (False, True)):
            regulation = {"regularizer__thr_lr": 0.1, "regularizer__thr_anneal": 0.5, "regularizer__use_two_thr": two}
            readout = Readout.create(configuration(**regulation), 12, 4, 0)
            readout.train_epoch(samples)
            assert (readout.base != np.float32(1.2)).any() == moved
            assert (readout.adaptive != np.float32(1.2)).any() and readout.threshold_rate == 0.05

    def test_without_regulation_thresholds_never_move(self, samples):
        readout = Readout.create(configuration(), 12, 4, 0)
        readout.train_epoch(samples)
        assert (readout.adaptive == np.float32(1.2)).all() and (readout.base == np.float32(1.2)).all()

    def test_every_sample_has_one_winner_in_its_own_group(self, samples):
        record = Readout.create(configuration(), 12, 4, 0).train_epoch(samples)
        assert record.wins.reshape(4, 3).sum(axis=1).tolist() == np.bincount(samples.labels).tolist()

    def test_only_winners_are_updated_with_competition(self, samples):
        record = Readout.create(configuration(), 12, 4, 0).train_epoch(samples)
        assert record.updates.sum() <= 4 * len(samples)

    def test_leak_needs_more_drive(self, samples):
        plain, leaky = (
            Readout.create(configuration(network__leak_tau=tau), 12, 4, 0).decide(samples) for tau in (None, [0.2] * 12)
        )
        assert leaky.times.mean() > plain.times.mean()

    def test_samples_that_do_not_fit_are_refused(self, samples):
        readout = Readout.create(configuration(), 11, 4, 0)
        with pytest.raises(SpikeError, match="12 inputs"):
            readout.decide(samples)
        with pytest.raises(SpikeError, match="for 3 classes"):
            Readout.create(configuration(network__n_neurons=9), 12, 3, 0).train_epoch(samples)

    def test_a_damaged_file_is_refused(self, samples, tmp_path):
        readout, path = Readout.create(configuration(), 12, 4, 0), tmp_path / "r.npz"
        state = readout.state()
        for change in ({"weights": state["weights"][:, :3]}, {"about": np.array("{}")}, {"base": state["base"] * np.nan}):
            np.savez(path, **state | change)
            with pytest.raises(SpikeError, match="no saved readout"):
                Readout.load(path)


class TestFit:
    def test_a_readout_learns(self, samples):
        history = fit(configuration(regularizer__thr_lr=0.05, regularizer__thr_anneal=0.8), samples, test=samples).history
        assert history.test_accuracy[-1] > 0.8 and len(history.wins) == 6

    def test_early_stopping_after_exactly_as_many_epochs_without_a_better_one(self):
        config = configuration(trainer__early_stopping=10, trainer__epochs=100)
        rising = [0.5, 0.6]
        for n in range(15):
            history = History(train_accuracy=[0.5] * (2 + n), validation_accuracy=[*rising, *[0.6] * n])
            assert (reason_to_stop(config, history) == "early_stopping") == (n >= 10)
        assert epochs_waited([0.5, 0.6, 0.6, 0.7]) == 0

    def test_no_early_stopping_without_validation_or_patience(self):
        history = History(train_accuracy=[0.5] * 50, validation_accuracy=[0.5] * 50)
        assert reason_to_stop(configuration(trainer__epochs=100), history) is None
        patient = configuration(trainer__early_stopping=3, trainer__epochs=100)
        assert reason_to_stop(patient, History(train_accuracy=[0.5] * 50)) is None

    def test_a_hopeless_run_of_a_grid_ends_after_the_fourth_epoch(self):
        config = configuration(trainer__gridsearch_stop_acc=0.5, trainer__epochs=100)
        for n in range(1, 6):
            history = History(train_accuracy=[0.9] * n, validation_accuracy=[0.4] * n)
            assert (reason_to_stop(config, history) == "gridsearch_stop_acc") == (n >= 4)

    def test_an_interrupted_run_ends_with_the_same_numbers(self, samples, tmp_path, monkeypatch):
        monkeypatch.setattr("mstask.studies.ncg.training.CHECKPOINT_SECONDS", 0.0)
        config = configuration(trainer__dropout_out=0.1)
        whole = fit(config, samples, samples, seed=3)

        path = tmp_path / "c.pt"
        with pytest.raises(Killed):
            fit(config, samples, samples, seed=3, checkpoint=path, on_epoch=killing(3))
        epochs = []
        again = fit(config, samples, samples, seed=3, checkpoint=path, on_epoch=lambda h: epochs.append(len(h.wins)))
        assert epochs == [4, 5, 6]
        assert again.readout.digest() == whole.readout.digest() and again.history == whole.history

    @pytest.mark.parametrize("damage", ["other seed", "cut", "foreign"])
    def test_a_foreign_or_damaged_checkpoint_is_not_used(self, samples, tmp_path, monkeypatch, caplog, damage):
        monkeypatch.setattr("mstask.studies.ncg.training.CHECKPOINT_SECONDS", 0.0)
        path = tmp_path / "c.pt"
        fit(configuration(), samples, seed=1, checkpoint=path)
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:200])
        elif damage == "foreign":
            path.write_text("something else")
        found = fit(configuration(), samples, seed=0 if damage == "other seed" else 1, checkpoint=path)
        assert "starting anew" in caplog.text and len(found.history.wins) == 6

    def test_a_training_sample_without_spikes_is_refused(self, samples):
        silent = SpikeList(
            samples.inputs, samples.times, np.append(samples.starts, samples.starts[-1]), np.append(samples.labels, 0), 12
        )
        with pytest.raises(SpikeError, match="the first is sample 120"):
            fit(configuration(), silent)


class TestDigits:
    """Two of the yardstick's five folds; the bands are about two of its standard deviations."""

    def test_accuracies_are_those_of_the_published_code(self, measured):
        assert measured["S2-M1"]["accuracy"] >= 0.88
        assert measured["R-M5"]["accuracy"] >= 0.87
        assert measured["S2-M5-CR2-L"]["accuracy"] >= 0.915
        assert measured["S2-M5"]["accuracy"] >= 0.895

    def test_competing_groups_beat_one_neuron_per_class(self, measured):
        difference = np.subtract(measured["S2-M5-CR2-L"]["accuracies"], measured["S2-M1"]["accuracies"])
        assert difference.mean() >= 0.015

    def test_regulation_balances_the_competition(self, measured):
        assert measured["S2-M5"]["most_frequent_winner"] >= 0.85
        assert measured["S2-M5-CR2-L"]["most_frequent_winner"] <= 0.60

    def test_the_coding_gives_as_many_spikes_as_the_yardsticks(self, digits):
        assert digits[0][0].spikes_per_sample == pytest.approx(63.4, abs=0.1)

    def test_most_frequent_winner_by_hand(self):
        assert most_frequent_winner([3, 1, 0, 2, 2, 0, 0, 0, 0], 3) == [0.75, 0.5, 0.0]
