"""Claims about the frontier: its networks, their cost and their recipe, and where its spiking reference comes from."""

import dataclasses
import math
from dataclasses import replace
from pathlib import Path

import making
import pytest
import torch
from making import Killed, bare, killing, same

from mstask import results
from mstask.cell import data_record, path_of
from mstask.cost import cnn_operations, count_parameters
from mstask.data import Split, Splits
from mstask.networks import SmallCNN
from mstask.section import Place, resolve, section
from mstask.studies.tuning import cnn, tuned
from mstask.studies.tuning.declare import CNNS, TRIPLES, TUNED
from mstask.training import Recipe, learning_rate, train

pytestmark = pytest.mark.usefixtures("elsewhere")
PUBLISHED = results.load("frontier", "published")
SHORT = Recipe(batch_size=16, max_epochs=6, learning_rate=5e-3, weight_decay=1e-4, schedule="cosine", warmup=2)


@pytest.fixture
def toy():
    """Sixty pictures of two classes that differ in where they are bright."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 2
    x = torch.randn(60, 8, 8, generator=g)
    x[:, :4] += 2 * y[:, None, None]
    parts = [Split(x[a:b], y[a:b]) for a, b in ((0, 30), (30, 45), (45, 60))]
    about = {"name": "radar", "source": "embedded", "size": "small", "class_names": ["a", "b"]}
    return Splits(*parts, 2, about | {"fingerprint": "toy", "counts": {"test": 15}, "mean": 0.0, "sd": 1.0})


def job(splits, method, section_id="frontier", **given):
    return making.job(section_id, method, Path(), splits, **given)


def test_the_networks_are_the_published_ones():
    assert set(section("frontier").methods) == set(PUBLISHED.means)
    assert {name: tuple(mean.channels) for name, mean in PUBLISHED.means.items() if name not in TUNED} == dict(
        zip(CNNS, TRIPLES, strict=True)
    )


@pytest.mark.parametrize("name", CNNS)
def test_counts_and_proxy_are_the_published_ones(name):
    published, channels = PUBLISHED.means[name], cnn.channels_of(name)
    cost = cnn_operations(channels, 6)
    assert count_parameters(SmallCNN(6, channels)) == published.n_parameters
    assert cost["macs"] == published.macs
    assert math.isclose(cost["energy_uJ"], published.energy_uJ)


def test_the_recipe_is_the_published_one():
    protocol, parameters = PUBLISHED.values["protocol"], resolve("frontier", profile="paper")
    for own, theirs in {
        "batch_size": "batch",
        "cnn_learning_rate": "lr",
        "cnn_weight_decay": "weight_decay",
        "patience": "patience",
        "seeds": "seeds",
    }.items():
        assert getattr(parameters, own) == protocol[theirs]
    assert resolve("frontier", profile="paper").cnn_epochs == protocol["max_epochs"] == 200


def test_the_cosine_is_that_of_pytorch():
    recipe = Recipe(learning_rate=1e-3, max_epochs=9, schedule="cosine")
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=9)
    for epoch in range(9):
        assert learning_rate(recipe, epoch) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        optimiser.step()
        scheduler.step()


def test_warm_up_rises_in_a_line_to_the_top_of_the_cosine():
    recipe = Recipe(learning_rate=1.0, max_epochs=9, schedule="cosine", warmup=5)
    rates = [learning_rate(recipe, epoch) for epoch in range(9)]
    assert rates[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert rates[7] == pytest.approx(0.5)
    assert all(rate > 0 for rate in rates)
    assert {learning_rate(Recipe(), epoch) for epoch in (0, 7, 199)} == {1e-3}


def net():
    torch.manual_seed(0)
    return SmallCNN(2, (2, 4, 4))


def test_a_scheduled_run_resumes_to_the_same_outcome(toy, tmp_path):
    whole = train(net(), toy, SHORT, 1)
    with pytest.raises(Killed):
        train(net(), toy, SHORT, 1, tmp_path / "cell.pt", killing(3))
    assert same(train(net(), toy, SHORT, 1, tmp_path / "cell.pt")) == same(whole)


def test_a_scheduled_run_is_not_continued_with_another_end(toy, tmp_path, caplog):
    """The cosine ends at `max_epochs`, so the epochs already trained would have had other learning rates."""
    train(net(), toy, replace(SHORT, max_epochs=3), 1, tmp_path / "cell.pt")
    assert same(train(net(), toy, SHORT, 1, tmp_path / "cell.pt")) == same(train(net(), toy, SHORT, 1))
    assert "set aside" in caplog.text


def test_weight_decay_and_schedule_change_the_training(toy):
    losses = {
        tuple(train(net(), toy, recipe, 1).history.train_loss)
        for recipe in (SHORT, replace(SHORT, weight_decay=0.1), replace(SHORT, schedule="none"), replace(SHORT, warmup=0))
    }
    assert len(losses) == 4


def test_a_cell_holds_cost_and_predictions_and_no_firing(toy, results_folder):
    done = tuned.measure(job(toy, "CNN-8-16-32")).measures
    cost = cnn_operations((8, 16, 32), 2, side=8)
    assert (done.macs, done.energy_uJ) == (cost["macs"], cost["energy_uJ"])
    assert (len(done.predictions), done.epochs, done.firing_rates) == (15, 2, None)
    assert done.details == {"channels": [8, 16, 32]}


def test_the_compact_cnn_of_the_table_is_the_second_of_the_frontier(toy, results_folder):
    assert tuned.measure(job(toy, "SmallCNN", "search")).measures == tuned.measure(job(toy, "CNN-16-32-64")).measures


def test_what_the_table_holds_is_taken_from_there_unless_anything_differs(toy, results_folder, monkeypatch):
    trained = tuned.measure(job(toy, "SmallCNN", "search")).measures
    parameters = resolve("search", profile="smoke")
    about = {"profile": "smoke", "parameters": parameters.of_cell(), "data": data_record(toy)}
    cell = bare("search", "SmallCNN", 42, trained, **about)
    results.write_cell(path_of("search", Place("SmallCNN", None, 42), parameters), cell)
    frontier = job(toy, "CNN-16-32-64")
    monkeypatch.setattr(cnn, "trained", lambda *arguments: "trained anew")
    assert tuned.measure(frontier).measures == trained
    other_data = dataclasses.replace(toy, meta=toy.meta | {"fingerprint": "other"})
    for different in (
        job(other_data, "CNN-16-32-64"),
        job(toy, "CNN-16-32-64", cnn_epochs=3),
        job(toy, "CNN-8-16-32"),
        dataclasses.replace(frontier, seed=7),
    ):
        assert tuned.measure(different) == "trained anew"
