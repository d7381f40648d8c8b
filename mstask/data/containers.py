"""Opening .gz, .h5, .npz and .pt files that nobody vouches for: bounded memory, and errors that name the likely cause.

What a file claims to hold is read from its headers and compared with `checks.MAX_BYTES` before anything is unpacked.
"""

from __future__ import annotations

import gzip
import math
import pickle
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import h5py
import numpy as np

from mstask.data import DataError, checks

if TYPE_CHECKING:
    import torch

_BLOCK = 1 << 20


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give the file itself, or, where its name ends in .gz, an unpacked copy that lasts as long as the context."""
    if path.suffix != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mstask-") as folder:
        plain = Path(folder) / path.stem
        _unpack(path, plain)
        with plain.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                raise DataError(f"{path} is packed with gzip twice: unpack it once")
        yield plain


@contextmanager
def opened_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open an .h5 or .h5.gz file for reading."""
    with unpacked(path) as plain:
        checks.require_readable(plain, checks.HDF5)
        try:
            file = h5py.File(plain, "r")
        except OSError as error:
            raise DataError(f"{path} {_why_not_opened(' '.join(str(error).split()))}") from None
        with file:
            yield file


def require_claim(path: Path, values: h5py.Dataset, n_rows: int) -> None:
    """Refuse a data set of an HDF5 file that claims more than `n_rows` rows, or more bytes than `checks.MAX_BYTES`.

    Its numbers must lie in the file: one that points elsewhere could have any file read, or a pipe that never ends.
    A compressed data set may claim terabytes in a file of a few kB; reading any of it unpacks a whole chunk.
    """
    if values.external or values.is_virtual:
        raise DataError(f"{path}: the numbers of {values.name} lie in other files; refused, copy them into this one")
    rows, size = (values.shape or (1,))[0], values.dtype.itemsize
    if rows > n_rows:
        raise DataError(f"{path}: {values.name} claims {rows:,} rows, expected at most {n_rows:,}")
    checks.require_size(f"{path}: {values.name}", size * max(math.prod(values.shape or (1,)), math.prod(values.chunks or (1,))))


def read_npz(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the named arrays of an .npz file; nothing in it is ever unpickled."""
    checks.require_readable(path, checks.ZIP)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if absent := [name for name in names if name not in members]:
                raise DataError(f"{path} has no array {absent[0]!r}, expected {', '.join(names)}")
            checks.require_size(path, sum(members[name].file_size for name in names))
            return {name: _member(path, archive, members[name]) for name in names}
    except (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} is no intact .npz file of plain numbers ({reason}); save it with numpy.savez") from None


def read_pt(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a .pt file by name; only tensors are ever unpickled.

    Tensors of the usual zip format are mapped, not read, until their sizes are known; a tensor may claim any size by
    repeating one value.
    """
    import torch

    checks.require_readable(path, checks.ZIP, checks.PICKLE)
    try:
        with warnings.catch_warnings(action="ignore"):
            tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_stored_zip(path))
    except pickle.UnpicklingError:
        raise DataError(f"{path} holds more than tensors, or is no .pt file; refused, as unpickling can run code") from None
    except MemoryError:
        raise DataError(f"{path} asks for more memory than there is; refused") from None
    except DataError:
        raise
    except Exception as error:  # torch fails in many ways on bytes that aren't its own
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise DataError(f"{path} is not a complete .pt file: {reason}") from None
    if not isinstance(tensors, dict):
        raise DataError(f"{path} holds a {type(tensors).__name__}, expected a dictionary of tensors by name")
    found = {name: value.detach() for name, value in tensors.items() if isinstance(value, torch.Tensor)}
    for name, value in found.items():
        if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
            found_kind = f"{value.dtype} {value.layout} tensor on {value.device}"
            raise DataError(f"{path}: {name} is a {found_kind}, expected plain numbers")
    checks.require_size(path, sum(value.numel() * max(value.element_size(), 4) for value in found.values()))
    return {name: value.clone(memory_format=torch.contiguous_format) for name, value in found.items()}


def _is_stored_zip(path: Path) -> bool:
    """Whether a .pt file is a zip archive (files of old versions aren't), whose parts must not be compressed."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        packed = [info.filename for info in archive.infolist() if info.compress_type != zipfile.ZIP_STORED]
    if packed:
        raise DataError(f"{path} has the compressed part {packed[0]!r}, which torch.save never writes; save it again")
    return True


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """An array of an .npz file whose header promises exactly the bytes that the archive has."""
    where = Path(f"{path}: {info.filename}")
    with archive.open(info) as file:
        checks.require_bytes(where, file, info.file_size)
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _unpack(path: Path, plain: Path) -> None:
    checks.require_readable(path, checks.GZIP)
    written = 0
    try:
        with gzip.open(path) as packed, plain.open("wb") as copy:
            while block := packed.read(_BLOCK):
                checks.require_size(path, written := written + len(block), "unpacks to at least")
                copy.write(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(_damaged(path, error)) from None
    except OSError as error:
        raise DataError(f"{path} can't be unpacked to {plain.parent}: {error.strerror or error}") from None


@contextmanager
def opened_bytes(path: Path, kind: str) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file of a kind, unpacking it on the way where its name ends in .gz; faults are named as by `unpacked`."""
    checks.require_readable(path, checks.GZIP if path.suffix == ".gz" else kind)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(_damaged(path, error)) from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None


def _damaged(path: Path, error: Exception) -> str:
    if isinstance(error, EOFError):
        return f"{path} is truncated: its compressed data ends early; copy or download it again"
    return f"{path} is not an intact gzip file ({error}); copy or download it again"


def _why_not_opened(reason: str) -> str:
    """What HDF5 means by its reason for not opening a file, and what to do."""
    if "No locks available" in reason or "Function not implemented" in reason:
        return "lies on a file system without locks: set HDF5_USE_FILE_LOCKING=FALSE, or copy it elsewhere"
    if "lock file" in reason:
        return "is locked by another program that has it open for writing: close that program and try again"
    if "already open for" in reason:
        return "is still being written, or its writer ended without closing it: close that program, or copy the file again"
    return f"is not a complete HDF5 file: {reason}; copy or download it again"


def whole_numbers(path: Path, name: str, values: np.ndarray, n: int, limit: int) -> np.ndarray:
    """Return an array int64 [n] of a file, of which each value must be a whole number from 0 to `limit` - 1."""
    if values.shape != (n,) or values.dtype.kind not in "iu" or not ((values >= 0) & (values < limit)).all():
        raise DataError(f"{path}: {name} is {values.dtype} {values.shape}, expected {n} whole numbers from 0 to {limit - 1}")
    return values.astype(np.int64)
