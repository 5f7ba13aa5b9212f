"""Tasks in Kubernetes: the only module of the api that knows where they are kept."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from api import memory, views
from api.access.authorization import Judge
from api.creation import Creation
from api.pages import OBEYED, Pages, read_waits
from api.query import ListQuery
from api.settings import Settings
from api.views import View
from tescore import cpu, listing, naming, outputs, parts, record, validation
from tescore.cluster import Cluster
from tescore.document import check_weight
from tescore.errors import (
    AlreadyExists,
    Conflict,
    KeyReused,
    Misconfigured,
    Missing,
    Refused,
    TaskNotFound,
)
from tescore.record import Record
from tescore.retry import retried
from tescore.session import Object, path
from tescore.states import FINAL, State
from tescore.tenants import Tenants

_T = TypeVar("_T")
_json = json.JSONEncoder(separators=(",", ":")).encode
_WRITE_WAITS = (0.2, 0.4, 0.8, 1.6)
_READ_IN = 3
"""Bytes that each byte of a task takes while its answer waits to be made: read, unpacked, and its outputs parsed."""


class Store:
    """The tasks of one tenant. Raises TaskNotFound, and Refused or Unavailable as tescore.cluster does."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        tenants: Tenants[Settings],
        creating: Creation,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._tenants = tenants
        self._creation = creating
        self._pages = Pages(cluster, namespace)

    def settings(self) -> Settings:
        """The api's settings, with what the tenant has otherwise. Raises Misconfigured."""
        return self._retried(lambda: self._tenants.settings(self._namespace), read_waits())

    def settings_shown(self) -> Settings:
        """The same for those who only read: where the tenant's are not valid, the api's own."""
        try:
            return self.settings()
        except Misconfigured:
            return self._tenants.service

    def create(self, task_id: str, document: str, *, owner: str, ends: float) -> None:
        """The task is stored, and so launched, when this returns; it is not, as far as can be known, when this raises.

        `ends` is when that is to be decided, by the clock of Creation.
        Raises InvalidTask with all that is wrong with the document, and AlreadyExists if another task has the name.
        """
        settings = self.settings()
        cpu.run(len(document), lambda: validation.checked(document, settings, settings.trs_hosts))
        self._creation.create(task_id, document, owner=owner, ends=ends)

    def created_once(self, document: str, *, owner: str, key: str, ends: float) -> str:
        """The id of the task that this owner sent with this key: stored now or before, as long as it is kept.

        Raises KeyReused if that was another task, and what `create` raises.
        """
        cpu.run(len(document), lambda: check_weight(document))  # for it is compared with one that is there
        task_id = naming.keyed_task_id(owner, key)
        try:
            # The look before is for the webhook's sake, which would launch a task again that has ended long ago.
            if not self._creation.is_done(task_id, document, owner=owner):
                self.create(task_id, document, owner=owner, ends=ends)
        except AlreadyExists as error:
            raise KeyReused(f"The Idempotency-Key {key!r} was sent with another task before.") from error
        return task_id

    def get(self, task_id: str, judge: Judge, *, whole: bool = True) -> Record:
        """The task, once the judge has let it pass by its owner. Raises TaskNotFound, and what the judge does."""
        seen = self.read(task_id, whole=whole)
        judge(seen.owner)
        return seen

    def read(self, task_id: str, *, whole: bool = True) -> Record:
        """The task, whosever it is, for those who have been let pass before; without document and log unless `whole`.

        Raises TaskNotFound.
        """
        if not naming.is_task_id(task_id):
            raise TaskNotFound(task_id)
        try:
            stored = self._config_map(task_id, whole=whole)
        except Missing as error:
            raise TaskNotFound(task_id) from error
        if not record.is_task(stored):
            raise TaskNotFound(task_id)
        return _record(stored)

    def shown(self, task_id: str, view: View, judge: Judge, viewer: str) -> str:
        """The task as the view wants it, in JSON, for a user of that name. Raises Busy, and what `get` does."""
        seen = self.get(task_id, judge, whole=view != View.MINIMAL)
        text = _json(views.head(seen)) if view == View.MINIMAL else self._whole(seen, view, viewer)
        memory.hold(len(text))
        return text

    def page(self, query: ListQuery, viewer: str) -> tuple[str, str]:
        """JSON of tasks, the newest first, as the view wants them, and the token of the next page or nothing.

        Raises Busy.
        """
        found, token, size = self._pages.page(query)
        texts: list[str] = []
        for item in found:
            texts.append(self._shown(item, query.view, viewer))
            size += len(texts[-1])
            memory.hold(size)
        text = ",".join(texts)
        memory.hold(len(text))
        return f"[{text}]", token

    def cancel(self, task_id: str, judge: Judge, *, by: str, now: str) -> None:
        """The task is marked for its taskmaster to stop, or has ended here if none had begun it.

        A task that has ended stays as it is. Raises what `get` does.
        """
        while True:
            seen = self.get(task_id, judge, whole=False)
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
        # A taskmaster that starts meanwhile loses to this write, or finds the task ended and goes.
        ends = {**annotations, naming.ENDED: now, naming.REASON: "Cancelled before it began."}
        self._patch(seen.task_id, record.change(seen, state=State.CANCELED, annotations=ends))

    def _shown(self, item: Object, view: View, viewer: str) -> str:
        if view == View.MINIMAL:
            return _json(views.minimal(item["metadata"]))
        return self._whole(_record(item), view, viewer)

    def _whole(self, seen: Record, view: View, viewer: str) -> str:
        size = len(seen.document) + outputs.pages(seen.pages).size
        memory.take(_READ_IN * size)
        joined, settings = self._joined(seen), self.settings_shown()
        return cpu.run(size, lambda: _json(views.task(joined, view, settings, viewer)))

    def _joined(self, seen: Record) -> Record:
        """The record with the outputs that are on pages; what is missing of them is told in its log."""
        counted = outputs.pages(seen.pages)
        files: list[outputs.File] = []
        for number in range(counted.number):
            with suppress(Missing, ValueError):
                files += outputs.page(self._config_map(naming.outputs_page(seen.task_id, number)), seen.uid)
        return views.with_outputs(seen, files, of=counted.files) if counted.number else seen

    def _config_map(self, name: str, *, whole: bool = True) -> Object:
        where, accept = path("configmaps", self._namespace, name), listing.WHOLE if whole else listing.METADATA_OF_ONE
        count = memory.take if whole else lambda _: None
        try:
            return self._retried(lambda: self._cluster.get(where, accept=accept, count=count), read_waits())
        except Refused as error:
            raise Misconfigured(str(error)) from error

    def _patch(self, task_id: str, patch: dict[str, Any]) -> None:
        where = path("configmaps", self._namespace, task_id)
        try:
            self._retried(lambda: self._cluster.patch(where, patch), _WRITE_WAITS)
        except Refused as error:
            raise Misconfigured(str(error)) from error

    def _retried(self, call: Callable[[], _T], waits: Iterable[float]) -> _T:
        return retried(call, waits, obeyed=OBEYED)


def _record(stored: Object) -> Record:
    return cpu.run(parts.size(stored), lambda: record.record(stored))
