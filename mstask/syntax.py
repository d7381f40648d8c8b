"""Python's parser, for one thread at a time.

Threads that parse at once disturb each other's count of how deep a tree is, and the parser then fails by chance
(CPython 3.11 and 3.12, gh-106905).
"""

from __future__ import annotations

import ast
from threading import Lock

_PARSING = Lock()


def tree(source: str) -> ast.Module:
    """Return the syntax tree of a module's source, as `ast.parse` does."""
    with _PARSING:
        return ast.parse(source)
