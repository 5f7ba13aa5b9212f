"""Sees to each task as it changes: begins those that wait, replaces lost taskmasters, tells what is in the way."""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from janitor import verdict
from janitor.deeds import Deeds
from janitor.informer import Changed, Listed
from janitor.settings import Settings
from janitor.store import Key, Store
from janitor.tenants import apart
from tescore import record, room
from tescore.errors import AlreadyExists, Conflict, Misconfigured, Missing, Refused
from tescore.record import Record
from tescore.states import FINAL
from tescore.tenants import Tenant, Tenants

_IN_TURN = 20
"""Tasks of one tenant that are begun before it is the next tenant's turn."""
_AGAIN = timedelta(seconds=5)
"""How long a tenant's queue stands still after Kubernetes refused a pod or was away, unless another one ends."""
_FIRST, _LONGEST, _FORGOTTEN = timedelta(seconds=1), timedelta(seconds=60), timedelta(minutes=10)
"""How long a task's second lost taskmaster waits for its replacement; doubled each time, up to; begins anew after."""
_EVER = datetime.min.replace(tzinfo=UTC)
_KINDS = {"configmaps", "pods"}
_CHANGED = (Conflict, Missing, AlreadyExists)
"""What is met where something has changed meanwhile, which is told in a moment."""

log = logging.getLogger(__name__)


class Controller:
    """What it does follows from what is seen, so it may die anywhere, and two do no harm."""

    def __init__(
        self,
        deeds: Deeds,
        tenants: Tenants[Settings],
        store: Store,
        namespaces: Callable[[], Collection[str]],
        *,
        launch: timedelta,
    ) -> None:
        """`namespaces` are those of the tenants that are looked after; `launch` as in `verdict.about_task`."""
        self._deeds = deeds
        self._tenants = tenants
        self._namespaces = namespaces
        self._launch = launch
        self._store = store
        self._due = set[Key]()
        """Tasks that have changed, or of which a look in a moment tells more."""
        self._over = set[Key]()
        """Those of them that were just told to have ended, or to be gone."""
        self._queues: dict[str, datetime] = {}
        """Tenants of which a task may begin, and when that is tried."""
        self._refused: dict[Key, datetime] = {}
        """Since when Kubernetes refuses a task's pod."""
        self._replaced: dict[Key, tuple[datetime, timedelta]] = {}
        """When a task's taskmaster was replaced, and how long the next one waits."""
        self._known: dict[str, Tenant[Settings] | None] = {}
        """Tenants as they are while `act` goes on."""

    def take(self, told: Listed | Changed) -> None:
        """Takes in what an informer tells."""
        keys = self._store.take(told)
        self._due |= keys
        if isinstance(told, Changed) and told.kind == "configmaps" and told.gone:
            self._over |= keys
        if isinstance(told, Changed) and told.kind == "pods" and (told.gone or told.item.is_over):
            self._queues[told.item.namespace] = _EVER

    def look_at_all(self) -> None:
        """Has each task seen to, in case that its turn came by time alone."""
        self._due |= self._store.keys()

    def rest(self) -> None:
        """Leaves it all to another janitor, up to `look_at_all`."""
        self._due.clear()
        self._over.clear()
        self._queues.clear()
        self._refused.clear()
        self._replaced.clear()

    def act(self, now: datetime) -> None:
        """Does what there is to do now."""
        if self._store.heard != _KINDS or not (self._due or self._queues):
            return
        tenants, due = self._namespaces(), self._due
        self._due, self._known = set(), {}
        for key in due:
            if key.namespace in tenants:
                with apart("task is left as it is", namespace=key.namespace, task=key.task), suppress(*_CHANGED):
                    self._see_to(key, now)
        for namespace in [each for each, at in self._queues.items() if at <= now]:
            del self._queues[namespace]
            if namespace in tenants:
                with apart("queue stands still", namespace=namespace):
                    self._begin_some(namespace, now)

    def _see_to(self, key: Key, now: datetime) -> None:
        task, pods = self._store.task(key), self._store.pods(key)
        if task is None:
            self._remove_left(key, now)
            return
        queue = self._patience(key.namespace) if any(pod.obstacle for pod in pods) else timedelta.max
        match verdict.about_task(task, pods, now=now, launch=self._launch, queue=queue):
            case verdict.Queue():
                self._queues.setdefault(key.namespace, now)
                tenant = self._tenant(key.namespace)
                if tenant and not task.reason and self._store.running(key.namespace) >= tenant.most:
                    self._deeds.tell(task, room.reason(tenant.most))
            case verdict.Replace():
                self._replace(task, key, now)
            case verdict.Tell(reason):
                self._deeds.tell(task, reason)
            case verdict.End(why, reason):
                self._end(task, why, reason, now)
            case verdict.Wait():
                self._due.add(key)

    def _begin_some(self, namespace: str, now: datetime) -> None:
        """Begins those of a tenant's tasks whose turn it is; where that breaks off it is tried again."""
        tenant = self._tenant(namespace) if any(self._queued(namespace, now)) else None
        room_left = tenant.most - self._store.running(namespace) if tenant else 0
        if tenant is None or room_left <= 0:
            return
        self._queues[namespace] = now + _AGAIN
        waiting, begun = deque(verdict.in_turn(self._queued(namespace, now))), 0
        while waiting and begun < min(room_left, _IN_TURN):
            with suppress(*_CHANGED):
                try:
                    begun += self._begin(waiting.popleft(), tenant.settings, now)
                except Refused:
                    return
        del self._queues[namespace]
        if waiting and begun < room_left:
            self._queues[namespace] = now

    def _queued(self, namespace: str, now: datetime) -> Iterator[Record]:
        for task in self._store.tasks(namespace):
            if verdict.is_queued(task, self._store.pods(Key(namespace, task.task_id)), now):
                yield task

    def _begin(self, task: Record, settings: Settings, now: datetime) -> bool:
        """Whether the task has a taskmaster now, or else has ended.

        Raises Refused where Kubernetes refuses its pod, as it would others', which is told.
        """
        key = Key(task.namespace, task.task_id)
        metadata = self._deeds.metadata(*key)
        if metadata is None or record.state(metadata) in FINAL:
            self._store.forget(task)
            return False
        try:
            self._store.put(self._deeds.launch(*key, settings))
        except Refused as error:
            lasted, patience = now - self._refused.setdefault(key, now), self._patience(task.namespace)
            match verdict.about_refused(task, error, lasted, launch=self._launch, queue=patience):
                case verdict.End(why, reason):
                    self._end(task, why, reason, now)
                    return False
                case verdict.Tell(reason):
                    self._deeds.tell(task, reason)
            raise
        self._refused.pop(key, None)
        return True

    def _replace(self, task: Record, key: Key, now: datetime) -> None:
        """Gives a task another taskmaster, later and later where it loses one after the other."""
        self._due.add(key)  # whether it has one is seen in a moment
        at, wait = self._replaced.get(key, (now, timedelta()))
        if now < at + wait:
            return
        self._replaced[key] = (now, min(_LONGEST, 2 * wait or _FIRST) if now - at < _FORGOTTEN else _FIRST)
        with suppress(Refused):
            self._begin(task, self._settings(task.namespace), now)

    def _end(self, task: Record, why: str, reason: str, now: datetime) -> None:
        self._deeds.end(task, why, record.timestamp(now), reason=reason)
        for pod in self._store.pods(Key(task.namespace, task.task_id)):
            self._deeds.remove(pod)

    def _remove_left(self, key: Key, now: datetime) -> None:
        """Removes pods that do not run, of a task that has ended or was never stored."""
        self._refused.pop(key, None)
        self._replaced.pop(key, None)
        pods = [pod for pod in self._store.pods(key) if pod.is_over or not pod.runs]
        is_over = key in self._over
        self._over.discard(key)
        if not pods:
            return
        if not is_over and any(verdict.is_new(pod, now) for pod in pods):
            self._due.add(key)  # its task is just being stored
            return
        metadata = self._deeds.metadata(key.namespace, key.task)
        for pod in pods:
            if verdict.is_left(pod, metadata, now=now, launch=self._launch):
                self._deeds.remove(pod)

    def _tenant(self, namespace: str) -> Tenant[Settings] | None:
        """None where its settings are not valid: then none of its tasks begins."""
        if namespace not in self._known:
            try:
                self._known[namespace] = self._tenants.tenant(namespace)
            except Misconfigured as error:
                log.warning("nothing can begin", extra={"namespace": namespace, "reason": str(error)})
                self._known[namespace] = None
        return self._known[namespace]

    def _settings(self, namespace: str) -> Settings:
        """The service's where the tenant's own are not valid: what has begun goes on."""
        tenant = self._tenant(namespace)
        return tenant.settings if tenant else self._tenants.service

    def _patience(self, namespace: str) -> timedelta:
        """How long a task may wait for room, of which a tenant has its own opinion."""
        return timedelta(seconds=self._settings(namespace).queue_seconds)
