"""One look at all tenants, and what follows from it."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from janitor import obstacle, scrub, verdict
from janitor.deeds import Deeds
from janitor.obstacle import Obstacle
from janitor.settings import Settings
from tescore import launch, listing, naming, record, room
from tescore.cluster import Cluster
from tescore.errors import Conflict, Misconfigured, Missing, TeskError
from tescore.record import Record
from tescore.session import Object, path
from tescore.states import FINAL
from tescore.tenants import Tenant, Tenants

_UNFINISHED = f"{naming.TASK_SELECTOR},{naming.STATE} notin ({','.join(sorted(FINAL))})"
_TASKMASTERS = f"{naming.TASK},{naming.COMPONENT}=taskmaster"
_LEFT_BEHIND = f"{naming.TASK},{naming.COMPONENT}!=taskmaster"
_FAILED = "status.phase=Failed"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of a tenant at a time."""

    now: datetime
    tenant: Tenant[Settings] | None
    """None where its settings are not valid: then tasks are ended that nobody goes on with, and none begins."""
    jobs: Mapping[str, Object]
    """By the id of their task."""
    obstacles: Mapping[str, Obstacle]
    launched: list[str]
    """What was launched since."""


class Janitor:
    """Stateless: what it does follows from what it sees, so it may die anywhere, and two do no harm."""

    def __init__(self, cluster: Cluster, settings: Settings, tenants: Tenants[Settings]) -> None:
        self._cluster = cluster
        self._patience = timedelta(seconds=settings.launch_seconds)
        self._tenants = tenants
        self._deeds = Deeds(cluster)

    def sweep(self, now: datetime) -> None:
        """Looks at every task that has not ended, of every tenant. Raises what listing the tenants does."""
        for namespace in self._namespaces():
            with _apart("tenant could not be looked at", namespace=namespace):
                self._sweep_tenant(namespace, now)

    def expire(self, now: datetime) -> None:
        """Deletes records of tasks that ended too long ago, and folders that have no task."""
        for namespace in self._namespaces():
            with _apart("tasks could not expire", namespace=namespace):
                self._expire_tenant(namespace, self._tenants.tenant(namespace), now)

    def _expire_tenant(self, namespace: str, tenant: Tenant[Settings], now: datetime) -> None:
        unfinished = map(record.record, self._cluster.listed("configmaps", namespace, _UNFINISHED))
        scrub.make(self._cluster, namespace, unfinished, tenant, now)
        retention = timedelta(days=tenant.settings.retention_days)
        for item in self._cluster.listed("configmaps", namespace, naming.TASK_SELECTOR):
            with _apart("task could not expire", namespace=namespace, task=item["metadata"]["name"]):
                if verdict.has_expired(item["metadata"], now=now, retention=retention):
                    self._deeds.delete("configmaps", item)

    def _namespaces(self) -> Iterator[str]:
        """Those of all tenants, but for where the janitor shall pause."""
        for item in self._cluster.listed("namespaces", "", naming.TENANT):
            metadata = item["metadata"]
            if (metadata.get("annotations") or {}).get(naming.PAUSED) != "true":
                yield metadata["name"]

    def _sweep_tenant(self, namespace: str, now: datetime) -> None:
        # Jobs first: a task that is stored after this look has a Job that this look may have missed, and is young.
        listed = self._cluster.listed("batch/v1/jobs", namespace, _TASKMASTERS, whole=True)
        jobs = {item["metadata"]["labels"][naming.TASK]: item for item in listed}
        unfinished = [record.record(item) for item in self._cluster.listed("configmaps", namespace, _UNFINISHED)]
        stuck = any(_is_stuck(jobs.get(seen.task_id)) for seen in unfinished)
        look = Look(now, self._tenant(namespace), jobs, self._obstacles(namespace, jobs) if stuck else {}, launched=[])
        if look.tenant:
            self._release(look.jobs.values(), look.tenant.most)
        for seen in unfinished:
            # What has changed since it was listed is seen by the next look.
            with _apart("task is left as it is", namespace=namespace, task=seen.task_id), suppress(Conflict, Missing):
                self._see_to(seen, look)
        self._remove_leftovers(namespace, {seen.task_id for seen in unfinished}, look)
        scrub.give_up(self._cluster, namespace, record.timestamp(now))

    def _obstacles(self, namespace: str, jobs: Mapping[str, Object]) -> dict[str, Obstacle]:
        pods = self._cluster.listed("pods", namespace, _TASKMASTERS, whole=True)
        events = self._cluster.listed("events", namespace, "", whole=True, fields=obstacle.FAILED_CREATE)
        # A Job that had the same name, of an earlier task, has Events for an hour more.
        uids = {item["metadata"]["uid"] for item in jobs.values()}
        return obstacle.obstacles(pods, (event for event in events if event["involvedObject"].get("uid") in uids))

    def _tenant(self, namespace: str) -> Tenant[Settings] | None:
        try:
            return self._tenants.tenant(namespace)
        except Misconfigured as error:
            log.warning("nothing can begin", extra={"namespace": namespace, "reason": str(error)})
            return None

    def _release(self, jobs: Iterable[Object], most: int) -> None:
        """Lets those begin that waited longest, where no task that ended has done so."""
        line = [job for job in jobs if verdict.is_in_line(job)]
        waiting = [job["metadata"] for job in line if verdict.waits_for_room(job)]
        for metadata in room.due(waiting, len(line) - len(waiting), most):
            with _apart("task could not be released", namespace=metadata["namespace"], task=metadata["name"]):
                self._deeds.release(metadata)

    def _see_to(self, seen: Record, look: Look) -> None:
        item = look.jobs.get(seen.task_id)
        its = launch.seen(item) if item else None
        in_the_way = look.obstacles.get(seen.task_id)
        queue = timedelta(seconds=look.tenant.settings.queue_seconds) if look.tenant else timedelta.max
        match verdict.about_task(seen, its, in_the_way, now=look.now, launch=self._patience, queue=queue):
            case verdict.Launch() if look.tenant:
                self._launch(seen, look.tenant, look)
            case verdict.LaunchAnew() if look.tenant and item:
                self._deeds.delete("batch/v1/jobs", item)
                self._deeds.launch(seen, look.tenant, waits=False)  # it has its room
            case verdict.Tell(reason):
                self._deeds.tell(seen, reason)
            case verdict.End(why, reason) if item or not self._has_job(seen):
                self._deeds.end(seen, why, record.timestamp(look.now), reason=reason)
                if item:
                    self._deeds.delete("batch/v1/jobs", item)
            case _:
                pass

    def _has_job(self, seen: Record) -> bool:
        """Whether there is one by now: another janitor may have made it anew while this one listed them."""
        its = f"{_TASKMASTERS},{naming.TASK}={seen.task_id}"
        return any(self._cluster.listed("batch/v1/jobs", seen.namespace, its))

    def _launch(self, seen: Record, tenant: Tenant[Settings], look: Look) -> None:
        """Launches a task at the end of the line."""
        line = len(look.launched) + sum(1 for job in look.jobs.values() if verdict.is_in_line(job))
        look.launched.append(seen.task_id)
        self._deeds.launch(seen, tenant, waits=line >= tenant.most)
        if line >= tenant.most and not tenant.settings.queue:
            self._deeds.tell(seen, room.reason(tenant.most))

    def _remove_leftovers(self, namespace: str, unfinished: set[str], look: Look) -> None:
        """What belongs to no task that runs, and is so old that its task would have been seen."""

        def is_old(item: Object) -> bool:
            return verdict.is_old(item, look.now, self._patience)

        for task, item in look.jobs.items():
            if task in unfinished or not is_old(item):
                continue
            with _apart("Job could not be removed", namespace=namespace, task=task):
                if launch.seen(item).stalled or self._metadata(namespace, task) is None:
                    self._deeds.delete("batch/v1/jobs", item)
        kept = self._kept(namespace, look)
        for kind in ("pods", "persistentvolumeclaims"):
            for item in self._cluster.listed(kind, namespace, _LEFT_BEHIND):
                task = item["metadata"]["labels"][naming.TASK]
                if task in unfinished or task in look.jobs or not is_old(item):
                    continue
                if item["metadata"]["name"] not in kept and not (kind != "pods" and task in kept):
                    with _apart("leftovers could not be removed", namespace=namespace, task=task):
                        self._deeds.delete(kind, item)

    def _kept(self, namespace: str, look: Look) -> set[str]:
        """Names of the failed pods that are kept for a look, and of their tasks."""
        kept, keep = set[str](), timedelta(seconds=look.tenant.settings.keep_failed if look.tenant else 0)
        for item in self._cluster.listed("pods", namespace, _LEFT_BEHIND, fields=_FAILED) if keep else ():
            task = item["metadata"]["labels"][naming.TASK]
            metadata = self._metadata(namespace, task)
            if metadata and verdict.is_kept(metadata, now=look.now, keep=keep):
                kept |= {task, item["metadata"]["name"]}
        return kept

    def _metadata(self, namespace: str, task: str) -> Mapping[str, Any] | None:
        """Of the task's record; None if that is not stored, or not any more."""
        try:
            shown = self._cluster.get(path("configmaps", namespace, task), accept=listing.METADATA_OF_ONE)
        except Missing:
            return None
        metadata: Mapping[str, Any] = shown["metadata"]
        return metadata


@contextmanager
def _apart(what: str, **about: str) -> Iterator[None]:
    """Whatever is wrong with one tenant or task, foreseen or not, is logged, and the others are seen to."""
    try:
        yield
    except TeskError as error:
        log.warning(what, extra={**about, "reason": str(error)})
    except Exception as error:
        log.warning(what, extra={**about, "reason": repr(error)}, exc_info=True)


def _is_stuck(job: Object | None) -> bool:
    """Whether Kubernetes should have a pod running for it, and has none."""
    its = launch.seen(job) if job else None
    return its is not None and not (its.ended or its.waits or its.ready)
