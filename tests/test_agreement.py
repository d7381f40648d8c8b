"""What a document says of its data, parameters and command is true, or nothing is measured, read, locked or verified."""

import dataclasses
import re

import numpy as np
import pytest
import toy
from making import cell

from mstask import cell as cells, results
from mstask.data import Split
from mstask.errors import MstaskError
from mstask.lab import locked
from mstask.section import Place, grid, resolve, section

PLACE = Place("plain", None, 1)


@pytest.mark.parametrize(
    ("loaded", "asked", "differing"),
    [
        ({"profile": "smoke"}, {"profile": "paper"}, "data_size 'small'.*data_size 'paper'"),
        ({"data_size": "small"}, {"data_size": "medium"}, "data_size 'small'.*data_size 'medium'"),
    ],
)
def test_a_cell_is_not_measured_on_data_that_was_loaded_for_other_parameters(results_folder, loaded, asked, differing):
    """As in a notebook whose parameters were run again, and whose data was not."""
    splits = cells.load("ablation", resolve("ablation", profile="smoke", **{k: v for k, v in loaded.items() if k != "profile"}))
    settings = resolve("ablation", **asked)
    with pytest.raises(MstaskError, match=f"{differing}; load the data again"):
        cells.run_cell("ablation", grid(settings)[0], settings, splits)
    assert not list(results_folder.rglob("*.json"))


def test_data_of_another_source_case_or_section_is_refused(toy_here):
    settings = resolve("toy")
    splits = cells.load("toy", settings)
    for name, value in (("source", "real"), ("size", "paper")):
        other = dataclasses.replace(toy.load(None, None, None), meta=toy.load(None, None, None).meta | {name: value})
        with pytest.raises(MstaskError, match=f"data_{name} '{value}'"):
            cells.run_cell("toy", PLACE, settings, other)
    for name in ("section", "case"):
        other = dataclasses.replace(splits, meta=splits.meta | {"asked": splits.meta["asked"] | {name: "another"}})
        with pytest.raises(MstaskError, match=f"{name} 'another'"):
            cells.run_cell("toy", PLACE, settings, other)


def test_data_that_is_not_what_it_says_is_refused(toy_here):
    splits = cells.load("toy", resolve("toy"))
    fewer = dataclasses.replace(splits, train=Split(splits.train.x[:9], splits.train.y[:9]))
    for wrong in (fewer, dataclasses.replace(splits, n_classes=3)):
        with pytest.raises(MstaskError, match="it was changed after it was loaded"):
            cells.run_cell("toy", PLACE, resolve("toy"), wrong)


def test_values_that_were_changed_after_they_were_loaded_are_refused(toy_here):
    settings = resolve("toy")
    splits = cells.load("toy", settings)
    splits.test.x[0, 0, 0] += 1
    swapped = cells.load("toy", settings)
    swapped = dataclasses.replace(swapped, test=swapped.validation, validation=swapped.test)
    for wrong in (splits, swapped):
        with pytest.raises(MstaskError, match="the values of the data were changed after it was loaded"):
            cells.run_cell("toy", PLACE, settings, wrong)


def test_a_method_that_the_section_lacks_is_refused(toy_here):
    with pytest.raises(MstaskError, match="section toy has no method 'plane'; did you mean 'plain'"):
        cells.run_cell("toy", Place("plane", None, 1), resolve("toy"), cells.load("toy", resolve("toy")))


def test_parameters_that_do_not_touch_the_data_may_change_after_it_was_loaded(toy_here):
    splits = cells.load("toy", resolve("toy"))
    assert cells.run_cell("toy", PLACE, resolve("toy", max_epochs=2), splits).result.epochs <= 2


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"profile": "smoke"}, "the profile is 'paper', but the parameters say 'smoke'"),
        ({"data_source": "real"}, "the data is embedded, but the parameters say data_source 'real'"),
        ({"data_size": "medium"}, "the data is of size '.*', but the parameters say medium"),
    ],
)
def test_a_document_that_contradicts_itself_is_neither_read_nor_locked(results_folder, parameters, said):
    true = cell()
    path = results.cell_path("ablation", "paper", "embedded", true.method, true.seed)
    results.write_cell(path, true.model_copy(update={"parameters": parameters}))
    with pytest.raises(results.ResultsError, match=said):
        results.read_cell(path)
    with pytest.raises(results.ResultsError, match=said):
        results.lock_run("ablation")


def test_cells_of_other_parameters_are_not_locked_together(results_folder):
    for seed, width in ((42, 128), (123, 64)):
        path = results.cell_path("ablation", "paper", "embedded", "D0_doppler", seed)
        results.write_cell(path, cell(seed=seed).model_copy(update={"parameters": {"width": width}}))
    with pytest.raises(results.ResultsError, match=r"ran with other parameters than cell .*: width"):
        results.lock_run("ablation")


def test_the_recorded_command_runs_the_same_cell_again():
    given = {"profile": "smoke", "max_epochs": 3, "seeds": [7], "methods": ["D1_perm1"]}
    settings = resolve("ablation", **given)
    told = cells.command("ablation", Place("D1_perm1", None, 7), settings)
    assert told == "python -m mstask run ablation --profile smoke --data embedded --seeds 7 --set max_epochs=3"
    rotated = cells.command("rotation", Place("Phase-LIF", "speakers-4-5", 42), resolve("rotation", profile="smoke"))
    assert rotated.endswith("--data embedded --methods Phase-LIF --cases speakers-4-5")
    assert section("ablation").profiles["smoke"]["seeds"] == [42]


def test_a_cell_that_is_not_of_its_profile_is_not_locked(toy_here):
    """As after a profile changed: the cell was made by its earlier parameters."""
    settings = resolve("toy", profile="paper")
    made = cells.run_cell("toy", PLACE, settings, cells.load("toy", settings))
    earlier = made.model_copy(update={"parameters": made.parameters | {"max_epochs": 1}})
    results.write_cell(cells.path_of("toy", PLACE, settings), results.sealed(earlier))
    with pytest.raises(results.ResultsError, match="is called 'paper', but has max_epochs 1: run it again"):
        locked.lock("toy", "paper", "embedded")


@pytest.mark.parametrize(
    ("place", "changed", "said"),
    [
        (PLACE._replace(seed=-1), {}, "parameter seeds.0 is -1"),
        (PLACE._replace(seed=True), {}, "parameter seeds.0 is True"),
        (PLACE._replace(case="x"), {}, "has no case 'x'; it is measured on one data set"),
        (PLACE, {"learning_rate": float("nan")}, "parameter learning_rate is nan"),
        (PLACE, {"batch_size": 0}, "parameter batch_size is 0"),
    ],
)
def test_a_place_and_parameters_put_together_by_hand_are_checked_before_training(place, changed, said, toy_here):
    settings = resolve("toy")
    with pytest.raises(MstaskError, match=re.escape(said)):
        cells.run_cell("toy", place, settings.model_copy(update=changed), cells.load("toy", settings))


def test_parameters_of_another_section_are_refused(toy_here):
    with pytest.raises(MstaskError, match="aren't those of section probe"):
        cells.checked_place(section("probe"), Place("D0_doppler", None, 42), resolve("toy"))


def test_a_seed_out_of_an_array_is_a_whole_number_in_the_document(toy_here):
    for seed in (np.int64(PLACE.seed), float(PLACE.seed), str(PLACE.seed)):
        [found] = {cells.checked_place(section("toy"), PLACE._replace(seed=seed), resolve("toy"))}
        assert found == PLACE and type(found.seed) is int
