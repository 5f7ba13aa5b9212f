"""Every error of the api as JSON: a stable reason, and a sentence."""

import logging
from typing import Any

from flask import Flask, Response, jsonify, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from api.output import OutputNotFound
from api.streams import TooManyStreams
from tescore.errors import (
    AlreadyExists,
    Forbidden,
    InvalidTask,
    KeyReused,
    Misconfigured,
    Refused,
    TaskNotFound,
    TeskError,
    Transient,
    Unauthenticated,
)
from tescore.serving import reason

log = logging.getLogger(__name__)

RETRY_AFTER = 5
"""Seconds that a client is asked to wait when Kubernetes is away."""
_STATUS: dict[type[TeskError], int] = {
    TaskNotFound: 404,
    OutputNotFound: 404,
    Unauthenticated: 401,
    Forbidden: 403,
    AlreadyExists: 409,
    KeyReused: 409,
    TooManyStreams: 429,
    Misconfigured: 500,
}
_PASSED_ON = frozenset({400, 403, 413})
"""Answers of the API server to a create that say the same to our client."""
_SENTENCES = {400: "The request cannot be read.", 404: "There is nothing at this path."}
"""For what the library finds, whose own words are about browsers."""


def told_by(app: Flask, *, max_body: int) -> None:
    """Has the application answer so whatever goes wrong in it."""

    @app.errorhandler(TeskError)
    def told(error: TeskError) -> Response:
        response = _error(_status(error), error.reason, str(error), **_details(error))
        for challenge in error.challenges if isinstance(error, Unauthenticated) else ():
            response.headers.add("WWW-Authenticate", challenge)
        return response

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        return _error(413, "TooLarge", f"The body is larger than {max_body} bytes.")

    @app.errorhandler(MethodNotAllowed)
    def no_such_method(error: MethodNotAllowed) -> Response:
        allowed = ", ".join(sorted(error.valid_methods or ()))
        response = _error(405, "MethodNotAllowed", f"{request.method} cannot be done here, but {allowed}.")
        response.headers["Allow"] = allowed
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        status = error.code or 500
        return _error(status, reason(error.name), _SENTENCES.get(status) or error.description or f"{error.name}.")

    @app.errorhandler(ParseException)
    def unreadable(error: ParseException) -> Response:
        return _error(400, "BadRequest", f"The body is no valid HTTP ({error}).")

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.error("request failed", exc_info=error)
        return _error(500, "InternalError", "The service made a mistake; its log has the details.")


def _status(error: TeskError) -> int:
    if isinstance(error, Refused) and error.code in _PASSED_ON:
        return error.code
    return 503 if isinstance(error, Transient) else _STATUS.get(type(error), 400)


def _details(error: TeskError) -> dict[str, Any]:
    return {"problems": error.problems} if isinstance(error, InvalidTask) else {}


def _error(status: int, reason: str, message: str, **details: Any) -> Response:
    response = jsonify({"error": reason, "message": message, **details})
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
