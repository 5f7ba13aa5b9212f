"""One look at all tenants, and the deeds that follow; the only module of the janitor that calls Kubernetes."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from janitor import verdict
from janitor.settings import Settings
from janitor.verdict import Verdict
from tescore import launch, naming, record
from tescore.cluster import METADATA_LIST, Cluster, Object, path
from tescore.errors import AlreadyExists, Conflict, Missing
from tescore.record import Record
from tescore.states import FINAL, State

_PAGE = "200"
_UNFINISHED = f"{naming.TASK_SELECTOR},{naming.STATE} notin ({','.join(sorted(FINAL))})"
_LEFT_BEHIND = f"{naming.MANAGED_BY}=tesk,{naming.TASK}="

log = logging.getLogger(__name__)


class Janitor:
    """Stateless: what it does follows from what it sees, so it may die anywhere, and two do no harm."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self._cluster = cluster
        self._settings = settings

    def sweep(self, now: datetime) -> None:
        """Looks at every task that has not ended, of every tenant. Raises Unavailable when the API server is away."""
        for namespace in self._tenants():
            self._sweep_tenant(namespace, now)

    def expire(self, now: datetime) -> None:
        """Deletes the records of tasks that ended too long ago."""
        retention = timedelta(days=self._settings.retention_days)
        for namespace in self._tenants():
            for item in self._listed(path("configmaps", namespace), naming.TASK_SELECTOR, accept=METADATA_LIST):
                if verdict.has_expired(item["metadata"], now=now, retention=retention):
                    self._delete("configmaps", namespace, item["metadata"]["name"])

    def _tenants(self) -> list[str]:
        return [item["metadata"]["name"] for item in self._listed(path("namespaces"), naming.TENANT)]

    def _sweep_tenant(self, namespace: str, now: datetime) -> None:
        patience = timedelta(seconds=self._settings.launch_seconds)
        # Jobs first: a task that is stored after this look has a Job that this look may have missed, and is young.
        jobs = {
            item["metadata"]["name"]: verdict.job(item)
            for item in self._listed(path("batch/v1/jobs", namespace), naming.TASK)
        }
        for stored in self._listed(path("configmaps", namespace), _UNFINISHED):
            seen = record.record(stored)
            its = jobs.pop(naming.job(seen.task_id), None)
            try:
                match verdict.about_task(seen, its, now=now, patience=patience):
                    case Verdict.LAUNCH:
                        self._launch(seen)
                    case Verdict.END:
                        self._end(seen, its, now)
                    case Verdict.LEAVE:
                        pass
            except (Conflict, Missing):
                continue  # it has changed since it was listed: the next look sees how
        for its in jobs.values():
            if verdict.may_be_orphan(its, now=now, patience=patience) and not self._is_stored(namespace, its.name):
                self._delete("batch/v1/jobs", namespace, its.name)

    def _is_stored(self, namespace: str, task: str) -> bool:
        try:
            self._cluster.get(path("configmaps", namespace, task))
        except Missing:
            return False
        return True

    def _launch(self, seen: Record) -> None:
        try:
            self._cluster.create(
                path("batch/v1/jobs", seen.namespace), launch.job(seen.task_id, seen.namespace, self._settings)
            )
        except AlreadyExists:
            return
        log.info("task launched again", extra={"task": seen.task_id})

    def _end(self, seen: Record, its: verdict.Job | None, now: datetime) -> None:
        """Writes the end first, so that no taskmaster begins anything, then removes what is left."""
        why = f"its Job failed: {its.failed}" if its else "its Job is gone"
        state = State.CANCELED if seen.cancel else State.SYSTEM_ERROR
        reason = "Cancelled." if seen.cancel else f"The taskmaster died ({why})."
        ended = record.timestamp(now)
        grown = {"logs": [], "outputs": [], "system_logs": [], **seen.log}
        grown = {**grown, "system_logs": [*grown["system_logs"], reason], "end_time": ended}
        annotations = {naming.ENDED: ended, naming.REASON: reason}
        self._cluster.patch(
            path("configmaps", seen.namespace, seen.task_id),
            record.change(seen, state=state, annotations=annotations, log=grown),
        )
        log.info("task ended", extra={"task": seen.task_id, "state": state.value, "reason": reason})
        for kind in ("batch/v1/jobs", "pods", "persistentvolumeclaims"):
            for item in self._listed(path(kind, seen.namespace), _LEFT_BEHIND + seen.task_id):
                self._delete(kind, seen.namespace, item["metadata"]["name"])

    def _delete(self, kind: str, namespace: str, name: str) -> None:
        try:
            self._cluster.delete(path(kind, namespace, name))
        except Missing:
            return
        log.info("deleted", extra={"kind": kind, "namespace": namespace, "object": name})

    def _listed(self, where: str, selector: str, *, accept: str = "application/json") -> Iterator[Object]:
        token = ""
        while True:
            query = {"labelSelector": selector, "limit": _PAGE, **({"continue": token} if token else {})}
            listed = self._cluster.get(where, query=query, accept=accept)
            yield from listed["items"]
            token = listed["metadata"].get("continue", "")
            if not token:
                return
