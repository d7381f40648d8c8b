"""The kernel of a run: the interpreter that asked for it, free of the user's settings of Jupyter, IPython and libraries."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from mstask.errors import MstaskError
from mstask.paths import ROOT

FOLDER = ROOT / "_build" / "kernels"
"""Connection files, and the IPython folder of all kernels, which holds no profile of the user's."""

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "LC_ALL": "C",
    "REDUCED": "0",
}
DROPPED = ("IPYTHON", "JUPYTER_", "MATPLOTLIBRC", "MPLBACKEND", "NUMBA_", "NVIDIA_TF32", "PYTHON", "TORCH_")
"""How names of variables begin that a kernel doesn't inherit: they change numbers, pictures or the way it starts."""

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


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter; kernels that are installed elsewhere, under whatever name, are not looked at."""

    def __init__(self, **settings: Any) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        super().__init__(
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=str(FOLDER / f"{uuid.uuid4()}.json"),
            **settings,
        )

    async def start_kernel(self, **settings: Any) -> None:
        """Start it in `environment`."""
        await self._async_start_kernel(**settings, env=environment(os.environ))


ENGINE = {
    "kernel_name": NATIVE_KERNEL_NAME,
    "kernel_manager_class": Kernel,
    "extra_arguments": [*QUIET],
}
"""Options by which nbclient, and so papermill, start this kernel."""


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The variables of a kernel: those given, without the dropped ones, and those that a run sets itself."""
    inherited = {name: value for name, value in given.items() if not name.startswith(DROPPED) or name in KEPT}
    return inherited | ENVIRONMENT | {"IPYTHONDIR": str(FOLDER / "ipython")}


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
