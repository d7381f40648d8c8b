"""Claims about data that the processes of a run share: one copy, the same numbers, nothing left behind."""

import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from mstask import cell
from mstask.data import mapped
from mstask.lab import batch
from mstask.section import resolve

HELD_BY = """
import re, sys, torch
from pathlib import Path
from mstask.data import mapped
kept = mapped.once("toy", "asked", lambda: sys.exit("loaded again"))
assert kept["x"].sum() == 4_000_000
maps = Path("/proc/self/smaps").read_text().split("VmFlags")
for kind in ("Shared", "Private"):
    print(sum(int(found) for one in maps if ".pt" in one for found in re.findall(rf"{kind}_\\w+:\\s+(\\d+)", one)))
"""


def load():
    return {"x": torch.ones(4_000_000), "about": "ones"}


class TestOnce:
    def test_a_run_without_shared_data_loads_its_own(self, tmp_path):
        assert torch.equal(mapped.once("toy", "asked", load)["x"], load()["x"])
        with mapped.sharing(["other"]) as folder:
            assert mapped.once("toy", "asked", load)["about"] == "ones"
            assert {path.name for path in folder.rglob("*")} == {"other", mapped.HELD}

    def test_it_is_loaded_once_for_equal_questions(self):
        counted = []

        def counting():
            counted.append(1)
            return load()

        with mapped.sharing(["toy"]):
            found = [mapped.once("toy", asked, counting) for asked in ("one", "one", "other")]
        assert len(counted) == 2
        assert all(torch.equal(one["x"], load()["x"]) for one in found)

    def test_who_writes_to_it_changes_a_copy(self):
        with mapped.sharing(["toy"]):
            mapped.once("toy", "asked", load)["x"][:] = 7
            assert mapped.once("toy", "asked", load)["x"].max() == 1

    @pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what of a process's memory is its own")
    def test_another_process_maps_what_this_one_loaded(self):
        with mapped.sharing(["toy"]):
            mine = mapped.once("toy", "asked", load)
            assert mine["x"].sum() == 4_000_000
            done = subprocess.run([sys.executable, "-c", HELD_BY], capture_output=True, text=True, check=True)
        shared, own = map(int, done.stdout.split())
        assert shared > 15_000, "kB, of 15,625"
        assert own < 500

    def test_a_full_disk_leaves_each_process_its_copy(self, monkeypatch):
        def full(value, path):
            path.write_bytes(b"half")
            raise RuntimeError("PytorchStreamWriter failed writing file")

        monkeypatch.setattr(torch, "save", full)
        with mapped.sharing(["toy"]) as folder:
            assert torch.equal(mapped.once("toy", "asked", load)["x"], load()["x"])
            assert not list(folder.rglob("*.new")) + list(folder.rglob("*.pt"))

    def test_a_mistake_in_loading_is_told_as_it_is(self):
        def absent():
            raise FileNotFoundError("no recordings here")

        with mapped.sharing(["toy"]), pytest.raises(FileNotFoundError, match="no recordings"):
            mapped.once("toy", "asked", absent)

    def test_what_a_killed_run_left_is_taken_away(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        killed, alive = tmp_path / "mstask-data-abc", tmp_path / "mstask-data-def"
        for run in (killed, alive):
            (run / "toy").mkdir(parents=True)
            (run / mapped.HELD).touch()
        with FileLock(alive / mapped.HELD), mapped.sharing(["toy"]) as own:
            assert sorted(tmp_path.iterdir()) == sorted([alive, own])

    def test_nothing_stays(self):
        with mapped.sharing(["toy"]) as folder:
            kept = mapped.once("toy", "asked", load)
            mapped.end(folder, "toy")
            assert [left.name for left in folder.iterdir()] == [mapped.HELD]
            assert kept["x"].sum() == 4_000_000
        assert not folder.exists()
        assert mapped.FOLDER not in os.environ


def test_the_kernels_of_a_run_share_the_data_of_sections_whose_cells_are_spread(toy_here, monkeypatch):
    shared = []

    def spread(made, client, workers, pages, end):
        loaded = cell.load("toy", made.parameters["toy"])
        folder = Path(os.environ[mapped.FOLDER])
        shared.append((len(made.tasks), [path.parent.name for path in folder.rglob("*.pt")]))
        assert cell.content(cell.load("toy", made.parameters["toy"])) == cell.content(loaded)
        end("toy")
        assert not list(folder.rglob("*.pt"))
        return []

    monkeypatch.setattr(batch, "connected", lambda *given: nullcontext())
    monkeypatch.setattr(batch, "spread", spread)
    batch.run([("toy", resolve("toy"))], workers=2)
    batch.run([("toy", resolve("toy"))], workers=1)
    assert shared == [(2, ["toy"]), (1, [])]
