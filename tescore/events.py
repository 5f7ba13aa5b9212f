"""Kubernetes Events for those who look with kubectl; the record of the task has the same anyhow."""

from collections.abc import Mapping
from typing import Any

from tescore.record import Record


def warning(record: Record, reason: str, message: str, *, about: str, source: str, now: str) -> dict[str, Any]:
    """An Event on the task's ConfigMap."""
    task = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": record.namespace,
        "name": record.task_id,
        "uid": record.uid,
    }
    return warning_of(task, reason, message, about=about, source=source, now=now)


def warning_of(
    involved: Mapping[str, str], reason: str, message: str, *, about: str, source: str, now: str
) -> dict[str, Any]:
    """An Event on an object. `about` is in its name, so that the same is told once; `now` is RFC 3339."""
    moment = now[:19] + "Z"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{involved['name']}.{about.lower().replace('_', '-')}",
            "namespace": involved["namespace"],
        },
        "involvedObject": dict(involved),
        "reason": reason,
        "message": message,
        "type": "Warning",
        "source": {"component": source},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
