"""Configurations that come with the package: complete, valid, the published ones true to their tables."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mstask.studies.ncg import config, shipped
from mstask.studies.ncg.__main__ import main
from mstask.studies.ncg.config import ConfigError
from mstask.studies.ncg.declare import CASES
from mstask.studies.ncg.spikes import from_dense

TRAIN = from_dense(np.linspace(0, 0.9, 60).reshape(20, 3), np.arange(20) % 10)


def made(name, **changes):
    return config.parse(shipped.resolve(name, TRAIN, changes))


class TestNames:
    def test_every_name_gives_a_valid_configuration(self):
        for name in shipped.names():
            classes = 100 if "/cifar100/" in name else 10
            assert made(name).rule(classes, 1.0).group >= 1, name

    def test_every_data_set_of_this_book_and_every_published_one_is_there(self):
        cases = {name.rpartition("/")[0] for name in shipped.names()}
        extracted = {
            f"{e}/{c}" for e in ("stdp-csnn", "softhebb-cnn") for c in ("mnist", "fashion-mnist", "cifar10", "cifar100")
        }
        assert cases == {*CASES} | extracted
        assert len(shipped.names()) == len(set(shipped.names()))

    def test_a_misspelt_name_is_answered_with_the_nearest(self):
        with pytest.raises(ConfigError, match=r"digit/S2-M5 is no file.*did you mean digits/S2-M5 "):
            shipped.resolve("digit/S2-M5")

    def test_thresholds_of_this_book_need_the_data(self):
        with pytest.raises(ConfigError, match="digits/S2-M1 has thresholds relative to the data"):
            shipped.resolve("digits/S2-M1")
        settings = made("digits/S2-M1")
        assert settings.layer.firing_threshold == pytest.approx(0.5 * 0.3 * TRAIN.spikes_per_sample)
        assert settings.layer.n_neurons == 10


class TestPublished:
    def test_the_papers_groups_on_mnist(self):
        chosen = made("stdp-csnn/mnist/s2stdp+ncg")
        assert (chosen.layer.n_neurons, chosen.layer.firing_threshold, chosen.trainer.nt_neurons) == (50, 200, 1)
        assert (chosen.optimizer.t_gap, *chosen.optimizer.rates[:2]) == (0.03, 0.05, -0.1) and chosen.optimizer.class_inhib
        assert (chosen.regularizer.thr_lr, chosen.regularizer.thr_anneal, chosen.regularizer.use_two_thr) == (10, 0.5, True)
        assert (chosen.trainer.epochs, chosen.trainer.early_stopping, chosen.optimizer.annealing) == (100, 10, 0.98)

    def test_each_rule_has_its_constants(self):
        assert made("stdp-csnn/cifar10/sstdp").rule(10, 1.0).use_time_ranges
        reward = made("stdp-csnn/fashion-mnist/rstdp-20n")
        assert reward.optimizer.rates == (0.05, -0.01, -0.025, 0.005) and reward.trainer.dropout_out == 0.5
        assert (reward.layer.n_neurons, reward.layer.w_min, reward.layer.w_max) == (200, 0.2, 0.8)
        ranked = made("softhebb-cnn/mnist/s4nn+ncg")
        assert (ranked.optimizer.lr, ranked.layer.w_max, ranked.regularizer.thr_anneal) == (0.005, 1000, 0.9)

    def test_pairs_single_thresholds_and_dropout(self):
        pair = made("softhebb-cnn/cifar10/s2stdp+pcn")
        assert (pair.layer.n_neurons, pair.trainer.nt_neurons, pair.regularizer) == (20, 1, None)
        assert not made("stdp-csnn/cifar10/s2stdp+ncg-cr-1-thr").regularizer.use_two_thr
        dropped = made("stdp-csnn/fashion-mnist/sstdp+ncg-cr-drop")
        assert (dropped.trainer.dropout_out, dropped.regularizer, dropped.trainer.nt_neurons) == (0.2, None, 0)

    def test_the_setting_that_lacks_its_switch_has_two_thresholds(self):
        assert made("softhebb-cnn/fashion-mnist/sstdp+ncg-cr-1-thr").regularizer.use_two_thr
        assert not made("softhebb-cnn/cifar10/sstdp+ncg-cr-1-thr").regularizer.use_two_thr

    def test_variants_share_the_values_of_their_rule(self):
        whole, bare = (made(f"stdp-csnn/cifar10/s2stdp+ncg{suffix}") for suffix in ("", "-no-cr-no-nt"))
        assert bare.optimizer == whole.optimizer and bare.layer == whole.layer
        assert bare.regularizer is None and bare.trainer.nt_neurons == 0
        assert made("stdp-csnn/cifar10/s2stdp+ncg-no-ltd").optimizer.am == 0

    def test_a_hundred_classes_have_ten_times_the_neurons(self):
        few, many = (made(f"softhebb-cnn/{case}/rstdp-5n") for case in ("cifar10", "cifar100"))
        assert many.layer.n_neurons == 10 * few.layer.n_neurons == 500 and many.optimizer == few.optimizer


class TestChanges:
    def test_a_changed_field_and_an_axis(self):
        grid = shipped.resolve("stdp-csnn/mnist/s2stdp", None, {"network.firing_threshold": 9, "optimizer.ap": [0.1, 0.2]})
        runs = config.expand(grid)
        assert [run["optimizer"]["ap"] for run in runs] == [0.1, 0.2]
        assert {run["network"][0]["firing_threshold"] for run in runs} == {9}

    @pytest.mark.parametrize("place", ["threshold", "regularizer.thr_lr", "net.work"])
    def test_a_section_that_is_not_there_is_named(self, place):
        with pytest.raises(ConfigError, match=rf"{place} is no field of .*/s2stdp, expected SECTION.FIELD"):
            shipped.resolve("stdp-csnn/mnist/s2stdp", None, {place: 1})

    @pytest.mark.parametrize(("ablation", "size", "group"), [("neurons", 5, 3), ("eta", 32, 5)])
    def test_the_grids_of_the_published_ablations(self, ablation, size, group):
        runs = config.expand(shipped.resolve("stdp-csnn/cifar10/s2stdp+ncg", None, shipped.ABLATIONS[ablation]))
        assert len(runs) == size and config.parse(runs[0]).rule(10, 1.0).group == group
        assert {run["trainer"]["epochs"] for run in runs} == {200 if ablation == "neurons" else 100}

    def test_a_configuration_is_shown_and_read_again(self, tmp_path, capsys):
        name = "stdp-csnn/mnist/s4nn"
        assert main(["config", name, "--set", "trainer.epochs=3"]) == 0
        (tmp_path / "c.json").write_text(capsys.readouterr().out)
        assert config.parse(shipped.resolve(str(tmp_path / "c.json"), None)) == made(name, **{"trainer.epochs": 3})
        assert main(["config", name, "--set", "trainer.epochs=three"]) == 2
        assert "expected SECTION.FIELD=VALUE" in capsys.readouterr().err
        assert main(["config"]) == 0
        assert capsys.readouterr().out.splitlines() == list(shipped.names())
        assert json.loads((tmp_path / "c.json").read_text())["trainer"]["epochs"] == 3
