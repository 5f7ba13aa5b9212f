"""A WSGI application under gunicorn, the same way in api and webhook."""

import gc
import json
import logging
import select
import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import ThreadWorker

log = logging.getLogger(__name__)

Application = Callable[..., Iterable[bytes]]
"""A WSGI application."""

_LONGEST_LINE = 8190
"""Bytes of a request line: gunicorn's most, for filters by many tags make a long one."""
_STATUS: dict[type[ParseException], HTTPStatus] = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
_NEXT_WITHIN = 5
"""Milliseconds that a thread waits for a client's next request, before it hands the connection back."""
_IN_A_ROW = 16
"""Requests of a client until it is the turn of others, of whom there may be more than threads."""
_CLOSED = object()
_STOPPING = "tesk.stopping"
_SOCKET = "gunicorn.socket"


def serve(create: Callable[[], Application], *, silence: int = 30, **options: Any) -> None:
    """Serves until the process is told to stop. `create` is called in each worker; options are gunicorn's settings.

    A client that begins a request, or has an answer coming, and then neither sends nor takes anything for `silence`
    seconds is dropped. What is no HTTP that can be understood is answered with JSON, `error` and `message`, and the
    connection closed.
    """

    def ready(server: Any) -> None:
        # gunicorn's threads wait for a client for ever; accepted sockets have this from their listener.
        for listener in server.LISTENERS:
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                listener.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", silence, 0))

    _Server(create, {**options, "when_ready": ready}).run()


def everywhere(port: int) -> str:
    """`bind` for all addresses of this machine, IPv6's too, unless it was started without IPv6."""
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError:
        return f"0.0.0.0:{port}"
    return f"[::]:{port}"


def is_over(environ: Mapping[str, Any]) -> bool:
    """Whether nobody waits for the rest of an answer: its client has gone, or the process has been told to stop."""
    stopping = environ.get(_STOPPING)
    return (stopping is not None and stopping()) or (_SOCKET in environ and _is_closed(environ[_SOCKET]))


def _is_closed(client: socket.socket) -> bool:
    try:
        return _has_data(client, 0) and client.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def _has_data(client: socket.socket, within: int) -> bool:
    """Whether something comes within so many milliseconds, be it the end."""
    look = select.poll()
    look.register(client, select.POLLIN)
    return bool(look.poll(within))


class _Worker(ThreadWorker):  # type: ignore[misc]
    wsgi: Application

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application = self.wsgi

        def stoppable(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            environ[_STOPPING] = lambda: not self.alive
            return application(environ, start_response)

        self.wsgi = stoppable
        # What is there now stays: without it the collector need not look through it at each large answer.
        gc.collect()
        gc.freeze()

    def handle(self, conn: Any) -> Any:
        """Has a thread stay for a while with a client that asks again at once, which saves most switches of threads.

        It closes the connection itself: gunicorn's main thread waits up to 2 s for the client to close its side, and
        serves nobody meanwhile. That wait is for a client that still sends, which would not get to read the answer.
        """
        for _ in range(_IN_A_ROW):
            goes_on = super().handle(conn)
            if goes_on is not True or not _has_data(conn.sock, _NEXT_WITHIN):
                break
        if goes_on:
            return goes_on
        with suppress(OSError, ValueError):  # it is closed
            conn.close(graceful=_has_data(conn.sock, 0))
        return _CLOSED

    def finish_request(self, conn: Any, fs: Any) -> None:
        if fs.exception() is None and fs.result() is _CLOSED:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answers where there is no application yet that could, or where it broke."""
        if isinstance(exc, ssl.SSLError):
            return
        if isinstance(exc, ParseException):
            log.info("no valid HTTP", extra={"client": str(addr), "problem": str(exc)})
            status, message = _STATUS.get(type(exc), HTTPStatus.BAD_REQUEST), f"The request is no valid HTTP ({exc})."
        else:
            log.error("request failed", exc_info=exc, extra={"path": getattr(req, "path", "")})
            status, message = HTTPStatus.INTERNAL_SERVER_ERROR, "The service made a mistake; its log has the details."
        body = json.dumps({"error": reason(status.phrase), "message": message}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with suppress(OSError):
            util.write_nonblock(client, head.encode() + body)


def reason(phrase: str) -> str:
    """The stable reason of an error that only HTTP has a name for: `Not Found` is NotFound."""
    return phrase.replace(" ", "").replace("-", "")


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, create: Callable[[], Application], options: dict[str, Any]) -> None:
        self._create = create
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        common = {
            "worker_class": _Worker,
            "worker_tmp_dir": "/dev/shm",  # on a disk a slow write of the heartbeat would look like a hanging worker
            "keepalive": 75,
            "control_socket_disable": True,
            "limit_request_line": _LONGEST_LINE,
        }
        for name, value in {**common, **self._options}.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._create()
