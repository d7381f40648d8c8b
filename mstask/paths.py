"""Where things are: the checkout, the results, the per-user cache."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from mstask.errors import MstaskError

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("MSTASK_RESULTS", "RESEARCH_ROOT", "MSTASK_STUDIES", "MSTASK_DATA", "SHD_CACHE")
"""Environment variables that name a folder, beside those of data sets, which end in _DATA as other programs' may."""


def is_checkout() -> bool:
    """Whether this package lies in the repository, with notebooks, book and locked results beside it."""
    return (ROOT / "_toc.yml").is_file()


def git(*arguments: str, whole: bool = False) -> str | None:
    """What git says of the checkout; None where there is no git, or it fails, or the package is installed elsewhere.

    There, in somebody's environment, git would answer for their own repository around it.
    White space at both ends is left out, unless what it says is a `whole` file.
    """
    if not (ROOT / ".git").exists():
        return None
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(
            command,
            env=os.environ | {"GIT_TERMINAL_PROMPT": "0"},  # which asks nobody for a password
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if whole else done.stdout.strip()


def version(package: str) -> str | None:
    """The version of an installed distribution; None where it isn't installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def lacking(what: str) -> str:
    """Say that `what` isn't part of the installed package, and where it is; "" in a checkout."""
    if is_checkout():
        return ""
    address = str(metadata.metadata("mstask")["Project-URL"]).rpartition(" ")[2]
    return f"{what}, which the installed package lacks: git clone {address} and work in that folder"


def named(variable: str) -> Path | None:
    """The path that an environment variable names, with "~" and variables in it filled in; None where it is unset or blank.

    A shell does that filling in only outside quotes, and neither a `.env` file nor a notebook's `%env` does it at all.
    """
    text = os.path.expandvars(os.environ.get(variable, "").strip())
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError:
        raise MstaskError(f"{variable} is {text!r}: whose home folder is meant isn't known here; give the whole path") from None


def keep_compiled() -> None:
    """Name a folder for what numba compiles where it would find none: installed read-only, for a user without a home."""
    own = Path(__file__).parent
    if "NUMBA_CACHE_DIR" in os.environ or os.access(own, os.W_OK) or os.access(home(), os.W_OK):
        return
    folder = cache_dir() / (
        f"numba-{os.getuid()}" if hasattr(os, "getuid") else "numba"
    )  # of users who share a cache, one's own
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="mstask-numba-"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


def settle() -> None:
    """Make folders that variables name by relative paths absolute: those of the folder a command was given in."""
    for name in [n for n in os.environ if n in FOLDERS or n.endswith("_DATA")]:
        with contextlib.suppress(MstaskError):  # whoever uses it says what is wrong with it
            if (found := named(name)) and (name in FOLDERS or found.exists()):
                os.environ[name] = str(found.absolute())


def home() -> Path:
    """The user's home folder; the machine's folder of temporary files where there is none, as in some containers."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())


def results_dir() -> Path:
    """Folder of result documents: `MSTASK_RESULTS`, or the papers' own `RESEARCH_ROOT`, or `results/` of the checkout.

    Where the package is installed without the repository: `mstask-results` in the current folder.
    """
    default = ROOT / "results" if is_checkout() else Path.cwd() / "mstask-results"
    return named("MSTASK_RESULTS") or named("RESEARCH_ROOT") or default


@contextlib.contextmanager
def results_in(folder: Path) -> Iterator[None]:
    """Have `MSTASK_RESULTS` name a folder for the time being, for this process and those that it starts meanwhile."""
    before = os.environ.get("MSTASK_RESULTS")
    os.environ["MSTASK_RESULTS"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("MSTASK_RESULTS", None)
        if before is not None:
            os.environ["MSTASK_RESULTS"] = before


def cache_dir() -> Path:
    """Per-user cache for generated data and compiled kernels: `MSTASK_DATA`, or the platform's cache folder."""
    if chosen := named("MSTASK_DATA"):
        return chosen
    if sys.platform == "darwin":
        base = home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = named("LOCALAPPDATA") or home() / "AppData" / "Local"
    else:
        base = named("XDG_CACHE_HOME") or home() / ".cache"
    return base / "mstask"


keep_compiled()
