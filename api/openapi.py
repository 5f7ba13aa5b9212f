"""The document of the API that is served: the standard's own, whole in itself, with what this service adds."""

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

import tescore
from api import described

_SPEC = Path(tescore.__file__).parent / "spec"
_REMOTE = "https://raw.githubusercontent.com/ga4gh-discovery/ga4gh-service-info/v1.0.0/service-info.yaml"
_OPERATIONS = frozenset({"get", "post"})
_PUBLIC = frozenset({"/service-info", "/tasks/service-info", *described.OUTSIDE})

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
            for path, item in {**_paths(standard["paths"]), **described.OUTSIDE}.items()
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
    filters = [parameter for parameter in listed["parameters"] if parameter.get("name") in described.FILTERS]
    not_modified = {"304": {"description": "It is still the same."}}
    return {
        **standard,
        "/tasks": {
            "post": {**created, "parameters": [*created.get("parameters", []), described.KEY]},
            "get": {**listed, "parameters": [*map(_bounded, listed["parameters"])]},
        },
        "/tasks/{id}": {
            "get": {
                **shown,
                "parameters": [*shown["parameters"], described.IF_NONE_MATCH],
                "responses": {**shown["responses"], **not_modified},
            }
        },
        "/tasks:watch": {"get": {**described.WATCH, "parameters": [*filters, described.LAST_EVENT]}},
        "/tasks/{id}/logs/{executor}/{stream}": {"get": described.OUTPUT},
        "/tasks/service-info": {"get": described.OLD_SERVICE_INFO},
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
