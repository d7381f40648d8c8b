"""One copy of a data set for all processes of a batch run: they map its tensors from the same file.

A run without such a folder, as a notebook opened by hand, loads its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from mstask import paths

T = TypeVar("T")
PREFIX = "mstask-data-"
"""How the name of a run's folder begins."""
HELD = ".held"
"""The file in it that a run locks for as long as it lasts."""
FOLDER = "MSTASK_MAPPED"
"""Names, to the kernels of a run, the folder that has a folder for each section whose data they share."""


@contextlib.contextmanager
def sharing(sections: Iterable[str]) -> Iterator[Path]:
    """While this lasts, kernels that are started share the data of these sections; its files are gone afterwards."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{HELD}"):
        with contextlib.suppress(OSError, Timeout), FileLock(left, blocking=False):  # its run was killed
            shutil.rmtree(left.parent, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name, FileLock(Path(name) / HELD):
        for section in sections:
            (Path(name) / section).mkdir()
        os.environ[FOLDER] = name
        try:
            yield Path(name)
        finally:
            del os.environ[FOLDER]


def end(folder: Path, section: str) -> None:
    """Take the files of a section away, once its cells are done; those that map them keep what they have."""
    shutil.rmtree(folder / section, ignore_errors=True)


def once(section: str, asked: str, load: Callable[[], T]) -> T:
    """What `load` returns, where its tensors lie in memory once for all processes that share the section's data.

    A process that writes to a tensor changes a page of its own. Where the disk is full, each process has a copy as before.

    Parameters
    ----------
    asked : all that `load` depends on, as text.
    """
    folder = (paths.named(FOLDER) or Path(os.devnull)) / section
    if not folder.is_dir():
        return load()
    import torch

    path = folder / f"{sha256(asked.encode()).hexdigest()}.pt"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            loaded, fresh = load(), path.with_suffix(".new")
            try:
                torch.save(loaded, fresh)
                fresh.rename(path)
            except (OSError, RuntimeError):  # torch raises the latter where it can't write
                fresh.unlink(missing_ok=True)
                return loaded
    return torch.load(path, mmap=True, weights_only=False)  # a file of this run, in a folder that is the user's alone
