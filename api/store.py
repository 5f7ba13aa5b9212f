"""Tasks in Kubernetes: the only module of the api that knows where they are kept."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from api import views
from api.query import ListQuery
from api.views import View
from tescore import naming, record
from tescore.cluster import METADATA_LIST, Cluster, path
from tescore.errors import AlreadyExists, BadRequest, Conflict, Expired, Missing, Refused, TaskNotFound, Unavailable
from tescore.record import Record
from tescore.retry import retried
from tescore.states import FINAL, State

_READ_WAITS = (0.2, 0.4, 0.8, 1.6, 2.5, 2.5)
"""Seconds: reads ride out an API server that is away for 8 s, for some clients give a task up after one failed poll."""
_LOOK_WAITS = (0.2, 0.4, 0.8, 1.6)
"""Seconds: how long to look whether a create went through that had a doubtful answer."""


class Store:
    """The tasks of one tenant. Raises TaskNotFound, and Refused or Unavailable as tescore.cluster does."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def create(self, task_id: str, document: str, *, owner: str) -> None:
        """The task is stored, and so launched, when this returns.

        After a doubtful answer it looks whether the task is there, so that Unavailable means that it is not.
        """
        try:
            body = record.config_map(task_id, self._namespace, document, owner=owner)
            self._cluster.create(path("configmaps", self._namespace), body)
        except (Unavailable, AlreadyExists):
            if not self._is_there(task_id):
                raise

    def get(self, task_id: str) -> Record:
        return self._one(task_id, _READ_WAITS)

    def page(self, query: ListQuery) -> tuple[list[dict[str, Any]], str]:
        """Tasks, the newest first, as the view wants them, and the token of the next page, empty after the last."""
        tasks: list[dict[str, Any]] = []
        token = query.page_token
        while True:
            wanted = {"labelSelector": query.selector, "limit": str(query.page_size - len(tasks))}
            listed = self._list({**wanted, **({"continue": token} if token else {})}, query.view)
            tasks += [
                views.minimal(item["metadata"])
                if query.view == View.MINIMAL
                else views.task(record.record(item), query.view)
                for item in listed["items"]
                if _name(item).startswith(query.name_prefix)
            ]
            token = listed["metadata"].get("continue", "")
            if not token or len(tasks) >= query.page_size:
                return tasks, token

    def cancel(self, task_id: str, *, by: str, now: str) -> None:
        """The task is marked for its taskmaster to stop, or has ended here if none had begun it.

        A task that has ended stays as it is.
        """
        while True:
            seen = self.get(task_id)
            if seen.state in FINAL or seen.cancel:
                return
            annotations = {naming.CANCEL: f"{now} by {by}"}
            try:
                if seen.taskmaster:
                    self._patch(task_id, record.change(seen, state=seen.state, annotations=annotations))
                else:
                    self._end_unclaimed(seen, annotations, now)
            except Conflict:
                continue
            return

    def _end_unclaimed(self, seen: Record, annotations: dict[str, str], now: str) -> None:
        # The record first: a taskmaster that starts meanwhile either loses to this write or finds the task ended.
        ends = {**annotations, naming.ENDED: now, naming.REASON: "Cancelled before it began."}
        self._patch(seen.task_id, record.change(seen, state=State.CANCELED, annotations=ends))
        with suppress(Missing):
            self._cluster.delete(path("batch/v1/jobs", self._namespace, naming.job(seen.task_id)))

    def _is_there(self, task_id: str) -> bool:
        try:
            self._one(task_id, _LOOK_WAITS)
        except TaskNotFound:
            return False
        return True

    def _one(self, task_id: str, waits: Sequence[float]) -> Record:
        if not naming.is_task_id(task_id):
            raise TaskNotFound(task_id)
        where = path("configmaps", self._namespace, task_id)
        try:
            stored = retried(lambda: self._cluster.get(where), waits)
        except Missing as error:
            raise TaskNotFound(task_id) from error
        if stored["metadata"].get("labels", {}).get(naming.COMPONENT) != naming.TASK_LABELS[naming.COMPONENT]:
            raise TaskNotFound(task_id)
        return record.record(stored)

    def _list(self, wanted: dict[str, str], view: View) -> dict[str, Any]:
        accept = METADATA_LIST if view == View.MINIMAL else "application/json"
        where = path("configmaps", self._namespace)
        try:
            return retried(lambda: self._cluster.get(where, query=wanted, accept=accept), _READ_WAITS)
        except (Expired, Refused) as error:
            if "continue" not in wanted:
                raise
            raise BadRequest("page_token is not of this service, or too old; begin again without one.") from error

    def _patch(self, task_id: str, patch: dict[str, Any]) -> None:
        self._cluster.patch(path("configmaps", self._namespace, task_id), patch)


def _name(item: dict[str, Any]) -> str:
    return str((item["metadata"].get("annotations") or {}).get(naming.NAME, ""))
