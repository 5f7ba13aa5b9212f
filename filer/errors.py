"""Why a file was not moved: the message of each error is the cause, made to end a sentence that names file and URL."""

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


class NotAFile(Rejected):
    """What lies at the output's path is not of the kind that can be stored."""

    reason = "NotAFile"


class Interrupted(Transient):
    """The storage was away, busy, or broke off; `retry_after` in seconds, if it said."""

    reason = "Interrupted"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def words(error: Exception) -> str:
    """The cause, without a full stop."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


_PASSING = frozenset({408, 429})


def answered(status: int, words: str, *, retry_after: str | None = None, passing: bool = False) -> TeskError:
    """What an answer with an error status means; `passing` if its words say that it may work later."""
    message = f"the server answered {status} {shortened(words)}".rstrip(" .")
    if passing or status in _PASSING or status >= 500:
        seconds = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
        return Interrupted(message, retry_after=seconds)
    return NotMovable(message)
