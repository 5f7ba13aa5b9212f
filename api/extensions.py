"""What the service has beside the standard's paths: live output, changes as they happen, documentation, probes."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from api import output, query
from api.entrance import Entrance, Visit
from api.openapi import page
from api.openapi.document import document
from api.readiness import Readiness
from api.streams import Streams, is_over
from tescore.errors import BadRequest

_TEXT = "text/plain"


def live(entrance: Entrance, streams: Streams) -> Blueprint:
    """Output and changes, under each of the service's prefixes."""
    paths = Blueprint("live", __name__)

    @paths.get("/tasks:watch")
    def watch_tasks() -> Response:
        visit, arguments = entrance.visit(), request.args
        among = visit.may.listing()
        asked = query.list_query(arguments, arguments.getlist("tag_key"), arguments.getlist("tag_value"), among=among)
        events = visit.tenant.watching.events(asked, request.headers.get("Last-Event-ID", ""))
        return streams.response(visit.may.user.name, events, _is_over(visit), "text/event-stream")

    @paths.get(f"/tasks/<task_id>/logs/<int:executor>/<any({', '.join(output.STREAMS)}):stream>")
    def get_output(task_id: str, executor: int, stream: str) -> Response:
        visit = entrance.visit()
        judge, live_log = visit.may.see(task_id), visit.tenant.live_log
        if _follows(request.args.get("follow", "")):
            written = live_log.follow(task_id, executor, stream, judge)
            return streams.response(visit.may.user.name, written, _is_over(visit), _TEXT)
        return Response(live_log.now(task_id, executor, stream, judge), mimetype=_TEXT)

    return paths


def documentation(entrance: Entrance, *prefixes: str) -> Blueprint:
    """The document of the API under these prefixes of the service, or of a tenant, for programs and for people."""
    paths = Blueprint("documentation", __name__)

    def described() -> Mapping[str, Any]:
        tenant = f"/{entrance.tenant().namespace}" if "tenant" in g else ""
        return document(*(tenant + prefix for prefix in prefixes), schemes=entrance.schemes)

    @paths.get("/openapi.json")
    def get_openapi() -> Response:
        return jsonify(described())

    @paths.get("/docs")
    def get_docs() -> Response:
        return page.page()

    @paths.get(f"/docs/<any({', '.join(map(repr, page.FILES))}):name>")
    def get_docs_file(name: str) -> Response:
        return page.file(name)

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


def _is_over(visit: Visit) -> Callable[[], bool]:
    """Whether there is to be no more of the answer to the request at hand, which is at hand no more when that is asked.

    Credential and permissions are looked at as those of a new request are, so at most as late as they are remembered.
    """
    environ = request.environ
    return lambda: is_over(environ) or visit.has_ended()


def _follows(text: str) -> bool:
    if text not in {"", "true", "false"}:
        raise BadRequest(f"follow is {text[:60]!r}, which is neither true nor false.")
    return text == "true"
