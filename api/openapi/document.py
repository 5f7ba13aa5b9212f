"""The document of the API that is served: the standard's own, whole in itself, with what this service adds."""

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

import tescore

_SPEC = Path(tescore.__file__).parent / "spec"
_EXTENSIONS = Path(__file__).with_name("extensions.yaml")
_REMOTE = "https://raw.githubusercontent.com/ga4gh-discovery/ga4gh-service-info/v1.0.0/service-info.yaml"
_OPERATIONS = ("get", "post")
_ERROR = {"default": {"$ref": "#/components/responses/Error"}}
_REFUSALS = {
    "401": {"$ref": "#/components/responses/Unauthenticated"},
    "403": {"$ref": "#/components/responses/Forbidden"},
}


@functools.cache
def document(*prefixes: str, schemes: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The document of a service under these prefixes; without any reference to another document.

    One comes in by any of these schemes of HTTP; without one the service is open.
    """
    standard, extensions = _inlined(_read(_SPEC / "task_execution_service-1.1.0.yaml")), _read(_EXTENSIONS)
    service_info = _read(_SPEC / "service-info-1.0.0.yaml")["components"]["schemas"]
    for item in standard["paths"].values():
        for operation in item.values():
            del operation["security"]  # how one comes in is the admin's to say
    components = _merged({**standard["components"], "securitySchemes": {}}, extensions["components"])
    return {
        "openapi": standard["openapi"],
        "info": {key: value for key, value in standard["info"].items() if key != "x-logo"},
        "servers": [{"url": prefix} for prefix in prefixes],
        "paths": {
            path: {key: _operation(part, schemes) if key in _OPERATIONS else part for key, part in item.items()}
            for path, item in _merged(standard["paths"], extensions["paths"]).items()
        },
        "components": {
            **components,
            "schemas": {**components["schemas"], **service_info},
            "securitySchemes": {scheme: components["securitySchemes"][scheme] for scheme in schemes},
        },
    }


def _operation(operation: Mapping[str, Any], schemes: tuple[str, ...]) -> dict[str, Any]:
    """The operation with how one comes in, and what is answered on an error."""
    protected = bool(schemes) and "security" not in operation
    return {
        **{key: part for key, part in operation.items() if key != "security"},
        **({"security": [{scheme: []} for scheme in schemes]} if protected else {}),
        "responses": {
            **{str(code): answer for code, answer in operation["responses"].items()},
            **(_REFUSALS if protected else {}),
            **_ERROR,
        },
    }


def _merged(one: Any, other: Any) -> Any:
    """Of two maps or lists all that is in one of them, else the other."""
    if isinstance(one, dict):
        return {**one, **{key: _merged(one[key], value) if key in one else value for key, value in other.items()}}
    if isinstance(one, list):
        named = {item["name"]: item for item in other}
        replaced = [_merged(item, named.pop(item.get("name"), {})) for item in one]
        return [*replaced, *named.values()]
    return other


def _inlined(value: Any) -> Any:
    """With references into the document of service-info turned into those to its schemas here, and times as texts."""
    if isinstance(value, dict):
        return {key: _inlined(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_inlined(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()  # an example, which YAML has read as a time
    return value.removeprefix(_REMOTE) if isinstance(value, str) else value


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    return found
