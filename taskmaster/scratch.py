"""The storage that all pods of a task share, one after the other: a claim of its own, or a folder of the tenant's."""

import math
from typing import Any, NamedTuple

from taskmaster import ownership, plan
from taskmaster.settings import Settings
from tescore import filer_pod, naming
from tescore.model import Task
from tescore.record import Record

_GIB = 2**30


class Scratch(NamedTuple):
    """Where a task's files lie."""

    claim: str
    folder: str = ""
    """Of the claim; empty is all of it."""

    @property
    def volume(self) -> dict[str, Any]:
        """The volume as a pod names it."""
        return filer_pod.volume(self.claim)

    def mounted(self, path: str, sub_path: str = "") -> dict[str, Any]:
        """Where a container sees the task's files, or a folder or file of them."""
        return filer_pod.mounted(path, "/".join(part for part in (self.folder, sub_path) if part))


def of(record: Record, settings: Settings) -> Scratch:
    """The scratch of a task, as the tenant has it. A folder has the record's uid: a name may come again."""
    volume = plan.journal(record.step).volume
    if not settings.shared_claim:
        return Scratch(naming.scratch(record.task_id, volume))
    folder = naming.scratch_folder(record.task_id, record.uid)
    return Scratch(settings.shared_claim, f"{naming.shared_folder(record.namespace)}/{folder}/{volume}")


def has_own_claim(task: Task, settings: Settings) -> bool:
    """Whether a claim is made for the task and deleted with it; else it has a folder, or needs no scratch."""
    return not settings.shared_claim and plan.needs_scratch(task)


def claim(record: Record, task: Task, settings: Settings) -> dict[str, Any] | None:
    """The claim to make for a task, if it has one of its own."""
    if not has_own_claim(task, settings):
        return None
    size = task.resources.disk_gb or settings.scratch_gb
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": ownership.metadata(record, of(record, settings).claim, "scratch"),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": gib(size)}},
            **({"storageClassName": settings.storage_class} if settings.storage_class else {}),
        },
    }


def scrub_job(record: Record, task: Task, settings: Settings) -> dict[str, Any] | None:
    """The Job that removes an ended task's folder, for when its pods have gone; None if it has none."""
    if not settings.shared_claim or not plan.needs_scratch(task):
        return None
    folder = naming.scratch_folder(record.task_id, record.uid)
    metadata = ownership.metadata(record, naming.scrub(folder), "scrub")
    return filer_pod.scrub_job(metadata, settings.filer_image, ["scrub", folder], settings)


def gib(amount: float) -> str:
    """An amount in GiB as an exact Kubernetes quantity; what is no whole number of bytes is rounded up to one."""
    return f"{int(amount)}Gi" if float(amount).is_integer() else str(math.ceil(amount * _GIB))
