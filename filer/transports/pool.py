"""Connections to servers, kept for the next file; each is used by one thread at a time."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from filer import guard
from filer.errors import Interrupted
from filer.guard import CONNECT, SILENCE
from filer.transports.address import Server

_FRESH = 5
"""Seconds for which an idle connection is thought to be alive without a question."""

_C = TypeVar("_C")


class Pool(Generic[_C]):
    def __init__(
        self, connect: Callable[[Server], _C], alive: Callable[[_C], bool], close: Callable[[_C], object]
    ) -> None:
        self._connect, self._alive, self._close = connect, alive, close
        self._idle: dict[Server, list[tuple[_C, float]]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def lent(self, server: Server) -> Iterator[_C]:
        """A connection for this block. After an error in it the connection is closed and not used again."""
        connection = self._idle_one(server)
        if connection is None:
            connection = self._connect(server)
        try:
            yield connection
        except BaseException:
            self._close(connection)
            raise
        with self._lock:
            self._idle.setdefault(server, []).append((connection, time.monotonic()))

    def close(self) -> None:
        """Closes those that are idle."""
        with self._lock:
            idle = [connection for kept in self._idle.values() for connection, _ in kept]
            self._idle.clear()
        for connection in idle:
            self._close(connection)

    def _idle_one(self, server: Server) -> _C | None:
        while True:
            with self._lock:
                idle = self._idle.get(server)
                if not idle:
                    return None
                connection, since = idle.pop()
            if time.monotonic() - since < _FRESH or self._alive(connection):
                return connection
            self._close(connection)


def connected(host: str, port: int) -> socket.socket:
    """A TCP connection. Raises NotMovable, Interrupted."""
    try:
        made = guard.connected(host, port, CONNECT)
    except TimeoutError as error:
        raise Interrupted(f"the server took no connection for {CONNECT} s") from error
    except OSError as error:
        raise Interrupted(f"no connection to the server could be made ({error.strerror or error})") from error
    made.settimeout(SILENCE)
    return made


def part_name() -> str:
    """The name under which this thread's file arrives on a server. In a pod the host's name is the pod's own."""
    return f".tesk-{socket.gethostname()[:63]}-{os.getpid()}-{threading.get_native_id()}"
