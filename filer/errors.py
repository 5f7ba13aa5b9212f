"""Why a file was not moved: the message of each error is the cause, made to end a sentence that names file and URL."""

import traceback
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from tescore.errors import Rejected, TeskError, Transient, shortened


class NotMovable(Rejected):
    """The storage will not do it, or the URL cannot be used."""

    reason = "NotMovable"


class Absent(NotMovable):
    """The storage has no file of that name; there may be a folder of that name."""

    reason = "Absent"


class Undelivered(Rejected):
    """An input did not come; the message is the whole sentence."""

    reason = "Undelivered"


class NotThere(Rejected):
    """No executor has made the output."""

    reason = "OutputMissing"


class BrokenLink(NotThere):
    """At the output's path is a link that leads to nothing on the task's volume."""


class NotAFile(Rejected):
    """What lies at the output's path is not of the kind that can be stored."""

    reason = "NotAFile"


class Interrupted(Transient):
    """The storage was away, busy, or broke off; it may work a moment later.

    `retry_after`: seconds, if the storage said. `worth`: seconds for which trying again makes sense, where that is
    less than usual. `going_on`: what to call next instead of beginning anew, after `moved` bytes were; `undo`: what to
    call where nobody goes on.
    """

    reason = "Interrupted"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        worth: float | None = None,
        going_on: Callable[[], Any] | None = None,
        moved: int = 0,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.worth = worth
        self.going_on = going_on
        self.moved = moved
        self.undo: Callable[[], object] = lambda: None


class Late(Rejected):
    """The time for all transfers is over."""

    reason = "Late"


def words(error: Exception) -> str:
    """The cause, without a full stop."""
    if isinstance(error, TeskError):
        return str(error)
    return (error.strerror if isinstance(error, OSError) else None) or _unforeseen(error)


def _unforeseen(error: Exception) -> str:
    """The class of an error that nobody foresaw, and our last line on the way to it. Its words may hold credentials."""
    here = Path(__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(here):
            return f"{type(error).__name__} ({Path(frame.filename).relative_to(here)}, line {frame.lineno})"
    return type(error).__name__


_PASSING = frozenset({408, 429})


def answered(
    status: int, words: str, *, retry_after: str | None = None, date: str | None = None, passing: bool = False
) -> TeskError:
    """What an answer with an error status means; `passing` if its words say that it may work later.

    A time in `retry_after` is reckoned from that in `date`: the server's clock is its own.
    """
    message = f"the server answered {status} {shortened(words)}".rstrip(" .")
    if passing or status in _PASSING or status >= 500:
        return Interrupted(message, retry_after=seconds(retry_after, date))
    return NotMovable(message)


def seconds(retry_after: str | None, date: str | None) -> float | None:
    """What the header Retry-After says, by the server's clock; None if it is not there, or makes no sense."""
    if retry_after and retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after or "") - parsedate_to_datetime(date or "")).total_seconds())
    except (ValueError, TypeError):  # the latter for times with and without a zone
        return None
