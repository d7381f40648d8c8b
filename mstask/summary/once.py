"""What follows from a record is worked out once: records are immutable, but hold lists and so have no hash."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


class Same:
    """A value compared by identity, as the key of a cache that keeps it alive."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value


def once(function: Function) -> Function:
    """Keep what a function returned for its first argument, by identity, and the others, which are hashable.

    It is called by position. What it returns is shared by all who ask, so nobody may change it.
    """

    @lru_cache(maxsize=4096)
    def kept(first: Same, *others: Any) -> Any:
        return function(first.value, *others)

    @wraps(function)
    def looked_up(first: Any, *others: Any) -> Any:
        return kept(Same(first), *others)

    return cast(Function, looked_up)
