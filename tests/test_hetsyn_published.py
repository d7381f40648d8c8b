"""The published figures of HetSyn: what they are, and what they are not."""

import pytest

from mstask import results
from mstask.studies.hetsyn.networks import METHODS, free_time_constants
from mstask.studies.hetsyn.settings import SETTINGS


@pytest.fixture(scope="module")
def published():
    return results.load("hetsyn", "published")


def test_the_published_figure_is_the_best_of_many_looks_at_the_test_set(published):
    log = published.values["shd_log"]
    assert published.means["HetSynLIF"].accuracy == log["best"] == max(log["test_accuracy"])
    assert round(log["hits"] / log["n_test"], 4) == log["best"]
    assert log["epochs"][log["test_accuracy"].index(log["best"])] == log["best_epoch"]
    assert log["late_low"] < log["last"] < log["late_mean"] < log["best"] == log["late_high"]


def test_models_without_a_table_entry_are_listed_as_not_published(published):
    assert set(published.means) | set(published.not_published) == set(METHODS)
    assert published.not_published == sorted(set(METHODS) - {"HetSynLIF"})
    assert published.cells == []


def test_sizes_are_those_of_the_networks_built_here(published):
    sizes = {"SHD": ("speech-bins", 700, 20), "S-MNIST": ("digits-pixels", 1, 10)}
    sizes |= {case: (case, 30, 2) for case in ("match-feedforward", "match-recurrent")}
    sizes |= {case: (case, 100, 1) for case in ("pattern-feedforward", "pattern-recurrent")}
    for name, (case, inputs, outputs) in sizes.items():
        model = SETTINGS[case].network("HetSynLIF", inputs, outputs)
        assert published.values["parameters"][name] == 2 * free_time_constants(model)


def test_hetsyn_leads_every_list_of_competitors(published):
    for task, others in published.values["competitors"].items():
        assert published.values["accuracy"][task] > max(others.values())


def test_the_reset_of_long_time_constants_costs_a_quarter(published):
    table = published.values["time_constants"]
    assert len({len(table[key]) for key in ("mu_ms", "cue_mean_ms", "noise_mean_ms", "accuracy", "accuracy_reset")}) == 1
    assert all(0.2 < a - b < 0.27 for a, b in zip(table["accuracy"], table["accuracy_reset"], strict=True))
