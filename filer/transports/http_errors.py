"""What a failure of urllib3 means, by its class. Its text is quoted only where it cannot hold the URL."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from urllib3 import exceptions

from filer.errors import Interrupted, NotMovable
from filer.guard import CONNECT, SILENCE
from tescore.errors import TeskError, shortened


@contextmanager
def told() -> Iterator[None]:
    """Turns the library's errors into the filer's."""
    try:
        yield
    except exceptions.HTTPError as error:
        raise cause(error) from error


def cause(error: exceptions.HTTPError) -> TeskError:
    if lasting := _lasting(error):
        return NotMovable(lasting)
    words = next((words for family, words in _PASSING if isinstance(error, family)), None)
    if words is None:
        return NotMovable(f"the server did not keep to HTTP ({type(error).__name__})")
    return Interrupted(words.format(_system_words(error)))


def _lasting(error: exceptions.HTTPError) -> str:
    """What will not be otherwise a moment later; empty if it may be."""
    inner = error.args[0] if error.args else None
    if isinstance(error, exceptions.SSLError) and isinstance(inner, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted ({inner.verify_message})"
    if isinstance(error, exceptions.LocationValueError | exceptions.URLSchemeUnknown):
        return "the URL, or one to which it redirects, is malformed"
    return ""


_PASSING: tuple[tuple[type[exceptions.HTTPError], str], ...] = (
    (exceptions.NewConnectionError, "no connection to the server could be made ({})"),
    (exceptions.ConnectTimeoutError, f"the server took no connection for {CONNECT} s"),
    (exceptions.ReadTimeoutError, f"the server sent nothing for {SILENCE} s"),
    (exceptions.ProtocolError, "the connection broke off ({})"),
    (exceptions.SSLError, "the connection broke off ({})"),
)
"""What may work a moment later; of an error in two families, the first counts."""


def _system_words(error: BaseException) -> str:
    inner = error.args[1] if len(error.args) > 1 else None
    if isinstance(inner, exceptions.IncompleteRead) and isinstance(inner.expected, int):
        return f"{inner.partial} of {inner.partial + inner.expected} bytes came"
    cause = error.__cause__ or error.__context__
    return (cause.strerror if isinstance(cause, OSError) and cause.strerror else "") or shortened(str(error))
