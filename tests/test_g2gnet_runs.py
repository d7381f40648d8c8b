"""G2GNet's training and single runs: resume, names, refusals, folds, and the section's cells."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from making import Killed, killing

from mstask import data
from mstask.data import DataError, Split, Splits
from mstask.errors import MstaskError
from mstask.job import Job
from mstask.studies.g2gnet import features, folds, measure as experiment, networks, products, rewiring, runs, wiring
from mstask.studies.g2gnet.__main__ import main
from mstask.studies.g2gnet.declare import SECTION
from mstask.studies.g2gnet.methods import METHODS
from mstask.studies.g2gnet.networks import Design, Encoding, cut_to, groups_only, thinned
from mstask.studies.g2gnet.rewiring import Rule
from mstask.studies.g2gnet.runs import Options
from mstask.studies.g2gnet.training import Regime
from mstask.training import predict

TINY = Options(
    dataset="digits", model="index", epochs=4, T=5, batch_size=32, hidden_dim=16, sparsity_mode="dynamic", dst_every=5
)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", size="small")


def weights(model):
    return {name: value for name, value in model.state_dict().items() if torch.is_tensor(value)}


def changed(**changes):
    return TINY.model_copy(update=changes)


@pytest.mark.parametrize("kind", ["current", "rate"])
def test_a_run_interrupted_after_two_epochs_ends_with_the_same_network(digits, tmp_path, kind):
    plan = Design(64, 10, "mixer", 16, encoding=Encoding(kind, steps=5))
    how = Regime(batch_size=32, max_epochs=4, rule=Rule("hebb", "hebb"), every=5)

    with pytest.raises(Killed):
        experiment.fit(plan, how, digits, 1, checkpoint=tmp_path / "run.pth", on_epoch=killing(2))
    resumed, again = experiment.fit(plan, how, digits, 1, checkpoint=tmp_path / "run.pth")
    model, whole = experiment.fit(plan, how, digits, 1)
    assert replace(again.outcome, seconds={}) == replace(whole.outcome, seconds={})
    assert again.rewirings == whole.rewirings and len(whole.rewirings) > 2
    for name, value in weights(model).items():
        assert torch.equal(value, weights(resumed)[name]), name


def test_files_are_named_as_the_sources_name_them():
    cifar = Options(dataset="cifar10", model="dense", p_inter=0.0, use_resnet=True)
    assert Options(dataset="fashionmnist", model="index").stem == "fashionmnist_index_p0_15_T50_current"
    assert cifar.stem + ".DONE" == "resnet_cifar10_dense_p0_00_T50_current.DONE"
    assert TINY.stem == "digits_index_p0_15_T5_current_cpset_cghebb"
    unmoved = Options(dataset="fashionmnist", model="dense", sparsity_mode="dynamic")
    assert unmoved.stem == "fashionmnist_dense_p0_15_T50_current"


def test_a_finished_run_is_skipped_and_another_seed_of_its_name_refused(digits, tmp_path, capsys):
    first = changed(epochs=1)
    accuracy = runs.run(first, tmp_path, digits)
    assert f"accuracy {accuracy:.4f}" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {f"{TINY.stem}{s}" for s in (".json", ".pth", ".DONE")}
    assert runs.run(first, tmp_path, digits) == pytest.approx(accuracy, abs=1e-4)
    told = capsys.readouterr().out
    assert "is finished, skipped" in told and ".DONE" in told and "epoch" not in told
    with pytest.raises(MstaskError, match="with another seed; choose another folder"):
        runs.run(changed(epochs=1, seed=1), tmp_path, digits)
    runs.run(changed(epochs=1, seed=1), tmp_path, digits, force=True)
    assert "epoch 1" in capsys.readouterr().out


def test_a_damaged_checkpoint_stops_the_run(digits, tmp_path):
    runs.run(changed(epochs=1), tmp_path, digits)
    (tmp_path / f"{TINY.stem}.DONE").unlink()
    (tmp_path / f"{TINY.stem}.pth").write_bytes(b"damaged")
    with pytest.raises(MstaskError, match="was damaged and is set aside"):
        runs.run(changed(epochs=1), tmp_path, digits)


def test_options_that_cannot_be_are_refused_in_one_sentence(capsys, tmp_path):
    for given, match in (
        ({"dataset": "fashion"}, "fashionmnist"),
        ({"T": 0}, "option T: .* greater than or equal to 1, found '0'"),
        ({"sparsity_mode": "dst"}, "dst"),
        ({"lr": float("inf")}, "option lr: .*finite number"),
        ({"p_inter": float("nan")}, "option p_inter: .*finite number"),
        ({"lr": -1.0}, "option lr: .*greater than 0"),
        ({"seed": 2**64}, "option seed: "),
        ({"warmup_epochs": -3}, "option warmup_epochs: "),
    ):
        with pytest.raises(MstaskError, match=match):
            runs.options(**given)
    assert main(["train", "--hidden_dim", "20", "--model", "index", "--folder", str(tmp_path)]) == 2
    assert "doesn't divide into 8 groups" in capsys.readouterr().err


def test_own_images_are_asked_for_where_they_are_missing(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST_DATA", str(tmp_path / "none"))
    assert main(["train", "--dataset", "fashionmnist", "--folder", str(tmp_path)]) == 1
    assert "FASHION_MNIST_DATA" in capsys.readouterr().err


def test_presets_give_way_to_what_is_given(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "load", lambda options: digits)
    given = ["--model", "dense", "--T", "7", "--epochs", "1", "--folder", str(tmp_path)]
    assert main(["train", "--preset", "digits", *given]) == 0
    told = json.loads((tmp_path / "digits_dense_p0_15_T7_current.json").read_text())
    assert (told["T"], told["epochs"], told["hidden_dim"], told["dst_every"]) == (7, 1, 256, 50)


def test_the_options_name_the_data_sets_and_forms_that_there_are():
    choices = {name: set(get_args(field.annotation)) for name, field in Options.model_fields.items()}
    known = {
        "dataset": runs.DATASETS,
        "model": wiring.MODELS,
        "cp": rewiring.PRUNE,
        "cg": rewiring.GROW,
        "dst_scope": rewiring.SCOPES,
        "enc": networks.ENCODINGS,
        "labels": wiring.LABELS,
        "backend": products.FORMS,
    }
    assert {name: choices[name] for name in known} == {name: set(valid) for name, valid in known.items()}


def test_contiguous_folds_of_the_digits_have_359_examples_and_the_last_361():
    y = data.load("digits").train.y.new_tensor([i % 10 for i in range(1797)])
    parts = folds.folds(y, 5, "contiguous")
    assert [len(part) for part in parts] == [359] * 4 + [361]
    assert torch.equal(torch.cat(parts), torch.arange(1797))


def test_stratified_folds_are_disjoint_cover_everything_and_hold_all_classes(digits):
    whole = torch.cat([part.y for part in (digits.train, digits.validation, digits.test)])
    parts = folds.folds(whole, 5)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(len(whole)))
    for part in parts:
        assert whole[part].unique().numel() == 10


def test_a_fold_tests_what_it_never_trained_on(digits):
    pictures = [folds.fold(digits, number, 5) for number in (1, 2)]
    for splits in pictures:
        rows = {
            part: {tuple(x.flatten().tolist()) for x in getattr(splits, part).x} for part in ("train", "validation", "test")
        }
        assert not rows["test"] & (rows["train"] | rows["validation"])
        assert sum(map(len, (splits.train, splits.validation, splits.test))) == 300
    assert pictures[0].meta["fingerprint"] != pictures[1].meta["fingerprint"]
    with pytest.raises(MstaskError, match="fold 6 of 5"):
        folds.fold(digits, 6, 5)


def test_of_a_set_with_an_official_test_part_only_the_training_part_is_folded(digits):
    official = replace(digits, meta=digits.meta | {"source": "real"})
    splits = folds.fold(official, 1, 5)
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == len(digits.train) + len(digits.validation)


def test_cross_validation_averages_its_folds(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs, "load", lambda options: digits)
    small = changed(model="dense", epochs=1)
    first = runs.cross_validate(small, 2, "stratified", tmp_path)
    assert f"2 folds: accuracy {sum(first) / 2:.2%}" in capsys.readouterr().out
    assert runs.cross_validate(small, 2, "stratified", tmp_path) == pytest.approx(first, abs=1e-4)


def test_each_fold_has_features_of_its_own(digits, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(runs, "load", lambda options: digits)
    monkeypatch.setattr(features, "frozen", lambda splits: asked.append((splits.meta["name"], len(splits.train))) or splits)
    runs.cross_validate(changed(model="dense", epochs=1, use_features=True), 2, "stratified", tmp_path)
    half = sum(map(len, (digits.train, digits.validation, digits.test))) / 2
    assert [name for name, _ in asked] == ["digits-fold-1", "digits-fold-2"]
    assert all(n < half for _, n in asked)


def test_frozen_features_are_512_values_in_zero_to_one_and_tell_the_classes_apart(digits):
    found = features.frozen(digits)
    assert found.train.x.shape == (len(digits.train), 1, 512)
    assert found.train.x.min() >= 0 and found.train.x.max() <= 1
    again = features.frozen(digits)
    assert found.meta["fingerprint"] == again.meta["fingerprint"] != digits.meta["fingerprint"]
    centres = torch.stack([found.train.x[found.train.y == c].mean((0, 1)) for c in range(10)])
    nearest = torch.cdist(found.test.x.squeeze(1), centres).argmin(1)
    assert (nearest == found.test.y).double().mean() > 0.5


def test_features_need_square_pictures():
    part = Split(torch.rand(4, 12, 70), torch.arange(4))
    with pytest.raises(MstaskError, match="square pictures, found 12 x 70"):
        features.frozen(Splits(part, part, part, 4, {"name": "speech", "fingerprint": "x"}))


def test_cutting_the_connections_between_groups_leaves_the_network_as_it_was(digits):
    plan = Design(64, 10, "index", 32, encoding=Encoding(steps=8))
    model, _ = experiment.fit(plan, Regime(batch_size=32, max_epochs=6), digits, 1)
    before = predict(model, digits.test.x)[0]
    inside, fewer = groups_only(model), thinned(model)
    for layer, a, b in zip(model.hidden, inside, fewer, strict=True):
        assert int(a.sum()) == int(b.sum()) < int(layer.mask.sum())
        assert bool((a & layer.wiring.intra == a).all()) and bool((b & layer.mask == b).all())
        assert bool((b & ~layer.wiring.intra).any())
    for kept in (inside, fewer):
        cut, rates = cut_to(model, kept, digits.test.x)
        assert not torch.equal(cut, before) and len(rates) == 2
    assert torch.equal(predict(model, digits.test.x)[0], before)
    assert all(map(torch.equal, thinned(model), fewer))


def parameters(**changes):
    given = SECTION.protocol | SECTION.profiles["smoke"] | changes
    return SECTION.parameters(**{"profile": "smoke", "data_source": "embedded"} | given)


@pytest.mark.parametrize("method", ["dense-matched", "er", "random-p0", "index-dst", "index-dst-class"])
def test_a_cell_says_what_became_of_its_connections(digits, tmp_path, method):
    chosen = parameters(updates=2)
    job = Job(SECTION, method, "digits", 42, chosen, digits, "cpu", tmp_path / "cell.pt")
    measured = experiment.measure(job)
    details = measured.measures.details
    again = experiment.measure(replace(job, checkpoint=tmp_path / "other.pt"))
    assert again.measures == measured.measures
    assert len(details["rewirings"]) == (2 if "dst" in method else 0)
    assert ("cuts" in details) == (METHODS[method].model not in ("dense", "er"))
    if method == "random-p0":
        assert {told["accuracy"] for told in details["cuts"].values()} == {measured.measures.accuracy}
        assert details["intra_share"] == [1.0, 1.0] and details["density"] == [0.125, 0.125]
    if method == "index-dst":
        assert details["first_intra_share"][1] > details["rewirings"][0]["layers"][1]["intra"]
        assert details["rewirings"][-1]["layers"][1]["intra"] < 0.5
    if method == "index-dst-class":
        assert details["rewirings"][0]["layers"] == [
            layer | {"intra": share}
            for layer, share in zip(details["rewirings"][0]["layers"], details["intra_share"], strict=True)
        ]


def test_matched_and_grouped_networks_have_equally_many_parameters(digits):
    counts = {
        name: experiment.G2GNet(experiment.design(METHODS[name], parameters(hidden=128), digits), 1).n_parameters()
        for name in ("dense-matched", "er", "index", "random", "mixer")
    }
    assert max(counts.values()) / min(counts.values()) < 1.02


def test_folds_and_features_of_the_digits_are_cases_of_the_section():
    splits = experiment.load(SECTION, parameters(), "digits-fold-2")
    assert splits.meta["name"] == "digits-fold-2"
    assert experiment.load(SECTION, parameters(), "digits-features").train.x.shape[-1] == 512
    with pytest.raises(MstaskError, match="fashion-mnist is not embedded"):
        experiment.load(SECTION, parameters(), "fashion-mnist")


def test_the_digits_are_learnt_by_a_quarter_of_the_connections():
    plan = Design(64, 10, "index", 128, encoding=Encoding(steps=25))
    rewired = Regime(batch_size=64, max_epochs=12, rule=Rule("hebb", "hebb"), every=50)
    model, trained = experiment.fit(plan, rewired, data.load("digits"), 42)
    assert trained.outcome.accuracy >= 0.93
    assert all(0.01 < rate < 0.4 for rate in trained.outcome.firing_rates)
    assert [sum(layer.mask.flatten().tolist()) for layer in model.hidden] == [
        sum(layer.mask.flatten().tolist()) for layer in experiment.G2GNet(plan, 42).hidden
    ]


def saved(folder, **changes):
    """A file of features of two classes that differ in every value, six features each."""
    draw = torch.Generator().manual_seed(3)
    y = (torch.arange(80) % 2).numpy()
    x = torch.rand(80, 6, generator=draw).numpy() + y[:, None] * np.array([1, 1, 1, 0, 0, 0], np.float32)
    arrays = {"train_x": x[:60], "train_y": y[:60], "test_x": x[60:], "test_y": y[60:]} | changes
    np.savez(folder / "features.npz", **{name: array for name, array in arrays.items() if array is not None})
    return folder / "features.npz"


def test_features_from_a_file_are_trained_on_by_the_section_and_by_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATURES_DATA", str(saved(tmp_path)))
    splits = experiment.load(SECTION, parameters(data_source="real"), "own-features")
    assert splits.train.x.shape == (54, 1, 6) and splits.n_classes == 2
    assert splits.test.x.amin(2).eq(0).all() and splits.test.x.amax(2).allclose(torch.ones(20, 1))
    chosen = parameters(data_source="real", max_epochs=8, batch_size=8)
    cell = experiment.measure(Job(SECTION, "index", "own-features", 42, chosen, splits, "cpu", tmp_path / "cell.pt"))
    assert cell.measures.accuracy > 0.8
    options = ["--dataset", "features", "--model", "index", "--epochs", "1", "--T", "5", "--hidden_dim", "16"]
    assert main(["train", *options, "--folder", str(tmp_path / "runs")]) == 0
    assert (tmp_path / "runs" / "features_index_p0_15_T5_current.DONE").exists()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"test_y": None}, "has no array 'test_y'"),
        ({"train_y": np.array([object()])}, "train_y.npy holds pickled Python objects"),
        ({"train_x": np.full((60, 6), np.nan)}, "360 values that are NaN"),
        ({"train_y": np.full(60, 0.5)}, "labels that are not whole numbers"),
        ({"test_x": np.zeros((20, 5))}, r"test_x has shape \(20, 5\)"),
        ({"test_x": np.zeros((20, 6, 1))}, r"test_x has shape \(20, 6, 1\)"),
        ({"train_x": np.zeros((0, 6))}, "train_x is empty"),
        ({"train_x": np.zeros((2, 6)), "train_y": np.arange(2)}, "too few examples"),
    ],
)
def test_a_file_of_features_that_cannot_be_is_refused_in_one_sentence(tmp_path, changes, match):
    with pytest.raises(DataError, match=match):
        features.read(saved(tmp_path, **changes))


def test_without_a_file_of_features_the_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("FEATURES_DATA", raising=False)
    with pytest.raises(DataError, match="set FEATURES_DATA"):
        features.own()
    (tmp_path / "text.npz").write_text("no features")
    with pytest.raises(DataError, match="no intact"):
        features.read(tmp_path / "text.npz")
    with pytest.raises(DataError, match="does not exist"):
        features.read(tmp_path / "none.npz")
