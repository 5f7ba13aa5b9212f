"""The output of executors: what is kept of it, and what they write now."""

from collections.abc import Generator

from api import output
from api.access.authorization import Judge
from api.pump import Pump
from api.store import Store
from tescore import naming, tails
from tescore.cluster import Cluster, path
from tescore.errors import Misconfigured, Missing, Refused, TaskNotFound, Transient
from tescore.record import Record
from tescore.retry import pause

_TAIL = 64 * 1024
"""Bytes of what an executor wrote up to now that are shown at once, as many as are kept of it later."""
_PATIENCE = 9.0
"""Seconds that a node may take to show the next piece of a log, where nobody follows it."""
_LOOK = 1.0
"""Seconds between two looks at a task of which nothing is to be had yet."""


class LiveLog:
    """The output of one tenant's executors."""

    def __init__(self, cluster: Cluster, namespace: str, store: Store) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._store = store

    def now(self, task_id: str, executor: int, stream: str, judge: Judge) -> bytes:
        """What there is at this moment, the last of it. Raises TaskNotFound, OutputNotFound and Unavailable."""
        seen = self._store.get(task_id, judge)
        kept = output.stored(seen, executor, stream)
        if kept is not None:
            return _encoded(kept)
        pod = self._pod(seen, executor) if output.is_in_pod(seen, executor, stream) else None
        return _encoded(self._tail(pod[0])) if pod else b""

    def follow(self, task_id: str, executor: int, stream: str, judge: Judge) -> Generator[bytes | None, None, None]:
        """All of it as it comes, until the executor has ended; None about once a second while nothing does.

        Raises TaskNotFound and OutputNotFound at once, and nothing later.
        """
        seen = self._store.get(task_id, judge)
        output.stored(seen, executor, stream)
        return self._followed(seen, executor, stream, judge)

    def _followed(self, seen: Record, executor: int, stream: str, judge: Judge) -> Generator[bytes | None, None, None]:
        uid, sent, any_sent = "", 0, False
        while (kept := output.stored(seen, executor, stream)) is None:
            try:
                pod = self._pod(seen, executor) if output.is_in_pod(seen, executor, stream) else None
                if pod:
                    uid, sent = pod[1], sent if pod[1] == uid else 0
                    for chunk in self._written(pod[0], sent):
                        sent += len(chunk or b"")
                        any_sent = any_sent or bool(chunk)
                        yield chunk
            except (Transient, Missing, Refused):
                pass  # it has not begun, has just gone, or its node is away: the next look says which
            yield None
            pause(_LOOK)
            try:
                seen = self._store.get(seen.task_id, judge)
            except Transient:
                continue
            except (TaskNotFound, Misconfigured):
                return
        if kept and not any_sent:
            yield _encoded(kept)

    def _pod(self, seen: Record, executor: int) -> tuple[str, str] | None:
        """Name and uid of the executor's pod."""
        labels = ",".join(f"{key}={value}" for key, value in naming.labels(seen.task_id, "executor").items())
        found = output.newest_pod(self._cluster.listed("pods", self._namespace, labels), seen, executor)
        return (found["name"], found["uid"]) if found else None

    def _tail(self, pod: str) -> str:
        try:
            stream = self._cluster.stream(self._log(pod), query={"tailLines": str(_TAIL)}, silence=_PATIENCE)
            return tails.of(stream.chunks(), _TAIL)
        except (Missing, Refused):
            return ""  # its container has not begun

    def _written(self, pod: str, sent: int) -> Generator[bytes | None, None, None]:
        """What a pod writes until it ends, without the bytes that were sent before the connection broke."""
        stream = self._cluster.stream(self._log(pod), query={"follow": "true"})
        for chunk in Pump(stream.chunks(), stream.stop).items():
            if chunk is None:
                yield None
            elif len(chunk) > sent:
                yield chunk[sent:]
                sent = 0
            else:
                sent -= len(chunk)

    def _log(self, pod: str) -> str:
        return f"{path('pods', self._namespace, pod)}/log"


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")
