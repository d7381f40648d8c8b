"""Plots and tables of wiring in groups: what they show is what the documents hold, however little that is."""

from __future__ import annotations

import pytest
from drawn import drawn
from making import bare
from making_g2gnet import SEEDS, SKILLS, benchmark, cell, document, everything

from mstask import results, show
from mstask.results.voices import label
from mstask.studies.g2gnet import exhibits as g2gnet

OF_ONE = ("g2gnet_erosion", "g2gnet_cut")
TABLES = ("g2gnet", "g2gnet_contrasts", "g2gnet_erosion", "g2gnet_cut")


@pytest.fixture(scope="module")
def whole():
    return everything()


@pytest.fixture(scope="module")
def published():
    return results.load("g2gnet", "published")


def stripped(made):
    """A cell with a score and nothing else."""
    return made.model_copy(update={"result": results.Measures(macro_f1=made.result.macro_f1)})


PARTS = {
    "one seed": lambda: document(SKILLS, seeds=SEEDS[:1]),
    "one method": lambda: document({"er": 0.9}),
    "without control": lambda: document({"index": 0.9, "dense": 0.9}),
    "one rewired cell": lambda: document({"index-dst": 0.9}, seeds=SEEDS[:1]),
    "uneven cases": lambda: results.merge(document(SKILLS).cells + document({"mixer": 0.9}, ("radar",)).cells[:1]),
    "folds": lambda: document({"er": 0.8, "index": 0.9}, ("digits-fold-1", "digits-fold-2")),
    "bare": lambda: results.merge([bare("g2gnet", "er", 1, {"macro_f1": 0.5}, profile="quick")]),
    "no details": lambda: results.merge([stripped(c) for c in document({"er": 0.8, "index": 0.9, "index-dst": 0.9}).cells]),
}


@pytest.mark.parametrize("part", PARTS)
def test_every_figure_and_table_copes_with_a_part_of_a_run(part):
    made = PARTS[part]()
    for name in OF_ONE:
        assert getattr(show, f"figure_{name}")(made)._repr_png_().startswith(b"\x89PNG")
    for name in TABLES:
        assert not getattr(show, f"table_{name}")(made).isna().any(axis=None)
        assert len(getattr(show, f"data_{name}")(made).columns)
    assert show.figure_g2gnet_grouping({"published": None, "embedded": None, "run": made})._repr_png_()
    assert len(show.data_g2gnet_grouping({"run": made}).columns)
    assert not show.table_g2gnet_beside({"embedded": None, "run": made}).isna().any(axis=None)


def test_published_figures_alone_can_be_shown(published):
    assert show.figure_g2gnet_grouping({"published": published})._repr_png_()
    assert len(show.data_g2gnet_grouping({"published": published})) == 0
    assert len(show.table_g2gnet_beside({"published": published})) == 2
    for name in OF_ONE:
        assert getattr(show, f"figure_{name}")(published)._repr_png_()


def test_scores_stand_by_network_and_data_set(whole):
    table = show.table_g2gnet(whole).set_index("network")
    assert list(table.columns) == ["digits", "radar", "speech", "Fashion-MNIST"]
    assert list(table.index)[:3] == ["dense", "dense, narrower", "unstructured"]
    assert len(show.data_g2gnet(whole)) == len(whole.cells)
    part = results.merge([*document({"er": 0.5}).cells, cell("index", 42, 0.5, "radar")])
    assert show.table_g2gnet(part).set_index("network").loc["index groups", "digits"] == "—"


def test_leads_over_unstructured_wiring_are_drawn_per_data_set_with_every_seed(whole):
    made = {"embedded": None, "run": whole}
    figure = show.figure_g2gnet_grouping(made)
    assert [axes.get_title() for axes in figure.axes] == ["digits", "radar", "speech", "Fashion-MNIST"]
    assert {label(name) for name in g2gnet.AGAINST} <= {text.replace(",\n", ", ") for text in drawn(figure)}
    assert {"your run", "embedded: not locked"} <= drawn(figure)
    data = show.data_g2gnet_grouping(made)
    assert len(data) == 4 * len(g2gnet.AGAINST) * 3
    scores = {(c.case, c.method, str(c.seed)): c.result.macro_f1 for c in whole.cells}
    row = data[(data.case == "radar") & (data.method == "mixer")].iloc[0]
    assert row["lead_over_unstructured"] == pytest.approx(scores["radar", "mixer", row.seed] - scores["radar", "er", row.seed])


def test_the_contrasts_say_what_follows(whole):
    table = show.table_g2gnet_contrasts(whole).set_index("difference")
    assert list(table.columns) == ["digits", "radar", "speech", "Fashion-MNIST"]
    assert table.loc["index groups − unstructured", "digits"].startswith("+0.")
    assert table.loc["index groups − unstructured", "digits"].endswith("better")
    assert table.loc["unstructured, rewired − unstructured", "digits"].endswith("worse")
    alike = show.table_g2gnet_contrasts(document({"er": 0.8, "index": 0.8}, seeds=SEEDS[:3])).set_index("difference")
    assert "open\N{NO-BREAK SPACE}(0." in alike.loc["index groups − unstructured", "digits"]
    data = show.data_g2gnet_contrasts(whole)
    assert set(data["connections"]) == {1.0} and data["p_corrected"].between(0, 1).all()


def test_erosion_starts_at_the_first_share_and_ends_where_the_last_rewiring_left_it(whole):
    table = show.table_g2gnet_erosion(whole).set_index(["data", "network"])
    row = table.loc["radar", "index groups, rewired"]
    assert (row["in groups before"], row["after"], row["rewirings"]) == ("0.488", "0.400", "2")
    assert row["regrown at once"] == "25\N{NO-BREAK SPACE}%"
    axes = show.figure_g2gnet_erosion(whole).axes[0]
    lines = [[round(float(y), 3) for y in line.get_ydata()] for line in axes.lines]
    assert [0.488, 0.45, 0.4] in lines


def test_a_cut_stands_beside_one_at_random_and_training_without(whole):
    table = show.table_g2gnet_cut(whole).set_index(["data", "network"])
    row = table.loc["digits", "index groups"]
    assert row["cut between groups"].startswith("0.300 (5") and row["as many at random"].startswith("0.400 (")
    alone = [c.result.accuracy for c in whole.cells if (c.case, c.method) == ("digits", "index-p0")]
    assert row["trained without them"] == f"{sum(alone) / len(alone):.3f}"
    assert ("digits", "index groups only") not in table.index
    assert {"whole", "cut between groups", "as many cut at random"} <= drawn(show.figure_g2gnet_cut(whole))


def test_published_and_own_accuracies_stand_in_rows_of_their_own(published, whole):
    table = show.table_g2gnet_beside({"published": published, "embedded": None, "run": whole}).set_index("figures")
    assert table.loc["published, Fashion-MNIST", "unstructured"] == "0.876"
    assert table.loc["published, Fashion-MNIST", "random groups"] == "—"
    own = [c.result.accuracy for c in whole.cells if (c.case, c.method) == ("fashion-mnist", "er")]
    assert table.loc["your run, Fashion-MNIST", "unstructured"] == f"{sum(own) / len(own):.3f}"
    assert len(table) == 6


def test_the_pictured_wirings_differ_where_the_text_says():
    table = show.data_g2gnet_wirings().set_index("wiring")
    assert table.loc["index", "parts"] == 8 and table.loc["mixer", "parts"] == 1
    assert table.loc["index", "reach"] == 0.125 and table.loc["mixer", "reach"] == 1
    assert table["connections"].max() / table["connections"].min() < 1.05
    assert list(show.table_g2gnet_wirings()["wiring"]) == [label(name) for name in table.index]
    assert {"first layer", "index\ngroups", "unstructured"} <= drawn(show.figure_g2gnet_wirings())


def test_the_published_sweep_shows_the_run_that_died(published):
    assert "mixer groups: 0.10\nat the last epoch" in drawn(show.figure_g2gnet_sweep(published))
    assert len(show.data_g2gnet_sweep(published)) == 19
    assert show.figure_g2gnet_sweep(published.model_copy(update={"values": {}}))._repr_png_()


def test_the_layers_speed_is_told_by_width_wiring_and_probability():
    made = benchmark(0.3)
    table = show.table_g2gnet_speed(made)
    assert list(table.iloc[:, 0]) == ["0.0", "0.15", "0.5"]
    assert table.loc[1, "index groups, 256"].startswith("0.45 [0.4")
    assert {"256 neurons", "1024 neurons", "unstructured"} <= drawn(show.figure_g2gnet_speed(made))
    assert set(show.data_g2gnet_speed(made)["form"]) == {"grouped", "sparse", "step by step"}
