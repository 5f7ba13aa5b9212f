"""Answers that go on for as long as something happens: how many there may be, and when they end."""

import threading
from collections.abc import Callable, Generator

from flask import Response

from tescore.errors import Transient


class TooManyStreams(Transient):
    """All the streams that this process may serve are in use."""

    reason = "TooManyStreams"


class Streams:
    """At most so many at a time. Each keeps a thread of the server busy, which must have as many more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = threading.BoundedSemaphore(most)

    def response(
        self, items: Generator[bytes | None, None, None], is_over: Callable[[], bool], mimetype: str
    ) -> Response:
        """An answer with the items as they come. None is none, and an occasion to see that it is over.

        Raises TooManyStreams. The items are closed with the answer.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyStreams(f"All {self._most} streams of this server are in use.")
        response = Response(_until(items, is_over), mimetype=mimetype)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would keep it back
        response.call_on_close(self._free.release)
        return response


def _until(items: Generator[bytes | None, None, None], is_over: Callable[[], bool]) -> Generator[bytes, None, None]:
    try:
        yield b""  # the head of the answer, which says that it was accepted
        for item in items:
            if is_over():
                return
            if item is not None:
                yield item
    finally:
        items.close()
