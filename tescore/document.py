"""From a task document as a client sent it to one that holds the standard's own fields and no nulls."""

import json
import math
from collections.abc import Mapping
from typing import Any

from tescore.errors import InvalidTask

_FILE = ("name", "description", "url", "path", "type")
FIELDS: dict[str, frozenset[str]] = {
    "": frozenset({"name", "description", "inputs", "outputs", "resources", "executors", "volumes", "tags"}),
    "inputs": frozenset({*_FILE, "content", "streamable"}),
    "outputs": frozenset({*_FILE, "path_prefix"}),
    "executors": frozenset({"image", "command", "workdir", "stdin", "stdout", "stderr", "env", "ignore_error"}),
    "resources": frozenset({
        "cpu_cores", "preemptible", "ram_gb", "disk_gb", "zones", "backend_parameters", "backend_parameters_strict",
    }),
}  # fmt: skip
"""The fields of a task and of its parts that a client may set (TES 1.1)."""

PARAMETERS = "resources.backend_parameters"
_SET_BY_THE_SERVER = frozenset({"id", "state", "logs", "creation_time"})


def parse(text: str) -> tuple[dict[str, Any], list[str]]:
    """The document in a text, cleaned, and the paths of the fields that were dropped as unknown.

    Raises InvalidTask where the text is no JSON object, or holds what JSON can say and nobody can keep.
    """
    try:
        document = json.loads(text, parse_constant=_finite, parse_float=_finite)
        if not isinstance(document, dict):
            raise InvalidTask(["the document is not a JSON object"])
        json.dumps(document, ensure_ascii=False).encode()
        return clean(document)
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise InvalidTask([f"the document has half a surrogate pair ({half}), which is no character"]) from error
    except (ValueError, RecursionError) as error:
        raise InvalidTask([f"the document is not JSON ({error})"]) from error


def clean(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The document without nulls, read-only and unknown fields, with `type` filled in; and the unknown ones' paths.

    Clients send null for what they leave out, at any depth, and read-only fields along with the rest.
    """
    unknown: list[str] = []
    task = _known({k: v for k, v in document.items() if k not in _SET_BY_THE_SERVER}, "", "", unknown)
    for part in ("inputs", "outputs", "executors"):
        if isinstance(task.get(part), list):
            task[part] = [_known(item, part, f"{part}[{i}].", unknown) for i, item in enumerate(task[part])]
    task_resources = task.get("resources")
    if isinstance(task_resources, dict):
        task["resources"] = _known(task_resources, "resources", "resources.", unknown)
        _whole_cores(task["resources"])
        _supported_parameters(task["resources"], unknown)
    for item in [*_objects(task.get("inputs")), *_objects(task.get("outputs"))]:
        item.setdefault("type", "FILE")
    return task, unknown


def _known(value: Any, part: str, path: str, unknown: list[str]) -> Any:
    if not isinstance(value, dict):
        return _without_nulls(value)
    unknown += [path + key for key in value if key not in FIELDS[part]]
    return {key: _without_nulls(item) for key, item in value.items() if key in FIELDS[part] and item is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _whole_cores(resources: dict[str, Any]) -> None:
    cores = resources.get("cpu_cores")
    if isinstance(cores, float) and cores.is_integer():
        resources["cpu_cores"] = int(cores)


def _supported_parameters(resources: dict[str, Any], unknown: list[str]) -> None:
    """There are none yet; the standard wants unsupported ones neither kept nor returned."""
    if isinstance(resources.get("backend_parameters"), dict):
        unknown += [f"{PARAMETERS}.{key}" for key in resources.pop("backend_parameters")]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number that can be kept")
    return number
