"""The few calls that a taskmaster makes to the Kubernetes API server; nothing of HTTP leaks out."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tescore import tails
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Expired, Missing, Refused, Unavailable
from tescore.retry import pause, retried, schedule
from tescore.session import Object, Session, path
from tescore.watch import changes, lines

_WATCH_SECONDS = 240
"""How long the API server keeps a watch open; then it is begun again from a fresh look."""

_IDLE_WATCH = 5.0
"""Seconds until a watch is begun again that ended without a change, at most: more the more of them end so."""

_CREATE_WAITS = (0.2,)
"""Seconds between tries to create what a task waits for: who waits longer says so, and can be cancelled meanwhile."""

_LOG_PATIENCE = 30.0
"""Seconds in which a kubelet that is away may come back; then a step is concluded without its log."""

_PATIENCE = 30.0
"""Seconds in which the API server has to say something."""

_T = TypeVar("_T")


class Kube:
    """The API server as the taskmaster's ServiceAccount sees it, in one namespace.

    Calls are tried again while the API server is away; they raise Missing, AlreadyExists, Conflict, Refused or
    Expired of tescore.errors, and Unavailable when it stays away for longer than the waits.
    """

    def __init__(self, session: Session, namespace: str, *, waits: Sequence[float] | None = None) -> None:
        self._cluster = Cluster(session, patience=_PATIENCE)
        self._namespace = namespace
        self._waits = schedule() if waits is None else waits
        self._create_waits = _CREATE_WAITS if waits is None else waits[:1]
        self._log_waits = schedule(total=_LOG_PATIENCE) if waits is None else waits

    def get(self, kind: str, name: str) -> Object | None:
        """The object, or None if there is none. Kinds are plurals with their group: `pods`, `batch/v1/jobs`."""
        try:
            return self._retried(lambda: self._cluster.get(self._path(kind, name)))
        except Missing:
            return None

    def listed(self, kind: str, *, fields: str) -> list[Object]:
        """All objects with these fields."""
        listed = self._cluster.listed
        return self._retried(lambda: list(listed(kind, self._namespace, "", fields=fields, whole=True)))

    def create(self, kind: str, body: Object, *, patient: bool = True) -> Object | None:
        """The object made, or None if one of that name is there: names are computed, so it is the same one.

        Raises Unavailable soon unless `patient`.
        """
        waits = self._waits if patient else self._create_waits
        try:
            return retried(lambda: self._cluster.create(self._path(kind), body), waits)
        except AlreadyExists:
            return None

    def patch(self, kind: str, name: str, body: Object) -> Object:
        """The object after a merge patch. Raises Conflict if the patch names a resourceVersion that has passed."""
        return self._retried(lambda: self._cluster.patch(self._path(kind, name), body))

    def delete(self, kind: str, name: str, *, uid: str = "", at_once: bool = False) -> bool:
        """Has the object deleted, and says whether there was one; what it owns is deleted after it.

        With a uid it is deleted only if it is that one, else Conflict is raised. A pod that goes `at_once` is gone
        before its node has looked.
        """
        try:
            self._retried(lambda: self._cluster.delete(self._path(kind, name), uid=uid, at_once=at_once))
        except Missing:
            return False
        return True

    def log_tail(self, pod: str, container: str, size: int) -> str:
        """The last `size` bytes of a container's log, with a mark where something before them was left out."""

        def read() -> str:
            query = {"container": container, "tailLines": str(size)}  # no line is shorter than a byte
            return tails.of(self._log(pod, query), size)

        return retried(read, self._log_waits) if size else ""

    def read_log(self, pod: str, container: str, read: Callable[[Iterator[str]], _T]) -> _T:
        """What `read` makes of the lines of a container's whole log as they come; it begins again if they break off."""

        def once() -> _T:
            return read(lines(self._log(pod, {"container": container})))

        return retried(once, self._log_waits)

    def follow(self, kind: str, name: str, version: str = "") -> Iterator[Object | None]:
        """The object each time it changes, None when it is not there; goes on for ever, over closed watches.

        With a resourceVersion it begins with the first change after that, else with the object as it is now.
        """
        idle = 0
        while True:
            if not version:
                listed = self._retried(lambda: self._cluster.get(self._path(kind), query=_only(name)))
                yield from listed["items"] or [None]
                version = listed["metadata"]["resourceVersion"]
            idle += 1
            for seen in self._watched(kind, name, version):
                idle = 0
                yield seen
            pause(min(_IDLE_WATCH, _IDLE_WATCH / 50 * idle))
            version = ""

    def _watched(self, kind: str, name: str, version: str) -> Iterator[Object | None]:
        """The changes in one watch, until the API server or the network ends it."""
        query = {**_only(name), "watch": "1", "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
        try:
            silence = _WATCH_SECONDS + 30
            watch = self._retried(lambda: self._cluster.stream(self._path(kind), query=query, silence=silence))
            for change in changes(watch):
                yield None if change["type"] == "DELETED" else change["object"]
        except (Unavailable, Refused, Expired):
            return  # the look that follows says whether it is for good

    def _retried(self, call: Callable[[], _T]) -> _T:
        return retried(call, self._waits)

    def _log(self, pod: str, query: dict[str, str]) -> Iterator[bytes]:
        return self._cluster.stream(self._path("pods", pod, "log"), query=query, silence=_PATIENCE).body

    def _path(self, kind: str, name: str = "", part: str = "") -> str:
        return path(kind, self._namespace, name, part)


def _only(name: str) -> dict[str, str]:
    return {"fieldSelector": f"metadata.name={name}"}
