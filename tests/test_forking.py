"""Claims about kernels that are forks of one process: each begins as new, and ends with those it belongs to."""

import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.provisioning.local_provisioner import LocalPortCache
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from toy import at_work, wait_until

from mstask.lab import execution, forking, kernel
from mstask.paths import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
ASK = """
import json, os, sys, torch, numpy as np
loaded = [name for name in sys.modules if name.split(".")[0] == "mstask"]
print(json.dumps({
    "pid": os.getpid(), "server": os.getppid(), "loaded": loaded, "left": "mark" in globals(), "path": sys.path,
    "hash": hash("mstask"), "threads": torch.get_num_threads(), "gpu": torch.cuda.is_initialized(), "drawn": np.random.rand(),
}))
mark = 1
"""


def executed(source, **engine):
    """What a cell prints in a kernel of its own."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, startup_timeout=kernel.KERNEL_START, **(kernel.ENGINE | engine)).execute(cwd=str(ROOT))
    return notebook.cells[0].outputs[0].text


def test_kernels_of_one_server_share_nothing_but_its_imports():
    first, second = (json.loads(executed(ASK)) for _ in range(2))
    assert first["server"] == second["server"] and first["pid"] != second["pid"]
    assert first["loaded"] == [] and not second["left"]
    assert first["hash"] == second["hash"] and first["drawn"] != second["drawn"]
    assert (second["threads"], second["gpu"]) == (1, False)
    assert str(ROOT / "mstask" / "lab") not in second["path"]


def test_a_kernel_sees_the_variables_of_this_package_as_they_are_when_it_starts(monkeypatch):
    asked = "import os; print(os.getppid(), os.environ.get('MSTASK_TOY_MARK'))"
    monkeypatch.setenv("MSTASK_TOY_MARK", "set")
    server, mark = executed(asked).split()
    assert mark == "set"
    monkeypatch.delenv("MSTASK_TOY_MARK")
    assert executed(asked).split() == [server, "None"]


def test_a_kernel_can_be_told_of_another_results_folder_than_its_processs(tmp_path, monkeypatch):
    monkeypatch.setenv("MSTASK_RESULTS", "own")
    asked = "import os; print(os.environ['MSTASK_RESULTS'])"
    folders = [tmp_path / "one", tmp_path / "other"]
    with ThreadPoolExecutor() as threads:
        said = list(threads.map(lambda folder: executed(asked, **kernel.writing_to(folder)), folders))
    assert [Path(told.strip()) for told in said] == folders and executed(asked).strip() == "own"


def test_the_server_runs_no_thread_that_a_fork_would_lose():
    assert psutil.Process(json.loads(executed(ASK))["server"]).num_threads() == 1


def test_a_kernel_whose_port_was_taken_meanwhile_is_started_again_without_a_word(tmp_path, monkeypatch, capfd):
    """Two runs at once may choose the same free port."""
    find, asked = LocalPortCache.find_available_port, []

    def taken_first(self, ip):
        asked.append(ip)
        return other.getsockname()[1] if len(asked) == 1 else find(self, ip)

    monkeypatch.setattr(LocalPortCache, "find_available_port", taken_first)
    source, target = tmp_path / "hello.ipynb", tmp_path / "done.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('hello')")]), source)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        execution.papermilled(source, target, {})
    assert len(asked) == 10 and nbformat.read(target, 4).cells[0].outputs[0].text == "hello\n"
    assert "Traceback" not in capfd.readouterr().err


def test_a_kernel_that_is_killed_is_missed():
    with pytest.raises(DeadKernelError):
        executed("import os; os.kill(os.getpid(), 9)")


def test_a_kernel_ends_with_its_server_and_the_next_gets_another(monkeypatch):
    server = forking.server(sys.executable, kernel.environment(os.environ))
    begun = psutil.Process(server.fork(["-f", str(kernel.FOLDER / f"{time.time_ns()}.json"), *kernel.QUIET], str(ROOT), {}))
    psutil.Process(begun.ppid()).kill()
    wait_until(lambda: not at_work(begun))
    wait_until(lambda: not server.alive())
    monkeypatch.setattr(forking, "_servers", dict(forking._servers))
    monkeypatch.setattr(forking, "Server", lambda *given: given)
    assert forking.server(sys.executable, kernel.environment(os.environ)) is not server
