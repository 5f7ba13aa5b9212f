"""A record as the TES task that a client sees, in the three views of the standard."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tescore import document, record
from tescore.record import Record
from tescore.tenant import TenantSettings

_ONLY_FULL_LOG = frozenset({"stdout", "stderr"})


class View(StrEnum):
    MINIMAL = "MINIMAL"
    BASIC = "BASIC"
    FULL = "FULL"


def minimal(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The task from its ConfigMap's metadata alone: id and state."""
    return {"id": metadata["name"], "state": record.state(metadata).value}


def task(seen: Record, view: View, settings: TenantSettings) -> dict[str, Any]:
    """The task; only fields of the standard and parameters that its tenant may use, none of them null."""
    head = {"id": seen.task_id, "state": seen.state.value}
    if view == View.MINIMAL:
        return head
    sent, _ = document.parse(seen.document, settings)
    shown = {
        **head,
        **sent,
        **({"logs": [seen.log]} if seen.log else {}),
        **({"creation_time": seen.created} if seen.created else {}),
    }
    return shown if view == View.FULL else _basic(shown)


def _basic(shown: dict[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if "inputs" in shown:
        parts["inputs"] = [_without(item, {"content"}) for item in shown["inputs"]]
    if "logs" in shown:
        parts["logs"] = [
            {**_without(log, {"system_logs"}), "logs": [_without(entry, _ONLY_FULL_LOG) for entry in log["logs"]]}
            for log in shown["logs"]
        ]
    return {**shown, **parts}


def _without(fields: Mapping[str, Any], hidden: frozenset[str] | set[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in hidden}
