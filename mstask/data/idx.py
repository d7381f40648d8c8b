"""IDX files, the format of MNIST and Fashion-MNIST, plain or packed with gzip.

An IDX file is a magic number (two zero bytes, a type code, the number of dimensions), one big-endian uint32 per
dimension, and the values in C order. Images and labels are bytes: type code 8.
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np

from mstask.data import DataError, checks, containers

UBYTE = 8


def read(path: Path, n_dimensions: int) -> np.ndarray:
    """Return the bytes of an IDX file as uint8, in the shape that its header gives."""
    with containers.opened_bytes(path, checks.IDX) as file:
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
        if not promised:
            raise DataError(f"{path} has the shape {shape} in its header, expected data")
        checks.require_size(f"{path}, by the shape {shape} in its header,", promised)
        values = file.read(promised + 1)
        if len(values) < promised:
            raise DataError(f"{path} is truncated: {len(values)} values, its header promises {promised}; copy it again")
        if len(values) > promised:
            raise DataError(
                f"{path} is longer than the {promised} values that its header promises; it is not an intact IDX file"
            )
        return np.frombuffer(values, np.uint8).reshape(shape)


def write(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as an IDX file, packed when the name ends in .gz."""
    if array.dtype != np.uint8:
        raise DataError(f"{path} can't hold {array.dtype} values, expected uint8")
    header = struct.pack(f">4B{array.ndim}I", 0, 0, UBYTE, array.ndim, *array.shape)
    content = header + np.ascontiguousarray(array).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
