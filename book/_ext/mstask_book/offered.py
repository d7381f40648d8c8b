"""Files that a page offers for download; large ones are compressed, and equal contents are equal bytes."""

from __future__ import annotations

import bz2
from pathlib import Path

LARGE = 20_000
"""Bytes from which on a file is offered compressed."""


def offered(path: Path, content: bytes) -> Path:
    """Write a file to be offered under this name, or compressed under that with ".bz2", and return where it is."""
    if len(content) > LARGE:
        content, path = bz2.compress(content), path.with_name(f"{path.name}.bz2")
    path.write_bytes(content)
    return path
