"""IDX files, the format of MNIST and Fashion-MNIST, plain or packed with gzip.

An IDX file is a magic number (two zero bytes, a type code, the number of dimensions), one big-endian uint32 per
dimension, and the values in C order. Images and labels are bytes: type code 8.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mstask.data import DataError

UBYTE = 8
MAX_BYTES = 1 << 31
"""No file of this kind holds more; a header that promises more is damaged."""


def read(path: Path, n_dimensions: int) -> np.ndarray:
    """Return the bytes of an IDX file as uint8, in the shape that its header gives.

    Raises
    ------
    DataError : missing, unreadable or damaged file; another magic number; fewer or more values than the header says.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _read(path, file, n_dimensions)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is not an intact gzip file ({error}); copy it again") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None


def write(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as an IDX file, packed when the name ends in .gz."""
    if array.dtype != np.uint8:
        raise DataError(f"{path} can't hold {array.dtype} values, expected uint8")
    header = struct.pack(f">4B{array.ndim}I", 0, 0, UBYTE, array.ndim, *array.shape)
    content = header + np.ascontiguousarray(array).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _read(path: Path, file: BinaryIO, n_dimensions: int) -> np.ndarray:
    magic = file.read(4)
    expected = bytes([0, 0, UBYTE, n_dimensions])
    if magic != expected:
        found = magic.hex(" ") or "nothing"
        raise DataError(f"{path} begins with {found}, expected {expected.hex(' ')}: an IDX file of bytes, {n_dimensions}-D")
    lengths = file.read(4 * n_dimensions)
    if len(lengths) < 4 * n_dimensions:
        raise DataError(f"{path} is truncated: it ends within its header")
    shape = struct.unpack(f">{n_dimensions}I", lengths)
    promised = math.prod(shape)
    if not 0 < promised <= MAX_BYTES:
        raise DataError(f"{path} has the shape {shape} in its header, expected data of at most {MAX_BYTES} bytes")
    values = file.read(promised + 1)
    if len(values) < promised:
        raise DataError(f"{path} is truncated: {len(values)} values, its header promises {promised}; copy it again")
    if len(values) > promised:
        raise DataError(f"{path} is longer than the {promised} values that its header promises; it is not an intact IDX file")
    return np.frombuffer(values, np.uint8).reshape(shape)
