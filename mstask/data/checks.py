"""Reading files that nobody vouches for: every fault ends in one sentence that names the file."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from mstask.data import DataError

MAX_BYTES = 1 << 31
"""No file read here holds, or claims to hold, more bytes than this; SHD, the largest set, has about an eighth."""

GZIP, HDF5, ZIP, NPY, IDX = "a gzip file", "an HDF5 file", "a zip archive", "a .npy file", "an IDX file"
PICKLE, HTML = "a pickle", "a web page"
_KINDS = {
    b"\x1f\x8b": GZIP,
    b"\x89HDF\r\n\x1a\n": HDF5,
    b"PK\x03\x04": ZIP,
    b"\x93NUMPY": NPY,
    b"\0\0\x08": IDX,
    **{b"\x80" + bytes([protocol]): PICKLE for protocol in range(2, 6)},
    **{begin: HTML for begin in (b"<!", b"<h", b"<H")},
}
"""What a file is, by its first bytes."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npy(path: Path) -> np.ndarray:
    """Return the array of a .npy file, memory-mapped and read-only; nothing in it is ever unpickled."""
    require_readable(path, NPY)
    try:
        with path.open("rb") as file:
            n_bytes = require_bytes(path, file, path.stat().st_size)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    if n_bytes == 0:
        raise DataError(f"{path} holds an empty array, expected data")
    return np.load(path, mmap_mode="r", allow_pickle=False)


def require_readable(path: Path, *kinds: str) -> None:
    """Refuse a file that is missing, unreadable, too large, or of a known kind other than `kinds`, if any."""
    try:
        if not (path.is_file() or path.is_dir()):
            path.stat()
            raise DataError(f"{path} is a pipe or a device, expected a file")
        with path.open("rb") as file:
            begin = file.read(8)
        size = path.stat().st_size
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    require_size(path, size)
    found = next((kind for signature, kind in _KINDS.items() if begin.startswith(signature)), None)
    if found is None or not kinds or found in kinds:
        return
    if found == HTML:
        raise DataError(f"{path} is a web page, as a failed download leaves it; download the file itself")
    if found == PICKLE:
        raise DataError(f"{path} holds pickled Python objects, expected {kinds[0]}; refused, as unpickling can run code")
    if found == GZIP:
        raise DataError(f"{path} is still packed with gzip: unpack it, or rename it to {path.name}.gz")
    if GZIP in kinds:
        raise DataError(f"{path} is unpacked already: it is {found}, not {GZIP}; rename it to {path.stem}")
    raise DataError(f"{path} is {found}, expected {kinds[0]}")


def require_size(where: object, n_bytes: int, claims: str = "claims") -> None:
    """Refuse more than `MAX_BYTES` bytes before any memory is taken for them."""
    if n_bytes > MAX_BYTES:
        raise DataError(f"{where} {claims} {n_bytes:,} bytes, expected at most {MAX_BYTES:,}")


def require_bytes(path: Path, file: IO[bytes], size: int) -> int:
    """Return the bytes of data in a .npy file of `size` bytes, after checking that its header promises plain numbers."""
    dtype, n_bytes = _header(path, file)
    found = size - file.tell()
    if dtype.hasobject:
        raise DataError(f"{path} holds pickled Python objects, expected plain numbers; refused, as unpickling can run code")
    if found < n_bytes:
        raise DataError(f"{path} is truncated: {found} bytes of data, its header promises {n_bytes}; copy it again")
    return n_bytes


def _header(path: Path, file: IO[bytes]) -> tuple[np.dtype, int]:
    """Return the dtype and the number of data bytes that the header of a .npy file announces."""
    try:
        read = _HEADERS[np.lib.format.read_magic(file)]
        shape, _, dtype = read(file)
    except OSError:
        raise
    except Exception:  # numpy's parser fails in many ways on bytes that aren't a header
        raise DataError(f"{path} is not a complete .npy file: its header can't be read; save it with numpy.save") from None
    if any(length < 0 for length in shape):
        raise DataError(f"{path} has the impossible shape {shape}")
    return dtype, math.prod(shape) * dtype.itemsize


def real_float32(path: Path, array: np.ndarray) -> np.ndarray:
    """Return the values as float32 after checking that they are real numbers and finite."""
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path} has dtype {array.dtype}, expected real numbers (float or integer)")
    with np.errstate(over="ignore"):
        values = np.array(array, dtype=np.float32, order="C")
    bad = ~np.isfinite(values)
    if bad.any():
        first = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
        raise DataError(
            f"{path} has {int(bad.sum())} values that are NaN or infinite as float32, the first at index {first}; "
            "expected finite numbers"
        )
    return values


def class_labels(path: Path, array: np.ndarray, n_classes: int) -> np.ndarray:
    """Return labels as int64 [N] after checking that they are whole numbers in 0..n_classes - 1."""
    if array.ndim != 1:
        raise DataError(f"{path} has shape {array.shape}, expected one label per sample: (N,)")
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path} has dtype {array.dtype}, expected whole numbers from 0 to {n_classes - 1}")
    whole = np.isfinite(array) & (np.floor(array) == array)
    good = whole & (array >= 0) & (array < n_classes)
    if not good.all():
        first = int(np.argmin(good))
        raise DataError(
            f"{path} has {int((~good).sum())} labels that are not whole numbers from 0 to {n_classes - 1}, "
            f"the first is {array[first]} at index {first}"
        )
    return np.array(array, dtype=np.int64)


def labels_of(x_path: Path, n_samples: int, y_path: Path, labels: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Return the `class_labels` of a file of samples after checking that there are as many, and some of each class."""
    checked = class_labels(y_path, labels, len(class_names))
    if len(checked) != n_samples:
        raise DataError(f"{x_path} has {n_samples} samples but {y_path} has {len(checked)} labels; expected as many")
    counts = np.bincount(checked, minlength=len(class_names))
    if not counts.all():
        absent = int(counts.argmin())
        raise DataError(f"{y_path} has no sample of class {absent} ({class_names[absent]}), expected some of each class")
    return checked


def fingerprint(*arrays: np.ndarray) -> str:
    """Return the SHA-256 (hex) of the arrays' dtypes, shapes and bytes in C order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
