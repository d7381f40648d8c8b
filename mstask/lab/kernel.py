"""The kernel of a run: the interpreter that asked for it, free of the user's settings of Jupyter, IPython and libraries."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import nbformat
import psutil
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from mstask.errors import MstaskError
from mstask.lab import forking
from mstask.paths import ROOT

FOLDER = ROOT / "_build" / "kernels"
"""Connection files, and the IPython folder of all kernels, which holds no profile of the user's."""

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_WAIT_POLICY": "PASSIVE",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "LC_ALL": "C",
    "REDUCED": "0",
}
DROPPED = ("IPYTHON", "JUPYTER_", "MATPLOTLIBRC", "NUMBA_", "NVIDIA_TF32", "PYTEST_", "PYTHON", "TORCH_")
"""How names of variables begin that a kernel doesn't inherit: they change numbers, pictures or the way it starts, or say
which test is at work."""

KEPT = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "PYTHONUSERBASE")
"""Variables that say where Python finds and keeps its modules; the kernel inherits them all the same."""

KERNEL_START = 600
"""Seconds that a kernel may take to start: a busy machine can be slow."""

QUIET = (
    "--IPKernelApp.log_level=CRITICAL",
    "--IPKernelApp.exec_lines=import logging",
    "--IPKernelApp.exec_lines=logging.getLogger('tornado.general').disabled = True",
)
"""Options of a kernel. Its control thread may lose a race with its own shutdown and log that with a traceback."""


class Fork(psutil.Process):
    """A process that isn't a child of this one, with what jupyter_client asks of a child."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        """None while it runs."""
        try:
            return None if self.is_running() and self.status() != psutil.STATUS_ZOMBIE else 0
        except psutil.NoSuchProcess:
            return 0

    def wait(self, timeout: float | None = None) -> int:
        """It is asked for only after it ended."""
        return 0


class Forked(LocalProvisioner):
    """Starts kernels as forks of one process with everything imported, which takes a tenth of a second instead of many."""

    async def launch_kernel(self, cmd: list[str], **settings: Any) -> KernelConnectionInfo:
        """Start the kernel."""
        env, cwd = settings["env"], settings.get("cwd", "")
        server = forking.server(cmd[0], env)
        own = {name: value for name, value in env.items() if name.startswith(forking.OWN)}
        pid = server.fork(cmd[cmd.index("ipykernel_launcher") + 1 :], cwd or os.getcwd(), own)
        self.process, self.pid, self.pgid, self.cwd = Fork(pid), pid, pid, cwd
        return self.connection_info


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter; kernels that are installed elsewhere, under whatever name, are not looked at."""

    results: ClassVar[dict[str, str]] = {}
    """The variable that names another results folder than this process's."""

    def __init__(self, **settings: Any) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        super().__init__(
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=str(FOLDER / f"{uuid.uuid4()}.json"),
            **settings,
        )

    async def start_kernel(self, *_: Any, **settings: Any) -> None:  # type: ignore[override]  # declared as if it were none
        """Start it in `environment`."""
        if sys.platform == "linux":  # elsewhere system libraries may not survive a fork
            self.provisioner = Forked(parent=self, kernel_id=str(uuid.uuid4()), kernel_spec=self.kernel_spec)
        await self._async_start_kernel(**settings, env=environment(os.environ | self.results))


ENGINE: dict[str, Any] = {
    "kernel_name": NATIVE_KERNEL_NAME,
    "kernel_manager_class": Kernel,
    "extra_arguments": [*QUIET],
}
"""Options by which nbclient, and so papermill, start this kernel."""


def writing_to(folder: Path | None) -> dict[str, Any]:
    """The options for a kernel whose results go to a folder; several threads of a process can ask for several folders."""
    if folder is None:
        return ENGINE
    return ENGINE | {"kernel_manager_class": type("Kernel", (Kernel,), {"results": {"MSTASK_RESULTS": str(folder)}})}


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The variables of a kernel: those given, without the dropped ones, and those that a run sets itself."""
    inherited = {name: value for name, value in given.items() if not name.startswith(DROPPED) or name in KEPT}
    return inherited | ENVIRONMENT | {"IPYTHONDIR": str(FOLDER / "ipython"), "MSTASK_ROOT": str(ROOT)}


def ignored() -> list[str]:
    """The variables set here that a kernel doesn't see."""
    return sorted(set(os.environ) - set(environment(os.environ)))


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Read a notebook to be run here: whichever kernel its metadata name, it gets this one.

    Raises
    ------
    MstaskError
        There is none at `path`, or it is damaged.
    """
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
    except FileNotFoundError:
        raise MstaskError(f"notebook {path} is missing") from None
    except Exception as error:  # nbformat raises many types on a damaged file
        raise MstaskError(f"notebook {path} can't be read: {error}".splitlines()[0]) from error
    notebook.metadata.kernelspec = {"name": NATIVE_KERNEL_NAME, "display_name": "Python 3", "language": "python"}
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def started() -> str:
    """Start the kernel of a run and return the path of its interpreter; what goes wrong is raised."""
    from nbclient import NotebookClient

    asked = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import mstask.lab.session, sys; print(sys.executable)")])
    NotebookClient(asked, startup_timeout=KERNEL_START, **ENGINE).execute(cwd=str(ROOT))
    return asked.cells[0].outputs[0].text.strip()
