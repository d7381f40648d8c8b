"""Claims about the grid engine's parts: what is done or stale, how cells share executions, what is shown meanwhile."""

import asyncio
import io
import json
import logging
from dataclasses import replace
from statistics import median
from types import SimpleNamespace

import nbformat
import papermill
import pytest
import toy
from making import Killed, killing

from benchmarks.scaling import makespan, simulate
from mstask import cell as cells, results, runs, section as sections, show
from mstask.errors import MstaskError
from mstask.lab import batch, estimates, execution, exhibits_parameters, kernel, status
from mstask.lab.cli import main
from mstask.lab.execution import Report, Task, without_loop
from mstask.parameters import profile_of
from mstask.paths import ROOT
from mstask.progress import Epochs, Progress, duration, following
from mstask.section import Place, resolve, section

PLAIN = Place("plain", None, 1)


def measure(place=PLAIN, **given):
    return cells.run_cell("toy", place, resolve("toy", **given), toy.load(None, None, None))


class TestRunCell:
    def test_data_of_another_set_or_of_no_case_is_refused(self, toy_here):
        splits = toy.load(None, None, None)
        other = replace(splits, meta=splits.meta | {"name": "speech"})
        with pytest.raises(MstaskError, match=r"the data, speech, was loaded for no section or case; load it by mstask\."):
            cells.run_cell("toy", PLAIN, resolve("toy"), other)
        place, given = Place("S2-M1", "speech", 42), resolve("ncg", profile="smoke", cases=["speech"])
        with pytest.raises(MstaskError, match=r"load it by mstask\.cell\.load\('ncg', parameters, 'speech'\)"):
            cells.run_cell("ncg", place, given, replace(splits, meta=splits.meta | {"name": "digits"}))

    def test_a_resumed_cell_says_so_and_leaves_nothing_beside_its_document(self, toy_here, monkeypatch):
        parameters, experiment = resolve("toy"), section("toy").experiment()
        with monkeypatch.context() as patch, pytest.raises(Killed):
            train = experiment.train
            patch.setattr(experiment, "train", lambda *given: train(*given[:-1], killing(2)))
            measure()
        path = runs.path_of("toy", PLAIN, parameters)
        (checkpoint,) = path.parent.glob("*.checkpoint.pt")
        for left in (f".{checkpoint.name}.99999", f"{checkpoint.name}.set-aside"):
            (path.parent / left).write_bytes(b"half")
        assert measure().timing.resumed
        assert [one.name for one in path.parent.iterdir() if ".checkpoint." in one.name] == []
        assert measure(Place("plain", None, 2)).timing.resumed is None
        (path.parent / checkpoint.name.replace("plain-1", "plain-3")).write_bytes(b"half")
        assert measure(Place("plain", None, 3)).timing.resumed is None  # a damaged checkpoint is begun anew

    def test_files_of_ones_own_that_a_reader_trips_over_are_one_sentence(self, monkeypatch):
        def trips(*given):
            raise TypeError("len() of unsized object")

        chosen = section("ablation")
        monkeypatch.setattr(chosen.experiment(), "load", trips)
        with pytest.raises(MstaskError, match=r"^the real data can't be read: TypeError: len\(\) of unsized object$"):
            cells.load("ablation", resolve("ablation", profile="smoke", data_source="real"))
        with pytest.raises(TypeError):
            cells.load("ablation", resolve("ablation", profile="smoke"))


class TestStatus:
    def test_a_cell_is_done_until_its_parameters_code_notebook_or_data_change(self, toy_here, monkeypatch):
        parameters = resolve("toy")
        assert runs.find("toy", PLAIN, parameters).state == "missing"
        cell = measure()
        assert runs.find("toy", PLAIN, parameters, "sha256:toy") == runs.Found(cell, "done")
        assert runs.find("toy", PLAIN, parameters, "sha256:other").changed == ("data",)
        monkeypatch.setattr(runs, "of_cell", lambda *cell: {"code": "other", "notebook": "n"})
        assert runs.find("toy", PLAIN, parameters).changed == ("code", "notebook")
        assert runs.finished("toy", PLAIN, parameters) is None

    def test_changed_code_makes_a_cell_run_again_unless_stale_cells_are_kept(self, toy_here, monkeypatch):
        first = measure()
        assert measure() == first
        assert toy.measured(toy_here) == ["plain"]
        monkeypatch.setattr(runs, "of_cell", lambda *cell: {"code": "0" * 64})
        monkeypatch.setattr(cells, "of_cell", lambda *cell: {"code": "0" * 64})
        made = batch.plan([("toy", resolve("toy", methods=["plain"]))], 1, None, False, keep_stale=True)
        assert [outcome.status for outcome in made.outcomes] == ["skipped"]
        made = batch.plan([("toy", resolve("toy", methods=["plain"]))], 1, None, False, keep_stale=False)
        assert [task.places for task in made.tasks] == [(PLAIN,)]
        again = measure()
        assert toy.measured(toy_here) == ["plain", "plain"]
        assert results.comparable(again) == results.comparable(first)

    def test_a_document_of_an_earlier_scheme_is_stale_without_a_word_of_change(self, toy_here, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(cells, "of_cell", lambda *cell: {"code": "5eed"})
            measure()
        monkeypatch.setattr(runs, "of_cell", lambda *cell: {"code": "content:other", "notebook": "n"})
        found = runs.find("toy", PLAIN, resolve("toy"))
        assert (found.state, found.note, found.changed) == ("stale", runs.EARLIER_SCHEME, ("code",))

    def test_a_document_without_recorded_code_counts_as_done_and_is_shown_as_such(self, toy_here, capsys):
        path = cells.path_of("toy", PLAIN, resolve("toy"))
        cell = measure()
        plain = cell.provenance.model_copy(update={"inputs": None, "seal": None})
        results.write_cell(path, cell.model_copy(update={"provenance": plain}))
        assert runs.find("toy", PLAIN, resolve("toy")).note == runs.UNKNOWN_CODE
        assert main(["status", "toy"]) == 0
        assert f"1 cells counted as done were {runs.UNKNOWN_CODE}" in capsys.readouterr().out

    def test_status_lists_runs_with_cost_and_failures_with_their_notebook(self, toy_here, capsys):
        measure()
        measure(PLAIN, max_epochs=3)
        runs.record_failure(
            cells.path_of("toy", Place("other", None, 1), resolve("toy")), "it broke", "here.ipynb", resolve("toy")
        )
        assert main(["status", "toy", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)["cells"]
        states = {(profile_of(cell["profile"]) != cell["profile"], cell["method"]): cell for cell in shown}
        assert states[False, "plain"]["state"] == "done" and states[False, "plain"]["seconds"] > 0
        assert (states[False, "other"]["state"], states[False, "other"]["note"]) == ("failed", "it broke (here.ipynb)")
        assert states[False, "third"]["state"] == "missing"
        changed = states[True, "plain"]
        assert (changed["state"], changed["differs"]) == ("done", "max_epochs=3") and (True, "other") not in states

    def test_every_run_is_listed_whatever_was_changed_in_it(self, toy_here, capsys):
        """Seeds that no profile has count; a changed run is listed under its label, one that only failed too."""
        measure(Place("plain", None, 77), seeds=[77])
        measure(Place("plain", None, 78), seeds=[78], max_epochs=3)
        broken = resolve("toy", patience=1)
        runs.record_failure(cells.path_of("toy", PLAIN, broken), "it broke", "here.ipynb", broken)
        found = {(profile_of(state.profile), state.differs, state.seed): state for state in status.everything(["toy"])}
        assert [found["quick", changed, seed].state for changed, seed in (("", 77), ("max_epochs=3", 78))] == ["done", "done"]
        assert found["quick", "patience=1", 1].note == "it broke (here.ipynb)"
        assert main(["status", "toy"]) == 0
        printed = capsys.readouterr().out
        assert "max_epochs=3" in printed and "patience=1" in printed

    def test_a_run_that_the_section_can_t_make_any_more_is_listed_as_such(self, toy_here):
        measure(PLAIN, max_epochs=3)
        (folder,) = {path.parent for path in (toy_here / "results").rglob("plain-1.json")}
        folder.rename(folder.with_name("quick+00000000-embedded"))
        (state,) = (state for state in status.everything(["toy"]))
        assert (state.profile, state.state, state.note) == ("quick+00000000", "stale", status.OTHER_SECTION)

    def test_a_cell_of_a_method_that_is_no_more_is_listed_as_such(self, toy_here):
        measure()
        (path,) = (toy_here / "results").rglob("plain-1.json")
        path.rename(path.with_name("of-old-1.json"))
        assert ("of-old", "stale") in {(state.method, state.state) for state in status.everything(["toy"])}

    def test_a_sealed_cell_edited_by_hand_is_refused(self, toy_here):
        measure()
        path = cells.path_of("toy", PLAIN, resolve("toy"))
        path.write_text(path.read_text().replace('"epochs": 6', '"epochs": 7'))
        with pytest.raises(results.ResultsError, match="don't match their seal: damaged, or edited by hand"):
            results.read_cell(path)


class TestPlanning:
    def test_cheap_cells_share_an_execution_and_costly_ones_do_not(self):
        places = [Place(method, None, seed) for seed in (1, 2) for method in "abcdef"]
        together = estimates.groups(places, lambda place: 15.0, workers=2)
        assert [len(group) for group in together] == [4, 2, 4, 2]
        assert all(len({(place.case, place.seed) for place in group}) == 1 for group in together)
        assert estimates.groups(places, lambda place: 600.0, workers=2) == [(place,) for place in places]

    def test_there_are_as_many_executions_as_workers_where_cells_allow(self):
        places = [Place(method, None, 1) for method in "abcdef"]
        assert [len(group) for group in estimates.groups(places, lambda place: 0.1, workers=3)] == [2, 2, 2]
        assert [len(group) for group in estimates.groups(places, lambda place: 0.1, workers=1)] == [6]

    def test_costs_come_from_the_locked_document_scaled_by_epochs_and_examples(self, results_folder):
        locked = results.load("ablation", "embedded")
        seconds = median(cell.timing.seconds for cell in locked.cells if cell.method == "D1_H1")
        paper = resolve("ablation", profile="paper")
        assert estimates.expected("ablation", paper)(Place("D1_H1", None, 42)) == pytest.approx(seconds)
        quick = estimates.expected("ablation", resolve("ablation", profile="quick"), examples=300)
        assert 0 < quick(Place("D1_H1", None, 42)) < seconds / 20

    def test_what_an_error_left_undone_is_tried_again_one_by_one(self, toy_here):
        """The first cell without a document failed; those after it never had their turn."""
        places = tuple(Place(method, None, 1) for method in toy.CELLS)
        made = batch.Plan([], {}, [], {"toy": resolve("toy")}, {("toy", None): "sha256:toy"})
        task = Task("toy", places, {}, "f", str(toy_here))
        measure()
        outcomes, again = batch.judge(made, task, Report("n.ipynb", 1.0, "ValueError: no"))
        assert [(o.method, o.status, o.error) for o in outcomes] == [
            ("plain", "done", ""),
            ("other", "failed", "ValueError: no"),
        ]
        assert [single.places for single in again] == [(places[2],), (places[3],)]
        outcomes, again = batch.judge(made, replace(task, places=places[:1]), Report("n.ipynb", 1.0, "ValueError: late"))
        assert [o.error for o in outcomes] == ["measured, but the notebook failed afterwards: ValueError: late"]

    @pytest.mark.parametrize(("state", "here", "executions"), [("done", True, 1), ("stale", True, 0), ("done", False, 0)])
    def test_a_notebook_whose_cells_were_shared_out_is_executed_once_more_with_all(
        self, toy_here, monkeypatch, state, here, executions
    ):
        """For its page; not where a cell would be trained again, or where none of its data is here."""
        parameters = resolve("toy", seeds=[1, 2])
        shared = [Task("toy", (Place("plain", None, seed),), {}, "f", str(toy_here)) for seed in (1, 2)]
        made, asked = batch.Plan(shared, {}, [], {"toy": parameters}, {("toy", None): "sha256:toy"} if here else {}), []
        monkeypatch.setattr(batch, "found_of", lambda *cell: SimpleNamespace(state=state))
        client = SimpleNamespace(submit=lambda function, task, **_: asked.append(task.parameters))
        batch.gather(made, client, ["toy"])
        assert [(given["methods"], given["seeds"]) for given in asked] == executions * [(toy.CELLS, [1, 2])]

    def test_cells_that_read_what_is_run_anew_are_asked_again(self, toy_here):
        measure()
        made = batch.Plan([], {}, [], {"toy": resolve("toy", methods=["plain"])}, {})
        assert batch.left_to_do(made, "toy", False)[0] == [] and [o.status for o in made.outcomes] == ["skipped"]
        assert batch.left_to_do(made, "toy", False, again=True)[0] == [PLAIN]

    def test_a_page_counts_as_executed_while_some_execution_shows_its_text(self, tmp_path, monkeypatch):
        monkeypatch.setattr(execution, "EXECUTED", tmp_path)
        source = ROOT / "notebooks" / "square.ipynb"
        notebook = kernel.read_notebook(source)
        notebook.metadata["papermill"] = {"end_time": "2026-01-01T00:00:00", "exception": None}
        assert not execution.executed_as_it_is(source, "quick-embedded")
        known = batch.Plan([], {}, [], {"square": resolve("square"), "mixed": resolve("mixed")}, {("square", None): "sha256:x"})
        assert batch.without_page(known) == ["square"]
        (tmp_path / "square" / "quick-embedded").mkdir(parents=True)
        nbformat.write(notebook, tmp_path / "square" / "quick-embedded" / "one.ipynb")
        assert execution.executed_as_it_is(source, "quick-embedded") and batch.without_page(known) == []
        assert not execution.executed_as_it_is(source, "paper-embedded")
        assert not execution.executed_as_it_is(source, "quick-embedded", since=2.0**40)  # of numbers that came later
        notebook.cells[0].source += " Edited."
        nbformat.write(notebook, tmp_path / "square" / "quick-embedded" / "one.ipynb")
        assert not execution.executed_as_it_is(source, "quick-embedded")

    def test_data_that_cannot_be_loaded_fails_its_cells_before_anything_starts(self, results_folder, monkeypatch, capsys):
        monkeypatch.delenv("DIAT_DATA", raising=False)
        assert main(["run", "square", "--data", "real", "--methods", "Phase-LIF", "--json"]) == 1
        printed = capsys.readouterr()
        (outcome,) = json.loads(printed.out)
        assert outcome["status"] == "failed" and "DIAT_DATA" in outcome["error"] and "DIAT_DATA" in printed.err

    def test_a_damaged_document_does_not_keep_a_run_from_measuring_it_again(self, toy_here):
        measure()
        cells.path_of("toy", PLAIN, resolve("toy")).write_text("{")
        assert estimates.expected("toy", resolve("toy"))(PLAIN) > 0

    def test_a_section_that_reads_anothers_results_waits_for_them(self):
        places = (Place("Doppler-LIF", None, 42),)
        study, search, ablation = (Task(name, places, {}, "f", "r") for name in ("study", "search", "ablation"))
        assert batch.able_to_start([search, study, ablation], []) == [study, ablation]
        assert batch.able_to_start([search], [study]) == []
        assert batch.able_to_start([search], [ablation]) == [search]

    def test_what_others_wait_for_is_more_urgent_by_all_that_follows_it(self):
        place = Place("Doppler-LIF", None, 42)
        tasks = [Task(name, (place,), {}, "f", "r") for name in ("study", "search", "frontier", "ablation")]
        expected = {(task.section, place): seconds for task, seconds in zip(tasks, (2.0, 3.0, 4.0, 8.0), strict=True)}
        made = batch.Plan(tasks, expected, [], {}, {})
        assert [batch.urgency(made, task) for task in tasks] == [9.0, 7.0, 4.0, 8.0]

    def test_documents_from_a_worker_with_a_disk_of_its_own_are_written_here(self, toy_here):
        measure()
        path = cells.path_of("toy", PLAIN, resolve("toy"))
        text = path.read_text()
        path.unlink()
        made = batch.Plan([], {}, [], {"toy": resolve("toy")}, {("toy", None): "sha256:toy"})
        task = Task("toy", (PLAIN,), {}, "f", "r", send=True)
        ((outcome,), _) = batch.judge(made, task, Report("n.ipynb", 1.0, "", {PLAIN: text}))
        assert outcome.status == "done" and path.read_text() == text
        cell = results.read_cell(path)
        older = cell.provenance.model_copy(update={"inputs": cell.provenance.inputs | {"code": "content:older"}})
        results.write_cell(path, results.sealed(cell.model_copy(update={"provenance": older})))
        ((again,), _) = batch.judge(made, task, Report("n.ipynb", 1.0, "", {PLAIN: text}))
        assert again.status == "done" and path.read_text() == text, "a stale document gives way"


class TestProgress:
    def test_the_time_left_follows_the_proportions_of_costs_at_the_pace_of_this_run(self):
        now = [0.0]
        progress = Progress({"a": 10.0, "b": 10.0, "c": 40.0}, 1, io.StringIO(), lambda: now[0])
        assert progress.remaining == 60
        now[0] = 20.0
        progress.finished("a", "done", 20.0)
        assert progress.remaining == 100
        now[0] = 50.0
        assert progress.remaining == 70
        progress.finished("b", "skipped", 0.0)
        progress.finished("c", "done", 30.0)
        assert progress.remaining == 0 and "3/3 cells" in progress.line() and "finished" in progress.line()

    def test_a_log_file_gets_one_plain_line_a_cell(self):
        stream = io.StringIO()
        progress = Progress({"a": 1.0, "b": 1.0}, 2, stream)
        progress.tick()
        progress.finished("a", "done", 5.0)
        progress.finished("b", "failed", 1.0, "it broke")
        progress.close()
        first, second = stream.getvalue().splitlines()
        assert first.endswith("| a: done, 5 s") and second.endswith("| b: failed, 1 s: it broke")
        assert "\r" not in stream.getvalue() and "\x1b" not in stream.getvalue()

    def test_a_terminal_gets_one_line_that_is_rewritten_and_keeps_failures(self):
        stream = io.StringIO()
        stream.isatty = lambda: True
        progress = Progress({"a": 1.0, "b": 1.0}, 2, stream)
        progress.finished("a", "done", 5.0)
        progress.finished("b", "failed", 1.0, "it broke")
        progress.close()
        assert "\r" in stream.getvalue() and "b: failed, 1 s: it broke\n" in stream.getvalue()
        assert stream.getvalue().count("\n") == 2

    def test_training_is_followed_epoch_by_epoch(self):
        now, shown = [0.0], []
        epochs = Epochs("cell 1 of 2, x", 10, lambda line, *_: shown.append(line), lambda: now[0])
        history = SimpleNamespace(train_loss=[], validation_macro_f1=[], watched={})
        for score in (0.25, 0.5):
            now[0] += 4
            history.train_loss.append(1.0)
            history.validation_macro_f1.append(score)
            epochs(history)
        assert shown == [
            "cell 1 of 2, x: begins",
            "cell 1 of 2, x: epoch 1 of at most 10, validation macro f1 0.250, 4 s, at most 36 s left",
            "cell 1 of 2, x: epoch 2 of at most 10, validation macro f1 0.500, 8 s, at most 32 s left",
        ]

    def test_a_continued_training_is_timed_from_where_it_continues_and_a_second_one_from_its_start(self):
        now, shown = [0.0], []
        epochs = Epochs("x", 10, lambda line, *_: shown.append(line), lambda: now[0])
        for time, done in ((2, 6), (4, 7), (10, 1)):
            now[0] = time
            epochs(SimpleNamespace(validation_accuracy=[0.5] * done))
        assert [line.rpartition(", ")[2] for line in shown[1:]] == ["at most 8 s left", "at most 6 s left", "at most 54 s left"]
        assert "training 2: epoch 1" in shown[-1]

    def test_epochs_that_take_no_time_are_not_all_shown(self):
        shown = []
        epochs = Epochs("x", 1000, lambda line, *_: shown.append(line), lambda: 0.0)
        for done in range(1, 1001):
            epochs(SimpleNamespace(train_accuracy=[0.5] * done))
        assert len(shown) == 2 and "epoch 1000 of at most 1000" in shown[-1]

    def test_rounds_of_iterations_have_no_limit_in_epochs(self):
        shown = []
        epochs = Epochs("x", 1, lambda line, *_: shown.append(line), iter(range(9)).__next__)
        epochs(SimpleNamespace(train_loss=[0.5, 0.25]))
        assert shown[-1] == "x: round 2, train loss 0.250, 1 s"

    def test_the_limit_is_that_of_the_method_or_the_case(self):
        limits = [
            cells.epochs_at_most(Place(method, case, 1), resolve(name, profile="paper"))
            for name, method, case in (
                ("search", "SmallCNN", None),
                ("search", "Vanilla-LIF", None),
                ("hetsyn", "HetSyn", "digits-rows"),
                ("hetsyn", "HetSyn", "speech"),
                ("eventprop-gradients", "exact", None),
            )
        ]
        search, hetsyn = resolve("search", profile="paper"), resolve("hetsyn", profile="paper")
        assert limits == [search.cnn_epochs, search.max_epochs, hetsyn.digits_epochs, hetsyn.max_epochs, None]

    def test_outside_a_notebook_training_says_nothing(self):
        assert following(PLAIN, [PLAIN], 3) is None

    def test_in_a_notebook_one_line_follows_all_cells_and_a_log_gets_it_once(self, tmp_path, caplog):
        """papermill logs what is displayed, and not how it changes afterwards."""
        code = """
from types import SimpleNamespace
from mstask.progress import following
for cell in ("a", "b"):
    shown = following(cell, ["a", "b"], 2)
    for done in (1, 2):
        shown(SimpleNamespace(validation_accuracy=[0.5] * done))
"""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, tmp_path / "in.ipynb")
        with caplog.at_level(logging.INFO, "papermill"):
            made = papermill.execute_notebook(
                tmp_path / "in.ipynb", tmp_path / "out.ipynb", cwd=ROOT, log_output=True, progress_bar=False
            )
        (output,) = made.cells[0].outputs
        assert output.data["text/plain"].startswith("cell 2 of 2, b: epoch 2 of at most 2, validation accuracy 0.500")
        assert [message for message in caplog.messages if "cell" in message and "of 2" in message] == ["cell 1 of 2, a: begins"]

    def test_durations_are_told_in_fitting_units(self):
        assert [duration(s) for s in (8.2, 200, 9000)] == ["8 s", "3 min", "2.5 h"]


def test_what_starts_an_event_loop_runs_beside_one():
    async def inside():
        return "done"

    async def outside():
        return without_loop(lambda: asyncio.run(inside()))

    assert without_loop(lambda: asyncio.run(inside())) == asyncio.run(outside()) == "done"


class TestParameters:
    def test_every_parameter_is_described_by_type_range_and_profile_values(self):
        rows = {row["parameter"]: row for row in exhibits_parameters.parameter_rows("rotation")}
        assert rows["beta"]["range"] == "> 0, < 1" and rows["beta"]["type"] == "number"
        assert rows["width"]["range"] == "≥ 2, ≤ 4096" and rows["width"]["smoke"] == "16"
        assert rows["profile"]["range"] == "smoke | quick | afternoon | paper"
        assert (rows["methods"]["paper"], rows["seeds"]["paper"]) == ("all 8", "42, 123, 999")
        assert "cases" not in {row["parameter"] for row in exhibits_parameters.parameter_rows("ablation")}

    @pytest.mark.parametrize("name", sections.sections())
    def test_help_lists_the_parameters_of_any_section(self, name, capsys):
        with pytest.raises(SystemExit) as ended:
            main(["run", name, "--help"])
        assert ended.value.code == 0
        printed = capsys.readouterr().out
        assert all(f"\n  {field} " in printed for field in show.table_parameters(section(name)).parameter)
        assert "<class" not in printed and "Annotated" not in printed


class TestScaling:
    def test_a_free_worker_takes_the_longest_cell_left(self):
        """By hand: 5+1 and 3+2 with two workers; each cell brings half a second of its own."""
        assert makespan([1, 2, 3, 5], 1) == 11
        assert makespan([1, 2, 3, 5], 2) == 6
        assert makespan([1, 2, 3, 5], 2, 0.5) == 7
        assert makespan([1, 2, 3, 5], 8) == 5

    def test_no_simulated_run_beats_its_bounds(self):
        seconds = [1.0 + i % 7 for i in range(100)]
        for row in simulate(seconds, 0.5):
            assert row["seconds"] >= max(row["longest_cell"], (sum(seconds) + 50) / row["workers"]) - 1e-9
            assert 0 < row["efficiency"] <= 1 + 1e-9
