"""The standard's paths: parse, call, shape."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from api import bodies, query
from api.entrance import Entrance
from api.service_info import DESCRIPTION, service_info
from api.settings import Settings
from tescore import cpu, naming, record

PREFIXES = ("/ga4gh/tes/v1", "/v1")
"""The standard's own, and the one that many clients have wired in."""


def routes(
    settings: Settings, entrance: Entrance, now: Callable[[], datetime], random: Callable[[int], int]
) -> Blueprint:
    """TES 1.1; `random(bits)` returns as many random bits."""
    paths = Blueprint("tes", __name__)

    @paths.get("/service-info")
    def get_service_info() -> dict[str, Any]:
        return service_info(entrance.tenant().store.settings_shown())

    @paths.get("/tasks/service-info")
    def get_old_service_info() -> dict[str, Any]:
        # py-tes 0.4.2 (in the plugins of Snakemake and Toil) asks here, and breaks at any field but these.
        return {
            "name": settings.service_name,
            "doc": DESCRIPTION,
            "storage": list(entrance.tenant().store.settings_shown().storage),
        }

    @paths.post("/tasks")
    def create_task() -> dict[str, Any]:
        ends = entrance.backends.deadline()  # of all that may take long here, only what the client sends is not counted
        visit = entrance.visit()
        visit.may.create()
        store, owner = visit.tenant.store, visit.may.user.name
        began = entrance.backends.clock()
        text = bodies.text(settings.max_body)
        ends += entrance.backends.clock() - began
        key = query.idempotency_key(request.headers.get("Idempotency-Key"))
        if key:
            return {"id": store.created_once(text, owner=owner, key=key, ends=ends)}
        task_id = naming.task_id(int(now().timestamp() * 1000), random(32))
        store.create(task_id, text, owner=owner, ends=ends)
        return {"id": task_id}

    @paths.get("/tasks")
    def list_tasks() -> Response:
        visit, arguments = entrance.visit(), request.args
        among = visit.may.listing()
        asked = query.list_query(arguments, arguments.getlist("tag_key"), arguments.getlist("tag_value"), among=among)
        tasks, token = visit.tenant.store.page(asked, visit.may.user.name)
        return _json(f'{{"tasks":{tasks}' + (f',"next_page_token":{json.dumps(token)}' if token else "") + "}")

    @paths.get("/tasks/<task_id>")
    def get_task(task_id: str) -> Response:
        visit = entrance.visit()
        judge, viewer = visit.may.see(task_id), visit.may.user.name
        return _tagged(_json(visit.tenant.store.shown(task_id, query.view(request.args), judge, viewer)))

    @paths.post("/tasks/<task_id>:cancel")
    def cancel_task(task_id: str) -> dict[str, Any]:
        # Clients send anything as the body of this, or nothing; it is not looked at.
        visit = entrance.visit()
        judge = visit.may.cancel(task_id)
        visit.tenant.store.cancel(task_id, judge, by=visit.may.user.name, now=record.timestamp(now()))
        return {}

    return paths


def _json(text: str) -> Response:
    return Response(f"{text}\n", mimetype="application/json")


def _tagged(response: Response) -> Response:
    """With the ETag of all that is in it, so that whatever changes it is seen; without its body if that is known."""
    cpu.run(response.content_length or 0, lambda: response.add_etag(weak=True))  # it may yet be compressed
    if "If-None-Match" in request.headers:
        response.make_conditional(request)
    return response
