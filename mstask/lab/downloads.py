"""Downloads of original data sets into the folder where `mstask.data.load` finds them.

SHD comes from the first mirror that works, checked against published checksums. A download that breaks off leaves
NAME.part, and the next attempt, by whatever mirror, asks for the rest of it; pooch compares the whole file with its
checksum before it gets its final name. MNIST and Fashion-MNIST come from OpenML by scikit-learn's fetcher, and are kept
as the IDX files that their owners publish. Recordings come as the archive of a GitHub repository at a pinned commit, which
gets its final name when it has stated its licence and its files have been read and, where their bytes are known, compared.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pooch
import requests
from filelock import FileLock
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from mstask import paths
from mstask.data import DataError, acconeer, fsdd, idx, neuroradar, originals, radhar
from mstask.data.images import FASHION, MNIST
from mstask.errors import nearest

log = logging.getLogger(__name__)
CHUNK = 1 << 16
TIMEOUT = (15, 60)
"""Seconds to wait for a connection, and for the next bytes."""


@dataclass(frozen=True)
class Collection:
    """Files with their checksums ("md5:..."), and the folders on the web that have them."""

    files: Mapping[str, str]
    mirrors: Sequence[str]


COLLECTIONS = {
    "shd": Collection(
        {
            "shd_train.h5.gz": "md5:d47c9825dee33347913e8ce0f2be08b0",
            "shd_test.h5.gz": "md5:3062a80ec0c5719404d5b02e166543b1",
        },
        ("https://zenkelab.org/datasets/", "https://compneuro.net/datasets/"),
    )
}
"""What mirrors have. SHD's checksums are those that several independent SHD loaders carry."""

OPENML = {files.name: files for files in (MNIST, FASHION)}
RECORDINGS = {module.ORIGINAL.name: module for module in (fsdd, neuroradar, radhar, acconeer)}
"""By name the recordings of repositories: modules with an `ORIGINAL`, and `read`, which refuses what isn't a copy of it."""
N_TRAIN, N_ALL = 60_000, 70_000
"""Pictures of a set on OpenML: the official training part, then the test part."""


def names() -> list[str]:
    """Return the names of what can be downloaded."""
    return [*COLLECTIONS, *OPENML, *RECORDINGS]


def attribution(name: str) -> str:
    """Return a sentence on licence and attribution of what can be downloaded; "" where its pages say it."""
    return RECORDINGS[name].ORIGINAL.attribution if name in RECORDINGS else ""


def fetch(name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Download a collection, unless it is there already, and return its folder.

    Parameters
    ----------
    name : one of `names()`.
    folder : where to put the files; by default the data cache, where `mstask.data.load` finds them.
    """
    if name not in names():
        raise DataError(f"unknown download {name!r}: {nearest(name, names())}")
    target = Path(folder).expanduser() if folder else paths.cache_dir() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock"), mode=0o666), _filled(target):
            if name in OPENML:
                _fetch_pictures(name, target)
            elif name in RECORDINGS:
                _fetch_recordings(RECORDINGS[name], target)
            else:
                for file, checksum in COLLECTIONS[name].files.items():
                    _fetch_file(file, checksum, COLLECTIONS[name].mirrors, target)
    except OSError as error:
        raise DataError(f"{target} can't be written: {error.strerror or error}") from error
    return target


@contextlib.contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Make a folder to put files in, and take it away where none came: one that is there counts as downloaded."""
    there = folder.is_dir()
    folder.mkdir(exist_ok=True)
    try:
        yield
    finally:
        if not there and not any(folder.iterdir()):
            folder.rmdir()


def _fetch_file(file: str, checksum: str, mirrors: Sequence[str], folder: Path) -> None:
    failures = []
    for mirror in mirrors:
        url = mirror.rstrip("/") + "/" + file
        try:
            return _retrieve(url, file, checksum, folder)
        except DownloadError as error:
            log.warning("%s: %s", url, error)
            failures.append(f"{url}: {error}")
    raise DataError(
        f"{file} could not be downloaded ({'; '.join(failures)}); try again later, or get it by other means and name its "
        "folder by SHD_DATA"
    )


class DownloadError(Exception):
    """A mirror that has no intact copy to give."""


def _fetch_recordings(wanted: ModuleType, folder: Path) -> None:
    """Download a repository's archive, unless it is there; one that a resumed download spoilt is tried again from the start."""
    original, path = wanted.ORIGINAL, folder / wanted.ORIGINAL.file
    if path.exists():
        return
    unchecked = path.with_name(f"unchecked-{path.name}")
    resumed = _part(unchecked).exists()
    try:
        _retrieve(original.url, unchecked.name, None, folder)
        try:
            originals.require_licence(original, unchecked)
            originals.require_content(original, unchecked)
            wanted.read(unchecked)
            os.replace(unchecked, path)
        finally:
            unchecked.unlink(missing_ok=True)
    except (DownloadError, DataError) as error:
        if resumed and isinstance(error, DataError):
            return _fetch_recordings(wanted, folder)
        raise DataError(
            f"{original.name} could not be downloaded from {original.url} ({error}); try again later, or get it by other means "
            f"and name it by {original.variable}"
        ) from error


def _retrieve(url: str, file: str, checksum: str | None, folder: Path) -> None:
    """Download one file from one mirror; a wrong checksum after a resumed download is tried once more from the start."""
    pooch.get_logger().setLevel(logging.WARNING)
    resumed = _part(folder / file).exists()
    try:
        pooch.retrieve(url, checksum, fname=file, path=folder, downloader=_Resuming(folder / file))
    except ValueError as error:
        if resumed:
            return _retrieve(url, file, checksum, folder)
        raise DownloadError(f"its checksum is wrong, expected {checksum}") from error
    except requests.HTTPError as error:
        raise DownloadError(str(error).partition(" for url")[0]) from error
    except requests.RequestException as error:
        raise DownloadError(_why(error)) from error


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


@dataclass(frozen=True)
class _Resuming:
    """A downloader for pooch that collects a file in NAME.part, over as many connections as it takes."""

    path: Path

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        part = _part(self.path)
        while True:
            held = _size(part)
            try:
                complete = self._continue(url, part, held)
            except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
                if _size(part) <= held:
                    raise DownloadError(_why(error)) from error
                complete = False
            if complete:
                break
            if _size(part) <= held:
                raise DownloadError(f"it ends after {_size(part)} bytes, too early")
        os.replace(part, output_file)

    def _continue(self, url: str, part: Path, held: int) -> bool:
        """Append what is missing from byte `held` on; returns whether that is all."""
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={held}-"} if held else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if held and response.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()
                return self._continue(url, part, 0)
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                held = 0
            length = response.headers.get("Content-Length")
            total = held + int(length) if length else None
            with (
                part.open("ab" if held else "wb") as file,
                tqdm(desc=self.path.name, initial=held, total=total, unit="B", unit_scale=True, leave=False) as bar,
            ):
                for chunk in response.raw.stream(CHUNK, decode_content=False):
                    file.write(chunk)
                    bar.update(len(chunk))
        return total is None or _size(part) >= total


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _why(error: Exception) -> str:
    """Say in a few words why a connection failed."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return f"{type(reason or error).__name__} ({' '.join(str(reason or error).split())[:120]})"


def _fetch_pictures(name: str, folder: Path) -> None:
    """Fetch a set of pictures from OpenML into IDX files, unless these are there already."""
    parts = [f"{part}-{what}" for part in ("train", "t10k") for what in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    files = [folder / f"{part}.gz" for part in parts]
    if all(path.is_file() for path in files):
        return
    try:
        x, y = _from_openml(OPENML[name].on_openml)
    except Exception as error:  # the fetcher fails in as many ways as the network does
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(
            f"{name} could not be fetched from OpenML ({reason}); get its IDX files by other means and name their folder by "
            f"{OPENML[name].variable}"
        ) from error
    pictures, labels = _checked(name, np.asarray(x), np.asarray(y).astype(str))
    arrays = (pictures[:N_TRAIN], labels[:N_TRAIN], pictures[N_TRAIN:], labels[N_TRAIN:])
    for path, array in zip(files, arrays, strict=True):
        temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
        idx.write(temporary, array)
        os.replace(temporary, path)


def _from_openml(remote: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import fetch_openml

    return fetch_openml(remote, version=1, return_X_y=True, as_frame=False, parser="liac-arff", cache=False)


def _checked(name: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [70000, 28, 28] and labels uint8 [70000], in the official order."""
    if x.shape != (N_ALL, 784) or len(y) != N_ALL:
        raise DataError(f"OpenML's {name} has pictures of shape {x.shape}, expected ({N_ALL}, 784)")
    if not np.array_equal(x.astype(np.uint8), x):
        raise DataError(f"OpenML's {name} has pixels that are not whole numbers from 0 to 255")
    if not set(y.tolist()) <= {str(digit) for digit in range(10)}:
        raise DataError(f"OpenML's {name} has labels other than 0 to 9")
    return x.astype(np.uint8).reshape(-1, 28, 28), y.astype(np.uint8)
