"""Answers that go on for as long as something happens, and when they end."""

import select
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from typing import Any, TypeVar

import gevent
from flask import Response
from gevent.queue import Empty, Queue

from api import memory
from tescore.errors import TeskError
from tescore.worker import STOPPING

_T = TypeVar("_T")
_LOOK = 1.0
"""Seconds between two looks at whether anybody still wants it."""
_SIZE = 256 * 1024
"""Bytes that a stream is counted with: two greenlets, and a connection to the API server with TLS."""
_MOST = 100
"""Streams of one user, of some 400 that the memory of a process is for."""


class TooManyStreams(TeskError):
    """The user has as many open as one may have."""

    reason = "TooManyStreams"


class _End:
    def __init__(self, error: Exception | None) -> None:
        self.error = error


class Streams:
    """Those of a process, so many for each user."""

    def __init__(self) -> None:
        self._open = Counter[str]()

    def response(
        self, user: str, items: Generator[bytes | None, None, None], is_over: Callable[[], bool], mimetype: str
    ) -> Response:
        """An answer with the items as they come. None is none, and an occasion to see that it is over.

        The items are closed with the answer. Raises TooManyStreams and Busy.
        """
        if self._open[user] >= _MOST:
            raise TooManyStreams(f"{user} has {_MOST} streams open, which are as many as one user may have.")
        memory.take(_SIZE)
        answer = Response(_until(items, is_over), mimetype=mimetype)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Accel-Buffering"] = "no"  # nginx would keep it back
        self._open[user] += 1
        answer.call_on_close(lambda: self._end(user))
        return answer

    def _end(self, user: str) -> None:
        self._open[user] -= 1
        if not self._open[user]:
            del self._open[user]


def paced(source: Generator[_T, None, None]) -> Generator[_T | None, None, None]:
    """The items of a source as they come, and None once a second while none does.

    Ends with the source, in its error if it has one. Closing this iterator closes the source.
    """
    items: Queue[_T | _End] = Queue(1)
    reader = gevent.spawn(_read, source, items)
    try:
        while True:
            item: _T | _End | None = None
            with suppress(Empty):
                item = items.get(timeout=_LOOK)
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        reader.kill()


def is_over(environ: Mapping[str, Any]) -> bool:
    """Whether nobody waits for the rest of an answer: its client has gone, or the process has been told to stop."""
    return (STOPPING in environ and environ[STOPPING]()) or (
        "gunicorn.socket" in environ and _is_closed(environ["gunicorn.socket"])
    )


def _read(source: Generator[_T, None, None], items: "Queue[_T | _End]") -> None:
    error = None
    try:
        with closing(source):
            for item in source:
                items.put(item)
    except Exception as failure:  # noqa: BLE001 - it is raised where the items are taken out
        error = failure
    items.put(_End(error))


def _until(items: Generator[bytes | None, None, None], is_over: Callable[[], bool]) -> Generator[bytes, None, None]:
    try:
        yield b""  # the head of the answer, which says that it was accepted
        for item in items:
            if is_over():
                return
            memory.hold(_SIZE)  # what was read for this item is gone
            if item is not None:
                yield item
    finally:
        items.close()


def _is_closed(client: Any) -> bool:
    look = select.poll()
    look.register(client, select.POLLIN)
    try:
        return bool(look.poll(0)) and client.recv(1, 2) == b""  # MSG_PEEK
    except OSError:
        return True
