"""What a namespace's LimitRanges ask for at least, and an object that has as much."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)?|[eE](?P<exponent>[+-]?\d+))"
)
_SUFFIXES = {
    **{suffix: (10, 3 * (place - 3)) for place, suffix in enumerate(["n", "u", "m", "", "k", "M", "G", "T", "P", "E"])},
    **{suffix: (2, 10 * (place + 1)) for place, suffix in enumerate(["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])},
}
"""Base and exponent of what each stands for."""


def quantity(text: str) -> int:
    """A Kubernetes quantity (`100m`, `1.5Gi`, `1e3`) in billionths: what is finer is rounded up, as Kubernetes does.

    Raises ValueError for another text.
    """
    parts = _QUANTITY.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is no quantity")
    base, exponent = _SUFFIXES[parts["suffix"] or ""]
    whole, _, part = parts["number"].partition(".")
    power = int(parts["exponent"] or exponent)
    dividend: int = int(whole + part) * 10**9 * base ** max(power, 0)
    divisor: int = 10 ** len(part) * base ** max(-power, 0)
    return -(-dividend // divisor)


def raised(body: Object, limit_ranges: Iterable[Object]) -> Object:
    """A pod of one container, a Job of such, or a claim, with what it asks for raised to the minimum of its namespace.

    It is equal to what came in if no minimum keeps it from being made.
    """
    spec = body["spec"]
    if body["kind"] == "Job":
        template = raised({"kind": "Pod", **spec["template"]}, limit_ranges)
        return {**body, "spec": {**spec, "template": {key: template[key] for key in spec["template"]}}}
    least = _minimums(limit_ranges)
    if body["kind"] == "PersistentVolumeClaim":
        resources = _raised(spec["resources"], least.get("PersistentVolumeClaim", {}))
        return {**body, "spec": {**spec, "resources": resources}}
    [container] = spec["containers"]
    of_pod = least.get("Pod", {})
    resources = _raised(_raised(container["resources"], least.get("Container", {})), of_pod)
    if of_pod:
        # What a container does not ask for Kubernetes fills in from its own minimum, but not from that of its pod.
        resources["requests"] = {**of_pod, **resources.get("requests", {})}
    return {**body, "spec": {**spec, "containers": [{**container, "resources": resources}]}}


def _minimums(limit_ranges: Iterable[Object]) -> dict[str, dict[str, str]]:
    """The largest minimum of each resource, by what it is for: Container, Pod, PersistentVolumeClaim."""
    least: dict[str, dict[str, str]] = {}
    for limit_range in limit_ranges:
        for item in limit_range["spec"]["limits"]:
            of_kind = least.setdefault(item["type"], {})
            for name, amount in (item.get("min") or {}).items():
                of_kind[name] = _larger(of_kind.get(name, amount), amount)
    return least


def _raised(resources: Mapping[str, Mapping[str, str]], least: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {
        part: {name: _larger(amount, least.get(name, amount)) for name, amount in amounts.items()}
        for part, amounts in resources.items()
    }


def _larger(amount: str, other: str) -> str:
    """The first, unless the other is more."""
    return other if quantity(other) > quantity(amount) else amount
