"""The slow look at all tenants: what is left behind, and what is not kept any more."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from janitor import scrub, verdict
from janitor.deeds import Deeds
from janitor.settings import Settings
from janitor.store import Key, Store
from janitor.tenants import apart, namespaces
from tescore import naming, record
from tescore.cluster import Cluster
from tescore.errors import Misconfigured
from tescore.states import FINAL
from tescore.tenants import Tenants

UNFINISHED = f"{naming.TASK_SELECTOR},{naming.STATE} notin ({','.join(sorted(FINAL))})"
_OF_TASKS = f"{naming.MANAGED_BY}=tesk,{naming.TASK}"
_FAILED = "status.phase=Failed"
_SUSPENDED = f"{naming.MANAGED_BY}=tesk,{naming.COMPONENT}=taskmaster,tesk/room=waits"
"""Selects the Jobs in which tasks waited for their turn up to release 0.1; now their records alone do."""


class Sweep:
    """Stateless: what it does follows from what it sees, so it may die anywhere, and two do no harm."""

    def __init__(
        self, cluster: Cluster, deeds: Deeds, tenants: Tenants[Settings], store: Store, *, launch: timedelta
    ) -> None:
        """`launch` is how old at least what is removed must be: its task may just be being stored."""
        self._cluster = cluster
        self._deeds = deeds
        self._tenants = tenants
        self._store = store
        self._launch = launch

    def remove_leftovers(self, now: datetime) -> None:
        """Removes what no task needs any more, of every tenant. Raises what listing the tenants does."""
        for namespace in namespaces(self._cluster):
            with apart("tenant could not be looked at", namespace=namespace):
                self._remove_leftovers(namespace, now)
                scrub.give_up(self._cluster, namespace, record.timestamp(now))
                for job in self._cluster.listed("batch/v1/jobs", namespace, _SUSPENDED):
                    self._deeds.delete("batch/v1/jobs", job)

    def expire(self, now: datetime) -> None:
        """Deletes records of tasks that ended too long ago, and folders that have no task."""
        for namespace in namespaces(self._cluster):
            with apart("tasks could not expire", namespace=namespace):
                self._expire(namespace, now)

    def _expire(self, namespace: str, now: datetime) -> None:
        tenant = self._tenants.tenant(namespace)
        unfinished = map(record.record, self._cluster.listed("configmaps", namespace, UNFINISHED))
        scrub.make(self._cluster, namespace, unfinished, tenant, now)
        retention = timedelta(days=tenant.settings.retention_days)
        for item in self._cluster.listed("configmaps", namespace, naming.TASK_SELECTOR):
            with apart("task could not expire", namespace=namespace, task=item["metadata"]["name"]):
                if verdict.has_expired(item["metadata"], now=now, retention=retention):
                    self._deeds.delete("configmaps", item)

    def _remove_leftovers(self, namespace: str, now: datetime) -> None:
        """What belongs to no task that runs, and is so old that its task would have been seen."""
        keep = self._keep_failed(namespace)
        failed = self._cluster.listed("pods", namespace, _OF_TASKS, fields=_FAILED) if keep else ()
        kept = {item["metadata"]["name"] for item in failed}
        for kind in ("pods", "persistentvolumeclaims"):
            for item in self._cluster.listed(kind, namespace, _OF_TASKS):
                name = item["metadata"]["name"]
                with apart("leftovers could not be removed", namespace=namespace, object=name):
                    task = self._ended(item["metadata"], now)
                    is_kept = (kind != "pods" or name in kept) and verdict.is_kept(task or {}, now=now, keep=keep)
                    if task is not None and not is_kept:
                        self._deeds.delete(kind, item)

    def _ended(self, metadata: Mapping[str, Any], now: datetime) -> Mapping[str, Any] | None:
        """The metadata of the task that left an object behind, empty if that is gone; None while the object is needed.

        A taskmaster that runs removes what its task has left, and itself, unless it hangs.
        """
        task, component = metadata["labels"][naming.TASK], metadata["labels"][naming.COMPONENT]
        key = Key(metadata["namespace"], task)
        goes = "deletionTimestamp" in metadata
        if goes or self._store.task(key) or not verdict.is_old(metadata, now, self._launch):
            return None
        if component != "taskmaster" and not all(pod.is_over for pod in self._store.pods(key)):
            return None
        found = self._deeds.metadata(*key)
        if found is None:
            return {}
        return found if component != "taskmaster" and record.state(found) in FINAL else None

    def _keep_failed(self, namespace: str) -> timedelta:
        try:
            return timedelta(seconds=self._tenants.settings(namespace).keep_failed)
        except Misconfigured:
            return timedelta()
