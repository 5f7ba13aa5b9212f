"""The bodies of requests: read within bounds, so that large ones do not fill a server's memory."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from tescore.errors import InvalidTask, Transient

_LARGE = 1024 * 1024
"""Bytes from which on a body is one of few. While it is checked and stored, ten times as much memory is in use."""
_MOST_LARGE = 3


class Busy(Transient):
    """The server has all the large bodies in its hands that it can hold."""

    reason = "Busy"


class Bodies:
    """Of one process: a few large ones at a time, of which one is worked on. `clock` gives seconds that only grow."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._room = threading.BoundedSemaphore(_MOST_LARGE)
        self._turn = threading.Lock()

    @contextmanager
    def text(self) -> Iterator[tuple[str, float]]:
        """The body of the request at hand, and the seconds for which its client was waited for.

        It is taken for JSON unless the client says otherwise.

        A large one has its turn until the block ends. Raises InvalidTask, Busy, and the errors of HTTP.
        """
        if request.mimetype and not request.is_json:
            raise UnsupportedMediaType(f"The body is {request.mimetype}, and should be application/json.")
        if request.content_encoding not in {None, "identity"}:
            raise UnsupportedMediaType(f"The body is in {request.content_encoding}, and should be as it is.")
        with self._place(request.content_length):
            began = self._clock()
            text = self._read()
            sending = self._clock() - began
            with self._turn if len(text) > _LARGE else nullcontext():
                yield text, sending

    def _read(self) -> str:
        body = request.get_data(cache=False)
        if len(body) > self._most:
            raise RequestEntityTooLarge
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise InvalidTask([f"the document is not UTF-8 ({error})"]) from error

    def _place(self, length: int | None) -> AbstractContextManager[Any]:
        if length is not None and (length <= _LARGE or length > self._most):
            return nullcontext()  # one over the limit is never read in
        return self._large()

    @contextmanager
    def _large(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise Busy(f"This server has {_MOST_LARGE} large tasks in its hands, and takes no more at a time.")
        try:
            yield
        finally:
            self._room.release()
