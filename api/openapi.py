"""The document of the API that is served: the standard's own, whole in itself, with what this service adds."""

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

import tescore

_SPEC = Path(tescore.__file__).parent / "spec"
_REMOTE = "https://raw.githubusercontent.com/ga4gh-discovery/ga4gh-service-info/v1.0.0/service-info.yaml"
_OPERATIONS = frozenset({"get", "post"})

_SCHEMAS: dict[str, Any] = {
    "teskError": {
        "type": "object",
        "description": "Every answer with a status of 400 or more.",
        "required": ["error", "message"],
        "properties": {
            "error": {"type": "string", "description": "A stable reason, for programs.", "example": "TaskNotFound"},
            "message": {"type": "string", "description": "A sentence, for people."},
            "problems": {
                "type": "array",
                "items": {"type": "string"},
                "description": "With InvalidTask: all that is wrong, each with its path.",
                "example": ["executors[1].image: is missing"],
            },
        },
    },
    "teskOldServiceInfo": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "doc": {"type": "string"},
            "storage": {"type": "array", "items": {"type": "string"}},
        },
    },
}
_ERROR = {
    "description": "What went wrong. With 503 a header Retry-After says how many seconds to wait.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/teskError"}}},
}
_REFUSALS: dict[str, Any] = {
    "401": {
        **_ERROR,
        "description": "The credential is missing, wrong or has expired.",
        "headers": {
            "WWW-Authenticate": {"schema": {"type": "string"}, "description": "How to come in, one for each way."}
        },
    },
    "403": {**_ERROR, "description": "The user may not do this in this tenant."},
}
_SECURITY_SCHEMES = {
    "Bearer": {"type": "http", "scheme": "bearer", "description": "A token of a provider that the service trusts."},
    "Basic": {"type": "http", "scheme": "basic", "description": "A user's name and password."},
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "ID of the task."}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


_OUTPUT = {
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
        "beyond which the answer is 503."
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
_WATCH = {
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
        "There is a bound on the streams of a server, beyond which the answer is 503."
    ),
    "responses": {
        "200": {"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    },
}
_LAST_EVENT = {
    "name": "Last-Event-ID",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The id of the last event that was seen.",
}
_FILTERS = frozenset({"name_prefix", "state", "tag_key", "tag_value"})
_STATUS = {"200": {"description": "Yes.", "content": {"application/json": {"schema": {"type": "object"}}}}}
_OUTSIDE: dict[str, Any] = {
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
_PUBLIC = frozenset({"/service-info", "/tasks/service-info", *_OUTSIDE})
_OLD_SERVICE_INFO = {
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
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "Extension: the ETag of an earlier answer, to be told by 304 that it is still the same.",
}


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    "description": (
        "Extension: 1 to 255 visible characters of ASCII. The same task sent again with the same key is no other task: "
        "the answer is the id of the first, as long as that is kept. Another task with it is refused with 409."
    ),
}


@functools.cache
def document(*prefixes: str, schemes: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The document of a service under these prefixes; without any reference to another document.

    One comes in by any of these schemes of HTTP; without one the service is open.
    """
    standard: dict[str, Any] = _inlined(_read("task_execution_service-1.1.0.yaml"))
    service_info = _read("service-info-1.0.0.yaml")["components"]["schemas"]
    components = standard["components"]
    return {
        "openapi": standard["openapi"],
        "info": {key: value for key, value in standard["info"].items() if key != "x-logo"},
        "servers": [{"url": prefix} for prefix in prefixes],
        "paths": {
            path: _with_errors(item, () if path in _PUBLIC else schemes)
            for path, item in {**_paths(standard["paths"]), **_OUTSIDE}.items()
        },
        "components": {
            "parameters": components["parameters"],
            "schemas": {**components["schemas"], **service_info, **_SCHEMAS},
            "securitySchemes": {scheme: _SECURITY_SCHEMES[scheme] for scheme in schemes},
        },
    }


def _paths(standard: Mapping[str, Any]) -> dict[str, Any]:
    """The standard's paths and those of this service under the same prefix."""
    created, listed, shown = standard["/tasks"]["post"], standard["/tasks"]["get"], standard["/tasks/{id}"]["get"]
    filters = [parameter for parameter in listed["parameters"] if parameter.get("name") in _FILTERS]
    not_modified = {"304": {"description": "It is still the same."}}
    return {
        **standard,
        "/tasks": {
            "post": {**created, "parameters": [*created.get("parameters", []), _KEY]},
            "get": {**listed, "parameters": [*map(_bounded, listed["parameters"])]},
        },
        "/tasks/{id}": {
            "get": {
                **shown,
                "parameters": [*shown["parameters"], _IF_NONE_MATCH],
                "responses": {**shown["responses"], **not_modified},
            }
        },
        "/tasks:watch": {"get": {**_WATCH, "parameters": [*filters, _LAST_EVENT]}},
        "/tasks/{id}/logs/{executor}/{stream}": {"get": _OUTPUT},
        "/tasks/service-info": {"get": _OLD_SERVICE_INFO},
    }


def _bounded(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    """The size of a page within the bounds that the standard has in words."""
    if parameter.get("name") != "page_size":
        return parameter
    return {**parameter, "schema": {**parameter["schema"], "minimum": 1, "maximum": 2047, "default": 256}}


def _with_errors(item: Mapping[str, Any], schemes: Sequence[str]) -> dict[str, Any]:
    """The path with what is answered on an error, and with the admin's authentication, not the standard's."""
    security: dict[str, Any] = {"security": [{scheme: []} for scheme in schemes]} if schemes else {}
    errors = {**(_REFUSALS if schemes else {}), "default": _ERROR}
    return {
        key: {
            **{name: part for name, part in value.items() if name != "security"},
            **security,
            "responses": {**{str(code): answer for code, answer in value["responses"].items()}, **errors},
        }
        if key in _OPERATIONS
        else value
        for key, value in item.items()
    }


def _inlined(value: Any) -> Any:
    """With references into the document of service-info turned into those to its schemas here, and times as texts."""
    if isinstance(value, dict):
        return {key: _inlined(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_inlined(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()  # an example, which YAML has read as a time
    return value.removeprefix(_REMOTE) if isinstance(value, str) else value


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((_SPEC / name).read_text(), Loader=yaml.CSafeLoader)
    return found
