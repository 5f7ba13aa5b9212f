"""From a task document as a client sent it to one that holds the standard's own fields and no nulls."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tescore import parameters
from tescore.errors import InvalidTask
from tescore.tenant import TenantSettings

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
MOST_VALUES = 250_000
"""Of each a hundred bytes are kept while a document is checked, and checking takes some microseconds."""
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""One without its end too: who looked for that again at each quote would never be done."""
_DEFAULTS = TenantSettings()
_SET_BY_THE_SERVER = frozenset({"id", "state", "logs", "creation_time"})


class Dropped(NamedTuple):
    """A field that is not used, and why, for a sentence after its path."""

    path: str
    why: str


def check_weight(text: str) -> None:
    """Raises InvalidTask for a JSON text of so many values that checking it would keep a server busy."""
    outside = _STRING.sub("", text)
    if outside.count(",") + outside.count("[") + outside.count("{") > MOST_VALUES:
        raise InvalidTask([f"the document has more than {MOST_VALUES} values"])


def parse(text: str, settings: TenantSettings = _DEFAULTS) -> tuple[dict[str, Any], list[Dropped]]:
    """The document in a text, cleaned, and the fields that were dropped.

    Raises InvalidTask where the text is no JSON object, or holds what JSON can say and nobody can keep.
    """
    try:
        document = json.loads(text, parse_constant=_finite, parse_float=_finite)
        if not isinstance(document, dict):
            raise InvalidTask(["the document is not a JSON object"])
        if "\\u" in text or not text.isascii():
            json.dumps(document, ensure_ascii=False).encode()
        return clean(document, settings)
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise InvalidTask([f"the document has half a surrogate pair ({half}), which is no character"]) from error
    except (ValueError, RecursionError) as error:
        raise InvalidTask([f"the document is not JSON ({error})"]) from error


def clean(document: Mapping[str, Any], settings: TenantSettings = _DEFAULTS) -> tuple[dict[str, Any], list[Dropped]]:
    """The document without nulls and read-only fields, with `type` filled in; and what else was dropped.

    Dropped are unknown fields, and the backend_parameters that the settings, or their defaults, do not allow.
    Clients send null for what they leave out, at any depth, and read-only fields along with the rest.
    """
    dropped: list[Dropped] = []
    task = _known({k: v for k, v in document.items() if k not in _SET_BY_THE_SERVER}, "", "", dropped)
    for part in ("inputs", "outputs", "executors"):
        if isinstance(items := task.get(part), list):
            for i, item in enumerate(items):  # one by one: there may be a hundred thousand
                items[i] = _known(item, part, f"{part}[{i}].", dropped)
    task_resources = task.get("resources")
    if isinstance(task_resources, dict):
        task["resources"] = _known(task_resources, "resources", "resources.", dropped)
        _whole_cores(task["resources"])
        _usable_parameters(task["resources"], dropped, settings)
    for item in [*_objects(task.get("inputs")), *_objects(task.get("outputs"))]:
        item.setdefault("type", "FILE")
    return task, dropped


def longest(text: str, most: int = 3) -> list[str]:
    """The longest texts in a document, each with its bytes (`inputs[0].content: 131072`), the longest first."""
    found = sorted(_texts(json.loads(text), ""), key=lambda each: each[1], reverse=True)
    return [f"{path.removeprefix('.')}: {size}" for path, size in found[:most]]


def _texts(value: Any, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(value, str):
        yield path, len(value.encode())
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _texts(item, f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}")


def _known(value: Any, part: str, path: str, dropped: list[Dropped]) -> Any:
    if not isinstance(value, dict):
        return _without_nulls(value)
    dropped += [Dropped(path + key, "is unknown to TES 1.1") for key in value if key not in FIELDS[part]]
    return {key: _without_nulls(item) for key, item in value.items() if key in FIELDS[part] and item is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, str):  # as most are
        return value
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _whole_cores(resources: dict[str, Any]) -> None:
    cores = resources.get("cpu_cores")
    if isinstance(cores, float) and cores.is_integer():
        resources["cpu_cores"] = int(cores)


def _usable_parameters(resources: dict[str, Any], dropped: list[Dropped], settings: TenantSettings) -> None:
    """The standard wants unsupported ones neither kept nor returned."""
    given = resources.get("backend_parameters")
    if isinstance(given, dict):
        unused = parameters.unused(given, settings)
        dropped += [Dropped(f"{PARAMETERS}.{key}", why) for key, why in unused.items()]
        resources["backend_parameters"] = {key: text for key, text in given.items() if key not in unused}
        if not resources["backend_parameters"]:
            del resources["backend_parameters"]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number that can be kept")
    return number
