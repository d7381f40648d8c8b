"""How far a run is and how long it will take: one line in a terminal or a notebook, a line per cell in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TextIO

WIDTH = 24


class Progress:
    """Follows a run whose cells have expected costs in seconds.

    Parameters
    ----------
    expected : seconds by cell; their proportions matter, the cells of this run that are done set the scale.
    workers : cells that run at a time.
    stream : where to write; a notebook's output area is found by itself.
    """

    def __init__(
        self,
        expected: Mapping[Hashable, float],
        workers: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._expected = dict(expected)
        self._left = dict(expected)
        self._workers = workers
        self._clock = clock
        self._spent = self._foreseen = self._at_event = 0.0
        self._started = self._event = clock()
        self._failed = 0
        self._write = writer(stream or sys.stderr)
        self._at_event = self._estimate()
        self.tick()

    def finished(self, cell: Hashable, status: str, seconds: float, note: str = "") -> None:
        """Take note of a cell that is done or failed."""
        foreseen = self._left.pop(cell, 0.0)
        if status == "done" and seconds:
            self._spent += seconds
            self._foreseen += foreseen
        self._failed += status == "failed"
        self._event = self._clock()
        self._at_event = self._estimate()
        took = f", {duration(seconds)}" if seconds else ""
        kept = f"{cell}: {status}{took}{f': {note}' if note else ''}"
        self._write(self.line(), kept, status == "failed")

    def tick(self) -> None:
        """Bring the line up to date."""
        self._write(self.line(), None, False)

    def close(self) -> None:
        """End the line."""
        self._write(self.line(), None, True)

    @property
    def remaining(self) -> float:
        """Seconds until all is done, as far as one can tell."""
        return max(0.0, self._at_event - (self._clock() - self._event))

    def line(self) -> str:
        """One line: a bar, counts, the time so far and the time left."""
        total, left = len(self._expected), len(self._left)
        filled = WIDTH * (total - left) // total if total else WIDTH
        failed = f", {self._failed} failed" if self._failed else ""
        ahead = f"about {duration(self.remaining)} left" if left else "finished"
        so_far = duration(self._clock() - self._started)
        return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {total - left}/{total} cells{failed}, {so_far}, {ahead}"

    def _estimate(self) -> float:
        scale = self._spent / self._foreseen if self._foreseen else 1.0
        at_a_time = max(1, min(self._workers, len(self._left)))
        return scale * max(sum(self._left.values()) / at_a_time, max(self._left.values(), default=0.0))


def writer(stream: TextIO) -> Callable[[str, str | None, bool], None]:
    """A function (line, what happened, whether it must stay readable) for a notebook, a terminal or a file."""
    if in_notebook():
        return _to_notebook()
    return _to_terminal(stream) if stream.isatty() else _to_file(stream)


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def duration(seconds: float) -> str:
    """Seconds in the unit that people use: 8 s, 3 min, 2.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _to_terminal(stream: TextIO) -> Callable[[str, str | None, bool], None]:
    def write(line: str, happened: str | None, stays: bool) -> None:
        if happened and stays:
            stream.write(f"\r\x1b[K{happened}\n")
        last = f" | {happened}" if happened and not stays else ""
        stream.write(f"\r\x1b[K{line}{last}{chr(10) if stays and not happened else ''}")
        stream.flush()

    return write


def _to_file(stream: TextIO) -> Callable[[str, str | None, bool], None]:
    def write(line: str, happened: str | None, stays: bool) -> None:
        if happened:
            stream.write(f"{line} | {happened}\n")
            stream.flush()

    return write


def _to_notebook() -> Callable[[str, str | None, bool], None]:
    from IPython.display import display

    handle: Any = display({"text/plain": ""}, raw=True, display_id=True)
    kept: list[str] = []

    def write(line: str, happened: str | None, stays: bool) -> None:
        if happened and stays:
            kept.append(happened)
        handle.update({"text/plain": "\n".join([*kept, line])}, raw=True)

    return write
