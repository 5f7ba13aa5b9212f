"""The api as a WSGI application: its routes under their prefixes, and every error as JSON."""

import logging
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import IO, Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from api.routes import PREFIXES, routes
from api.settings import Settings
from api.store import Store
from tescore.errors import (
    AlreadyExists,
    InvalidTask,
    KeyReused,
    Misconfigured,
    Refused,
    TaskNotFound,
    TeskError,
    Unavailable,
)

log = logging.getLogger(__name__)

_DRAINED = 64 * 1024 * 1024
"""Bytes of a body over the limit that are read, and thrown away, before the connection is closed."""
_CHUNK = 64 * 1024
_RETRY_AFTER = 5
"""Seconds that a client is asked to wait when Kubernetes is away."""
_STATUS: dict[type[TeskError], int] = {
    TaskNotFound: 404,
    AlreadyExists: 409,
    KeyReused: 409,
    Unavailable: 503,
    Misconfigured: 500,
}
_PASSED_ON = frozenset({400, 403, 413})
"""Answers of the API server to a create that say the same to our client."""


def create_app(
    settings: Settings, store: Store, now: Callable[[], datetime], random: Callable[[int], int]
) -> Callable[..., Iterable[bytes]]:
    """The application; it keeps nothing between two requests."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.json.sort_keys = False  # type: ignore[attr-defined]
    paths = routes(settings, store, now, random)
    for prefix in PREFIXES:
        app.register_blueprint(paths, url_prefix=prefix, name=prefix.strip("/").replace("/", "-"))

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.errorhandler(TeskError)
    def told(error: TeskError) -> Response:
        return _error(_status(error), error.reason, str(error), **_details(error))

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        # A client that is cut off while it still sends does not get to read the answer.
        source: IO[bytes] = request.environ["wsgi.input"]
        left = _DRAINED
        while left > 0 and (chunk := source.read(_CHUNK)):
            left -= len(chunk)
        return _error(413, "TooLarge", f"The body is larger than {settings.max_body} bytes.")

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        return _error(error.code or 500, error.name.replace(" ", ""), error.description or error.name)

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.error("request failed", exc_info=error)
        return _error(500, "InternalError", "The service made a mistake; its log has the details.")

    return _single_slashes(app)


def _status(error: TeskError) -> int:
    if isinstance(error, Refused) and error.code in _PASSED_ON:
        return error.code
    return _STATUS.get(type(error), 400)


def _details(error: TeskError) -> dict[str, Any]:
    return {"problems": error.problems} if isinstance(error, InvalidTask) else {}


def _error(status: int, reason: str, message: str, **details: Any) -> Response:
    response = jsonify({"error": reason, "message": message, **details})
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER)
    return response


def _single_slashes(app: Flask) -> Callable[..., Iterable[bytes]]:
    """A client given an endpoint that ends in a slash asks for //v1/tasks, and does not follow redirects of a POST."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["PATH_INFO"] = re.sub("/{2,}", "/", environ.get("PATH_INFO", ""))
        return app(environ, start_response)

    return application
