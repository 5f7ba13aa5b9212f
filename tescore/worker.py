"""gunicorn's gevent worker, which serves each connection in a greenlet: what gunicorn has no setting for."""

import json
import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import gevent
from gunicorn import util
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.ggevent import GeventWorker

from tescore.serving import Application, reason

log = logging.getLogger(__name__)

STOPPING = "tesk.stopping"
"""In the WSGI environ: a function that returns whether the process has been told to stop."""
_LINGER = 2
"""Seconds after SIGTERM for which idle connections stay open: their clients may be sending a request."""
_FAIR = 512
"""Bytes of a body in chunks that are read at a time, which takes some milliseconds at most."""
_STATUS: dict[type[ParseException], HTTPStatus] = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


class _Fair:
    """What reads a body in chunks, each of which may be a byte. Between two pieces others are served."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int) -> bytes:
        gevent.sleep(0)
        piece: bytes = self._reader.read(min(size, _FAIR))
        return piece


class Handshakes:
    """gunicorn's setting `ssl_context`: a connection has so many seconds for its handshake.

    It gets the certificate that the file has then, which is replaced and never changed.
    """

    seconds = 10

    def __init__(self, settings: Any, context: Callable[[], ssl.SSLContext]) -> None:
        """`context` reads the file, which takes longer than a handshake."""
        self._file = Path(settings.certfile)
        self._read = context
        self._seen = (0, 0)

    def wrap_socket(self, client: Any, **options: Any) -> Any:
        """Is called in the greenlet of the connection, which ends where this fails."""
        try:
            with gevent.Timeout(self.seconds, TimeoutError("no handshake in time")):
                return self._current().wrap_socket(client, **options)
        except OSError as error:
            log.info("no TLS", extra={"problem": str(error)})
            client.close()
            raise gevent.GreenletExit from None

    def _current(self) -> ssl.SSLContext:
        found = self._file.stat()
        if self._seen != (found.st_ino, found.st_mtime_ns):
            self._context = self._read()
            self._seen = found.st_ino, found.st_mtime_ns
        return self._context


class Worker(GeventWorker):  # type: ignore[misc]
    silence = 30
    """Seconds that a client may take to send or receive the next piece of a request or an answer."""
    wsgi: Application

    def run(self) -> None:
        self._idle: set[Any] = set()
        gevent.spawn(self._close_idle)
        super().run()

    def _close_idle(self) -> None:
        """gunicorn would wait half a minute for clients that have nothing to ask."""
        while self.alive:
            gevent.sleep(0.2)
        while True:
            gevent.sleep(_LINGER)
            gevent.killall(list(self._idle), NoMoreData, block=False)

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Bounds the time until the whole head of a request is there."""
        mine = gevent.getcurrent()
        self._idle.add(mine)
        try:
            with super().timeout_ctx():
                yield
        finally:
            self._idle.discard(mine)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        gevent.sleep(0)  # a client that has sent many requests at once lets others go between them
        if isinstance(req.body.reader, ChunkedReader):
            req.body.reader = _Fair(req.body.reader)
        sock.settimeout(self.silence)
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            raise StopIteration from None  # which closes the connection
        finally:
            sock.settimeout(None)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application = self.wsgi

        def stoppable(environ: dict[str, Any], start_response: Any) -> Any:
            environ[STOPPING] = lambda: not self.alive
            return application(environ, start_response)

        self.wsgi = stoppable

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answers with JSON where no application has the request yet, or where the application broke."""
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
            util.write(client, head.encode() + body)
