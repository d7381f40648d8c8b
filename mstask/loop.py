"""What all trainings share, whatever learns: epochs until there is a reason to stop, checkpoints, time by part."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Loop:
    """Epochs until there is a reason to stop, saved after each and resumed to the same numbers: what all trainings share.

    A training fills in the methods that raise; `seconds` is the time spent by part (train, evaluation, checkpoint).
    """

    history: Any

    def run(self, checkpoint: Path | None = None, on_epoch: Callable[[Any], None] | None = None) -> str:
        """Train to the end, from the checkpoint where there is one, and return why it ended.

        `on_epoch` is called after every epoch with the history so far.
        """
        self.seconds = {"train": 0.0, "evaluation": 0.0, "checkpoint": 0.0}
        if checkpoint:
            self.resume(checkpoint)
        while (stopped := self.stopped()) is None:
            clock = time.perf_counter()
            self.learn()
            clock = tick(self.seconds, "train", clock)
            self.evaluate()
            clock = tick(self.seconds, "evaluation", clock)
            if checkpoint:
                self.save(checkpoint)
            tick(self.seconds, "checkpoint", clock)
            if on_epoch:
                on_epoch(self.history)
        return stopped

    def stopped(self) -> str | None:
        """Why training ends after the epochs so far, None where it goes on."""
        raise NotImplementedError

    def learn(self) -> None:
        """One epoch of learning."""
        raise NotImplementedError

    def evaluate(self) -> None:
        """Look at what was learnt, and select."""
        raise NotImplementedError

    def save(self, checkpoint: Path) -> None:
        """Write all that training depends on."""
        raise NotImplementedError

    def resume(self, checkpoint: Path) -> None:
        """Take up what `save` wrote, if there is anything and it is of the same training."""
        raise NotImplementedError


def tick(seconds: dict[str, float], part: str, since: float) -> float:
    """Add the time since `since` to a part; return the present time."""
    now = time.perf_counter()
    seconds[part] += now - since
    return now
