"""A task is created once, or not at all, whatever becomes of the requests for it on their way."""

import json
from collections.abc import Callable, Iterator, Sequence

from tescore import cpu, record
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Missing, QuotaExceeded, TeskError, Unavailable, quoted
from tescore.retry import retried
from tescore.session import path

SECONDS = 8.0
"""For a create with all its tries: some clients send a task again after 10 s, as another one."""
_LAST_TRY = 1.0
"""Seconds of those that are kept for one more try."""
_WAITS = (0.2, 0.4, 0.8, 1.6, 2.5, 2.5)
_LAST_WAITS = (0.2, 0.4)
"""Seconds between looks at the very end."""
_OBEYED = 2.0
_FULL = "This tenant keeps as much as its quota allows; there is room again when ended tasks are deleted or expire"


class Creation:
    """Of a tenant's tasks. `clock` gives seconds that only grow."""

    def __init__(self, cluster: Cluster, namespace: str, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._clock = clock

    def create(self, task_id: str, document: str, *, owner: str, ends: float) -> None:
        """The task is stored when this returns; it is not, as far as can be known, when this raises.

        After a doubtful answer the same task is sent again: where it was stored before, the name is taken. No try gives
        the API server longer than there is time, so none is under way any more at the last look. None is begun when it
        is too late: the client may have sent the task again by then.
        Raises AlreadyExists if another task has the name.
        """
        if self._clock() + _LAST_TRY > ends:
            raise Unavailable("Kubernetes was too slow, and nothing was created.")
        body = cpu.run(len(document), lambda: record.config_map(task_id, self._namespace, document, owner=owner))
        doubts = list[Unavailable]()

        def attempt() -> None:
            within = max(_LAST_TRY, ends - self._clock() - _LAST_TRY)
            try:
                self._cluster.create(path("configmaps", self._namespace), body, within=within)
            except Unavailable as error:
                doubts.append(error)
                raise

        try:
            retried(attempt, self._waits(ends), obeyed=_OBEYED)
        except TeskError as error:
            # A first try may have stored the task, and what came after it been refused.
            doubtful = doubts or isinstance(error, AlreadyExists)
            if doubtful and self.is_done(task_id, document, owner=owner, waits=_LAST_WAITS):
                return
            if isinstance(error, QuotaExceeded):
                why = f"{_FULL}{quoted(str(error))}."
                raise QuotaExceeded(why, code=error.code) from error
            raise

    def is_done(self, task_id: str, document: str, *, owner: str, waits: Sequence[float] = _WAITS) -> bool:
        """Whether this task of this owner's is stored. Raises AlreadyExists if another one has its name."""
        where = path("configmaps", self._namespace, task_id)
        try:
            found = retried(lambda: self._cluster.get(where), waits, obeyed=_OBEYED)
        except Missing:
            return False
        if not record.is_task(found):
            raise AlreadyExists(f"There is a ConfigMap {task_id!r} that is no task.")
        there = record.record(found)
        if there.owner != owner or not cpu.run(len(document), lambda: _same(there.document, document)):
            raise AlreadyExists(f"There is another task {task_id!r}.")
        return True

    def _waits(self, ends: float) -> Iterator[float]:
        """Between tries, as long as there is time for one more after the next."""
        for wait in _WAITS:
            if self._clock() + wait + _LAST_TRY > ends:
                return
            yield wait


def _same(one: str, other: str) -> bool:
    """Whether two documents say the same."""
    try:
        return one == other or _canonical(one) == _canonical(other)
    except (ValueError, RecursionError):
        return False


def _canonical(document: str) -> str:
    return json.dumps(json.loads(document), sort_keys=True)
