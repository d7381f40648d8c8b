"""A cache of generated folders that is complete or absent, whoever else is writing, whenever the machine stops.

The arrays of some folders come with the package, made once on another machine: who needs nothing else of them needn't wait
for the generator (`arrays_suffice`).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from mstask import paths
from mstask.data import DataError, checks

log = logging.getLogger(__name__)
META = "meta.json"
MADE = Path(__file__).with_name("made")
"""What comes with the package: NAME.npz has the arrays and the `meta.json` of the folder NAME."""

_arrays_suffice = ContextVar("arrays_suffice", default=False)


@contextmanager
def arrays_suffice() -> Iterator[None]:
    """In this context arrays that come with the package stand in for a folder that isn't there, without its other files."""
    before = _arrays_suffice.set(True)
    try:
        yield
    finally:
        _arrays_suffice.reset(before)


def ensure(name: str, make: Callable[[Path], dict[str, Any]], fault: Callable[[Path], str | None]) -> Path:
    """Return the cache folder `name`, made when it is absent or faulty.

    One process generates while others wait; the folder is filled under a temporary name, flushed and renamed,
    so that a reader never sees half of it. Users may share a cache: what one has made, others can read.

    Parameters
    ----------
    name : folder name, with everything the content depends on (size, version).
    make : fills an empty folder and returns what `meta.json` shall hold.
    fault : says what is wrong with a folder, or None when it is intact.
    """
    root = paths.cache_dir()
    folder = root / name
    if folder.is_dir() and fault(folder) is None:
        return folder
    if _arrays_suffice.get() and (made := MADE / f"{name}.npz").is_file():
        try:
            return ensure(f"{name}-arrays", lambda empty: unpack(made, empty), fault)
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError, RuntimeError) as error:
            log.warning("%s can't be unpacked (%s): generating what it holds", made, error)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{name}.lock", mode=0o666):
            _replace(folder, make, fault)
    except OSError as error:
        if isinstance(error.filename, str) and not Path(error.filename).is_relative_to(root):
            raise DataError(f"{error.filename}, which making {name} needs, can't be used: {error.strerror}") from error
        raise DataError(
            f"the data cache {root} can't be written ({error.strerror or error}); "
            "free some space or set MSTASK_DATA to another folder"
        ) from error
    return folder


def unfinished(folder: Path) -> Path:
    """Where pieces of a cache folder wait until all of it is there; whoever makes the folder then takes them away."""
    return folder.with_name(f"{folder.name}.unfinished")


def pack(folder: Path, target: Path | None = None) -> Path:
    """Write the arrays of a cache folder to `target`, by default to where they come with the package; return the file."""
    target = target or MADE / f"{folder.name}.npz"
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        for path in sorted(folder.glob("*.npy")):
            archive.write(path, path.name)
        archive.writestr(META, json.dumps(read_meta(folder) | {"files": []}))
    return target


def unpack(made: Path, folder: Path) -> dict[str, Any]:
    """Fill an empty folder with the arrays of a file; returns what `meta.json` shall hold."""
    with np.load(made, allow_pickle=False) as arrays:
        for name in set(arrays.files) - {META}:
            np.save(folder / f"{name}.npy", arrays[name], allow_pickle=False)
        return json.loads(arrays[META])


def read_meta(folder: Path) -> dict[str, Any]:
    """Return the folder's `meta.json`, or an empty dictionary when it is missing or unreadable."""
    try:
        meta = json.loads((folder / META).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return meta if isinstance(meta, dict) else {}


def changed(folder: Path, names: Sequence[str]) -> str | None:
    """Say why the arrays NAME.npy of a folder aren't those of the fingerprint in its `meta.json`; None where they are."""
    try:
        found = checks.fingerprint(*(checks.read_npy(folder / f"{name}.npy") for name in names))
    except DataError as error:
        return str(error)
    expected = read_meta(folder).get("fingerprint")
    return None if found == expected else f"its content does not match the fingerprint in {META}"


def _replace(folder: Path, make: Callable[[Path], dict[str, Any]], fault: Callable[[Path], str | None]) -> None:
    """Make the folder anew unless another process has done so meanwhile; call with the lock held."""
    for abandoned in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    if folder.exists():
        found = fault(folder)
        if found is None:
            return
        log.warning("%s is damaged (%s): generating it again", folder, found)
    fresh = folder.with_name(f"{folder.name}.tmp-{secrets.token_hex(4)}")
    fresh.mkdir()
    try:
        meta = make(fresh)
        (fresh / META).write_text(json.dumps(meta, indent=2, sort_keys=True) + "\n", "utf-8")
        for path in fresh.iterdir():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        if folder.exists():
            folder.rename(fresh.with_name(f"{fresh.name}-old"))
        fresh.rename(folder)
        shutil.rmtree(unfinished(folder), ignore_errors=True)
    finally:
        for left in folder.parent.glob(f"{folder.name}.tmp-*"):
            shutil.rmtree(left, ignore_errors=True)
