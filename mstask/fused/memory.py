"""Asks the C library to keep freed blocks, since every training step frees and needs the same large arrays again."""

from __future__ import annotations

import ctypes
import functools
import os

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Names of glibc's settings in malloc.h."""

KEPT = 1 << 28
"""Bytes of free memory at the end of the heap that are not returned to the system."""

LARGEST = 1 << 25
"""Size in bytes of a block up to which it is taken from the heap, the largest that glibc allows."""


@functools.cache
def keep_freed_memory() -> None:
    """Raise glibc's thresholds, once per process; elsewhere, or where MALLOC_ variables set them, do nothing.

    With its own settings glibc returns a layer's arrays to the system after each backward pass and maps them anew, page
    by page, in the next forward pass: a fifth of a training step with two stored arrays per layer.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(TRIM_THRESHOLD, KEPT)
    mallopt(MMAP_THRESHOLD, LARGEST)
