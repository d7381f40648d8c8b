"""Learning-rate schedules: decay per epoch, ease-in per batch, and halving on a plateau of two moving averages."""

from __future__ import annotations

from dataclasses import dataclass

EASE_FROM = 1e-3
"""Share of the full rate at which an ease-in starts."""


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves; by default it doesn't.

    decay
        Factor after every epoch.
    ease_in
        The rate starts at a thousandth and is multiplied by this before every later batch until it is full; 1: no ease-in.
    fast, slow, plateau_factor, wait
        After each epoch two averages of the accuracy move, ``average <- keep average + (1 - keep) accuracy`` from 0, with
        keep `fast` and `slow`. Once more than `wait` epochs lie behind the last change and the fast average is not
        above the slow one, the rate is multiplied by `plateau_factor`; 1: never.
    """

    decay: float = 1.0
    ease_in: float = 1.0
    fast: float = 0.8
    slow: float = 0.95
    plateau_factor: float = 1.0
    wait: int = 50


@dataclass
class Rate:
    """A rate under way: `value` of the next batch, and what the schedule remembers; plain numbers, as a checkpoint wants."""

    full: float
    eased: float
    fast: float = 0.0
    slow: float = 0.0
    epoch: int = 0
    changed: int = 0

    @classmethod
    def begin(cls, rate: float, schedule: Schedule) -> Rate:
        return cls(full=rate, eased=EASE_FROM if schedule.ease_in > 1 else 1.0)

    @property
    def value(self) -> float:
        return self.full * self.eased

    def after_batch(self, schedule: Schedule) -> None:
        self.eased = min(1.0, self.eased * schedule.ease_in)

    def after_epoch(self, schedule: Schedule, accuracy: float) -> None:
        self.epoch += 1
        self.full *= schedule.decay
        self.fast = schedule.fast * self.fast + (1 - schedule.fast) * accuracy
        self.slow = schedule.slow * self.slow + (1 - schedule.slow) * accuracy
        if schedule.plateau_factor != 1 and self.epoch - self.changed > schedule.wait and self.fast <= self.slow:
            self.full *= schedule.plateau_factor
            self.changed = self.epoch
