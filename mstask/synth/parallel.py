"""Compute arrays of equal shape in worker processes, in order, with the same bytes for any number of workers.

OpenBLAS picks its kernels by the processor, and they differ in the last bits of the smallest products. Workers are told
which to take. NumPy picks its exponentials and sines by the processor as well, and isn't told: the last bits of a set can
differ on another make of processor, which the set's fingerprint tells.

Workers are plain child processes that receive their work as JSON and answer with raw bytes. Unlike
`multiprocessing`, this also works inside daemonic processes (Dask workers), in notebooks and in scripts
without a main guard, and a worker whose parent has died ends at its next answer. Where child processes aren't
allowed, the work is done in this process.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mstask.paths import ROOT

log = logging.getLogger(__name__)

KERNELS = {"OPENBLAS_CORETYPE": "Haswell"} if platform.machine() in ("x86_64", "AMD64") else {}
"""The products of every x86 processor since 2013; one that is older stops, and the work is done in this process."""


def available_cores() -> int:
    """Return the number of processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compute(
    task: str, items: Sequence[Sequence[Any]], shape: tuple[int, ...], dtype: type, workers: int
) -> Iterator[np.ndarray]:
    """Yield ``function(*item)`` for each item, in order; each result has the given shape and dtype.

    Parameters
    ----------
    task : "package.module:function", importable in a fresh process.
    items : arguments that JSON can carry.
    workers : number of child processes; with 0 the work is done in this process.
    """
    function = resolve(task)
    done = 0
    if workers:
        try:
            for result in _from_workers(task, items, shape, dtype, workers):
                yield result
                done += 1
        except (OSError, EOFError) as error:
            log.warning("worker processes are not available (%s): continuing in this process", error)
    for item in items[done:]:
        yield np.asarray(function(*item), dtype).reshape(shape)


def resolve(task: str) -> Callable[..., np.ndarray]:
    """Return the function named by "package.module:function"."""
    module, name = task.split(":")
    return getattr(importlib.import_module(module), name)


def _from_workers(
    task: str, items: Sequence[Sequence[Any]], shape: tuple[int, ...], dtype: type, workers: int
) -> Iterator[np.ndarray]:
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    children: list[Any] = []
    try:
        for w in range(workers):
            children.append(_start())
            request = {"task": task, "items": list(items[w::workers]), "dtype": np.dtype(dtype).str}
            children[w].stdin.write(json.dumps(request).encode())
            children[w].stdin.close()
        for i in range(len(items)):
            answer = children[i % workers].stdout.read(n_bytes)
            if len(answer) < n_bytes:
                raise EOFError(f"worker {i % workers} stopped at item {i}")
            yield np.frombuffer(answer, dtype).reshape(shape)
    finally:
        for child in children:
            child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()


def _start() -> subprocess.Popen:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **threads, **KERNELS, "PYTHONPATH": path},
    )


def _work() -> None:
    request = json.load(sys.stdin)
    function = resolve(request["task"])
    for item in request["items"]:
        sys.stdout.buffer.write(np.ascontiguousarray(function(*item), request["dtype"]).tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _work()
