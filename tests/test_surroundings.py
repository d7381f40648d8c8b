"""Claims about what the user has set up around a run: it changes no number, no figure, and stops nothing.

A whole run in the middle of such settings is one of the two batches of `test_faults`.
"""

import os
import stat
from pathlib import Path

import matplotlib
import pytest
from cycler import cycler

from mstask import cell as cells, paths, results, show
from mstask.data import cache
from mstask.errors import MstaskError
from mstask.fused import numba_kernel
from mstask.lab import batch, kernel
from mstask.lab.execution import Task, as_template, execute
from mstask.section import Place, resolve


def test_a_worker_that_sees_no_results_folder_of_the_asker_sends_what_it_measured(toy_here, monkeypatch):
    monkeypatch.chdir(toy_here)
    place = Place("plain", None, 1)
    report = execute(Task("toy", (place,), {"profile": "quick"}, "elsewhere", "/not/on/this/machine", send=True))
    assert report.error == "" and list(report.documents) == [place]
    asked = batch.Plan([], {}, [], {"toy": resolve("toy")}, {("toy", None): "sha256:toy"})
    monkeypatch.setenv("MSTASK_RESULTS", str(toy_here / "asker"))
    ((outcome,), again) = batch.judge(asked, Task("toy", (place,), {}, "f", "r"), report)
    assert (outcome.status, again) == ("done", []) and cells.path_of("toy", place, resolve("toy")).is_file()


def test_without_a_home_the_cache_lies_with_temporary_files(monkeypatch, tmp_path):
    for name in ("HOME", "MSTASK_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert paths.cache_dir() == tmp_path / ".cache" / "mstask"
    assert results.provenance("python run.py").command == "python run.py"


def test_compiled_code_has_a_folder_where_numba_would_find_none(monkeypatch, tmp_path):
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    paths.keep_compiled()
    assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setattr(os, "access", lambda *given: False)
    paths.keep_compiled()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder == tmp_path / "data" / f"numba-{os.getuid()}" and stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("MSTASK_DATA", str(Path(__file__) / "no folder"))
    paths.keep_compiled()
    assert Path(os.environ["NUMBA_CACHE_DIR"]).is_dir()
    Path(os.environ["NUMBA_CACHE_DIR"]).rmdir()


def test_what_one_user_generates_others_of_the_cache_can_read_and_lock(monkeypatch, tmp_path):
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
    (tmp_path / "plain").mkdir()
    made = cache.ensure("set", lambda folder: {}, lambda folder: None)
    assert made.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert stat.S_IMODE((tmp_path / "set.lock").stat().st_mode) == 0o666


def test_kernels_are_kept_for_one_user_alone(monkeypatch, tmp_path):
    """Compiled code is loaded by unpickling it, so nobody else may have written it."""
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "shared"))
    source = numba_kernel.Source("# Generated: two\nfrom numba import njit\ndef kernel(x):\n    x[0] = 2\n", ("x",), 0)
    numba_kernel.compile_kernel(source, "float64")
    (folder,) = (tmp_path / "shared").iterdir()
    assert folder == numba_kernel.kernels_dir() and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert str(os.getuid()) in folder.name and list(folder.glob("mstask_kernel_*.py"))


def test_a_path_with_braces_is_no_template():
    assert as_template(Path("/a/{b}/c")).format(b=1) == "/a/{b}/c"


@pytest.mark.parametrize("content", ["", "{", '{"nbformat": 2}'])
def test_a_damaged_notebook_is_named(tmp_path, content):
    (tmp_path / "n.ipynb").write_text(content)
    with pytest.raises(MstaskError, match=r"n\.ipynb can't be read"):
        kernel.read_notebook(tmp_path / "n.ipynb")
    with pytest.raises(MstaskError, match="is missing"):
        kernel.read_notebook(tmp_path / "none.ipynb")


TASTE = {"text.usetex": True, "font.size": 20, "font.family": "serif", "axes.grid": True, "lines.linewidth": 9}
TASTE |= {"axes.spines.left": False, "savefig.bbox": "tight", "savefig.transparent": True, "axes.unicode_minus": False}
TASTE |= {"axes.prop_cycle": cycler(color=["r"]), "image.cmap": "gray", "xtick.direction": "in", "path.sketch": (9, 9, 9)}


DRAWN = {
    "zoo": lambda: show.figure_zoo_responses("Vanilla-LIF"),
    "ablation": lambda: show.figure_ablation({"published": results.load("ablation", "published")}),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_the_same_whatever_the_readers_matplotlibrc_says(name):
    draw = DRAWN[name]
    plain = draw()._repr_png_()
    with matplotlib.rc_context(TASTE):
        assert draw()._repr_png_() == plain
        assert matplotlib.rcParams["text.usetex"]
