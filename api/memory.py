"""How many bytes the requests and answers under way hold in a process, and that they are no more than it has."""

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from werkzeug.wsgi import ClosingIterator

from tescore.errors import Transient

_FREE = 64 * 1024
"""Bytes of each request that are not counted, so that small ones are served whatever others hold."""
_PIECE = 64 * 1024
"""Bytes of an answer that are sent at a time: the server's patience with a slow client is for each."""


class Busy(Transient):
    """Requests and answers under way hold all the memory that is for them."""

    reason = "Busy"


class _Request:
    """The bytes that one request holds."""

    def __init__(self, budget: "_Budget") -> None:
        self._budget = budget
        self.size = 0

    def hold(self, size: int) -> None:
        counted, before = max(size - _FREE, 0), max(self.size - _FREE, 0)
        self._budget.change(counted - before)
        self.size = size


class _Budget:
    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    def change(self, size: int) -> None:
        if size > 0 and self._held + size > self._most:
            raise Busy(f"The requests under way hold the {self._most} bytes that this server has for them.")
        self._held += size


_AT_HAND: ContextVar[_Request | None] = ContextVar("_AT_HAND", default=None)


def hold(size: int) -> None:
    """From now on the request at hand holds so many bytes, until its answer has been sent. Raises Busy."""
    request = _AT_HAND.get()
    if request:
        request.hold(size)


def take(size: int) -> None:
    """The request at hand holds so many bytes more. Raises Busy."""
    request = _AT_HAND.get()
    if request:
        request.hold(request.size + size)


def bounded(application: Callable[..., Iterable[bytes]], most: int) -> Callable[..., Iterable[bytes]]:
    """A WSGI application whose requests together hold no more than so many bytes at a time."""
    budget = _Budget(most)

    def counted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = _Request(budget)
        _AT_HAND.set(request)
        try:
            answer = application(environ, start_response)
        except BaseException:
            request.hold(0)
            raise

        def close() -> None:
            try:
                getattr(answer, "close", lambda: None)()
            finally:
                request.hold(0)

        return ClosingIterator(_pieces(answer), close)

    return counted


def _pieces(answer: Iterable[bytes]) -> Iterator[bytes]:
    for item in answer:
        if len(item) <= _PIECE:
            yield item
        else:
            yield from (item[at : at + _PIECE] for at in range(0, len(item), _PIECE))
