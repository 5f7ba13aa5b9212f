"""What the janitor does to one task or object; janitor/controller.py and janitor/sweep.py say when."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from janitor.settings import Settings
from janitor.taskmaster import Taskmaster, taskmaster
from tescore import events, launch, listing, naming, record
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Conflict, Missing, TeskError
from tescore.record import Record, with_note
from tescore.session import Object, path
from tescore.states import State

log = logging.getLogger(__name__)


class Deeds:
    """Each names what it has seen, so that two janitors, or one that is late, do no harm."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def launch(self, namespace: str, task: str, settings: Settings) -> Taskmaster:
        """The pod of the task's taskmaster, made now or before; what is left of a lost one gives its name up.

        Raises Refused, and AlreadyExists where such a one does not go at once.
        """
        pods, body = path("pods", namespace), launch.pod(task, namespace, settings)
        try:
            made = self._cluster.create(pods, body)
        except AlreadyExists:
            made = self._cluster.get(path("pods", namespace, body["metadata"]["name"]))
            if launch.is_over(made):
                self.remove(taskmaster(made))
                made = self._cluster.create(pods, body)
        log.info("task launched", extra={"namespace": namespace, "task": task})
        return taskmaster(made)

    def remove(self, pod: Taskmaster) -> None:
        """Deletes just this pod, and waits for no node."""
        with suppress(Missing, Conflict):
            self._cluster.delete(path("pods", pod.namespace, pod.name), uid=pod.uid, at_once=True)
            log.info("deleted", extra={"kind": "pods", "namespace": pod.namespace, "object": pod.name})

    def metadata(self, namespace: str, task: str) -> Mapping[str, Any] | None:
        """That of the task's record as it is now; None if it is not stored, or not any more."""
        try:
            shown = self._cluster.get(path("configmaps", namespace, task), accept=listing.METADATA_OF_ONE)
        except Missing:
            return None
        metadata: Mapping[str, Any] = shown["metadata"]
        return metadata

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
