"""Experiments: what one cell of a section does.

An experiment is a module with two functions: `load(section, parameters, case) -> Splits` gives the data of a case, and
`measure(job) -> Measured` builds, trains and tests one cell. Equal jobs give equal measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mstask.parameters import Parameters
from mstask.section import Section

if TYPE_CHECKING:
    from mstask.data import Splits
    from mstask.results.documents import Measures


P = TypeVar("P", bound=Parameters, covariant=True)


@dataclass(frozen=True)
class Job(Generic[P]):
    """One cell to be measured; a checkpoint is kept at `checkpoint` while it runs, from which it continues."""

    section: Section
    method: str
    case: str | None
    seed: int
    parameters: P
    splits: Splits
    device: str
    checkpoint: Path
    on_epoch: Callable[[Any], None] | None = None


@dataclass(frozen=True)
class Measured:
    """What a cell measured, and the seconds it took by part."""

    measures: Measures
    seconds: dict[str, float]
