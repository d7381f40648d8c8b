"""Plots and tables of the tuned networks show what the documents hold."""

import pytest
from drawn import drawn
from making import bare, scored

from mstask import results
from mstask.show.scores import score
from mstask.studies.tuning import exhibits as shown
from mstask.studies.tuning.declare import CNNS
from mstask.studies.tuning.search import CHOICES, Configuration, Trial, as_plain

POINT = Configuration(96, 3, 0.95, 5e-4, "none", 25.0, 0.15, "plain")
TRIALS = (
    Trial(0, "complete", POINT, 1000, 50, 40, 0.90, 0.30, 0.80, 0.31),
    Trial(1, "complete", POINT, 1000, 50, 40, 0.895, 0.10, 0.85, 0.11),
    Trial(2, "complete", POINT, 1000, 50, 40, 0.70, 0.20, 0.88, 0.21),
    Trial(3, "pruned", POINT, 1000, 30),
)


@pytest.fixture
def study():
    cells = [
        bare(
            "study",
            method,
            42,
            {"details": {"trials": [as_plain(t) for t in trials]}},
            parameters={"select_on": "validation"},
        )
        for method, trials in {"Doppler-LIF": TRIALS, "Vanilla-LIF": TRIALS[3:]}.items()
    ]
    return results.merge(cells)


@pytest.fixture
def frontier():
    """Two dense networks and the spiking reference, three seeds each."""
    values = {"CNN-8-16-32": (0.80, 12.0), "CNN-16-32-64": (0.90, 46.0), "Doppler-LIF": (0.85, 4.0)}
    return results.merge(
        bare("frontier", method, seed, {"macro_f1": f1 + shift, "energy_uJ": energy, "n_parameters": 1000, "macs": 5})
        for method, (f1, energy) in values.items()
        for seed, shift in ((42, -0.01), (123, 0.0), (999, 0.01))
    )


@pytest.fixture
def published():
    return results.load("frontier", "published")


def test_the_factor_falls_from_the_published_one_to_parity_within_the_rounding(published):
    steps = shown.factor_steps(published)
    assert [network for _, network, _ in steps] == ["CNN-48-96-192", "CNN-16-32-64", "CNN-8-16-32"]
    assert steps[0][0] == 0
    assert round(steps[0][2], 1) == published.values["verdict"]["factor"]
    assert steps[-1][0] < 0.005 and 1 < steps[-1][2] < 1.1


def test_every_step_is_cheaper_and_needs_more_tolerance(frontier):
    assert shown.factor_steps(frontier) == [(0.0, "CNN-16-32-64", 11.5), (pytest.approx(0.05), "CNN-8-16-32", 3.0)]


def test_without_a_reference_there_is_no_factor(frontier):
    bare = results.merge(cell for cell in frontier.cells if cell.method != "Doppler-LIF")
    assert shown.factor_steps(bare) == []
    assert shown.data_factor_curve({"run": bare}).empty


def test_the_frontier_shows_every_network_of_every_voice(published, frontier):
    documents = {"published": published, "embedded": None, "run": frontier}
    data = shown.data_frontier(documents)
    assert len(data) == len(published.means) + 3
    assert list(data[data.voice == "run"].network) == ["Doppler-LIF", "CNN-8-16-32", "CNN-16-32-64"]
    figure = shown.figure_frontier(documents)
    assert {"published", "embedded: not locked", "your run", "Doppler-LIF", "8", "48"} <= drawn(figure)
    assert {"CNN-8-16-32"[4:], "your run"} <= drawn(shown.figure_factor_curve(documents))


def test_the_frontier_table_runs_from_cheap_to_dear(published, frontier):
    table = shown.table_frontier({"published": published, "run": frontier})
    assert list(dict.fromkeys(table.network)) == ["Parametric-LIF", "Vanilla-LIF", "Doppler-LIF", *CNNS]
    reference = score(shown.standings(frontier)["methods"]["Doppler-LIF"]["macro_f1"])
    doppler = table[table.network == "Doppler-LIF"].set_index("voice")
    assert list(doppler.index) == ["published", "your run"]
    assert doppler.loc["your run", "macro-F1"] == reference


def test_the_table_of_tuned_networks_says_what_is_not_published():
    table = shown.table_search({"published": results.load("search", "published"), "run": None})
    rows = table.set_index("network")
    assert rows.loc["bank of five", "macro-F1"] == "not published"
    assert rows.loc["Doppler-LIF", "µJ"] == "11.8"
    assert set(rows["voice"]) == {"published"}
    assert shown.name("Doppler-LIF.efficient") == "Doppler-LIF (efficient)"


def test_a_study_shows_its_front_and_what_was_taken(study):
    data = shown.data_pareto(study)
    doppler = data[data.architecture == "Doppler-LIF"]
    assert list(doppler.front) == [True, True, False, False]
    assert list(doppler.selected) == ["best", "efficient", "", ""]
    assert {"Doppler-LIF", "Vanilla-LIF", "no complete trial"} <= drawn(shown.figure_pareto(study))


def test_the_selected_configurations_are_listed(study):
    table = shown.table_configurations(study).set_index("what")
    assert list(table.columns) == ["Doppler-LIF, best", "Doppler-LIF, efficient"]
    assert table.loc["learning rate"].tolist() == ["5.00e-04"] * 2
    assert table.loc["trials trained to their end"].tolist() == ["3 of 4"] * 2


def test_a_trial_that_is_best_and_efficient_has_one_column(study):
    alone = study.model_copy(deep=True)
    alone.cells[0].result.details["trials"] = [as_plain(TRIALS[0])]
    assert list(shown.table_configurations(alone).columns) == ["what", "Doppler-LIF, best and efficient"]


def test_the_search_space_is_shown_whole():
    table = shown.table_space()
    assert len(table) == len(CHOICES) + 1
    assert "96, 128, 192, 256, 384" in set(table["values"])


def test_choosing_on_test_adds_what_the_trials_say_it_adds(study):
    (row,) = shown.data_selection(study).itertuples(index=False)
    assert (row.architecture, row.validation, row.test, row.difference) == ("Doppler-LIF", 0.80, 0.88, pytest.approx(0.08))
    assert shown.table_selection(study)["difference"].tolist() == ["+0.080"]


def test_a_factor_curve_without_a_match_is_drawn_empty():
    """A run of the spiking network alone has no dense one to compare with."""
    alone = scored({"Doppler-LIF": [0.9]}, "frontier", energy_uJ=1.0)
    assert shown.factor_steps(alone) == []
    assert shown.figure_factor_curve({"run": alone}).axes[0].lines[0].get_ydata() == [1, 1], "only the line of equal cost"
