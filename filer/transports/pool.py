"""Connections to servers, kept for the next file; each is used by one thread at a time."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from filer import guard
from filer.errors import Interrupted
from filer.guard import CONNECT, SILENCE
from filer.transports.address import Server

_C = TypeVar("_C")


class Pool(Generic[_C]):
    def __init__(self, connect: Callable[[Server], _C], close: Callable[[_C], object]) -> None:
        self._connect, self._close = connect, close
        self._idle: dict[Server, list[_C]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def lent(self, server: Server) -> Iterator[_C]:
        """A connection for this block. After an error in it the connection is closed and not used again.

        It may be one that the server has closed meanwhile, which is an error as any other.
        """
        with self._lock:
            idle = self._idle.get(server)
            connection = idle.pop() if idle else None
        if connection is None:
            connection = self._connect(server)
        try:
            yield connection
        except BaseException:
            self._close(connection)
            raise
        with self._lock:
            self._idle.setdefault(server, []).append(connection)

    def close(self) -> None:
        """Closes those that are idle."""
        with self._lock:
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
        for connection in idle:
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
