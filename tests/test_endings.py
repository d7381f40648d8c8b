"""Claims about how trainings end: converged or cut, fallen apart, at chance; in cells, summaries, tables and figures."""

import pytest
from making import CLASSES, cell, data_record, document, with_result

from mstask import cell as cells, results, summary
from mstask.paths import ROOT
from mstask.results.endings import converged, endings
from mstask.results.locks import read_manifest
from mstask.section import Place, having, resolve
from mstask.show.scores import scores_figure, scores_table

KEPT = read_manifest(ROOT / "results")
LOCKED = [name for name in having("embedded") if f"embedded/{name}.json" in KEPT and name != "eventprop-gradients"]


def of_history(values, examples=1000, **changes):
    made = cell(data=data_record(counts={"validation": examples}))
    return with_result(made, history={"validation_accuracy": values}, **changes)


def merged(*found):
    return results.merge([one.model_copy(update={"seed": seed}) for seed, one in enumerate(found)])


@pytest.mark.parametrize(
    ("measures", "parts", "ended"),
    [
        ({"stopped": "patience"}, ["train"], [True]),
        ({"stopped": "max_epochs"}, ["train"], [False]),
        ({}, ["train", "evaluation"], [False]),
        ({"details": {"penalty": 0.1}}, ["train"], []),
        ({}, ["measure"], []),
        ({}, [], [None]),
    ],
)
def test_a_training_converged_was_cut_or_cannot_be_told(measures, parts, ended):
    found = results.Measures(macro_f1=0.5, **measures)
    assert endings(found, parts, {}) == ended
    assert converged(found, parts, {}) == (ended[0] if ended else None)


def test_a_trial_of_a_study_converged_if_patience_ended_it():
    trials = [
        {"state": "complete", "epochs": 25, "best_epoch": 5},
        {"state": "complete", "epochs": 30, "best_epoch": 10},
        {"state": "complete", "epochs": 30, "best_epoch": 29},
        {"state": "pruned", "epochs": 15},
    ]
    found = results.Measures(details={"trials": trials})
    limits = {"max_epochs": 30, "patience": 20}
    assert endings(found, ["complete"], limits) == [True, False, False]
    assert converged(found, ["complete"], limits) is False


@pytest.mark.parametrize(("patience", "ended"), [(1, True), (10, False)])
def test_every_new_cell_says_whether_it_converged(patience, ended, toy_here):
    """With steps so small that nothing gets better."""
    settings = resolve("toy", max_epochs=10, patience=patience, learning_rate=1e-12)
    place = Place("plain", None, 1)
    made = cells.run_cell("toy", place, settings, cells.load("toy", settings))
    assert (made.result.converged, made.result.stopped == "patience") == (ended, ended)
    assert results.read_cell(cells.path_of("toy", place, settings)) == made


@pytest.mark.parametrize("name", LOCKED)
def test_how_it_ended_is_known_of_every_locked_training(name):
    ended = summary.how_ended(results.load(name, "embedded"))
    assert 0 < ended.runs == ended.converged + ended.cut


@pytest.mark.parametrize(
    ("values", "examples", "fell"),
    [
        ([0.5, 0.9, 0.1], 1000, True),
        ([0.5, 0.9, 0.85], 1000, False),
        ([0.5, 0.9, 0.85], 100_000, False),
        ([0.5, 0.6, 0.45], 1000, True),
        ([0.5, 0.6, 0.45], 250, False),
    ],
)
def test_a_run_fell_apart_if_its_last_epoch_lies_a_tenth_and_six_standard_errors_below_its_best(values, examples, fell):
    found = summary.collapsed(merged(of_history(values, examples)))
    assert bool(found) == fell
    assert not fell or (found[0].best_epoch, found[0].best, found[0].last) == (2, max(values), values[-1])


def test_without_validation_by_epoch_nobody_can_tell():
    assert summary.collapsed(document({"D0_doppler": 0.8})) == []


@pytest.mark.parametrize(("skill", "chance"), [(0.0, True), (0.8, False)])
def test_a_method_is_at_chance_where_its_score_cant_be_told_from_guessing(skill, chance):
    assert summary.at_chance(document({"D0_doppler": skill}), "D0_doppler") is chance
    assert summary.at_chance(document({"D0_doppler": skill}, seeds=(42,)), "D0_doppler") is chance
    assert summary.summarise(document({"D0_doppler": skill}))["methods"]["D0_doppler"]["at_chance"] is chance


def test_a_method_that_learnt_in_most_trainings_is_not_at_chance():
    learnt, guessed = document({"D0_doppler": 0.8}, seeds=(42, 123)), document({"D0_doppler": 0.0}, seeds=(999,))
    both = learnt.model_copy(update={"cells": [*learnt.cells, *guessed.cells]})
    assert summary.summarise(both)["methods"]["D0_doppler"]["macro_f1"]["low"] < 1 / len(CLASSES)
    assert not summary.at_chance(both, "D0_doppler")


def test_scores_without_labels_are_compared_with_no_chance():
    published = results.load("disjoint", "published")
    assert summary.at_chance(published, "STFT-IF") is None and summary.remark(published, "Vanilla-LIF") == ""


def test_table_and_figure_say_so():
    cut = with_result(of_history([0.5, 0.9, 0.1]), stopped="max_epochs")
    found = merged(cut, of_history([0.5, 0.9]), of_history([0.5, 0.9]))
    table = scores_table({"run": found}, ["D0_doppler"], "network")
    assert table.iloc[0, -1].endswith(" (1 of 3 cut, 1 collapsed)")
    guesses = document({"D0_doppler": 0.0})
    assert scores_table({"run": guesses}, ["D0_doppler"], "network").iloc[0, -1].endswith(" (at chance)")
    texts = [text.get_text() for text in scores_figure({"run": guesses}, ["D0_doppler"]).axes[0].texts]
    assert texts == ["at chance"]
