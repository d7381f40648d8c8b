"""Eventprop's claims, figures and sentences follow their documents, whole ones and partial ones."""

from statistics import fmean

import pandas as pd
import pytest
from making import bare, document as scored_document, verdict
from matplotlib.figure import Figure

from mstask import claims, results, show, summary
from mstask.studies.eventprop.declare import GRADIENTS_SECTION, SECTION, SECTIONS, YIN_YANG_SECTION
from mstask.studies.eventprop.methods import FROZEN, LOSS_METHODS, LOSSES, PROBES, TASKS, VARIANTS

SEEDS = (42, 123, 999)
SKILLS = dict.fromkeys(LOSSES, 0.5) | {"sum": 0.3, "exp": 0.9, "linear": 0.85, "sigmoid": 0.8, FROZEN: 0.3}
FIGURES = [name for name in dir(show) if name.startswith(("figure_eventprop", "table_eventprop", "data_eventprop"))]
PLAIN = {"figure_eventprop_options", "data_eventprop_options", "table_eventprop_losses", "table_eventprop_names"}
VOICED = {
    "data_eventprop_learning",
    "data_eventprop_yin_yang",
    "figure_eventprop_learning",
    "figure_eventprop_yin_yang",
    "table_eventprop_speech",
    "table_eventprop_yin_yang",
}


def losses(skills=SKILLS, cases=tuple(TASKS), seeds=SEEDS, spikes=None):
    """A document of the comparison of losses; `skills` may differ by case, `spikes` are hidden ones by loss."""
    cells = []
    for case in cases:
        own = skills.get(case, skills)
        for cell in scored_document(own, "eventprop", seeds).cells:
            result = cell.result.model_copy(
                update={
                    "details": {
                        "hidden_spikes": (spikes or {}).get(cell.method, 30.0),
                        "last_epoch_accuracy": 0.5,
                        "confusion": [[3, 1], [1, 3]],
                    },
                    "history": {"train_loss": [1.0, 0.5], "validation_accuracy": [0.4, 0.6]},
                }
            )
            cells.append(cell.model_copy(update={"case": case, "result": result, "provenance": None}))
    return results.merge(cells)


def variants(accuracies, methods=VARIANTS):
    """A document of Yin-Yang; the accuracies are those of the published setting by seed."""
    cells = []
    for name in methods:
        for seed, accuracy in zip(SEEDS, accuracies, strict=False):
            details = {"text": name, "last_epoch_accuracy": accuracy, "hidden_spikes": 28.0, "unanswered": 0.0}
            history = {"validation_accuracy": [0.9, accuracy], "silent_neurons": [10, 20]}
            measures = {"macro_f1": accuracy, "accuracy": accuracy, "epochs": 2, "details": details, "history": history}
            cells.append(bare("eventprop-yin-yang", name, seed, measures))
    return results.merge(cells)


def gradients(error=1e-7, errors=((0.5, 0.01), (0.4, 0.02), (0.6, 0.03))):
    """A document of gradients: the largest error of finite differences, and by seed those of a coarse and a fine grid."""
    shares = {"error": 0.3, "cosine": 0.96, "norm_ratio": 1.2}
    cells = []
    for seed, (coarse, fine) in zip(SEEDS, errors, strict=False):
        grid = {"step": [1.0, 0.02], "input_error": [coarse, fine], "input_cosine": [0.9, 0.99]}
        answers = {
            "finite-differences": {"networks": {"sum": {"w": {"error": error, "used": 5, "skipped": 1}}}},
            "grid": grid | {"output_error": [0.1, 0.001], "same_spikes": [0.0, 1.0]},
            "surrogate": {"slope": [1.0, 20.0], "cosine": [0.5, 0.9], "norm_ratio": [20.0, 2.0]},
            "shaping": {"time": [1.0, 2.0], "heard": {"sum": [0.0, 1e-3], "exp": [1e-3, 5e-4], "linear": [1e-3, 1e-3]}},
            "departures": {
                "adaptation": shares,
                "forcing": {"scale": 0.05, "cosine": 1.0, "varied": {"hidden": shares}},
                "stale": shares,
            },
        }
        cells += [bare("eventprop-gradients", method, seed, {"details": answers[method]}) for method in PROBES]
    return results.merge(cells)


def verdicts(*documents):
    known = {document.section: document for document in documents}
    return {entry.id: verdict(entry.id, known) for entry in claims.entries() if entry.id.startswith("eventprop")}


def cut(document, **keep):
    """Some of a document's cells."""
    cells = [c for c in document.cells if all(getattr(c, name) in values for name, values in keep.items())]
    return document.model_copy(update={"cells": cells})


class TestClaims:
    def test_a_falling_weight_that_wins_supports_every_claim_on_losses(self):
        skills = {case: SKILLS for case in TASKS} | {"yin-yang": SKILLS | {"sum": 0.88, "exp": 0.9}}
        found = verdicts(losses(skills))
        assert found["eventprop-speech"] == found["eventprop-shaping"] == "supported"
        assert found["eventprop-length"] == "supported"
        assert found["eventprop-long-trials"] in ("supported", "undecided")

    def test_the_claims_turn_with_the_scores(self):
        found = verdicts(losses(SKILLS | {"sum": 0.99, "exp": 0.7}))
        turned = ("eventprop-speech", "eventprop-shaping", "eventprop-long-trials")
        assert {found[name] for name in turned} == {"contradicted"}

    def test_a_loss_has_deleted_hidden_spikes_or_not(self):
        assert verdicts(losses(spikes={"average-cross-entropy": 2.0}))["eventprop-deleted"] == "supported"
        assert verdicts(losses(seeds=(42,), spikes={"average-cross-entropy": 2.0}))["eventprop-deleted"] == "undecided"
        assert verdicts(losses(spikes={"average-cross-entropy": 29.0}))["eventprop-deleted"] == "contradicted"

    def test_a_single_seed_decides_nothing(self):
        assert verdicts(losses(seeds=(42,)))["eventprop-speech"] == "undecided"

    def test_a_run_without_speech_leaves_only_its_claim_open(self):
        found = verdicts(losses(cases=("yin-yang", "yin-yang-long")))
        assert found["eventprop-speech"] == "not testable" and found["eventprop-shaping"] == "supported"

    @pytest.mark.parametrize(
        ("accuracies", "expected"),
        [
            ((0.980, 0.981, 0.982), "supported"),
            ((0.97, 0.98, 0.99), "undecided"),
            ((0.98,), "undecided"),
            ((0.960, 0.962, 0.961), "contradicted"),
        ],
    )
    def test_the_published_accuracy_is_reached_again_within_a_hundredth_or_not(self, accuracies, expected):
        assert verdicts(variants(accuracies))["eventprop-yin-yang"] == expected

    def test_gradients_are_exact_up_to_the_error_of_finite_differences(self):
        assert verdicts(gradients(error=1e-7))["eventprop-exact"] == "supported"
        assert verdicts(gradients(error=1e-2))["eventprop-exact"] == "contradicted"
        cells = [
            *(c for c in gradients(error=1e-9).cells if c.seed != SEEDS[0]),
            *(c for c in gradients(error=3.2e-4).cells if c.seed == SEEDS[0]),
        ]
        assert verdicts(results.merge(cells))["eventprop-exact"] == "contradicted", "the largest error counts"

    @pytest.mark.parametrize(
        ("errors", "expected"),
        [
            (((0.5, 0.01), (0.4, 0.02), (0.6, 0.03)), "supported"),
            (((0.5, 0.01), (0.4, 0.02), (0.6, 0.5)), "undecided"),
            (((0.5, 0.4), (0.45, 0.4), (0.6, 0.5)), "contradicted"),
        ],
    )
    def test_the_bias_of_the_grid_must_fall(self, errors, expected):
        assert verdicts(gradients(errors=errors))["eventprop-grid"] == expected

    def test_published_figures_are_judged_by_what_they_are(self):
        published = [results.load(section.id, "published") for section in (SECTION, YIN_YANG_SECTION)]
        found = verdicts(*published)
        assert {name for name, told in found.items() if told != "not testable"} == {"eventprop-speech"}
        assert found["eventprop-speech"] == "undecided"

    def test_without_documents_nothing_is_testable(self):
        assert set(verdicts().values()) == {"not testable"}


def drawn(name, document):
    function = getattr(show, name)
    if name in PLAIN:
        return function()
    voices = {"published": None, "embedded": None, "run": document}
    return function(voices if name in VOICED else document)


def holds_something(found):
    """Whether a table has rows, or a figure data."""
    return len(found) > 0 if isinstance(found, pd.DataFrame) else any(axes.has_data() for axes in found.axes)


@pytest.fixture(scope="module")
def whole():
    return [losses(), variants((0.97, 0.98, 0.99)), gradients()]


@pytest.fixture(scope="module")
def partial(whole):
    return [
        cut(whole[0], method=("exp",), case=("speech",), seed=(42,)),
        cut(whole[1], method=("exp",), seed=(42,)),
        cut(whole[2], method=("shaping",)),
        losses(cases=("radar",), seeds=(123,)),
    ]


class TestFigures:
    @pytest.mark.parametrize("name", FIGURES)
    def test_every_figure_and_table_takes_whole_partial_and_foreign_documents(self, name, whole, partial):
        for document in partial:
            assert isinstance(drawn(name, document), Figure | pd.DataFrame)
        assert any(holds_something(drawn(name, document)) for document in whole)

    def test_the_published_document_stands_beside_a_run(self):
        voices = {"published": results.load("eventprop-yin-yang", "published"), "embedded": None, "run": variants((0.97,))}
        table = show.table_eventprop_yin_yang(voices)
        assert list(table.columns[-3:]) == ["published", "embedded", "your run"]
        assert table["published"][0].startswith("0.981") and set(table["embedded"]) == {"not locked"}
        assert show.figure_eventprop_yin_yang(voices).axes and show.figure_eventprop_learning(voices).axes

    def test_the_figure_of_variants_shows_every_seed_and_the_interval_over_them(self):
        (axes,) = show.figure_eventprop_yin_yang({"run": variants((0.97, 0.98, 0.99))}).axes
        ticks = [line for line in axes.lines if line.get_marker() == "|"]
        assert ticks and all(len(line.get_xdata()) == 3 for line in ticks)

    def test_speech_is_quoted_where_it_was_published(self):
        voices = {"published": results.load("eventprop", "published"), "run": losses()}
        table = show.table_eventprop_speech(voices).set_index("loss")
        assert table["published"]["exp"] == "0.778" and table["published"]["linear"] == "not published"

    def test_every_original_name_has_a_place_or_a_reason(self):
        table = show.table_eventprop_names()
        assert len(table) > 100 and not ((table["here"] == "—") & (table["remark"] == "")).any()
        assert table["original"].is_unique

    def test_the_data_behind_a_figure_has_a_row_for_every_cell(self):
        document = losses()
        assert len(show.data_eventprop(document)) == len(document.cells)
        assert len(show.data_eventprop_curves(document)) == 2 * len(document.cells)


class TestFacts:
    def test_sentences_get_means_over_seeds(self):
        document = losses()
        found = summary.summarise(document)["facts"]["speech"]
        speech = document.of_case("speech")
        mean = {name: fmean(c.result.accuracy for c in speech.cells if c.method == name) for name in ("exp", "sum", FROZEN)}
        assert found["lead"] == pytest.approx(mean["exp"] - mean["sum"])
        assert found["plain_gain"] == pytest.approx(mean["sum"] - mean[FROZEN])
        assert found["best"] == "exp" and found["worst"] == "sum"

    def test_gradients_are_told_in_medians(self):
        found = summary.summarise(gradients())["facts"]
        assert found["grid"]["coarsest"] == {"step": 1.0, "error": 0.5, "cosine": 0.9}
        assert found["departures"]["forcing_factor"] == pytest.approx(20.0)
        assert found["finite-differences"]["used"] == 15

    def test_an_empty_document_has_no_facts(self):
        for document in (losses(), variants((0.98,)), gradients()):
            assert summary.summarise(cut(document, method=()))["facts"] == {}


class TestSections:
    def test_losses_of_a_task_share_their_number_of_epochs(self):
        assert {method.epochs for method in LOSS_METHODS.values()} == {None}

    def test_the_published_setting_has_its_published_epochs_and_ten_seeds(self):
        published = results.load("eventprop-yin-yang", "published").values["published"]
        paper = YIN_YANG_SECTION.profiles["paper"]
        assert VARIANTS["published"].epochs == published["epochs"] <= paper["max_epochs"]
        assert len(paper["seeds"]) == 10 and TASKS["yin-yang"].samples <= paper["samples_per_epoch"]

    def test_there_are_three_sections_and_their_numbers_agree(self):
        assert {section.number for section in SECTIONS} == {"5.2"}
        assert [section.id for section in SECTIONS] == ["eventprop-gradients", "eventprop", "eventprop-yin-yang"]
        assert GRADIENTS_SECTION.methods == PROBES
