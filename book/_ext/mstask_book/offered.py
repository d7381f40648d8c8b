"""Files that a page offers for download; large ones are compressed, and equal contents are equal bytes."""

from __future__ import annotations

import gzip
from pathlib import Path

LARGE = 50_000
"""Bytes from which on a file is offered compressed."""


def offered(path: Path, content: bytes) -> Path:
    """Write a file to be offered under this name, or compressed under that with ".gz", and return where it is."""
    if len(content) > LARGE:
        content, path = gzip.compress(content, compresslevel=9, mtime=0), path.with_name(f"{path.name}.gz")
    path.write_bytes(content)
    return path
