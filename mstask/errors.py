"""The one base class of errors that a user can cause and mend."""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Callable, Iterable, Iterator


class MstaskError(Exception):
    """A user's mistake or a broken input: one sentence that says what was found, what was expected, and where."""


class UsageError(MstaskError):
    """The command line asks for something that doesn't exist."""


class NotFusable(MstaskError):
    """The fused loop can't run this layer; the message says why. With backend "auto" the reference runs instead."""


def closest(name: str, valid: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the valid name most like `name`, whatever the case; None when none is alike."""
    folded = {v.casefold(): v for v in valid}
    match = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=cutoff)
    return folded[match[0]] if match else None


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return advice naming the valid choice closest to `name`, or all of them when none is close."""
    valid = list(valid)
    choices, match = ", ".join(valid), closest(name, valid)
    return f"did you mean {match!r}? Valid: {choices}" if match else f"valid: {choices}"


@contextlib.contextmanager
def as_bad_use(kind: type[MstaskError] = MstaskError) -> Iterator[None]:
    """Let errors of a kind, as a name or value that isn't known, count as bad use of the command."""
    try:
        yield
    except kind as error:
        raise UsageError(str(error)) from error


def exit_code(work: Callable[[], int]) -> int:
    """Do a command's work; what stops it becomes a line and an exit code: 2 bad use, 1 an error, 130 an interruption."""
    try:
        return work()
    except MstaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues a run where it stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except PermissionError as error:
        print(f"error: {error.filename or 'a file'} can't be reached: {error.strerror or error}", file=sys.stderr)
        return 1
