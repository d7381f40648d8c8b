"""Claims about the doctor: it sees what is wrong, says what to do, and its exit code follows."""

import json
import shutil

import pytest
from jupyter_client.kernelspec import KernelSpec

from mstask.lab import doctor, kernel
from mstask.lab.cli import main


def verdicts(look, name):
    return [(check.verdict, check.found, check.advice) for check in look() if check.name == name]


@pytest.mark.parametrize(("found", "code"), [("ok", 0), ("note", 0), ("wrong", 1)])
def test_a_check_that_finds_something_wrong_fails_the_command(monkeypatch, capsys, found, code):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Check("a", "ok", "x"), doctor.Check("b", found, "y", "mend it")])
    assert main(["doctor"]) == code
    assert ("all is in order" in capsys.readouterr().out) == (not code)


def test_every_check_is_printed_the_same_as_json(locked, monkeypatch, capsys):
    checks = doctor.examine()
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    wrong = [check.name for check in checks if check.verdict == "wrong"]
    assert main(["doctor", "--json"]) == int(bool(wrong))
    printed = json.loads(capsys.readouterr().out)
    assert {"name", "verdict", "found", "advice"} == set(printed[0])
    names = {"Python", "notebooks", "device", "embedded data", "DIAT_DATA", "results folder", "cache folder", "locked results"}
    assert names <= {entry["name"] for entry in printed}
    assert all(check.advice for check in checks if check.verdict != "ok")
    main(["doctor"])
    assert ("all is in order" in capsys.readouterr().out) == (not wrong)


def test_versions_that_can_change_a_number_are_wrong_and_others_are_noted(monkeypatch):
    monkeypatch.setattr(doctor, "pins", lambda: {"torch": "0.1", "sphinx": "0.1", "no-runtime": "1", "no-tool": "1"})
    monkeypatch.setattr(doctor.session, "missing", lambda: ["no-runtime>=1"])
    (versions,), (tools,), (packages,), (more,) = (
        verdicts(doctor.versions, name) for name in ("versions", "tools", "packages", "more")
    )
    assert versions[0] == "wrong" and "instead of 0.1" in versions[1] and "requirements.txt" in versions[2]
    assert tools[0] == "note" and tools[1].startswith("sphinx")
    assert packages[:2] == ("wrong", "missing: no-runtime")
    assert more[:2] == ("note", "not installed: no-tool")


def test_a_kernel_that_does_not_start_is_wrong_and_settings_that_runs_do_not_see_are_noted(monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    monkeypatch.setattr(kernel, "started", lambda: "python")
    assert verdicts(doctor.notebooks, "notebooks")[0][:2] == ("ok", "run by python")
    ((verdict, found, _),) = verdicts(doctor.notebooks, "settings")
    assert verdict == "note" and "NUMBA_DISABLE_JIT" in found
    monkeypatch.undo()
    monkeypatch.setattr(kernel.KernelSpecManager, "get_kernel_spec", lambda *_: KernelSpec(argv=["no-such-python"]))
    ((verdict, found, advice),) = verdicts(doctor.notebooks, "notebooks")
    assert verdict == "wrong" and "no-such-python" in found and "requirements.txt" in advice


def test_a_folder_of_originals_without_its_files_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setenv("DIAT_DATA", str(tmp_path))
    (tmp_path / "X.npy").touch()
    ((verdict, found, advice),) = verdicts(doctor.data, "DIAT_DATA")
    assert (verdict, found) == ("wrong", f"{tmp_path} has no y.npy") and "unset DIAT_DATA" in advice
    (tmp_path / "y.npy").touch()
    assert verdicts(doctor.data, "DIAT_DATA")[0][0] == "ok"


@pytest.mark.parametrize("fault", ["unwritable", "full"])
def test_folders_are_tried_and_measured(tmp_path, monkeypatch, fault):
    monkeypatch.setenv("MSTASK_RESULTS", str(tmp_path / "new"))
    assert verdicts(doctor.folders, "results folder")[0][0] == "ok" and not (tmp_path / "new").exists()
    if fault == "full":
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
        expected = "0.0 GB free"
    else:
        (tmp_path / "file").touch()
        monkeypatch.setenv("MSTASK_RESULTS", str(tmp_path / "file"))
        expected = "can't be written: Not a directory"
    ((verdict, found, advice),) = verdicts(doctor.folders, "results folder")
    assert verdict == "wrong" and expected in found and "MSTASK_RESULTS" in advice


def test_a_broken_lock_is_wrong_and_named(locked, monkeypatch):
    locked.write_bytes(locked.read_bytes()[:-9])
    ((verdict, found, advice),) = verdicts(doctor.locks, "locked results")
    assert verdict == "wrong" and "ablation.json" in found and "git checkout results" in advice
    monkeypatch.setattr(doctor, "examine", lambda: list(doctor.locks()))
    assert main(["doctor"]) == 1
