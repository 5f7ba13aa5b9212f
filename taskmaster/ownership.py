"""Whose an object is: the metadata of all that a task makes."""

from typing import Any

from tescore import naming
from tescore.record import Record


def owner(record: Record) -> dict[str, Any]:
    """The ownerReference of all that a task makes: deleting its ConfigMap removes it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": record.task_id,
        "uid": record.uid,
        "controller": False,
        "blockOwnerDeletion": False,
    }


def metadata(record: Record, name: str, component: str) -> dict[str, Any]:
    """The metadata of an object that a task makes; the component as in `tescore.naming.labels`."""
    return {
        "name": name,
        "namespace": record.namespace,
        "labels": naming.labels(record.task_id, component),
        "ownerReferences": [owner(record)],
    }
