"""Configurations: typed, checked, complete, and grids that expand to every combination in a fixed order."""

from __future__ import annotations

import copy
import json

import pytest

from mstask.errors import MstaskError
from mstask.studies.ncg import config, shipped
from mstask.studies.ncg.config import ConfigError

PLAIN = {
    "network": [
        {
            "n_neurons": 50,
            "firing_threshold": 200,
            "w_init_normal": True,
            "w_init_mean": 0.3,
            "w_init_std": 0.01,
            "w_norm": True,
            "w_min": 0,
            "w_max": 1,
        }
    ],
    "optimizer": {"method": "s2stdp", "t_gap": 0.03, "ap": 0.05, "am": -0.1, "class_inhib": True, "annealing": 0.98},
    "trainer": {"epochs": 100, "early_stopping": 10, "nt_neurons": 1},
    "regularizer": {"thr_lr": 10, "thr_anneal": 0.5},
}


def changed(path, value):
    """The plain configuration with one field changed; `path` is "section.field"."""
    values = copy.deepcopy(PLAIN)
    section, field = path.split(".")
    fields = values["network"][0] if section == "network" else values[section]
    if value is None:
        del fields[field]
    else:
        fields[field] = value
    return values


class TestConfig:
    def test_the_papers_configuration_is_read_with_its_defaults(self):
        read = config.parse(json.loads(json.dumps(PLAIN)))
        assert read.layer.leak_tau is None and read.optimizer.stdp == "additive" and not read.optimizer.ignore_silent
        assert read.trainer.dropout_out == 0 and read.regularizer.use_two_thr

    def test_what_the_loop_gets(self):
        rule = config.parse(PLAIN).rule(10, 1.0)
        assert (rule.group, rule.n_nontarget, rule.inhibit, rule.use_time_ranges) == (5, 1, True, False)
        assert rule.regulation == config.TWO_THRESHOLDS
        assert config.parse(changed("regularizer.use_two_thr", False)).rule(10, 1.0).regulation == config.ONE_THRESHOLD

    def test_s4nn_has_ranges_by_default_and_changes_causal_inputs_only(self):
        optimizer = {"method": "s4nn", "lr": 0.005, "t_gap": 0.1, "annealing": 0.98}
        parsed = config.parse(PLAIN | {"optimizer": optimizer})
        assert parsed.rule(10, 1.0).use_time_ranges and parsed.optimizer.rates[:2] == (0.005, 0.0)

    def test_anti_rates_are_the_negated_rates_unless_given(self):
        plain = {"method": "rstdp", "ap": 0.05, "am": -0.001, "annealing": 0.98}
        assert config.parse(PLAIN | {"optimizer": plain}).optimizer.rates == (0.05, -0.001, -0.05, 0.001)
        own = plain | {"anti_ap": -0.02, "anti_am": 0.0}
        assert config.parse(PLAIN | {"optimizer": own}).optimizer.rates == (0.05, -0.001, -0.02, 0.0)

    def test_rates_may_have_either_sign_as_in_the_published_grids(self):
        assert config.parse(changed("optimizer.ap", -0.05)).optimizer.rates == (-0.05, -0.1, 0.05, 0.1)
        rule = {"method": "rstdp", "ap": 0.05, "am": -0.001, "anti_ap": -0.05, "anti_am": -0.0005, "annealing": 0.98}
        assert config.parse(PLAIN | {"optimizer": rule}).optimizer.rates == (0.05, -0.001, -0.05, -0.0005)

    @pytest.mark.parametrize(
        ("path", "value", "said"),
        [
            ("network.n_neurons", 0, "n_neurons"),
            ("network.n_neurons", "50", "n_neurons"),
            ("network.firing_threshold", -1, "firing_threshold"),
            ("network.w_norm", None, "w_norm: Field required"),
            ("network.w_max", 0, "w_min 0.* is not below w_max"),
            ("network.leak_tau", [0.5], "one for each of 50 neurons"),
            ("network.leak_tau", 0.5, "leak_tau"),
            ("network.w_nrom", True, "w_nrom"),
            ("optimizer.method", "stdp", "method"),
            ("optimizer.ap", None, "ap is missing: s2stdp with additive stdp needs ap, am, t_gap"),
            ("optimizer.ap", "0.05", "optimizer.ap"),
            ("optimizer.am", float("inf"), "optimizer.am"),
            ("optimizer.lr", 0.1, "lr is given, but s2stdp has no use for it"),
            ("optimizer.stdp", "multiplicative", "beta is missing"),
            ("optimizer.annealing", float("nan"), "annealing"),
            ("trainer.dropout_out", 1.0, "dropout_out"),
            ("trainer.epochs", 1.5, "epochs"),
            ("regularizer.thr_lr", None, "thr_lr"),
        ],
    )
    def test_a_mistake_is_named_with_its_place(self, path, value, said):
        with pytest.raises(ConfigError, match=said):
            config.parse(changed(path, value))

    @pytest.mark.parametrize(
        ("path", "value", "classes", "said"),
        [
            ("network.n_neurons", 51, 10, "can't be shared evenly among 10 classes"),
            ("trainer.nt_neurons", 5, 10, "no target neuron is left"),
            ("optimizer.t_gap", 1.5, 10, "t_gap is 1.5"),
        ],
    )
    def test_what_does_not_fit_the_data(self, path, value, classes, said):
        with pytest.raises(ConfigError, match=said):
            config.parse(changed(path, value)).rule(classes, 1.0)

    @pytest.mark.parametrize(
        "rule",
        [
            {"method": "rstdp", "ap": 0.1, "am": 0, "annealing": 1, "class_inhib": True},
            {"method": "s4nn", "lr": 1, "annealing": 1},
        ],
    )
    def test_rules_get_what_they_need_and_nothing_foreign(self, rule):
        with pytest.raises(ConfigError, match=r"rstdp|t_gap is missing"):
            config.parse(PLAIN | {"optimizer": rule})

    @pytest.mark.parametrize(
        ("text", "said"),
        [("{", "no valid JSON"), ('{"a": 1, "a": 2}', "appears twice"), ("[]", "c.json"), ("\xff", "not UTF-8")],
    )
    def test_files_that_are_no_configurations(self, tmp_path, text, said):
        (tmp_path / "c.json").write_bytes(text.encode("latin-1"))
        path = str(tmp_path / "c.json")
        with pytest.raises(MstaskError, match=said):
            config.parse(shipped.resolve(path, None), path)
        with pytest.raises(MstaskError, match="does not exist"):
            shipped.resolve(str(tmp_path / "d.json"), None)


class TestGrid:
    def test_every_combination_in_the_papers_order_the_last_axis_fastest(self):
        grid = changed("network.firing_threshold", [100, 200])
        grid["regularizer"]["thr_lr"] = [1, 5]
        grid["optimizer"]["am"] = [-0.1, -0.05, 0]
        runs = config.expand(grid)
        seen = [(run["network"][0]["firing_threshold"], run["regularizer"]["thr_lr"], run["optimizer"]["am"]) for run in runs]
        assert len(seen) == 12 and seen[:4] == [(100, 1, -0.1), (100, 1, -0.05), (100, 1, 0), (100, 5, -0.1)]
        assert seen[-1] == (200, 5, 0)
        assert all(config.parse(run) for run in runs)

    @pytest.mark.parametrize(("axes", "size"), [((5, 6, 5, 5), 750), ((6, 6, 6, 6), 1296), ((3, 5, 9, 9), 1215)])
    def test_sizes_multiply(self, axes, size):
        grid = copy.deepcopy(PLAIN)
        fields = [(grid["network"][0], "firing_threshold"), (grid["optimizer"], "t_gap"), (grid["optimizer"], "ap")]
        for (section, name), n in zip([*fields, (grid["regularizer"], "thr_lr")], axes, strict=True):
            section[name] = [0.01 * (i + 1) for i in range(n)]
        assert len(config.expand(grid)) == size

    def test_a_list_of_time_constants_is_one_value(self):
        assert len(config.expand(changed("network.leak_tau", [0.5] * 50))) == 1
        assert len(config.expand(changed("network.leak_tau", [None, [0.5] * 50]))) == 2

    @pytest.mark.parametrize(
        ("grid", "said"),
        [
            ([], "not an object"),
            (PLAIN | {"networks": []}, "not an object with the sections"),
            (PLAIN | {"network": PLAIN["network"][0]}, "not a list of one layer"),
            (changed("optimizer.ap", []), "an axis is empty"),
            (PLAIN | {"trainer": 3}, "trainer is not an object"),
            (changed("optimizer.ap", list(range(1001))) | {"trainer": {"epochs": list(range(1000))}}, "expected at most"),
        ],
    )
    def test_what_is_no_grid(self, grid, said):
        with pytest.raises(ConfigError, match=said):
            config.expand(grid)
