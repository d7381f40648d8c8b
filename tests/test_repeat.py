"""Claims about training a locked cell again: it is the same bit by bit, or what differs is named."""

import pytest
import toy

from mstask import cell as cells, results
from mstask.errors import MstaskError
from mstask.lab import repeat
from mstask.lab.cli import main
from mstask.section import Place, resolve


@pytest.fixture
def locked(toy_here):
    """Two cells of the toy, run and locked."""
    for method, seed in (("plain", 1), ("plain", 2), ("other", 1)):
        cells.run_cell("toy", Place(method, None, seed), resolve("toy"), toy.load(None, None, None))
    results.lock_run("toy", "quick")
    return toy_here


def contents(folder):
    return {path: path.read_bytes() for path in (folder / "results").rglob("*") if path.is_file()}


def test_a_cell_comes_out_the_same_bit_by_bit_and_leaves_no_trace(locked, capsys):
    before = contents(locked)
    assert main(["repeat", "toy", "--methods", "plain", "--seeds", "1"]) == 0
    assert capsys.readouterr().out.startswith("toy/plain/seed 1: the same bit by bit, macro-F1 ")
    assert contents(locked) == before


def test_only_what_is_locked_is_there_while_a_cell_is_repeated(locked):
    """Else a study would find its own finished trials, and a tuned network the reader's study."""
    with repeat.results_apart() as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["embedded", "manifest.json"]
        assert results.load("toy").cells and not results.run_cells("toy", "quick", "embedded")
    assert results.run_cells("toy", "quick", "embedded")


def test_without_names_the_quickest_cell_is_chosen(locked):
    kept = results.load("toy").cells
    assert repeat.chosen("toy") == [min(kept, key=lambda cell: cell.timing.seconds)]
    assert [cell.method for cell in repeat.chosen("toy", methods=["other", "plain"])] == ["other", "plain", "plain"]


def test_what_differs_is_named_with_the_answers_that_changed(locked):
    (cell,) = repeat.chosen("toy", methods=["plain"], seeds=[1])
    answers = [1 - cell.result.predictions[0], *cell.result.predictions[1:]]
    changed = cell.result.model_copy(update={"predictions": answers, "macro_f1": 0.25, "details": {"new": 1}})
    found = repeat.Repeat(cell, changed, cell.data)
    assert found.differing == ["macro_f1", "predictions"]
    assert str(found).endswith(f"macro-F1 {cell.result.macro_f1:.4f}, now 0.2500, 1 of 15 answers")


def test_another_machine_is_named_where_something_differs(locked):
    (cell,) = repeat.chosen("toy", methods=["plain"], seeds=[1])
    made = cell.model_copy(update={"provenance": cell.provenance.model_copy(update={"machine": "another"})})
    changed = cell.result.model_copy(update={"macro_f1": 0.25})
    assert str(repeat.Repeat(made, changed, cell.data)).endswith(f"; it was made on another, this is {results.machine()}")
    assert "another" not in str(repeat.Repeat(made, cell.result, cell.data))


def test_other_data_is_named(locked):
    (again,) = repeat.repeat(repeat.chosen("toy", methods=["plain"], seeds=[1]))
    other = again.data.model_copy(update={"fingerprint": "sha256:other"})
    assert again.differing == []
    assert repeat.Repeat(again.locked, again.measures, other).differing == ["data"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toyy"], "did you mean 'toy'"),
        (["toy", "--methods", "plan"], "did you mean 'plain'"),
        (["toy", "--seeds", "7"], "no locked cell of section toy has the seed 7"),
        (["toy", "--seeds", "x"], "expected whole numbers"),
        (["toy", "--methods", "other", "--seeds", "2"], "no locked cell of section toy has these methods, cases and seeds"),
    ],
)
def test_a_name_that_no_locked_cell_has_is_refused(locked, capsys, arguments, message):
    assert main(["repeat", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_parameters_that_the_section_has_no_more_are_left_out_and_new_ones_stand_at_the_protocols_value(locked):
    (cell,) = repeat.chosen("toy", methods=["plain"], seeds=[1])
    older = {name: value for name, value in cell.parameters.items() if name != "patience"} | {"gone": 1}
    assert [again.differing for again in repeat.repeat([cell.model_copy(update={"parameters": older})])] == [[]]
    lacking = {name: value for name, value in cell.parameters.items() if name != "data_size"}
    with pytest.raises(MstaskError, match=r"can't be repeated: section toy has other parameters now \(data_size\)"):
        list(repeat.repeat([cell.model_copy(update={"parameters": lacking})]))
