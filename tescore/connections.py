"""HTTP with the API server, over connections that are kept for the next request; nothing of http.client leaks out."""

import socket
import ssl
import weakref
from collections.abc import Generator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import NamedTuple
from urllib.parse import urlsplit

from tescore.errors import Unavailable

_CONNECT_SECONDS = 3.0
_PIECE = 64 * 1024
_ESTABLISHED = b"\x01"
"""What Linux tells first of a connection that neither side has closed (TCP_INFO)."""
_KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]
"""So that it is seen within a minute that the other side of a silent stream is no more."""


class Answer(NamedTuple):
    status: int
    retry_after: str | None
    body: Generator[bytes, None, None]
    """As it comes. Raises Unavailable where it breaks off."""


class Connections:
    """For any number of threads. Each call is one try, which raises Unavailable if it comes to nothing."""

    def __init__(self, server: str, authorities: str) -> None:
        """`authorities` are certificates in PEM, by which a server is known whose URL begins with https."""
        self._server = urlsplit(server)
        self._tls = _trust(authorities) if self._server.scheme == "https" else None
        self._kept: list[HTTPConnection] = []
        weakref.finalize(self, _close, self._kept)

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        patience: float | None,
    ) -> Answer:
        """The answer, whose server may be silent for so many seconds of `patience`, or for ever."""
        connection = self._idle() or self._connected(patience)
        try:
            connection.sock.settimeout(patience)
            connection.request(method, target, body, headers)
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise _unreached(error) from error
        return Answer(response.status, response.headers.get("Retry-After"), self._read(connection, response))

    def _idle(self) -> HTTPConnection | None:
        """A kept connection that the server has not closed meanwhile."""
        while True:
            try:
                connection = self._kept.pop()
            except IndexError:
                return None
            if connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == _ESTABLISHED:
                return connection
            connection.close()

    def _connected(self, patience: float | None) -> HTTPConnection:
        connection = self._new(_CONNECT_SECONDS if patience is None else min(patience, _CONNECT_SECONDS))
        try:
            connection.connect()
            for option in _KEEPALIVE:
                connection.sock.setsockopt(*option)
        except OSError as error:
            connection.close()
            raise _unreached(error) from error
        return connection

    def _new(self, seconds: float) -> HTTPConnection:
        host, port = self._server.hostname or "", self._server.port
        if self._tls:
            return HTTPSConnection(host, port, timeout=seconds, context=self._tls)
        return HTTPConnection(host, port, timeout=seconds)

    def _read(self, connection: HTTPConnection, response: HTTPResponse) -> Generator[bytes, None, None]:
        whole = False
        try:
            while piece := response.read1(_PIECE):
                yield piece
            if response.length:
                raise IncompleteRead(b"", response.length)
            whole = True
        except (OSError, HTTPException) as error:
            raise Unavailable(f"The answer of the Kubernetes API server broke off ({error}).") from error
        finally:
            response.close()
            if whole and not response.will_close:
                self._kept.append(connection)
            else:
                connection.close()  # so is that of a watch that nobody wants to see on


def _trust(authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authorities)
    # Python 3.13 asks for key identifiers, without which RFC 5280 lets an authority be, as those of EKS are.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _unreached(error: Exception) -> Unavailable:
    return Unavailable(f"The Kubernetes API server cannot be reached ({error}).")


def _close(connections: list[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
