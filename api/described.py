"""What the service has beside the standard, as OpenAPI describes it."""

from typing import Any

_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "ID of the task."}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


OUTPUT = {
    "tags": ["Extensions"],
    "summary": "GetOutput",
    "operationId": "GetOutput",
    "description": (
        "The output of an executor: while it runs what there is up to now (its last 64 KiB), later the end that is "
        "kept in the task's log. Empty as long as it has not begun. Where neither stream goes to a file, stdout has "
        "both, in the order in which they were written. One that goes to a file is shown when the file has been taken "
        "in, after the last executor.\n\n"
        "With `follow` all of the output comes as it is written, until the executor ends. Where a lost pod made "
        "another attempt necessary, the output of that one follows. There is a bound on the streams of a server, "
        "beyond which the answer is 503. It ends before if the rights of the user do."
    ),
    "parameters": [
        _ID,
        {
            "name": "executor",
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0},
            "description": "Its index among the task's executors.",
        },
        {
            "name": "stream",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "enum": ["stdout", "stderr"]},
        },
        {
            "name": "follow",
            "in": "query",
            "schema": {"type": "boolean", "default": False},
            "description": "Whether the answer goes on until the executor ends.",
        },
    ],
    "responses": {"200": _text("The output, as the executor wrote it.")},
}
WATCH = {
    "tags": ["Extensions"],
    "summary": "WatchTasks",
    "operationId": "WatchTasks",
    "description": (
        "Changes of tasks as they happen, as server-sent events. Open it, then list: what changes meanwhile comes "
        "here.\n"
        "  - an event without a name has a task's `id`, `state` and, if it has one, `reason`, as JSON; the same may "
        "come again\n"
        "  - `gone` has the `id` of a task that was removed, or is not among those asked for any more\n"
        "  - `reset`: changes were missed, because they lie too far back; list "
        "again\n\n"
        "A client that was cut off goes on where it was with the header Last-Event-ID, as browsers do by themselves. "
        "There is a bound on the streams of a server, beyond which the answer is 503. "
        "It ends when the rights of the user do."
    ),
    "responses": {
        "200": {"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    },
}
LAST_EVENT = {
    "name": "Last-Event-ID",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The id of the last event that was seen.",
}
FILTERS = frozenset({"name_prefix", "state", "tag_key", "tag_value"})
_STATUS = {"200": {"description": "Yes.", "content": {"application/json": {"schema": {"type": "object"}}}}}
OUTSIDE: dict[str, Any] = {
    "/healthz": {
        "servers": [{"url": "/"}],
        "get": {
            "tags": ["Extensions"],
            "summary": "Whether the process lives",
            "operationId": "Healthz",
            "responses": _STATUS,
        },
    },
    "/readyz": {
        "servers": [{"url": "/"}],
        "get": {
            "tags": ["Extensions"],
            "summary": "Whether a task could be created: the API server of Kubernetes and the webhook answer",
            "operationId": "Readyz",
            "responses": _STATUS,
        },
    },
}
OLD_SERVICE_INFO = {
    "tags": ["Extensions"],
    "summary": "GetServiceInfo as TES 0.4 had it, for old clients",
    "operationId": "GetOldServiceInfo",
    "deprecated": True,
    "responses": {
        "200": {
            "description": "",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/teskOldServiceInfo"}}},
        }
    },
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "Extension: the ETag of an earlier answer, to be told by 304 that it is still the same.",
}


KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    "description": (
        "Extension: 1 to 255 visible characters of ASCII. The same task sent again with the same key is no other task: "
        "the answer is the id of the first, as long as that is kept. Another task with it is refused with 409."
    ),
}
