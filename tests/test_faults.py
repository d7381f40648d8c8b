"""Claims about faults, each driven for real: what is killed, full, torn or hung loses nothing and tells no wrong number.

MSTASK_KILLS=20 and MSTASK_CORRUPTIONS=200 make the random parts longer.
"""

import contextlib
import errno
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import nbformat
import psutil
import pytest
import toy

from mstask import cell as cells, results, runs
from mstask.errors import MstaskError
from mstask.lab import batch, kernel
from mstask.lab.cli import main
from mstask.section import Place, resolve

KILLS = int(os.environ.get("MSTASK_KILLS", "2"))
CORRUPTIONS = int(os.environ.get("MSTASK_CORRUPTIONS", "40"))


def measure(method="plain", **given):
    """Run a cell of the toy in this process."""
    return cells.run_cell("toy", Place(method, None, 1), resolve("toy", **given), toy.load(None, None, None))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The documents of a grid that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with toy.known(folder):
        for method in toy.CELLS:
            measure(method)
    return toy.documents(folder)


def kernels(process):
    """The notebook kernels that a batch process has running."""
    with contextlib.suppress(psutil.Error):
        return [child for child in psutil.Process(process.pid).children(recursive=True) if "ipykernel" in str(child.cmdline())]
    return []


def begun(folder, process):
    """Wait until the batch measures a cell, or has nothing left to measure."""
    before = len(toy.measured(folder))
    toy.wait_until(lambda: len(toy.measured(folder)) > before or process.poll() is not None)


def test_a_grid_killed_again_and_again_ends_with_the_documents_of_an_undisturbed_one(tmp_path, whole):
    """kill -9 of the whole batch at random moments of its training, one Ctrl-C among them; kernels die with their batch."""
    chance = random.Random(KILLS)
    for kill in range(KILLS):
        process = toy.start(tmp_path, "--workers", "1", MSTASK_TOY_PAUSE="0.5")
        begun(tmp_path, process)
        running = kernels(process)
        time.sleep(chance.uniform(0, 1.5))
        process.send_signal(signal.SIGINT if kill == 0 else signal.SIGKILL)
        said = process.communicate()[1]
        if kill == 0:
            assert process.returncode == 130 and "interrupted; the same command continues" in said
            assert "Traceback" not in said
        toy.wait_until(lambda running=running: not any(map(toy.at_work, running)))
    code, statuses, said = toy.run(tmp_path, "--workers", "1")
    assert code == 0, said
    assert set(statuses) == set(toy.CELLS) and set(statuses.values()) <= {"done", "skipped"}
    assert toy.documents(tmp_path) == whole
    assert not list(tmp_path.rglob("*checkpoint.pt")) + list(tmp_path.rglob("*.tmp"))


def test_a_failure_a_dead_kernel_and_a_hang_are_named_and_stop_nobody_else(tmp_path, whole, capsys):
    """Four cells begin in one notebook; each that goes wrong is told apart, and the rest go on without it."""
    kernel.started()  # what kernels are forked from runs then
    chosen = ["--methods", "plain,dies,raises,hangs", "--workers", "1", "--timeout", "10"]
    code, statuses, said = toy.run(tmp_path, *chosen, MSTASK_TOY_PAUSE="0")
    assert code == 1
    assert statuses == {"plain": "done", "dies": "failed", "raises": "failed", "hangs": "failed"}
    assert "toy dies seed 1: its process was killed from outside, most often by the system for want of memory" in said
    assert "toy raises seed 1: MstaskError: the toy broke (_build/executed/toy/" in said
    assert "toy hangs seed 1: stopped after 10 s a cell, the limit given by --timeout" in said
    assert toy.documents(tmp_path) == {"plain-1.json": whole["plain-1.json"]}
    assert [toy.measured(tmp_path).count(method) for method in ("plain", "dies", "raises")] == [1, 1, 1]
    with toy.known(tmp_path):
        assert main(["status", "toy", "--json"]) == 0
    states = {cell["method"]: cell["state"] for cell in json.loads(capsys.readouterr().out)["cells"]}
    assert states["plain"] == "done" and states["other"] == "missing"


STARTUP = """
import builtins, pathlib, os
pathlib.Path(os.environ["MSTASK_TOY_FOLDER"], "leaked").touch()
builtins.range = None
"""


def hostile(folder):
    """Settings that a user may have, each of which would end or change a run that heeded it; the folder is in every path."""
    for name, argv in {"python3": ["/no/such/python"], "other": ["false"]}.items():
        spec = folder / "jupyter" / "kernels" / name
        spec.mkdir(parents=True)
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": name, "language": "python"}))
    profile = folder / "ipython" / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "startup" / "00.py").write_text(STARTUP)
    (profile / "ipython_kernel_config.py").write_text("c.InteractiveShellApp.exec_lines = ['range = None']")
    (folder / "startup.py").write_text(STARTUP)
    (folder / "matplotlibrc").write_text("text.usetex: True\n")
    return {
        "JUPYTER_PATH": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": "/proc/none",
        "HOME": "/proc/none",
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONSTARTUP": str(folder / "startup.py"),
        "PYTHONHASHSEED": "7",
        "PYTHONIOENCODING": "ascii",
        "PYTHONWARNINGS": "error::DeprecationWarning",
        "LC_ALL": "C",
        "MATPLOTLIBRC": str(folder),
        "NUMBA_DISABLE_JIT": "1",
        "OMP_NUM_THREADS": "2",
    }


PROBE = """
import os, sys
assert sys.executable == {executable!r} and range and os.environ["OMP_NUM_THREADS"] == "1"
assert not (sys.flags.hash_randomization or sys.warnoptions) and sys.stdout.encoding == "UTF-8"
"""


def test_two_batches_on_one_folder_share_the_work_whatever_notebook_and_user_name(tmp_path, whole):
    """The one that begins is a process of its own, amid a user's settings; an editor saved the notebook for another kernel."""
    folder = tmp_path / "{ü} %20 & 'more'"
    toy.environment(folder)
    notebook = nbformat.read(folder / "toy.ipynb", 4)
    notebook.metadata.kernelspec = {"name": "other", "display_name": "Other", "language": "R"}
    notebook.cells.insert(1, nbformat.v4.new_code_cell(PROBE.format(executable=sys.executable)))
    nbformat.write(notebook, folder / "toy.ipynb")
    first = toy.start(folder, "--workers", "1", MSTASK_TOY_PAUSE="0.15", **hostile(tmp_path))
    begun(folder, first)
    second = toy.run(folder, "--workers", "1")
    for code, statuses, said in (toy.finish(first), second):
        assert code == 0, said
        assert set(statuses) == set(toy.CELLS)
    assert sorted(toy.measured(folder)) == sorted(toy.CELLS)
    assert toy.documents(folder) == whole
    assert not (folder / "leaked").exists()


def test_killing_the_workers_and_the_scheduler_of_a_cluster_loses_nothing(tmp_path, whole):
    """Scheduler and worker are programs of their own: the worker is killed and replaced, then the scheduler is killed.

    Who asked them, a thread of this process, leaves nothing running.
    """
    own = toy.environment(tmp_path, MSTASK_TOY_PAUSE="0.3")
    address = tmp_path / "scheduler.json"

    def dask(*command):
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + command[0], "--no-dashboard", *command[1:]],
            env=own, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def worker():
        return dask("worker", "--scheduler-file", str(address), "--nthreads", "1", "--no-nanny", "--local-directory", "/tmp")

    scheduler = dask("scheduler", "--scheduler-file", str(address), "--port", "0", "--host", "127.0.0.1")
    workers, pool = [worker()], ThreadPoolExecutor(1)
    try:
        toy.wait_until(lambda: address.exists() and address.read_text().strip().endswith("}"))
        at = json.loads(address.read_text())["address"]
        toy.wait_until(lambda: _has_worker(at))
        before, asked = set(threading.enumerate()), pool.submit(toy.run, tmp_path, "--scheduler", at)
        toy.wait_until(lambda: toy.measured(tmp_path) or asked.done())
        workers[0].kill()
        workers.append(worker())
        toy.wait_until(lambda: len(toy.measured(tmp_path)) >= 3 or asked.done())
        scheduler.kill()
        code, _, said = asked.result()
        assert code == 1
        assert f"the connection to the Dask scheduler {at} is lost" in said
        assert "the same command continues with the rest" in said
    finally:
        for program in (scheduler, *workers):
            program.kill()
            program.wait()
        pool.shutdown()
    toy.wait_until(lambda: set(threading.enumerate()) <= before, 60)
    code, _, said = toy.run(tmp_path, "--workers", "1")
    assert code == 0, said
    assert toy.documents(tmp_path) == whole


def _has_worker(address):
    from dask.distributed import Client

    with contextlib.suppress(OSError), Client(address, timeout=5) as client:
        return bool(client.nthreads())
    return False


def test_a_full_disk_is_named_and_leaves_no_half_document(toy_here, monkeypatch):
    real = os.fsync

    def full(descriptor):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".tmp"):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(MstaskError, match=r"plain-1\.json could not be written: No space left on device"):
            measure()
    assert toy.documents(toy_here) == {}
    assert not list(toy_here.rglob("*.tmp"))
    measure()
    assert list(toy.documents(toy_here)) == ["plain-1.json"]


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_results_that_cannot_be_written_stop_a_run_before_it_starts(toy_here, monkeypatch, capsys, code):
    def refuse(**where):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(batch.tempfile, "TemporaryFile", refuse)
    assert main(["run", "toy"]) == 1
    said = capsys.readouterr().err
    assert os.strerror(code) in said and "MSTASK_RESULTS" in said
    assert toy.measured(toy_here) == []


def test_a_clock_that_jumps_changes_no_document(toy_here, whole, monkeypatch):
    chance = random.Random(0)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + chance.uniform(-1e6, 1e6))
    cell = measure()
    assert cell.timing.seconds < 100
    assert toy.documents(toy_here)["plain-1.json"] == whole["plain-1.json"]


def test_a_document_of_another_schema_is_measured_again(toy_here, whole):
    path = cells.path_of("toy", Place("plain", None, 1), resolve("toy"))
    results.write_atomic(path, '{"schema_version": "mstask/0", "macro_f1": 1.0}\n')
    found = runs.find("toy", Place("plain", None, 1), resolve("toy"))
    assert found.state == "missing" and "schema version 'mstask/0'" in found.note
    measure()
    assert toy.documents(toy_here)["plain-1.json"] == whole["plain-1.json"]


def corrupted(content: bytes, chance: random.Random) -> bytes:
    """The bytes of a file after a fault: cut, flipped, overwritten, doubled, emptied, or with a digit changed."""
    at = chance.randrange(len(content))
    digits = [i for i, byte in enumerate(content) if 48 <= byte <= 57]
    kind = chance.randrange(6)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]
    if kind == 2:
        return content[:at] + chance.randbytes(min(64, len(content) - at)) + content[at + 64 :]
    if kind == 3:
        return content[:at] + content[at:] + content[at:]
    if kind == 4:
        return b"\0" * len(content)
    at = chance.choice(digits)
    return content[:at] + str((content[at] - 48 + chance.randint(1, 9)) % 10).encode() + content[at + 1 :]


def test_a_corrupt_document_is_noticed_whatever_happened_to_it(toy_here, capsys):
    """Nothing that differs from what was written is taken for a result, and no command shows a traceback."""
    place, parameters = Place("plain", None, 1), resolve("toy")
    written = measure()
    path = cells.path_of("toy", place, parameters)
    content = path.read_bytes()
    for seed in range(CORRUPTIONS):
        path.write_bytes(corrupted(content, random.Random(seed)))
        found = cells.finished("toy", place, parameters, "sha256:toy")
        assert found is None or found == written, f"corruption {seed} was taken for a result"
        if seed % 10 == 0:
            assert main(["status", "toy"]) == 0
            assert main(["lock", "toy", "--profile", "quick"]) in (0, 1)
    assert "Traceback" not in capsys.readouterr().err


def test_a_corrupt_checkpoint_never_reaches_a_result(toy_here, whole, monkeypatch, caplog):
    place = Place("plain", None, 1)
    monkeypatch.setattr(cells.results, "write_cell", lambda path, cell: (_ for _ in ()).throw(MstaskError("stopped")))
    with pytest.raises(MstaskError, match="stopped"):
        measure()
    (checkpoint,) = toy_here.rglob("*.checkpoint.pt")
    content = checkpoint.read_bytes()
    monkeypatch.undo()
    for seed in range(CORRUPTIONS):
        bad = corrupted(content, random.Random(seed))
        checkpoint.write_bytes(bad)
        cell = measure()
        expected = json.loads(whole["plain-1.json"])
        assert json.loads(json.dumps(results.comparable(cell))) == expected, f"corruption {seed} changed the result"
        assert bad == content or "set aside" in caplog.text
        caplog.clear()
        cells.path_of("toy", place, resolve("toy")).unlink()


def differs(bad: bytes, good: bytes) -> bool:
    """Whether a file says anything else than before, but for the time of locking, which nothing else tells."""
    moment = re.compile(rb'"locked": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"')
    return moment.sub(b"", bad) != moment.sub(b"", good)


def test_a_corrupt_lock_is_named_whatever_happened_to_it(toy_here, capsys):
    measure()
    for others in ("published", "real", "recorded"):  # else those of the checkout are verified each time
        (toy_here / "results" / others).mkdir()
    assert main(["lock", "toy", "--profile", "quick"]) == 0
    files = [toy_here / "results" / "embedded" / "toy.json", toy_here / "results" / "manifest.json"]
    contents = [file.read_bytes() for file in files]
    for seed in range(CORRUPTIONS):
        which = seed % 2
        bad = corrupted(contents[which], random.Random(seed))
        files[which].write_bytes(bad)
        assert main(["verify"]) == int(differs(bad, contents[which])), f"corruption {seed} of {files[which].name}"
        files[which].write_bytes(contents[which])
    assert main(["verify"]) == 0
    assert "Traceback" not in capsys.readouterr().err
