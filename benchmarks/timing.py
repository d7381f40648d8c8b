"""Interleaved timing: every repeat runs every contender once, so that ratios within a repeat share whatever else went on."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)

CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}
"""Process CPU time (all threads; nearly independent of other load) and wall time, in seconds."""


def interleaved(
    steps: Mapping[Name, Callable[[], object]], clock: str, repeats: int, timed: int, settling: int = 1
) -> dict[Name, list[float]]:
    """Time contenders against each other.

    Parameters
    ----------
    steps : what each contender does once.
    clock : a key of `CLOCKS`.
    repeats : how often every contender gets its turn, each time in another order.
    timed : steps per turn that are timed together.
    settling : steps per turn before them, which bring the contender's data back into the caches.

    Returns
    -------
    Seconds per step, one number per repeat.
    """
    now = CLOCKS[clock]
    seconds: dict[Name, list[float]] = {name: [] for name in steps}
    order = random.Random(0)
    for step in steps.values():
        step()
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            for name in order.sample(list(steps), len(steps)):
                step = steps[name]
                for _ in range(settling):
                    step()
                started = now()
                for _ in range(timed):
                    step()
                seconds[name].append((now() - started) / timed)
            gc.collect()
    finally:
        gc.enable()
    return seconds
