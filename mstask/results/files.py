"""Files of results: written whole or not at all, read as strict JSON."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import math
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mstask.errors import MstaskError

log = logging.getLogger(__name__)


class ResultsError(MstaskError):
    """A result file or document that can't be read, written or trusted."""


class MissingResult(ResultsError):
    """A result that nobody has made yet."""


def stamp(path: Path) -> tuple[int, int] | None:
    """When a file was last replaced and its size, None where there is none: by it one tells whether the file has changed."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write bytes, or text as UTF-8, to `path` so that the file is either complete or untouched."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise ResultsError(f"{path} could not be written: {error.strerror or error}") from error
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def alone(path: Path, name: str) -> Iterator[None]:
    """Hold the lock on a file that is being made, such as a cell's document; the system frees it when its holder dies.

    A file system that knows no locks does without: documents are written whole in any case.
    """
    lock = FileLock(path.with_name(f".{path.stem}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.warning("%s: another run is at work on it; waiting for its result", name)
            lock.acquire()
    except NotImplementedError:
        pass
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
            raise ResultsError(f"{path.parent} can't be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def read_json(path: Path) -> Any:
    """Parse a JSON file, refusing NaN, infinity and repeated keys."""
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise MissingResult(f"{path} does not exist") from None
    except OSError as error:
        raise ResultsError(f"{path} could not be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ResultsError(f"{path} is not UTF-8 text (byte {error.start}), expected a JSON file") from None
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise ResultsError(f"{path} is truncated or was edited by hand: no valid JSON at {where}") from None
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path} was edited by hand: {error}") from None


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable where the system lets folders be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text} is not finite")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(k for k in keys if keys.count(k) > 1)!r} appears twice in one object")
    return values
