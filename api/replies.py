"""What every reply gets on its way out: compression, and the headers that browsers want."""

import gzip
from contextlib import suppress
from functools import partial
from typing import IO

import gevent
from flask import Flask, Response, request
from gunicorn.http.errors import ParseException

from api import cors
from api.settings import Settings
from tescore import cpu
from tescore.errors import Forbidden

_WORTH_IT = 4 * 1024
"""Bytes from which on a reply is compressed."""
_LEVEL = 5
_DRAINED = 5
"""Seconds for which a body nobody wanted is read, and thrown away, before the connection is closed."""
_CHUNK = 64 * 1024


def finished(app: Flask, settings: Settings) -> None:
    """Has the application finish its replies so."""

    @app.before_request
    def preflight() -> Response | None:
        asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204) if asked and settings.cors_origins else None

    @app.before_request
    def refuse_other_sites() -> None:
        # A browser sends its user's password, or from inside a network, what any page of the web has it send.
        origin, site = request.headers.get("Origin", ""), request.headers.get("Sec-Fetch-Site", "")
        if request.method == "POST" and cors.is_foreign(origin, site, request.host, settings.cors_origins):
            raise Forbidden("A web page of another site may not do this, unless TESK_CORS_ORIGINS names its origin.")

    @app.after_request
    def finish(response: Response) -> Response:
        is_options, origin = request.method == "OPTIONS", request.headers.get("Origin", "")
        response.headers.update(cors.headers(origin, settings.cors_origins, preflight=is_options))
        if cors.vary(settings.cors_origins):
            response.vary.add("Origin")
        if is_options and response.status_code == 200:
            response.status_code = 204
            del response.headers["Content-Type"]
        response.headers["X-Content-Type-Options"] = "nosniff"  # or a task's output could pass for a page of ours
        if request.content_length or "Transfer-Encoding" in request.headers:
            # A client that is cut off while it still sends does not get to read the answer.
            response.call_on_close(partial(_drain, request.environ["wsgi.input"]))
        return _compressed(response)


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
