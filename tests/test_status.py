"""What is locked, and the reader's run beside it: tables and figure follow the documents, whichever of them there are."""

from __future__ import annotations

import bz2
import json
import re

import psutil
import pytest
from making import PROVENANCE, cell, document as made
from test_book import Project

from mstask import identity as inputs, results, show
from mstask.cell import peak_memory
from mstask.lab import status
from mstask.lab.exhibits_your_run import compared
from mstask.lab.locked import locked
from mstask.paths import ROOT
from mstask.results.voices import NOTHING
from mstask.section import label, resolve, section
from mstask.show.scores import NBSP

METHODS = {"D0_doppler": 0.8, "D0_dualtau": 0.6}


def locked_document(folder, skills=METHODS, section_id="ablation", source="embedded", **about):
    """Write a document to a results folder and lock it, in place of all that the checkout has of cells."""
    for voice in ("real", "recorded"):
        (folder / voice).mkdir(parents=True, exist_ok=True)
    path = folder / source / f"{section_id}.json"
    results.write_document(path, made(skills, section_id, source=source, **about))
    results.lock(path)
    return path


def stored_run(skills=METHODS, profile="quick", seeds=(42,)):
    for method, skill in skills.items():
        for seed in seeds:
            path = results.cell_path("ablation", profile, "embedded", method, seed)
            results.write_cell(path, cell(method, seed, skill, profile=profile))


class TestWhatIsLocked:
    def test_a_row_says_when_how_many_how_long_and_whether_the_lock_holds(self, results_folder):
        locked_document(results_folder)
        (row,) = show.table_status(locked("embedded")).to_dict("records")
        assert row == {
            "result": section("ablation").title,
            "made": "2026-01-02".replace("-", "\N{NON-BREAKING HYPHEN}"),
            "cells": "6",
            "time": f"75{NBSP}s",
            "by the present code": "not recorded",
            "lock": f"✓{NBSP}intact",
        }

    def test_a_changed_file_has_a_broken_lock(self, results_folder):
        path = locked_document(results_folder)
        path.write_text(path.read_text().replace("128", "129"))
        (row,) = show.table_status(locked("embedded")).to_dict("records")
        assert row["lock"] == f"✗{NBSP}broken"
        assert "SHA-256" in show.data_status(locked("embedded"))["problems"][0]

    def test_a_file_that_is_gone_has_a_row_that_says_so(self, results_folder):
        locked_document(results_folder).unlink()
        (row,) = show.table_status(locked("embedded")).to_dict("records")
        assert (row["made"], row["cells"], row["lock"]) == (NOTHING, NOTHING, f"✗{NBSP}broken")

    @pytest.mark.parametrize(
        ("by_now", "older", "said"),
        [
            (6, "content:other", "yes"),
            (2, "content:other", "2 of 6"),
            (0, "content:other", "no"),
            (0, "5eed", "earlier scheme"),
        ],
    )
    def test_cells_of_the_present_code_are_told_from_older_ones(self, results_folder, by_now, older, said):
        now = inputs.inputs(section("ablation"))
        cells = []
        for number, one in enumerate(made(METHODS).cells):
            digests = now if number < by_now else {**now, "code": older}
            cells.append(one.model_copy(update={"provenance": PROVENANCE.model_copy(update={"inputs": digests})}))
        path = results_folder / "embedded" / "ablation.json"
        results.write_document(path, results.merge(cells, source="embedded"))
        results.lock(path)
        (row,) = show.table_status(locked("embedded", problems=())).to_dict("records")
        assert row["by the present code"] == said

    def test_results_made_on_one_machine_share_a_row(self, results_folder):
        locked_document(results_folder)
        locked_document(results_folder, section_id="mixed")
        (row,) = show.table_machines(locked("embedded")).to_dict("records")
        assert row["results"] == "mixed, ablation" or row["results"] == "ablation, mixed"
        assert "Some CPU" in row["machine"] and "torch 2.13.0" in row["versions"]

    def test_nothing_locked_is_said_to_be_missing(self, results_folder):
        locked_document(results_folder)
        with pytest.raises(results.MissingResult, match="no real document is locked"):
            locked("real")

    def test_a_voice_without_a_folder_of_ones_own_is_the_checkouts_here_as_elsewhere(self, results_folder):
        locked_document(results_folder)
        (row, *_) = locked("published")
        assert row.document == results.load(row.section, "published") and row.path.is_file()

    def test_every_locked_document_of_the_project_has_its_row(self):
        kept = json.loads((ROOT / "results" / "manifest.json").read_text())["files"]
        for source, table in (("embedded", show.table_status), ("published", show.table_published)):
            assert len(table(locked(source, problems=()))) == sum(name.startswith(f"{source}/") for name in kept)

    def test_each_source_of_a_section_that_is_locked_is_counted(self):
        kept = json.loads((ROOT / "results" / "manifest.json").read_text())["files"]
        known = {data for data in ("embedded", "real") if f"{data}/ncg.json" in kept}
        assert {entry["data"] for entry in status.kept("ncg")} == known and "real" in known

    def test_memory_has_a_column_once_a_cell_tells_it(self, results_folder):
        whole = made(METHODS, source="embedded")
        timing = whole.cells[0].timing.model_copy(update={"peak_memory": 2**30})
        path = results_folder / "embedded" / "ablation.json"
        cells = [whole.cells[0].model_copy(update={"timing": timing}), *whole.cells[1:]]
        results.write_document(path, whole.model_copy(update={"cells": cells}))
        results.lock(path)
        (row,) = show.table_status(locked("embedded", problems=())).to_dict("records")
        assert row["memory"] == f"1,024{NBSP}MiB"

    def test_the_peak_of_this_process_is_at_least_what_it_holds(self):
        held = psutil.Process().memory_info().rss
        assert held <= peak_memory() < 2**40

    def test_cells_as_csv_have_a_row_each(self):
        frame = show.data_cells(made(METHODS))
        assert len(frame) == 6
        assert set(frame["method"]) == set(METHODS) and frame["macro_f1"].notna().all()


class TestTheStatusPage:
    PAGE = ":::{mstask-status} locked/embedded?\n:name: table-status\n\nLocked.\n:::\n"

    @pytest.fixture
    def project(self, tmp_path):
        return Project(tmp_path)

    def test_each_result_can_be_downloaded_whole(self, project, results_folder):
        path = locked_document(results_folder)
        built = project.page(self.PAGE)
        files = {link.rpartition("/")[2]: project.output / link for link in re.findall(r'href="(_downloads[^"]+)"', built.html)}
        assert set(files) == {"ablation.json", "ablation.csv", "ablation.ipynb", "table-status.csv"}
        assert files["ablation.json"].read_bytes() == path.read_bytes()

    def test_a_large_document_unpacks_to_the_same_bytes(self, project, results_folder):
        path = locked_document(results_folder, dict.fromkeys((f"method-{i}" for i in range(30)), 0.5))
        project.write(self.PAGE)
        (packed,) = re.findall(r'href="(_downloads[^"]+ablation\.json\.bz2)"', project.build().html)
        assert bz2.decompress((project.output / packed).read_bytes()) == path.read_bytes()

    def test_a_document_that_is_locked_later_appears(self, project, results_folder):
        locked_document(results_folder)
        project.write(self.PAGE)
        before = project.build().html
        locked_document(results_folder, section_id="mixed")
        after = project.build().html
        assert section("mixed").title in after and section("mixed").title not in before

    def test_without_a_locked_result_the_page_says_so(self, project, results_folder):
        locked_document(results_folder)
        built = project.page(self.PAGE.replace("embedded", "real"))
        assert "none on real data" in built.html

    def test_the_book_builds_the_same_from_anything_but_results(self, project, results_folder):
        locked_document(results_folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(results.locks, "now", lambda: "2030-01-01T00:00:00Z")
            project.write(self.PAGE)
            assert "2030" not in project.build().html


class TestYourRun:
    def documents(self, run, embedded=METHODS, **voices):
        locked = embedded and made(embedded, source="embedded")
        return {"ablation": {"embedded": locked or None, "run": run, **voices}}

    def test_each_method_has_the_locked_mean_yours_and_the_difference(self):
        run = made({"D0_doppler": 0.3}, seeds=(42,))
        (one,) = compared(self.documents(run))
        scores = [c.result.macro_f1 for c in made(METHODS).cells if c.method == "D0_doppler"]
        assert one.locked == pytest.approx(sum(scores) / 3)
        assert one.yours == run.cells[0].result.macro_f1
        assert one.difference == pytest.approx(one.yours - one.locked) and one.difference < 0
        (row,) = show.table_your_run(self.documents(run)).to_dict("records")
        assert row["difference"].startswith("−") and row["size of your run"] == "paper, 1 of 3 cells"

    def test_the_same_run_differs_by_nothing(self):
        assert {one.difference for one in compared(self.documents(made(METHODS)))} == {0.0}

    def test_only_cases_that_both_runs_have_are_compared(self):
        def over(cases, skills):
            return results.merge(
                cell("D0_doppler", 1, skill, "rotation", case=case) for case, skill in zip(cases, skills, strict=True)
            )

        locked, run = over(["a", "b"], [0.9, 0.2]), over(["b", "c"], [0.2, 0.9])
        (one,) = compared({"rotation": {"embedded": locked, "run": run}})
        assert one.difference == 0.0

    def test_a_run_on_real_data_is_not_held_against_the_embedded_one(self):
        data = made(METHODS).data.model_copy(update={"source": "real"})
        run = results.merge(one.model_copy(update={"data": data}) for one in made(METHODS).cells)
        assert [one.difference for one in compared(self.documents(run))] == [None, None]
        assert {one.difference for one in compared(self.documents(run, real=run))} == {0.0}

    def test_a_method_that_is_not_locked_is_shown_without_a_difference(self):
        found = {one.method: one for one in compared(self.documents(made({"D0_chirp": 0.5, "D0_doppler": 0.8})))}
        assert found["D0_chirp"].difference is None and found["D0_doppler"].difference == 0.0
        assert "not locked" in show.table_your_run(self.documents(made({"D0_chirp": 0.5})))["locked"].tolist()

    def test_a_section_is_summed_up_in_a_row(self):
        (row,) = show.table_your_run_sections(self.documents(made({"D0_chirp": 0.5, "D0_doppler": 0.8}))).to_dict("records")
        assert row["methods compared"] == "1 of 2"
        assert row["mean difference"] == "0.000" and row["largest"] == "0.000, all Doppler-LIF"

    @pytest.mark.parametrize(
        "studies",
        [
            {},
            {"ablation": {"embedded": None, "run": None}},
            {"ablation": {"embedded": made(METHODS), "run": None}},
            {"ablation": {"embedded": None, "run": made(METHODS)}},
            {"ablation": {"embedded": made(METHODS), "run": made(METHODS)}},
        ],
    )
    def test_figure_table_and_data_stand_whatever_is_there(self, studies, tmp_path):
        show.figure_your_run(studies).savefig(tmp_path / "figure.svg")
        assert list(show.table_your_run(studies)) == list(show.table_your_run({}))
        assert len(show.data_your_run(studies)) == len(show.table_your_run(studies))

    def test_the_page_names_every_section_by_a_star(self, tmp_path, results_folder):
        locked_document(results_folder)
        stored_run()
        project = Project(tmp_path)
        built = project.page(":::{mstask-table} your_run embedded/*? run/*\n:name: table-yours\n\nYours.\n:::\n")
        assert "quick, 1 of 3 cells" in built.html

    def test_runs_with_changed_parameters_are_shown_under_their_label_with_what_differs(self, tmp_path, results_folder):
        changed = resolve("ablation", max_epochs=3, data_size="paper", seeds=[7])
        name = label("ablation", changed)
        path = results.cell_path("ablation", name, "embedded", "D0_doppler", 7)
        results.write_cell(path, cell("D0_doppler", 7, profile=name, parameters=changed.of_cell()))
        (row,) = show.table_changed_runs(results.changed_runs()).to_dict("records")
        assert (row["run"], row["changed"], row["seeds"]) == (
            name,
            "data_size paper instead of medium; max_epochs 3 instead of 8",
            "7",
        )
        project = Project(tmp_path)
        shown = ":::{mstask-table} changed_runs changed/run\n:name: table-changed\n\nChanged.\n:::\n"
        built = project.page(f"::::{{mstask-when}} changed/run\n{shown}::::\n")
        assert "max_epochs" in built.html and " 3 instead of 8" in built.html and name in built.html

    def test_seeds_that_no_profile_has_count(self, results_folder):
        stored_run(seeds=(42, 77))
        assert {found.seed for found in results.load("ablation", "run").cells} == {42, 77}
