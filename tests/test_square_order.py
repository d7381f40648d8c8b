"""Every neuron type on both tasks: which pairs change order between radar and speech."""

import pytest
from making import scored

from mstask import results, show
from mstask.paths import ROOT

FILES = ROOT / "results" / "published"
RADAR = {"Doppler-LIF": [0.90, 0.91, 0.92], "Vanilla-LIF": [0.80, 0.81, 0.82], "Chirp-LIF": [0.50, 0.51, 0.52]}
TURNED = {"Doppler-LIF": [0.60, 0.61, 0.62], "Vanilla-LIF": [0.80, 0.81, 0.82], "Chirp-LIF": [0.30, 0.31, 0.32]}


def studies(radar, speech):
    return {"square": {"embedded": scored(radar, "square")}, "disjoint": {"embedded": scored(speech, "disjoint")}}


def counts(radar, speech):
    (row,) = show.table_square_flips(studies(radar, speech)).to_dict("records")
    return [row[name] for name in ("neuron types", "pairs", "order differs", "by itself", "firmly", "which")]


def test_a_pair_that_is_clear_on_both_tasks_flips_firmly():
    assert counts(RADAR, TURNED) == ["3", "3", "1", "1", "1", "Vanilla-LIF and Doppler-LIF"]


def test_the_same_order_flips_nothing():
    assert counts(RADAR, RADAR) == ["3", "3", "0", "0", "0", "—"]


def test_a_pair_that_is_clear_on_one_task_only_has_no_firm_flip():
    unclear = TURNED | {"Doppler-LIF": [0.50, 0.80, 0.95]}
    assert counts(RADAR, unclear)[2:5] == ["1", "0", "0"]


def test_types_count_that_both_tasks_know_at_seeds_that_all_have():
    more = studies(RADAR | {"Beam-IF": [0.99]}, TURNED)
    assert set(show.data_square_order(more)["neuron"]) == set(RADAR)
    longer = studies(RADAR | {"Doppler-LIF": [0.90, 0.91, 0.92, 0.10]}, TURNED)
    known = show.data_square_order(longer).set_index(["task", "neuron"])
    assert known.loc[("radar", "Doppler-LIF"), "macro_f1"] == pytest.approx(0.91)


def test_a_voice_with_one_task_has_no_panel_and_no_row():
    alone = {"square": {"embedded": scored(RADAR, "square")}, "disjoint": {"embedded": None}}
    assert show.table_square_flips(alone).empty and show.table_square_order(alone).empty
    assert not show.figure_square_order(alone).axes[0].texts


def test_a_panel_names_every_type_on_both_sides_and_joins_its_places():
    (axes,) = show.figure_square_order(studies(RADAR, TURNED)).axes
    assert len(axes.texts) == 6
    lines = [tuple(line.get_ydata()) for line in axes.lines if len(line.get_ydata()) == 2]
    assert sorted(lines) == [(1, 2), (2, 1), (3, 3)]


def test_published_networks_of_one_type_stand_in_where_the_square_has_no_figure():
    names = ("square", "disjoint", "ablation")
    published = {name: {"published": results.read_document(FILES / f"{name}.json")} for name in names}
    (row,) = show.table_square_flips(published).to_dict("records")
    assert [row[name] for name in ("neuron types", "pairs", "order differs", "by itself")] == ["4", "6", "2", "—"]
    del published["ablation"]
    assert show.table_square_flips(published).empty
