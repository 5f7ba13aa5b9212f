"""Makes a task's Job, which may have to wait, before the task is stored."""

import functools
import time
from collections.abc import Callable
from contextlib import suppress

from tescore import launch, listing, naming, room
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Conflict, Missing, Transient
from tescore.retry import retried
from tescore.session import Object, path
from tescore.tenants import Tenant, Tenants
from webhook.line import Line
from webhook.settings import Settings

_WAITS = (0.1, 0.2, 0.4, 0.8)
"""Seconds between looks while an old Job of the same name goes; well within the webhook's own time limit."""

_LOOKS = 3


class OldJobGoes(Transient):
    """A finished Job of the same name is being deleted."""

    reason = "OldJobGoes"


class Launcher:
    """Of one process: where the webhook has replicas, each may let a few tasks too many run."""

    def __init__(
        self, cluster: Cluster, tenants: Tenants[Settings], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cluster = cluster
        self._tenants = tenants
        self._clock = clock
        self._lines: dict[str, Line] = {}

    def launch(self, task_id: str, namespace: str) -> str:
        """There is a Job that runs or will run for this task when this returns; says what it waits for, if it does.

        The name may have been used before, for a task that has ended or one that was never stored. Raises OldJobGoes
        if such a Job does not go in time, Misconfigured, and what the API server refuses.
        """
        tenant = self._tenants.tenant(namespace)
        return retried(lambda: self._launched(task_id, namespace, tenant), _WAITS, obeyed=1.0)

    def _launched(self, task_id: str, namespace: str, tenant: Tenant[Settings]) -> str:
        try:
            if tenant.settings.queue or tenant.most == room.NO_LIMIT:
                made = self._create(task_id, namespace, tenant, waits=False)
            else:
                made = self._in_line(task_id, namespace, tenant)
        except AlreadyExists as error:
            there = self._there(task_id, namespace)
            if there is None:
                message = f"A Job {task_id!r} of an earlier task of that name is still being deleted."
                raise OldJobGoes(message) from error
            made = there
        return _waits_for(made, tenant)

    def _in_line(self, task_id: str, namespace: str, tenant: Tenant[Settings]) -> Object:
        """The Job behind all that came before: running if there is room for it and them."""
        line = self._line(namespace)
        runs = line.comes(tenant.most) <= tenant.most
        try:
            made = self._create(task_id, namespace, tenant, waits=not runs)
        finally:
            line.made(runs=runs)
        # The taskmasters that ended since the line was counted have not seen this Job, and nobody may end after it.
        if runs or line.is_long(tenant.most) or line.running(tenant.most) >= tenant.most:
            return made
        return self._released(made, line, tenant.most)

    def _line(self, namespace: str) -> Line:
        in_line, running = (functools.partial(self._count, namespace, each) for each in (room.IN_LINE, room.RUNNING))
        return self._lines.setdefault(namespace, Line(in_line, running, self._clock))

    def _count(self, namespace: str, selector: str, enough: int) -> int:
        query = {"labelSelector": selector, "limit": str(enough)}
        return len(self._cluster.get(path("batch/v1/jobs", namespace), query=query, accept=listing.METADATA)["items"])

    def _released(self, made: Object, line: Line, most: int) -> Object:
        """The Job, which runs if its turn has come; where that stays in doubt it is left to the janitor."""
        namespace, name = made["metadata"]["namespace"], made["metadata"]["name"]
        for _ in range(_LOOKS):
            # In this order: one that is released between the two is counted twice, and not overlooked.
            held = self._cluster.listed("batch/v1/jobs", namespace, room.WAITING, whole=False)
            waiting = [item["metadata"] for item in held]
            due = room.due(waiting, line.running(most), most)
            seen = next((metadata for metadata in due if metadata["name"] == name), None)
            if not due:
                break
            if seen is None:
                continue  # those before it begin at this moment
            with suppress(Conflict):  # its controller has written to it, or somebody has released it
                return self._cluster.patch(path("batch/v1/jobs", namespace, name), room.release(seen))
        return made

    def _create(self, task_id: str, namespace: str, tenant: Tenant[Settings], *, waits: bool) -> Object:
        job = launch.job(task_id, namespace, tenant.settings, waits=waits)
        return self._cluster.create(path("batch/v1/jobs", namespace), job)

    def _there(self, task_id: str, namespace: str) -> Object | None:
        """The Job of that name if it runs or will run; if not, it is made to go."""
        try:
            found = self._cluster.get(path("batch/v1/jobs", namespace, naming.job(task_id)))
            old = launch.seen(found)
            if not old.ended and not old.deleted:
                return found
            if not old.deleted:
                self._delete(found)
        except (Missing, Conflict):
            pass  # it has gone meanwhile
        return None

    def _delete(self, job: Object) -> None:
        metadata = job["metadata"]
        self._cluster.delete(path("batch/v1/jobs", metadata["namespace"], metadata["name"]), uid=metadata["uid"])


def _waits_for(made: Object, tenant: Tenant[Settings]) -> str:
    if not launch.seen(made).waits:
        return ""
    queue = made["metadata"]["labels"].get(naming.QUEUE)
    return room.queue_reason(queue) if queue else room.reason(tenant.most)
