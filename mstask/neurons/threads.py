"""Spreads independent parts of a batch over as many threads as torch uses; idle threads sleep."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

SMALL = 1 << 15
"""Elements below which a second thread costs more than it saves."""

_pools: dict[int, ThreadPoolExecutor] = {}


def over_parts(work: Callable[[int, int], None], parts: int, size: int) -> None:
    """Call `work(first, last)` on ranges that together cover `parts`, for an array of `size` elements."""
    threads = min(torch.get_num_threads(), parts) if size >= SMALL else 1
    bounds = [(k * parts // threads, (k + 1) * parts // threads) for k in range(threads)]
    others = [_pool(threads).submit(work, *bound) for bound in bounds[1:]]
    work(*bounds[0])
    for other in others:
        other.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="mstask-scan")
    return _pools[threads]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)
