"""The backend_parameters that TESK knows: what each means, how its text is read, and what the admin must allow."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tescore.errors import shortened
from tescore.settings import boolean
from tescore.tenant import TenantSettings

_MOST = 2**31 - 1
"""What Kubernetes counts in an int32."""
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_RESOURCE = re.compile(r"[a-z0-9][a-z0-9.-]*/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


class ReadOnlyClaim(NamedTuple):
    name: str
    path: str
    """In the executors' containers."""


class Parameters(NamedTuple):
    """What a task asks for; what is None or empty it did not ask for."""

    gpus: int | None = None
    gpu_resource: str = ""
    node_selector: Mapping[str, str] = {}
    priority_class: str = ""
    runtime_class: str = ""
    image_pull_secret: str = ""
    read_only_claims: tuple[ReadOnlyClaim, ...] = ()
    optional_outputs: bool | None = None
    max_attempts: int | None = None
    max_run_seconds: int | None = None
    queue_seconds: int | None = None


class Parameter(NamedTuple):
    meaning: str
    form: str
    """What its text must be."""
    parsed: Callable[[str], Any]
    """Raises ValueError for any other text."""
    setting: str = ""
    """The field of the tenant's settings that allows it; empty if it needs no permission."""
    names: Callable[[Any], Iterable[str]] = lambda value: (value,)
    """The names that a value asks for."""

    def allowed(self, settings: TenantSettings) -> tuple[str, ...] | float:
        """The names that may be asked for (none: the parameter is not offered), or the most."""
        found: tuple[str, ...] | float = getattr(settings, self.setting) if self.setting else math.inf
        return found if isinstance(found, tuple) else found or math.inf


def is_label_value(text: str) -> bool:
    return _LABEL_VALUE.fullmatch(text) is not None


def _number(text: str, *, least: int = 1) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= _MOST:
        raise ValueError(text)
    return int(text)


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parsed(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(text)
        return text

    return parsed


_name = _matching(_NAME)


def _selector(text: str) -> dict[str, str]:
    selector: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not (key and equals) or key in selector or not is_label_value(value):
            raise ValueError(text)
        selector[key] = value
    return selector


def _claims(text: str) -> tuple[ReadOnlyClaim, ...]:
    found = []
    for part in text.split(","):
        name, _, path = part.strip().partition(":")
        if not path:
            raise ValueError(text)
        found.append(ReadOnlyClaim(_name(name), path))
    return tuple(found)


_COUNT = "a whole number of 1 or more"
_OBJECT = "a name as Kubernetes has them"
KNOWN: Mapping[str, Parameter] = {
    "gpus": Parameter(
        "GPUs for each executor", "a whole number", lambda text: _number(text, least=0), "gpu_resources", lambda _: ()
    ),
    "gpu_resource": Parameter(
        "which GPUs, if not the first that the admin names",
        "a resource's name (nvidia.com/gpu)",
        _matching(_RESOURCE),
        "gpu_resources",
    ),
    "node_selector": Parameter(
        "labels of the nodes that the task may run on",
        "a list of key=value, separated by commas",
        _selector,
        "node_selector_keys",
        list,
    ),
    "priority_class": Parameter("PriorityClass of the task's pods", _OBJECT, _name, "priority_classes"),
    "runtime_class": Parameter("RuntimeClass of the executors", _OBJECT, _name, "runtime_classes"),
    "image_pull_secret": Parameter(
        "Secret with which the executors' images are pulled", _OBJECT, _name, "image_pull_secrets"
    ),
    "read_only_claims": Parameter(
        "claims with reference data, and where executors see them",
        "a list of claim:/path, separated by commas",
        _claims,
        "reference_claims",
        lambda claims: [claim.name for claim in claims],
    ),
    "optional_outputs": Parameter("a missing output is no more than a warning", "true or false", boolean),
    "max_attempts": Parameter("times that a step is tried whose pod is lost", _COUNT, _number, "most_attempts"),
    "max_run_seconds": Parameter(
        "seconds that an executor may run, with the pull of its image", _COUNT, _number, "run_seconds"
    ),
    "queue_seconds": Parameter(
        "seconds that the task may wait for room until it fails", _COUNT, _number, "queue_seconds"
    ),
}
"""By name, in small letters; a task may write it in any case."""


def offered(settings: TenantSettings) -> list[str]:
    """The names of the parameters that a task may use."""
    return [name for name, parameter in KNOWN.items() if parameter.allowed(settings) != ()]


def parameters(given: Mapping[str, str]) -> Parameters:
    """The parameters in a valid document, of which `unused` are left out."""
    return Parameters(**{key.lower(): KNOWN[key.lower()].parsed(text) for key, text in given.items()})


def unused(given: Mapping[str, Any], settings: TenantSettings) -> dict[str, str]:
    """Those that nobody knows or the admin does not allow, each with why, for a sentence after its name.

    What is wrong in any case is not among them.
    """
    wrong = {key for key, _ in problems(given)}
    return {key: why for key, text in given.items() if key not in wrong and (why := _why_not(key, text, settings))}


def problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong whoever may use them: each key with why."""
    seen: dict[str, str] = {}
    for key, text in given.items():
        first = seen.setdefault(key.lower(), key)
        if first != key:
            yield key, f"is given as {first} too, and case does not matter"
        elif key.lower() in KNOWN and not _is_readable(key, text):
            yield key, f"is {shortened(repr(text), 60)}, which is not {KNOWN[key.lower()].form}"


def _is_readable(key: str, text: Any) -> bool:
    try:
        return isinstance(text, str) and KNOWN[key.lower()].parsed(text) is not None
    except ValueError:
        return False


def _why_not(key: str, text: str, settings: TenantSettings) -> str:
    if key.lower() not in KNOWN:
        return "is not supported"
    parameter = KNOWN[key.lower()]
    value, allowed = parameter.parsed(text), parameter.allowed(settings)
    if allowed == ():
        return "is not allowed here"
    if not isinstance(allowed, tuple):
        return f"is {text}, and allowed here is {allowed:.10g} at most" if value > allowed else ""
    strange = next((name for name in parameter.names(value) if name not in allowed), "")
    return f"asks for {shortened(repr(strange), 60)}, and allowed here is {', '.join(allowed)}" if strange else ""
