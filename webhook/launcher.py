"""Makes a task's taskmaster before the task is stored, or leaves it in the queue."""

import functools
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from tescore import launch, listing, naming, room
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Conflict, Missing, Refused, Transient
from tescore.retry import retried
from tescore.session import Object, path
from tescore.states import State
from tescore.tenants import Tenants
from webhook.line import Line
from webhook.settings import Settings

_WAITS = (0.1, 0.2, 0.4, 0.8)
"""Seconds between looks while an old pod of the same name goes; well within the webhook's own time limit."""
_QUEUED = f"{naming.TASK_SELECTOR},{naming.STATE}={State.QUEUED.value}"


class OldPodGoes(Transient):
    """A finished pod of the same name is being deleted."""

    reason = "OldPodGoes"


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
        """There is a pod that runs this task when this returns "", else what the task waits for in the queue.

        The name may have been used before, for a task that has ended or one that was never stored. Raises OldPodGoes
        if such a pod does not go in time, Misconfigured, and Unavailable.
        """
        tenant = self._tenants.tenant(namespace)
        pod = launch.pod(task_id, namespace, tenant.settings)
        with self._line(namespace).place(tenant.most) as runs:
            if not runs:
                return room.reason(tenant.most)
            try:
                retried(lambda: self._create(namespace, pod), _WAITS, obeyed=1.0)
            except Refused as error:
                return room.refusal(error)
        return ""

    def _line(self, namespace: str) -> Line:
        return self._lines.setdefault(namespace, Line(functools.partial(self._running, namespace), self._clock))

    def _running(self, namespace: str, most: int) -> int:
        """How many tasks run, as far as `most`; as many where others wait already, who go first."""
        if most == room.NO_LIMIT:
            return 0
        if self._count("configmaps", namespace, {"labelSelector": _QUEUED, "limit": "1"}):
            return most
        return self._count("pods", namespace, {**launch.RUNNING, "limit": str(most)})

    def _count(self, kind: str, namespace: str, query: Mapping[str, str]) -> int:
        return len(self._cluster.get(path(kind, namespace), query=query, accept=listing.METADATA)["items"])

    def _create(self, namespace: str, pod: Object) -> None:
        try:
            self._cluster.create(path("pods", namespace), pod)
        except AlreadyExists as error:
            if self._is_alive(path("pods", namespace, pod["metadata"]["name"])):
                return
            raise OldPodGoes("The taskmaster of an earlier task of that name is still being deleted.") from error

    def _is_alive(self, where: str) -> bool:
        """Whether the pod that is there runs or will run; if not, it is made to go."""
        with suppress(Missing, Conflict):  # it has gone meanwhile
            found = self._cluster.get(where)
            if not launch.is_over(found):
                return True
            self._cluster.delete(where, uid=found["metadata"]["uid"], at_once=True)
        return False
