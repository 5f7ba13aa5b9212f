"""The output of executors: what is kept of it, and what they write now."""

from collections.abc import Generator, Mapping
from contextlib import closing

from api import output
from api.access.authorization import Judge
from api.output import Output
from api.store import Store
from api.streams import paced
from tescore import cpu, listing, naming, tails
from tescore.cluster import Cluster
from tescore.connections import Answer
from tescore.errors import Misconfigured, Missing, Refused, TaskNotFound, Transient
from tescore.record import Record
from tescore.retry import pause
from tescore.session import path

_TAIL = 64 * 1024
"""Bytes of what an executor wrote up to now that are shown at once, as many as are kept of it later."""
_PATIENCE = 9.0
"""Seconds that a node may take to show the next piece of a log, where nobody follows it."""
_LOOK = 1.0
"""Seconds between two looks at a task of which nothing is to be had yet."""


class NotBegun(Transient):
    """The pod's container has not begun, and so has no log."""

    reason = "NotBegun"


class LiveLog:
    """The output of one tenant's executors."""

    def __init__(self, cluster: Cluster, namespace: str, store: Store) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._store = store

    def now(self, task_id: str, executor: int, stream: str, judge: Judge) -> bytes:
        """What there is at this moment, the last of it.

        Raises TaskNotFound, OutputNotFound, Misconfigured and Unavailable.
        """
        seen = self._store.get(task_id, judge)
        wanted = _output(seen, executor, stream)
        kept = output.stored(seen, wanted)
        if kept is not None:
            return _encoded(kept)
        pod = self._pod(seen, executor) if wanted.in_pod else None
        return _encoded(self._tail(pod[0])) if pod else b""

    def follow(self, task_id: str, executor: int, stream: str, judge: Judge) -> Generator[bytes | None, None, None]:
        """All of it as it comes, until the executor has ended; None about once a second while nothing does.

        Raises TaskNotFound and OutputNotFound at once, and nothing later.
        """
        seen = self._store.get(task_id, judge)
        return self._followed(seen._replace(document=""), _output(seen, executor, stream))

    def _followed(self, seen: Record, wanted: Output) -> Generator[bytes | None, None, None]:
        uid, sent, any_sent = "", 0, False
        while (kept := output.stored(seen, wanted)) is None:
            try:
                pod = self._pod(seen, wanted.executor) if wanted.in_pod else None
                if pod:
                    uid, sent = pod[1], sent if pod[1] == uid else 0
                    with closing(self._written(pod[0], sent)) as written:
                        for chunk in written:
                            sent += len(chunk or b"")
                            any_sent = any_sent or bool(chunk)
                            yield chunk
            except (Transient, Missing):
                pass  # it has not begun, has just gone, or its node is away: the next look says which
            yield None
            pause(_LOOK)
            try:
                seen = self._again(seen)
            except Transient:
                continue
            except (Missing, TaskNotFound, Misconfigured):
                return
        if kept and not any_sent:
            yield _encoded(kept)

    def _again(self, seen: Record) -> Record:
        """The record as it is now, read only if it has changed. Raises Missing if another task has its name."""
        where = path("configmaps", self._namespace, seen.task_id)
        metadata = self._cluster.get(where, accept=listing.METADATA_OF_ONE)["metadata"]
        if metadata["uid"] != seen.uid:
            raise Missing(f"The task {seen.task_id} has been removed.")
        unchanged = metadata["resourceVersion"] == seen.resource_version
        return seen if unchanged else self._store.read(seen.task_id)._replace(document="")

    def _pod(self, seen: Record, executor: int) -> tuple[str, str] | None:
        """Name and uid of the executor's pod."""
        labels = ",".join(f"{key}={value}" for key, value in naming.labels(seen.task_id, "executor").items())
        try:
            found = output.newest_pod(self._cluster.listed("pods", self._namespace, labels), seen, executor)
        except Refused as error:
            raise Misconfigured(str(error)) from error
        return (found["name"], found["uid"]) if found else None

    def _tail(self, pod: str) -> str:
        try:
            return tails.of(self._read(pod, {"tailLines": str(_TAIL)}, silence=_PATIENCE).body, _TAIL)
        except (Missing, NotBegun):
            return ""

    def _written(self, pod: str, sent: int) -> Generator[bytes | None, None, None]:
        """What a pod writes until it ends, without the bytes that were sent before the connection broke."""
        with closing(paced(self._read(pod, {"follow": "true"}, silence=None).body)) as chunks:
            for chunk in chunks:
                if chunk is None:
                    yield None
                elif len(chunk) > sent:
                    yield chunk[sent:]
                    sent = 0
                else:
                    sent -= len(chunk)

    def _read(self, pod: str, query: Mapping[str, str], *, silence: float | None) -> Answer:
        """The pod's log. Raises Missing if the pod has gone, and NotBegun."""
        try:
            where, of_executor = path("pods", self._namespace, pod, "log"), {"container": "executor", **query}
            return self._cluster.stream(where, query=of_executor, silence=silence)
        except Refused as error:
            if error.code == 400:
                raise NotBegun(str(error)) from error
            raise Misconfigured(str(error)) from error


def _output(seen: Record, executor: int, stream: str) -> Output:
    return cpu.run(len(seen.document), lambda: output.output(seen, executor, stream))


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")
