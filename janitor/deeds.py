"""What the janitor does to one task or object; the looks that lead to it are in janitor/sweep.py."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from janitor.settings import Settings
from tescore import events, launch, naming, record, room
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Conflict, Missing, TeskError
from tescore.record import Record, with_note
from tescore.session import Object, path
from tescore.states import State
from tescore.tenants import Tenant

log = logging.getLogger(__name__)


class Deeds:
    """Each names what it has seen, so that two janitors, or one that is late, do no harm."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def launch(self, seen: Record, tenant: Tenant[Settings], *, waits: bool) -> None:
        job = launch.job(seen.task_id, seen.namespace, tenant.settings, waits=waits)
        with suppress(AlreadyExists):
            self._cluster.create(path("batch/v1/jobs", seen.namespace), job)
            log.info("task launched again", extra={"task": seen.task_id, "waits": waits})

    def release(self, job: Mapping[str, Any]) -> None:
        """Lets a waiting Job run, by its metadata, unless somebody else did so."""
        with suppress(Missing, Conflict):
            self._cluster.patch(path("batch/v1/jobs", job["namespace"], job["name"]), room.release(job))
            log.info("task released", extra={"task": job["name"]})

    def tell(self, seen: Record, reason: str) -> None:
        """Writes down what a task waits for. Raises Conflict if it has changed."""
        told = record.change(seen, state=seen.state, annotations={naming.REASON: reason})
        self._cluster.patch(path("configmaps", seen.namespace, seen.task_id), told)
        log.info("task waits", extra={"task": seen.task_id, "reason": reason})

    def end(self, listed: Record, why: str, now: str, *, reason: str) -> None:
        """Writes the end, with a sentence and a reason for programs.

        Raises Conflict if the task has changed since it was listed, and Missing if it has gone. What is left of it then
        belongs to no task that runs, and goes with the next look.
        """
        where = path("configmaps", listed.namespace, listed.task_id)
        seen = record.record(self._cluster.get(where))
        if seen.resource_version != listed.resource_version:
            raise Conflict("The task has changed since it was listed.")
        state = State.CANCELED if seen.cancel else State.SYSTEM_ERROR
        told = "Cancelled." if seen.cancel else why
        grown = {**with_note(seen.log, told), "end_time": now}
        annotations = {naming.ENDED: now, naming.REASON: told}
        change = record.change(seen, state=state, annotations=annotations, log=grown)
        ended = record.record(self._cluster.patch(where, change))
        log.info("task ended", extra={"task": seen.task_id, "state": state.value, "reason": told})
        if state == State.SYSTEM_ERROR:
            with suppress(TeskError):
                event = events.warning(ended, reason, told, about=state.value, source="tesk-janitor", now=now)
                self._cluster.create(path("events", seen.namespace), event)

    def delete(self, kind: str, item: Object) -> None:
        """Deletes just this object: one that has taken its name meanwhile stays."""
        metadata = item["metadata"]
        with suppress(Missing, Conflict):
            where = path(kind, metadata["namespace"], metadata["name"])
            self._cluster.delete(where, uid=metadata["uid"])
            log.info("deleted", extra={"kind": kind, "namespace": metadata["namespace"], "object": metadata["name"]})
