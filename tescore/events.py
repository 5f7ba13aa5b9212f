"""Kubernetes Events about a task, for those who look with kubectl; the record has the same anyhow."""

from typing import Any

from tescore.record import Record


def warning(record: Record, reason: str, message: str, *, source: str, now: str) -> dict[str, Any]:
    """The one Event that says how the task, as it is recorded, has ended; `now` is RFC 3339 in UTC."""
    moment = now[:19] + "Z"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{record.task_id}.{record.state.lower().replace('_', '-')}",
            "namespace": record.namespace,
        },
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "namespace": record.namespace,
            "name": record.task_id,
            "uid": record.uid,
        },
        "reason": reason,
        "message": message,
        "type": "Warning",
        "source": {"component": source},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
