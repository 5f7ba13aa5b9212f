"""What every reply gets on its way out: compression, and the headers that browsers want."""

import gzip
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import IO

import gevent
from flask import Flask, Response, request
from gunicorn.http.errors import ParseException

from api import cpu
from api.settings import Settings

_WORTH_IT = 4 * 1024
"""Bytes from which on a reply is compressed."""
_LEVEL = 5
_DRAINED = 5
"""Seconds for which a body nobody wanted is read, and thrown away, before the connection is closed."""
_CHUNK = 64 * 1024
_ANY = "*"
_METHODS = "GET, POST"
_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID"
_EXPOSED = "ETag, Retry-After"
_REMEMBERED = "600"
"""Seconds for which a browser need not ask again what another site's page may do."""


def finished(app: Flask, settings: Settings) -> None:
    """Has the application finish its replies so."""

    @app.before_request
    def preflight() -> Response | None:
        asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204) if asked and settings.cors_origins else None

    @app.after_request
    def finish(response: Response) -> Response:
        is_options, origin = request.method == "OPTIONS", request.headers.get("Origin", "")
        response.headers.update(_cors(origin, settings.cors_origins, preflight=is_options))
        if settings.cors_origins and _ANY not in settings.cors_origins:
            response.vary.add("Origin")
        if is_options and response.status_code == 200:
            response.status_code = 204
            del response.headers["Content-Type"]
        response.headers["X-Content-Type-Options"] = "nosniff"  # or a task's output could pass for a page of ours
        if request.content_length or "Transfer-Encoding" in request.headers:
            # A client that is cut off while it still sends does not get to read the answer.
            response.call_on_close(partial(_drain, request.environ["wsgi.input"]))
        return _compressed(response)


def _cors(origin: str, allowed: Collection[str], *, preflight: bool) -> dict[str, str]:
    """The headers of an answer to a page of that origin, empty for a request without one; none if it is not allowed."""
    if not origin or not {_ANY, origin} & set(allowed):
        return {}
    granted = {"Access-Control-Allow-Origin": _ANY if _ANY in allowed else origin}
    if not preflight:
        return {**granted, "Access-Control-Expose-Headers": _EXPOSED}
    return {
        **granted,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _REQUEST_HEADERS,
        "Access-Control-Max-Age": _REMEMBERED,
    }


def _compressed(response: Response) -> Response:
    if response.is_streamed or (response.content_length or 0) < _WORTH_IT:
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] > 0:
        data = response.get_data()
        response.set_data(cpu.run(len(data), lambda: gzip.compress(data, _LEVEL, mtime=0)))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _drain(source: IO[bytes]) -> None:
    with gevent.Timeout(_DRAINED, False), suppress(OSError, ParseException):  # it has gone, or sends what is no body
        while source.read(_CHUNK):
            pass
