"""Result documents: round trips, whole-or-nothing writes, merging, and locks that notice any change."""

import errno
import json
import math
import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from making import TEST_LABELS, cell, data_record, document, guesses

from mstask import paths, results
from mstask.results import MissingResult, ResultsError, locks

CHECKOUT = paths.ROOT / "results"
SMALL = sorted(locks.read_manifest(CHECKOUT), key=lambda name: (CHECKOUT / name).stat().st_size)[:3]
BENCHMARK = "benchmark-coverage.json"
LOST = {"9c82d04d6264856468e6d15bedaba4273f37583c"}
"""A commit that 43 cells name and that no history has any more. Digests say that their code is the present one."""


class TestCanonicalJson:
    def test_lists_of_numbers_take_one_line_and_keys_are_sorted(self):
        text = results.dumps({"b": [1, 2.5, 3], "a": {"d": [[0.1, 0.2], [0.3]], "c": []}})
        assert text == (
            '{\n  "a": {\n    "c": [],\n    "d": [\n      [0.1, 0.2],\n      [0.3]\n    ]\n  },\n  "b": [1, 2.5, 3]\n}\n'
        )

    def test_numpy_and_torch_values_become_plain_ones(self):
        value = {"a": np.float32(0.5), "b": np.arange(3), "c": torch.tensor([1.5]), "d": np.bool_(True), "e": (1, 2)}
        assert json.loads(results.dumps(value)) == {"a": 0.5, "b": [0, 1, 2], "c": [1.5], "d": True, "e": [1, 2]}

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
            max_leaves=12,
        )
    )
    def test_any_plain_value_survives_the_round_trip(self, value):
        text = results.dumps(value)
        assert json.loads(text) == value
        assert results.dumps(json.loads(text)) == text

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ({"a": [1.0, math.nan]}, "'nan' at a "),
            ({"a": {"b": math.inf}}, "'inf' at a.b"),
            ({"a": [{"b": object()}]}, r"a\[0\].b"),
            ({1: 2}, "key 1"),
        ],
    )
    def test_what_json_cant_hold_is_refused_with_its_place(self, value, message):
        with pytest.raises(ResultsError, match=message):
            results.dumps(value)


class TestAtomicWrite:
    @pytest.mark.parametrize("call", ["fsync", "replace"])
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
    def test_a_failure_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch, call, code):
        path = tmp_path / "cell.json"
        results.write_atomic(path, "old\n")

        def fail(*_):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, call, fail)
        with pytest.raises(ResultsError, match=rf"cell\.json could not be written: {os.strerror(code)}"):
            results.write_atomic(path, "new\n")
        assert [p.name for p in tmp_path.iterdir()] == ["cell.json"]
        assert path.read_text() == "old\n"

    def test_an_interrupt_leaves_nothing_behind(self, tmp_path, monkeypatch):
        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            results.write_atomic(tmp_path / "cell.json", "new\n")
        assert list(tmp_path.iterdir()) == []

    def test_the_bytes_are_on_disk_before_the_name_is(self, tmp_path, monkeypatch):
        order = []
        fsync, replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), fsync(fd)))
        monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
        results.write_atomic(tmp_path / "a" / "b.json", "µ\n")
        assert order[:2] == ["sync", "rename"]
        assert (tmp_path / "a" / "b.json").read_bytes() == "µ\n".encode()

    def test_a_file_in_place_of_a_folder_is_a_clear_error(self, tmp_path):
        (tmp_path / "runs").write_text("not a folder")
        with pytest.raises(ResultsError, match="runs"):
            results.write_atomic(tmp_path / "runs" / "ablation" / "cell.json", "{}\n")


class TestReading:
    def test_cells_and_documents_survive_the_round_trip(self, tmp_path):
        one, whole = cell(), document({"D0_doppler": 0.8, "D1_H1": 0.7})
        results.write_cell(tmp_path / "cell.json", one)
        results.write_document(tmp_path / "whole.json", whole)
        assert results.read_cell(tmp_path / "cell.json") == one
        assert results.read_document(tmp_path / "whole.json") == whole
        assert one.parameters["note"] is None

    def test_a_document_stores_the_test_labels_once(self):
        labels = json.dumps(TEST_LABELS)
        assert results.dumps(document({"D0_doppler": 0.8, "D1_H1": 0.7})).count(labels) == 1

    def test_a_truncated_file_is_named_wherever_it_ends(self, tmp_path):
        path = tmp_path / "cell.json"
        results.write_cell(path, cell())
        text = path.read_text()
        for end in range(0, len(text) - 2, len(text) // 40):
            path.write_text(text[:end])
            with pytest.raises(ResultsError, match=r"cell\.json is truncated or was edited by hand"):
                results.read_cell(path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda v: v.update(schema_version="mstask/9"), "schema version 'mstask/9', expected 'mstask/1'"),
            (lambda v: v.pop("schema_version"), "schema version None"),
            (
                lambda v: v["result"].update(macro_f1="0.9"),
                "result.macro_f1: Input should be a valid number, found '0.9'",
            ),
            (lambda v: v["result"].update(macro_f1=1.5), "result.macro_f1: Input should be less than or equal to 1"),
            (lambda v: v["result"].update(macro_f1=None), "result: macro_f1 is missing"),
            (lambda v: v["result"].update(acuracy=0.5), "result.acuracy: Extra inputs"),
            (lambda v: v["result"]["predictions"].pop(), "239 predictions for 240 test labels"),
            (lambda v: v["result"]["predictions"].__setitem__(0, 6), "prediction 6 but only 6 classes"),
            (lambda v: v["data"]["test_labels"].__setitem__(0, 9), "test label 9 but only 6 class names"),
            (lambda v: v["data"]["counts"].update(test=3), "240 test labels, but the count says 3"),
            (lambda v: v.update(method="../../escape"), "method"),
            (lambda v: v.pop("seed"), "seed: Field required"),
        ],
    )
    def test_an_edited_cell_is_one_clear_error_naming_file_and_field(self, tmp_path, change, message):
        path = tmp_path / "cell.json"
        results.write_cell(path, cell())
        values = json.loads(path.read_text())
        change(values)
        path.write_text(json.dumps(values))
        with pytest.raises(ResultsError) as caught:
            results.read_cell(path)
        assert message in str(caught.value)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b'{"schema_version": "mstask/1", "seed": NaN}', "the number NaN is not finite"),
            (b'{"schema_version": "mstask/1", "seed": 1e999}', "1e999 is not finite"),
            (b'{"schema_version": "mstask/1", "seed": 1, "seed": 2}', "key 'seed' appears twice"),
            (b"[]", "holds a JSON list, expected an object"),
            (b"\xff\xfe", "not UTF-8"),
            (b"[" * 100_000, "edited by hand"),
            (b"", "truncated"),
        ],
    )
    def test_other_content_is_one_clear_error(self, tmp_path, content, message):
        (tmp_path / "cell.json").write_bytes(content)
        with pytest.raises(ResultsError, match=message):
            results.read_cell(tmp_path / "cell.json")

    def test_a_value_that_isnt_finite_never_enters_a_record(self):
        with pytest.raises(ValueError, match="finite"):
            results.Measures(macro_f1=0.5, history={"train_loss": [1.0, math.nan]})


class TestMerging:
    def test_the_order_of_the_cells_does_not_matter(self):
        cells = [cell(m, s) for m in ("D1_H1", "D0_doppler") for s in (999, 42)]
        assert results.merge(cells) == results.merge(cells[::-1])
        assert [(c.method, c.seed) for c in results.merge(cells).cells][:2] == [("D0_doppler", 42), ("D0_doppler", 999)]

    @pytest.mark.parametrize(
        ("other", "message"),
        [
            (lambda: cell(), "ablation/D0_doppler/seed 42 appears twice"),
            (lambda: cell("D1_H1", section="mixed"), "belongs to section 'mixed', expected 'ablation'"),
            (lambda: cell("D1_H1", profile="quick"), "belongs to profile 'quick', expected 'paper'"),
            (
                lambda: cell("D1_H1", data=data_record(fingerprint="sha256:2222")),
                "ran on data sha256:2222, expected sha256:1111",
            ),
            (lambda: cell("D1_H1", data=None), "ran on data none"),
        ],
    )
    def test_cells_that_dont_belong_together_are_refused(self, other, message):
        with pytest.raises(ResultsError, match=message):
            results.merge([cell(), other()])

    def test_no_cells_are_refused(self):
        with pytest.raises(ResultsError, match="no cells"):
            results.merge([])

    def test_what_is_comparable_leaves_out_timing_and_provenance_only(self):
        again = cell().model_copy(update={"timing": results.Timing(seconds=99.0), "provenance": None})
        assert results.comparable(cell()) == results.comparable(again)
        assert results.comparable(cell()) != results.comparable(cell(skill=0.9))
        assert set(cell().model_dump()) - set(results.comparable(cell())) == {"timing", "provenance"}


class TestLoading:
    @staticmethod
    def write(profile, source, method="D0_doppler", section="ablation"):
        made = cell(method, section=section, profile=profile, data=data_record(source=source))
        path = results.cell_path(section, profile, source, method, 42)
        results.write_cell(path, made)
        return path

    def test_the_larger_profile_and_then_real_data_come_first(self, results_folder):
        chosen = []
        for profile, source in [("smoke", "embedded"), ("smoke", "real"), ("quick", "embedded"), ("paper", "embedded")]:
            self.write(profile, source)
            found = results.load("ablation", "run")
            chosen.append((found.profile, found.data.source, found.source))
        assert chosen == [
            ("smoke", "embedded", "run"),
            ("smoke", "real", "run"),
            ("quick", "embedded", "run"),
            ("paper", "embedded", "run"),
        ]
        assert results.load("ablation", "run", data_source="real").profile == "smoke"
        assert results.load("ablation", "run", profile="quick").profile == "quick"

    def test_files_that_are_no_cells_of_the_run_are_ignored_or_refused(self, results_folder):
        path = self.write("quick", "embedded")
        path.with_name(f".{path.name}.1234.tmp").write_text("half")
        path.with_suffix(".pt").write_text("checkpoint")
        assert len(results.load("ablation", "run").cells) == 1
        shutil.copy(path, path.with_name("D0_stft-42.json"))
        with pytest.raises(ResultsError, match=r"D0_stft-42\.json holds cell ablation/D0_doppler/seed 42"):
            results.load("ablation", "run")

    def test_cells_on_different_data_are_refused(self, results_folder):
        self.write("quick", "embedded")
        other = cell("D1_H1", profile="quick", data=data_record(fingerprint="sha256:2222"))
        results.write_cell(results.cell_path("ablation", "quick", "embedded", "D1_H1", 42), other)
        with pytest.raises(ResultsError, match="sha256:2222"):
            results.load("ablation", "run")

    def test_what_is_missing_comes_with_the_command_that_makes_it(self, results_folder):
        with pytest.raises(MissingResult, match="python -m mstask run ablation`"):
            results.load("ablation", "run")
        with pytest.raises(MissingResult, match="no figures are published for 'probe'"):
            results.load("probe", "published")
        (results_folder / "embedded").mkdir(parents=True)
        with pytest.raises(MissingResult, match="python -m mstask lock ablation"):
            results.load("ablation", "embedded")
        self.write("quick+1f2e3d4c", "embedded")
        with pytest.raises(MissingResult, match=r"found: quick\+1f2e3d4c-embedded"):
            results.load("ablation", "run")

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            (("ablaton",), "there is no such section; did you mean 'ablation'"),
            (("ablaton", "run"), "there is no such section; did you mean 'ablation'"),
            (("recordings",), "that section has no embedded data, but recorded"),
            (("ablation", "run", None, "qick"), "unknown profile 'qick': did you mean 'quick'"),
            (("ablation", "run", "reel"), "unknown source of data 'reel': did you mean 'real'"),
        ],
    )
    def test_what_no_run_could_make_comes_without_a_command(self, results_folder, asked, said):
        with pytest.raises(ResultsError) as caught:
            results.load(*asked)
        assert said in str(caught.value) and "python -m" not in str(caught.value)

    def test_a_document_filed_under_another_section_is_refused(self, results_folder):
        results.write_document(results_folder / "embedded" / "mixed.json", document({"D1_H1": 0.8}, source="embedded"))
        with pytest.raises(ResultsError, match=r"mixed\.json holds section 'ablation', expected 'mixed'"):
            results.load("mixed", "embedded")

    def test_an_unknown_source_names_the_nearest(self):
        with pytest.raises(ResultsError, match="did you mean 'published'"):
            results.load("ablation", "publisched")


class TestLocks:
    def test_a_lock_records_what_made_the_document(self, locked):
        entry = locks.read_manifest(locked.parent.parent)["embedded/ablation.json"]
        assert entry["revision"] == "0123456789abcdef0123456789abcdef01234567"
        assert entry["command"] == "python -m mstask run ablation --profile paper"
        assert entry["versions"] == {"python": "3.11.7", "torch": "2.13.0"}
        assert entry["machine"] == "Some CPU, 2 logical cores, Linux x86_64"
        assert entry["data"]["fingerprint"] == "sha256:1111"
        assert entry["cells"] == 6
        assert results.verify() == []

    def test_a_benchmark_whose_provenance_is_damaged_is_named(self, tmp_path):
        shutil.copytree(CHECKOUT / "embedded", tmp_path / "embedded", ignore=lambda folder, names: set(names) - {BENCHMARK})
        path = tmp_path / "embedded" / BENCHMARK
        document = json.loads(path.read_text())
        del document["values"]["provenance"]["threads"]
        path.write_text(results.dumps(document))
        with pytest.raises(ResultsError, match=r"benchmark-coverage\.json can't be locked: provenance: .*threads"):
            results.lock(path)
        shutil.copy(CHECKOUT / "manifest.json", tmp_path)
        assert any(problem.startswith(f"embedded/{BENCHMARK}") for problem in results.verify(tmp_path))

    def test_an_entry_without_its_time_is_locked_anew(self, locked):
        manifest = locked.parent.parent / "manifest.json"
        whole = json.loads(manifest.read_text())
        del whole["files"]["embedded/ablation.json"]["locked"]
        manifest.write_text(json.dumps(whole))
        assert results.verify()
        results.lock(locked)
        assert results.verify() == []

    def test_two_locks_at_once_both_get_their_entry(self, results_folder, monkeypatch):
        """Each has read the manifest a while before it writes it."""
        paths = [results_folder / "embedded" / f"{name}.json" for name in ("ablation", "mixed", "square")]
        for path in paths:
            results.write_document(path, document({"D0_doppler": 0.8}, path.stem, source="embedded"))
        read = locks.read_manifest
        monkeypatch.setattr(locks, "read_manifest", lambda root: (read(root), time.sleep(0.05))[0])
        with ThreadPoolExecutor(len(paths)) as pool:
            list(pool.map(results.lock, paths))
        assert set(read(results_folder)) == {f"embedded/{path.name}" for path in paths}

    def test_locking_again_changes_nothing_and_a_new_document_replaces_the_entry(self, locked):
        manifest = locked.parent.parent / "manifest.json"
        before = manifest.read_bytes()
        assert results.lock(locked) == manifest
        assert manifest.read_bytes() == before
        results.write_document(locked, document({"D0_doppler": 0.9}, source="embedded"))
        assert any("SHA-256" in problem for problem in results.verify())
        results.lock(locked)
        assert results.verify() == []
        assert manifest.read_bytes() != before

    def test_a_run_is_merged_written_and_locked(self, results_folder):
        for seed in (42, 123):
            results.write_cell(results.cell_path("ablation", "paper", "embedded", "D1_H1", seed), cell("D1_H1", seed))
        path = results.lock_run("ablation", budget="Two seeds instead of three.")
        assert path == results_folder / "embedded" / "ablation.json"
        kept = results.load("ablation", "embedded")
        assert (kept.source, kept.budget, len(kept.cells)) == ("embedded", "Two seeds instead of three.", 2)
        assert results.verify(results_folder) == []

    def test_cells_that_do_not_fit_together_leave_the_locked_document_as_it_was(self, results_folder):
        for seed in (42, 123):
            results.write_cell(results.cell_path("ablation", "paper", "embedded", "D1_H1", seed), cell("D1_H1", seed))
        path = results.lock_run("ablation")
        before = path.read_bytes()
        other = cell("D1_H1", 123, parameters={"width": 7})
        results.write_cell(results.cell_path("ablation", "paper", "embedded", "D1_H1", 123), other)
        with pytest.raises(ResultsError, match=r"isn't written, .*: cell .*seed 123 ran with other"):
            results.lock_run("ablation")
        assert path.read_bytes() == before and results.verify(results_folder) == []

    def test_a_run_on_real_data_is_kept_apart_and_has_a_voice_of_its_own(self, results_folder):
        own = cell(data=data_record(source="real"))
        path = results.cell_path("ablation", "paper", "real", own.method, 42)
        results.write_cell(path, own)
        assert results.lock_run("ablation", data_source="real") == results_folder / "real" / "ablation.json"
        path.unlink()
        kept = results.load("ablation", "real")
        assert (kept.source, kept.data.source) == ("real", "real")
        with pytest.raises(MissingResult):
            results.load("ablation", "run")
        assert results.verify(results_folder) == []

    def test_a_missing_result_on_real_data_names_the_commands_that_make_it(self, results_folder):
        (results_folder / "real").mkdir(parents=True)
        with pytest.raises(
            MissingResult, match="--profile paper --data real` and `python -m mstask lock ablation --data real`"
        ):
            results.load("ablation", "real")

    @pytest.mark.parametrize(("folder", "data"), [("embedded", "real"), ("real", "embedded")])
    def test_neither_kind_of_data_is_locked_as_the_other(self, results_folder, folder, data):
        path = results_folder / folder / "ablation.json"
        made = results.merge([cell(data=data_record(source=data))], source=folder)
        results.write_document(path, made)
        with pytest.raises(ResultsError, match=f"the data is {data}, but the document's source is '{folder}'"):
            results.lock(path)

    def test_without_cells_there_is_nothing_to_lock(self, results_folder):
        with pytest.raises(MissingResult, match="python -m mstask run ablation --profile paper"):
            results.lock_run("ablation")

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda text: text[:-40], "truncated"),
            (lambda text: text.replace('"mstask/1"', '"mstask/2"'), "schema version 'mstask/2'"),
            (lambda text: text.replace('"section": "ablation"', '"section": "mixed"'), "its section is 'mixed'"),
            (
                lambda text: text.replace('"source": "embedded",\n  "title"', '"source": "run",\n  "title"'),
                "source is 'run'",
            ),
            (lambda text: text + "\n", "canonical form"),
            (lambda text: text.replace('"accuracy": 0.', '"accuracy": 0.1', 1), "its predictions give"),
        ],
    )
    def test_a_document_that_isnt_right_cant_be_locked(self, locked, spoil, message):
        text = locked.read_text()
        assert spoil(text) != text
        locked.write_text(spoil(text))
        with pytest.raises(ResultsError, match=message):
            results.lock(locked)

    def test_only_kept_folders_can_hold_locked_documents(self, tmp_path):
        results.write_document(tmp_path / "runs" / "ablation.json", document({"D0_doppler": 0.8}))
        with pytest.raises(ResultsError, match=r"expected a \.json file in a folder named published, embedded, real"):
            results.lock(tmp_path / "runs" / "ablation.json")

    def test_a_score_that_its_predictions_dont_give_is_found(self):
        right = document({"D0_doppler": 0.8}, seeds=(42,))
        wrong = right.cells[0].result.model_copy(update={"predictions": guesses(0.5, 1).tolist()})
        changed = right.cells[0].model_copy(update={"result": wrong})
        assert locks.check_scores(right) == []
        assert "says macro_f1" in locks.check_scores(results.merge([changed]))[0]


class TestVerify:
    def test_this_checkouts_locks_are_intact(self, problems):
        assert problems == []

    def test_locked_results_are_by_committed_code(self):
        if paths.git("rev-parse", "--is-shallow-repository") != "false":
            pytest.skip("the whole history isn't here")
        for name, entry in locks.read_manifest(CHECKOUT).items():
            assert not entry["dirty"], name
            for revision in filter(None, (entry["revision"] or "").split(", ")):
                assert revision in LOST or paths.git("merge-base", "--is-ancestor", revision, "HEAD") is not None, name

    @pytest.mark.parametrize("name", SMALL)
    def test_one_flipped_digit_in_a_locked_file_is_noticed(self, tmp_path, name):
        """The file alone, with its entry of the manifest; that it is intact as it is, the test above says."""
        entry = json.loads((CHECKOUT / "manifest.json").read_text())["files"][name]
        (tmp_path / "manifest.json").write_text(json.dumps({"schema_version": results.SCHEMA, "files": {name: entry}}))
        original = (CHECKOUT / name).read_bytes()
        (tmp_path / name).parent.mkdir()
        half = len(original) // 2
        (tmp_path / name).write_bytes(_flipped(original, half + re.search(rb"\d", original[half:]).start()))
        assert any(problem.startswith(name) for problem in results.verify(tmp_path))

    def test_one_flipped_digit_in_the_manifest_is_noticed(self, locked):
        root = locked.parent.parent
        original = (root / "manifest.json").read_bytes()
        time = original.index(b'"locked"')
        for position, byte in enumerate(original):
            if chr(byte).isdigit() and not time < position < time + 35:
                (root / "manifest.json").write_bytes(_flipped(original, position))
                assert results.verify(root), original[position - 20 : position + 5]

    def test_files_and_entries_without_a_counterpart_are_noticed(self, locked):
        shutil.copy(locked, locked.with_name("mixed.json"))
        (problem,) = results.verify()
        assert problem.startswith("embedded/mixed.json: not in manifest.json")
        locked.with_name("mixed.json").unlink()
        locked.unlink()
        (problem,) = results.verify()
        assert problem == "embedded/ablation.json: listed in manifest.json, but the file is missing"

    def test_a_folder_in_place_of_a_file_is_noticed(self, locked):
        locked.unlink()
        locked.mkdir()
        (problem,) = results.verify()
        assert problem.startswith("embedded/ablation.json: could not be read")

    def test_a_damaged_or_foreign_manifest_is_one_problem(self, locked):
        manifest = locked.parent.parent / "manifest.json"
        for content, message in [
            ('{"files": {', "truncated"),
            ('{"files": {}, "schema_version": "mstask/0"}', "schema version 'mstask/0'"),
            ('{"files": []}', "no manifest"),
            ('{"files": [], "schema_version": "mstask/1"}', "no manifest"),
        ]:
            manifest.write_text(content)
            (problem,) = results.verify()
            assert message in problem

    def test_folders_that_are_read_from_the_checkout_are_verified_there(self, locked, monkeypatch):
        asked = []
        monkeypatch.setattr(locks, "_verify", lambda root, folders: asked.append((root, folders)) or [])
        assert results.verify() == []
        own = locked.parent.parent
        assert dict(asked) == {CHECKOUT: ["published"], own: ["embedded", "real", "recorded"]}

    def test_an_empty_results_folder_is_a_problem_and_not_a_pass(self, tmp_path):
        (problem,) = results.verify(tmp_path)
        assert "no locked documents found" in problem


def test_provenance_tells_code_and_machine_but_no_folders():
    found = results.provenance(f"python {paths.ROOT}/run.py --data {Path.home()}/radar")
    assert found.command == "python ./run.py --data ~/radar"
    assert results.provenance(f"python {Path.home()}-of/run.py").command == f"python {Path.home()}-of/run.py"
    assert {"python", "torch", "numpy", "numba", "scipy", "scikit-learn"} == set(found.versions)
    assert "none" not in found.versions.values()
    assert found.threads == torch.get_num_threads()
    text = results.dumps(found)
    assert str(paths.ROOT) not in text


def _flipped(content, position):
    digit = b"%d" % ((int(content[position : position + 1]) + 1) % 10)
    return content[:position] + digit + content[position + 1 :]
