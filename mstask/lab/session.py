"""A notebook's session: which code, results and machine it uses, and in Colab what is missing and what outlives it.

Imported by the set-up cell of every notebook before anything else of this package, so it uses nothing that Colab lacks.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from mstask import paths
from mstask.errors import MstaskError

DRIVE = Path("/content/drive/MyDrive")
OFFER = (
    "Colab forgets results, generated data and compiled kernels when this session ends or is dropped. To keep them on Google "
    'Drive: from google.colab import drive; drive.mount("/content/drive"), then run this cell again.'
)
INTERRUPTED = "Interrupted. Run this cell again: what is finished stays, and training goes on after its last finished epoch."
PAUSE = 30.0
"""Seconds without compiling after which the next kernel is announced anew."""


def begin(release: str) -> str:
    """Make the session ready; returns what it runs: code, results, machine.

    In Colab only missing packages are installed, in the ranges of pyproject.toml; torch is left as it is. Results, generated
    data and compiled kernels go to Google Drive where it is mounted, so that a later session continues; `MSTASK_RESULTS` and
    `MSTASK_DATA` name other folders. On a GPU operations with a repeatable form are asked for it, so equal sessions give
    equal numbers. From here on an interrupt and a mistake that this package explains end a cell with one sentence, and a
    kernel that is compiled says so.

    Parameters
    ----------
    release : the tag that the notebook belongs to; in Colab another revision is announced loudly.

    Raises
    ------
    MstaskError : `MSTASK_ROOT` names another folder than the one whose code was found.
    """
    asked = paths.named("MSTASK_ROOT")
    if asked and asked.resolve() != paths.ROOT:
        raise MstaskError(
            f"MSTASK_ROOT is {asked}, but mstask was found in {paths.ROOT}: name a checkout and restart the kernel"
        )
    sys.path[:] = [str(paths.ROOT), *(place for place in sys.path if not place or os.path.isabs(place))]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    lines = []
    if "google.colab" in sys.modules:
        lines += colab(release)
    explain_in_one_sentence()
    announce_compiling()

    import pandas as pd
    import torch

    pd.set_option("display.max_colwidth", None)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    about = f"Python {platform.python_version()}, torch {metadata.version('torch')}, {device}"
    return "\n".join(
        [*lines, f"mstask {revision()}; {about}", f"results in {paths.results_dir()}: {found(paths.results_dir())}"]
    )


def colab(release: str) -> list[str]:
    """Install what is missing and keep things on a mounted Drive; returns what the user must know."""
    lines = []
    if (head := paths.git("rev-parse", "HEAD")) != paths.git("rev-parse", f"{release}^{{commit}}") or head is None:
        lines.append(
            f"ATTENTION: this isn't release {release}, which the repository lacks; the session uses mstask {revision()}."
        )
    install(missing())
    if DRIVE.is_dir():
        os.environ.setdefault("MSTASK_RESULTS", str(DRIVE / "mstask-results"))
        os.environ.setdefault("MSTASK_DATA", str(DRIVE / "mstask-data"))
    elif not paths.named("MSTASK_RESULTS"):
        lines.append(OFFER)
    return lines


def revision() -> str:
    """The checkout's tag or commit and branch, or the installed version."""
    described = paths.git("describe", "--tags", "--always", "--dirty=, changed")
    branch = paths.git("branch", "--show-current")
    if described is None:
        return paths.version("mstask") or "of no known revision"
    return f"{described} of branch {branch}" if branch else described


def found(results: Path) -> str:
    """Whether a run resumes or begins anew, by what its results folder holds."""
    done = sum(1 for _ in results.glob("runs/*/*/[!.]*.json"))
    begun = sum(1 for _ in results.glob("runs/*/*/*.checkpoint.pt"))
    if not done + begun:
        return "none yet, so every cell begins anew"
    return f"{done} cells done there, none of which is run again as it was, and {begun} begun, which resume"


def missing() -> list[str]:
    """Requirements of pyproject.toml whose package isn't installed here, whatever its version."""
    declared = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return [requirement for requirement in declared if not paths.version(package(requirement))]


def package(requirement: str) -> str:
    """The name in a requirement such as "torch>=2.2"."""
    return re.split(r"[^\w.-]", requirement)[0]


def install(requirements: list[str]) -> None:
    """Install requirements; what is there and fits stays as it is."""
    if requirements:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *requirements], check=True)


def explain_in_one_sentence() -> None:
    """End a cell that is interrupted, or stopped by a mistake that this package explains, without a traceback."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return

    def show(shell: Any, kind: type, error: BaseException, trace: Any, tb_offset: int | None = None) -> list[str]:
        told = [INTERRUPTED if issubclass(kind, KeyboardInterrupt) else f"{kind.__name__}: {error}"]
        shell._showtraceback(kind, error, told)
        return told

    shell.set_custom_exc((KeyboardInterrupt, MstaskError), show)


def announce_compiling() -> None:
    """Print a line where numba compiles kernels; those it finds in its cache are silent."""
    from numba.core import event

    class Announcer(event.Listener):
        last = float("-inf")

        def on_start(self, event: Any) -> None:
            if time.monotonic() - self.last > PAUSE:
                print("compiling kernels, each once for this machine: up to a minute or two ...", flush=True)
                self.last = time.monotonic()

        def on_end(self, event: Any) -> None:
            self.last = time.monotonic()

    if not any(type(known).__name__ == "Announcer" for known in event._registered["numba:compile"]):
        event.register("numba:compile", Announcer())
