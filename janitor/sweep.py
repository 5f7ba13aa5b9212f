"""One look at all tenants, and the deeds that follow."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from janitor import scrub, verdict
from janitor.settings import Settings
from janitor.verdict import Verdict
from tescore import launch, naming, record
from tescore.cluster import METADATA, METADATA_LIST, Cluster, Object, path
from tescore.errors import AlreadyExists, Conflict, Missing, Refused, TeskError, Unavailable
from tescore.record import Record
from tescore.states import FINAL, State

_PAGE = "500"
_UNFINISHED = f"{naming.TASK_SELECTOR},{naming.STATE} notin ({','.join(sorted(FINAL))})"
_LEFT_BEHIND = f"{naming.TASK},{naming.COMPONENT}!=taskmaster"
_FAILED = "status.phase=Failed"

log = logging.getLogger(__name__)


class Janitor:
    """Stateless: what it does follows from what it sees, so it may die anywhere, and two do no harm."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self._cluster = cluster
        self._settings = settings

    def sweep(self, now: datetime) -> None:
        """Looks at every task that has not ended, of every tenant. Raises Unavailable when the API server is away."""
        for namespace in self._tenants():
            try:
                self._sweep_tenant(namespace, now)
            except Unavailable:
                raise
            except TeskError as error:  # one tenant's trouble is not another's
                log.warning("tenant could not be looked at", extra={"namespace": namespace, "reason": str(error)})

    def expire(self, now: datetime) -> None:
        """Deletes the records of tasks that ended too long ago, and folders of a shared claim that have no task."""
        retention = timedelta(days=self._settings.retention_days)
        for namespace in self._tenants():
            unfinished = map(record.record, self._listed("configmaps", namespace, _UNFINISHED))
            scrub.make(self._cluster, namespace, unfinished, self._settings, now)
            for item in self._listed("configmaps", namespace, naming.TASK_SELECTOR):
                if verdict.has_expired(item["metadata"], now=now, retention=retention):
                    self._delete("configmaps", item)

    def _tenants(self) -> list[str]:
        return [item["metadata"]["name"] for item in self._listed("namespaces", "", naming.TENANT)]

    def _sweep_tenant(self, namespace: str, now: datetime) -> None:
        patience = timedelta(seconds=self._settings.launch_seconds)
        # Jobs first: a task that is stored after this look has a Job that this look may have missed, and is young.
        jobs = {
            item["metadata"]["name"]: item for item in self._listed("batch/v1/jobs", namespace, naming.TASK, whole=True)
        }
        unfinished = [record.record(item) for item in self._listed("configmaps", namespace, _UNFINISHED)]
        for seen in unfinished:
            try:
                its = jobs.get(naming.job(seen.task_id))
                self._see_to(seen, verdict.job(its) if its else None, now, patience)
            except (Conflict, Missing):
                continue  # it has changed since it was listed: the next look sees how
            except Refused as error:
                log.warning("task could not be helped", extra={"task": seen.task_id, "reason": str(error)})
        self._remove_leftovers(namespace, {seen.task_id for seen in unfinished}, jobs, now, patience)

    def _see_to(self, seen: Record, its: verdict.Job | None, now: datetime, patience: timedelta) -> None:
        match verdict.about_task(seen, its, now=now, patience=patience):
            case Verdict.LAUNCH:
                self._launch(seen)
            case Verdict.END:
                self._end(seen, its, now)
            case Verdict.LEAVE:
                pass

    def _remove_leftovers(
        self, namespace: str, unfinished: set[str], jobs: Mapping[str, Object], now: datetime, patience: timedelta
    ) -> None:
        """What belongs to no task that runs, and is so old that its task would have been seen."""
        for task, item in jobs.items():
            if task not in unfinished and verdict.is_old(item, now, patience) and not self._is_stored(namespace, task):
                self._delete("batch/v1/jobs", item)
        kept = self._kept(namespace, now)
        for kind in ("pods", "persistentvolumeclaims"):
            for item in self._listed(kind, namespace, _LEFT_BEHIND):
                task = item["metadata"]["labels"][naming.TASK]
                if task in unfinished or task in jobs or not verdict.is_old(item, now, patience):
                    continue
                if item["metadata"]["name"] not in kept and not (kind != "pods" and task in kept):
                    self._delete(kind, item)

    def _kept(self, namespace: str, now: datetime) -> set[str]:
        """Names of the failed pods that are kept for a look, and of their tasks."""
        kept, keep = set[str](), timedelta(seconds=self._settings.keep_failed)
        for item in self._listed("pods", namespace, _LEFT_BEHIND, fields=_FAILED) if keep else ():
            task = item["metadata"]["labels"][naming.TASK]
            with suppress(Missing):
                shown = self._cluster.get(path("configmaps", namespace, task), accept=METADATA)
                if verdict.is_kept(shown["metadata"], now=now, keep=keep):
                    kept |= {task, item["metadata"]["name"]}
        return kept

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

    def _end(self, listed: Record, its: verdict.Job | None, now: datetime) -> None:
        """Writes the end; what is left then belongs to no task that runs, and goes with the next look."""
        where = path("configmaps", listed.namespace, listed.task_id)
        seen = record.record(self._cluster.get(where))
        if seen.resource_version != listed.resource_version:
            return  # it has changed since it was listed: the next look sees how
        why = f"its Job failed: {its.failed}" if its else "its Job is gone"
        state = State.CANCELED if seen.cancel else State.SYSTEM_ERROR
        reason = "Cancelled." if seen.cancel else f"The taskmaster died ({why})."
        ended = record.timestamp(now)
        grown = {"logs": [], "outputs": [], "system_logs": [], **seen.log}
        grown = {**grown, "system_logs": [*grown["system_logs"], reason], "end_time": ended}
        annotations = {naming.ENDED: ended, naming.REASON: reason}
        self._cluster.patch(where, record.change(seen, state=state, annotations=annotations, log=grown))
        log.info("task ended", extra={"task": seen.task_id, "state": state.value, "reason": reason})

    def _delete(self, kind: str, item: Object) -> None:
        """Deletes just this object: one that has taken its name meanwhile stays."""
        metadata = item["metadata"]
        with suppress(Missing, Conflict):
            where = path(kind, metadata["namespace"], metadata["name"])
            self._cluster.delete(where, uid=metadata["uid"])
            log.info("deleted", extra={"kind": kind, "namespace": metadata["namespace"], "object": metadata["name"]})

    def _listed(
        self, kind: str, namespace: str, selector: str, *, fields: str = "", whole: bool = False
    ) -> Iterator[Object]:
        """The objects with their metadata, or whole."""
        token = ""
        while True:
            query = {
                "labelSelector": selector,
                "fieldSelector": fields,
                "limit": _PAGE,
                **({"continue": token} if token else {}),
            }
            accept = "application/json" if whole else METADATA_LIST
            listed = self._cluster.get(path(kind, namespace), query=query, accept=accept)
            yield from listed["items"]
            token = listed["metadata"].get("continue", "")
            if not token:
                return
