"""What the service has beside the standard's paths: live output, changes as they happen, documentation, probes."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from api import docs_page, output, query
from api.backend import Backend
from api.openapi import document
from api.readiness import Readiness
from api.streams import Streams
from tescore.errors import BadRequest
from tescore.serving import is_over

_TEXT = "text/plain"


def live(backend: Backend, streams: Streams) -> Blueprint:
    """Output and changes, under each of the service's prefixes."""
    paths = Blueprint("live", __name__)

    @paths.get("/tasks:watch")
    def watch_tasks() -> Response:
        arguments = request.args
        asked = query.list_query(arguments, arguments.getlist("tag_key"), arguments.getlist("tag_value"))
        events = backend.watching.events(asked, request.headers.get("Last-Event-ID", ""))
        return streams.response(events, _is_over(), "text/event-stream")

    @paths.get(f"/tasks/<task_id>/logs/<int:executor>/<any({', '.join(output.STREAMS)}):stream>")
    def get_output(task_id: str, executor: int, stream: str) -> Response:
        if _follows(request.args.get("follow", "")):
            return streams.response(backend.live_log.follow(task_id, executor, stream), _is_over(), _TEXT)
        return Response(backend.live_log.now(task_id, executor, stream), mimetype=_TEXT)

    return paths


def documentation(*prefixes: str) -> Blueprint:
    """The document of the API under these prefixes, for programs and for people."""
    paths = Blueprint("documentation", __name__)

    @paths.get("/openapi.json")
    def get_openapi() -> Response:
        return jsonify(document(*prefixes))

    @paths.get("/docs")
    def get_docs() -> Response:
        response = Response(docs_page.page(document(*prefixes)), mimetype="text/html")
        response.headers["Content-Security-Policy"] = docs_page.POLICY
        return response

    return paths


def probes(readiness: Readiness) -> Blueprint:
    """Whether the process lives, and whether the service could do its work."""
    paths = Blueprint("probes", __name__)

    @paths.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @paths.get("/readyz")
    def readyz() -> dict[str, Any]:
        readiness.check()
        return {"status": "ok"}

    return paths


def _is_over() -> Callable[[], bool]:
    """Whether the request at hand needs no more of its answer; to be asked later, when it is at hand no more."""
    environ = request.environ
    return lambda: is_over(environ)


def _follows(text: str) -> bool:
    if text not in {"", "true", "false"}:
        raise BadRequest(f"follow is {text[:60]!r}, which is neither true nor false.")
    return text == "true"
