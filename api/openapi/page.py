"""The page that shows the document to people: Swagger UI, which comes with the image."""

from pathlib import Path

import flask_swagger_ui
from flask import Response, request

from api import memory

_OWN = Path(__file__).parent
_SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"
_FILES = {
    "page.js": (_OWN, "text/javascript"),
    "swagger-ui-bundle.js": (_SWAGGER_UI, "text/javascript"),
    "swagger-ui.css": (_SWAGGER_UI, "text/css"),
}
FILES = tuple(_FILES)
"""Names of what the page loads."""
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: the browser asks no other server, and runs no script that is in the page itself."""


def page() -> Response:
    response = Response((_OWN / "page.html").read_text(), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def file(name: str) -> Response:
    """One of FILES. Raises Busy."""
    folder, mimetype = _FILES[name]
    text = (folder / name).read_bytes()
    memory.take(len(text))
    response = Response(text, mimetype=mimetype)
    response.add_etag(weak=True)  # it may yet be compressed
    response.make_conditional(request)
    return response
