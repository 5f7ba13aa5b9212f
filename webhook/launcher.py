"""Makes a task's Job, also where one of that name is there already."""

from typing import Protocol

from tescore.cluster import Object, path
from tescore.errors import AlreadyExists, Conflict, Missing, Transient
from tescore.launch import LaunchSettings, job
from tescore.retry import retried

_WAITS = (0.1, 0.2, 0.4, 0.8)
"""Seconds between looks while an old Job of the same name goes; well within the webhook's own time limit."""


class Jobs(Protocol):
    """What is needed of tescore.cluster.Cluster."""

    def get(self, path: str) -> Object: ...
    def create(self, path: str, body: Object) -> Object: ...
    def delete(self, path: str, *, uid: str) -> Object: ...


class OldJobGoes(Transient):
    """A finished Job of the same name is being deleted."""

    reason = "OldJobGoes"


def launch(cluster: Jobs, task_id: str, namespace: str, settings: LaunchSettings) -> None:
    """There is a Job that runs or will run for this task when this returns.

    The name may have been used before, for a task that has ended or one that was never stored. Raises OldJobGoes
    if such a Job does not go in time, and what the API server refuses.
    """
    retried(lambda: _launched(cluster, task_id, namespace, settings), _WAITS, obeyed=1.0)


def _launched(cluster: Jobs, task_id: str, namespace: str, settings: LaunchSettings) -> None:
    try:
        cluster.create(path("batch/v1/jobs", namespace), job(task_id, namespace, settings))
    except AlreadyExists as error:
        there = path("batch/v1/jobs", namespace, task_id)
        try:
            old = cluster.get(there)
            if _alive(old):
                return
            if "deletionTimestamp" not in old["metadata"]:
                cluster.delete(there, uid=old["metadata"]["uid"])
        except (Missing, Conflict):
            pass  # it has gone meanwhile
        raise OldJobGoes(f"A Job {task_id!r} of an earlier task of that name is still being deleted.") from error


def _alive(old: Object) -> bool:
    conditions = old.get("status", {}).get("conditions") or []
    ended = any(c["type"] in {"Complete", "Failed"} and c["status"] == "True" for c in conditions)
    return not ended and "deletionTimestamp" not in old["metadata"]
