"""How far a run is and how long it will take: one line in a terminal or a notebook, a line per cell in a log file.

A batch is followed cell by cell (`Progress`), training in a notebook epoch by epoch (`Epochs`).
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TextIO

WIDTH = 24
SCORES, LOSS = ("validation_macro_f1", "validation_accuracy", "train_accuracy"), "train_loss"
"""What is shown of a history: the first score that it has, and where it has none, the loss of each round of iterations."""
PAUSE = 0.5
"""Seconds between two updates of a notebook's line."""


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


class Epochs:
    """Follows the training of one cell: called after each epoch with the history so far, which has a list by kind of score.

    Parameters
    ----------
    name : the cell, and its place among those that are run.
    limit : epochs at most; None where the parameters don't say.
    write : a writer of lines (`writer`).
    """

    def __init__(
        self, name: str, limit: int | None, write: Callable[[str, str | None, bool], None], clock: Callable[[], float]
    ) -> None:
        self._name, self._limit, self._write, self._clock = name, limit, write, clock
        self._began = self._shown = clock()
        self._first: int | None = None
        self._last, self._trainings = 0, 1
        write(f"{name}: begins", None, False)

    def __call__(self, history: Any) -> None:
        """Show epoch, score and time left."""
        scores = {name: values for name, values in vars(history).items() if isinstance(values, list) and values}
        done, now = max(map(len, scores.values()), default=0), self._clock()
        if self._first is None or done < self._last:
            self._trainings += self._first is not None
            self._first, self._began = done - 1, self._began if self._first is None else self._shown
        self._last = done
        if done == self._limit or now - self._shown >= PAUSE:
            self._shown = now
            self._write(self.line(scores, done, now), None, False)

    def line(self, scores: Mapping[str, list[Any]], done: int, now: float) -> str:
        """One line: which training, the epoch, the latest score, the time so far and the most that is left."""
        training = f", training {self._trainings}" if self._trainings > 1 else ""
        watched = next((name for name in SCORES if name in scores), LOSS)
        score = f", {watched.replace('_', ' ')} {scores[watched][-1]:.3f}" if watched in scores else ""
        spent = now - self._began
        if watched == LOSS or self._limit is None or self._limit < done:
            return f"{self._name}{training}: round {done}{score}, {duration(spent)}"
        left = spent / max(1, done - (self._first or 0)) * (self._limit - done)
        epoch = f"epoch {done} of at most {self._limit}"
        return f"{self._name}{training}: {epoch}{score}, {duration(spent)}, at most {duration(left)} left"


def following(place: Any, places: Sequence[Any], limit: int | None) -> Epochs | None:
    """What shows a cell's epochs in a notebook: one line for all cells that a notebook cell trains; None elsewhere."""
    if not in_notebook():
        return None
    number = f"cell {places.index(place) + 1} of {len(places)}, " if place in places else ""
    return Epochs(f"{number}{place}", limit, _line_of(sys.modules["IPython"].get_ipython().execution_count), time.monotonic)


@lru_cache(maxsize=1)
def _line_of(execution: int) -> Callable[[str, str | None, bool], None]:
    """The line below a notebook cell that is being executed: a new one for each execution, whose number is the key."""
    return _to_notebook()


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
        shown = f"{line} | {happened}" if happened and not stays else line
        shown = shown[: shutil.get_terminal_size().columns - 1]  # a second row would stay
        stream.write(f"\r\x1b[K{shown}{chr(10) if stays and not happened else ''}")
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

    handles: list[Any] = []
    kept: list[str] = []

    def write(line: str, happened: str | None, stays: bool) -> None:
        if happened and stays:
            kept.append(happened)
        shown = {"text/plain": "\n".join([*kept, line])}
        if handles:
            handles[0].update(shown, raw=True)
        else:
            handles.append(display(shown, raw=True, display_id=True))

    return write
