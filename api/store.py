"""Tasks in Kubernetes: the only module of the api that knows where they are kept."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from api import views
from api.query import ListQuery
from api.settings import Settings
from api.views import View
from tescore import listing, naming, outputs, record
from tescore.cluster import Cluster, path
from tescore.errors import AlreadyExists, BadRequest, Conflict, Expired, Misconfigured, Missing, Refused, TaskNotFound
from tescore.record import Record
from tescore.retry import retried
from tescore.states import FINAL, State
from tescore.tenants import Tenants

_T = TypeVar("_T")
_READ_WAITS = (0.2, 0.4, 0.8, 1.6, 2.5, 2.5)
"""Seconds: reads ride out an API server that is away for 8 s, for some clients give a task up after one failed poll."""
_CREATE_WAITS = (0.2, 0.4, 0.8, 1.6)
"""Seconds: some clients send a task again after 10 s, as another one."""
_FEW = 16
"""Whole records that are asked for at a time."""
_PAGE_BYTES = 8 * 1024 * 1024
"""Size at which a page of whole tasks ends."""
_PAGE_CALLS = 150
"""Calls for one page at most: a rare name prefix would go through all tasks at once. A page may be short."""


class Store:
    """The tasks of one tenant. Raises TaskNotFound, and Refused or Unavailable as tescore.cluster does."""

    def __init__(self, cluster: Cluster, namespace: str, tenants: Tenants[Settings]) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._tenants = tenants

    def settings(self) -> Settings:
        """The api's settings, with what the tenant has otherwise. Raises Misconfigured."""
        return self._retried(lambda: self._tenants.settings(self._namespace), _READ_WAITS)

    def create(self, task_id: str, document: str, *, owner: str) -> None:
        """The task is stored, and so launched, when this returns.

        After a doubtful answer the same task is sent again: where it was stored before, the name is taken.
        """
        body = record.config_map(task_id, self._namespace, document, owner=owner)
        with suppress(AlreadyExists):
            self._retried(lambda: self._cluster.create(path("configmaps", self._namespace), body), _CREATE_WAITS)

    def get(self, task_id: str) -> Record:
        if not naming.is_task_id(task_id):
            raise TaskNotFound(task_id)
        where = path("configmaps", self._namespace, task_id)
        try:
            stored = self._retried(lambda: self._cluster.get(where), _READ_WAITS)
        except Missing as error:
            raise TaskNotFound(task_id) from error
        except Refused as error:
            raise Misconfigured(str(error)) from error
        if stored["metadata"].get("labels", {}).get(naming.COMPONENT) != naming.TASK_LABELS[naming.COMPONENT]:
            raise TaskNotFound(task_id)
        return record.record(stored)

    def shown(self, task_id: str, view: View) -> dict[str, Any]:
        """The task as the view wants it. Raises TaskNotFound."""
        seen = self.get(task_id)
        return views.head(seen) if view == View.MINIMAL else self._whole(seen, view)

    def page(self, query: ListQuery) -> tuple[list[dict[str, Any]], str]:
        """Tasks, the newest first, as the view wants them, and the token of the next page, empty after the last."""
        tasks: list[dict[str, Any]] = []
        token, size = query.page_token, 0
        for _ in range(_PAGE_CALLS):
            items, token = self._some(query, token, query.page_size - len(tasks), _PAGE_BYTES - size)
            tasks += [self._shown(item, query.view) for item in items]
            size += sum(_size(item) for item in items)
            if not token or len(tasks) >= query.page_size or size >= _PAGE_BYTES:
                break
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
            except Missing as error:
                raise TaskNotFound(task_id) from error
            return

    def _end_unclaimed(self, seen: Record, annotations: dict[str, str], now: str) -> None:
        # The record first: a taskmaster that starts meanwhile either loses to this write or finds the task ended.
        ends = {**annotations, naming.ENDED: now, naming.REASON: "Cancelled before it began."}
        self._patch(seen.task_id, record.change(seen, state=State.CANCELED, annotations=ends))
        with suppress(Missing):
            self._cluster.delete(path("batch/v1/jobs", self._namespace, naming.job(seen.task_id)))

    def _some(self, query: ListQuery, token: str, room: int, left: int) -> tuple[list[dict[str, Any]], str]:
        """The next tasks, at least one if there is any and no more than reach the size; and the token after them."""
        limit = room if query.view == View.MINIMAL else min(room, _FEW)
        listed = self._list(query, token, limit)
        fitting = _fitting(listed["items"], query.name_prefix, left)
        if fitting < len(listed["items"]):
            listed = self._list(query, token, fitting)
        items = [item for item in listed["items"] if _name(item).startswith(query.name_prefix)]
        return items, listed["metadata"].get("continue", "")

    def _list(self, query: ListQuery, token: str, limit: int) -> dict[str, Any]:
        wanted = {"labelSelector": query.selector, "limit": str(limit), **({"continue": token} if token else {})}
        accept = listing.METADATA if query.view == View.MINIMAL else "application/json"
        where = path("configmaps", self._namespace)
        try:
            return self._retried(lambda: self._cluster.get(where, query=wanted, accept=accept), _READ_WAITS)
        except (Expired, Refused) as error:
            if not token:
                raise Misconfigured(str(error)) from error
            raise BadRequest("page_token is not of this service, or too old; begin again without one.") from error

    def _shown(self, item: dict[str, Any], view: View) -> dict[str, Any]:
        return views.minimal(item["metadata"]) if view == View.MINIMAL else self._whole(record.record(item), view)

    def _whole(self, seen: Record, view: View) -> dict[str, Any]:
        return views.task(self._joined(seen), view, self.settings())

    def _joined(self, seen: Record) -> Record:
        """The record with the outputs that are on pages; what is missing of them is told in its log."""
        counted = outputs.pages(seen.pages)
        files: list[outputs.File] = []
        for number in range(counted.number):
            with suppress(Missing, ValueError):
                files += self._page(seen, number)
        return views.with_outputs(seen, files, of=counted.files) if counted.number else seen

    def _page(self, seen: Record, number: int) -> list[outputs.File]:
        where = path("configmaps", self._namespace, naming.outputs_page(seen.task_id, number))
        try:
            return outputs.page(self._retried(lambda: self._cluster.get(where), _READ_WAITS), seen.uid)
        except Refused as error:
            raise Misconfigured(str(error)) from error

    def _patch(self, task_id: str, patch: dict[str, Any]) -> None:
        where = path("configmaps", self._namespace, task_id)
        try:
            self._retried(lambda: self._cluster.patch(where, patch), _CREATE_WAITS)
        except Refused as error:
            raise Misconfigured(str(error)) from error

    def _retried(self, call: Callable[[], _T], waits: Sequence[float]) -> _T:
        return retried(call, waits, obeyed=2.0)


def _fitting(items: Sequence[dict[str, Any]], name_prefix: str, left: int) -> int:
    """How many of the items it takes to reach a size; at least one, all if they do not."""
    for count, item in enumerate(items, 1):
        if _name(item).startswith(name_prefix):
            left -= _size(item)
        if left <= 0:
            return count
    return len(items)


def _size(item: dict[str, Any]) -> int:
    """Bytes of a whole task, its pages of outputs included; nothing for one of which only the metadata was read."""
    parts = [part for part in (item.get("data"), item.get("binaryData")) if part]
    if not parts:
        return 0
    paged = outputs.pages((item["metadata"].get("annotations") or {}).get(naming.OUTPUTS, "")).size
    return paged + sum(len(text) for part in parts for text in part.values())


def _name(item: dict[str, Any]) -> str:
    return str((item["metadata"].get("annotations") or {}).get(naming.NAME, ""))
