"""The volume that all pods of a task share, one after the other."""

import math
from typing import Any

from taskmaster import ownership, plan
from taskmaster.settings import Settings
from tescore import naming
from tescore.model import Task
from tescore.record import Record

_GIB = 2**30


def claim(record: Record, task: Task, settings: Settings) -> dict[str, Any]:
    """The claim for a task's scratch volume."""
    size = task.resources.disk_gb or settings.scratch_gb
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": ownership.metadata(record, _name(record), "scratch"),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": gib(size)}},
            **({"storageClassName": settings.storage_class} if settings.storage_class else {}),
        },
    }


def volume(record: Record) -> dict[str, Any]:
    """The volume as a pod names it."""
    return {"name": "scratch", "persistentVolumeClaim": {"claimName": _name(record)}}


def mounted(path: str, sub_path: str = "") -> dict[str, Any]:
    """Where a container sees the volume, or a folder or file of it."""
    return {"name": "scratch", "mountPath": path, **({"subPath": sub_path} if sub_path else {})}


def _name(record: Record) -> str:
    return naming.scratch(record.task_id, plan.journal(record.step).volume)


def gib(amount: float) -> str:
    """An amount in GiB as an exact Kubernetes quantity; what is no whole number of bytes is rounded up to one."""
    return f"{int(amount)}Gi" if float(amount).is_integer() else str(math.ceil(amount * _GIB))
