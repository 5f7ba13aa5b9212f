"""Changes of several objects, each followed by a thread of its own, in one queue."""

import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import NamedTuple

from tescore.session import Object


class Change(NamedTuple):
    kind: str
    """A plural of Kubernetes', or `reports` for what a pod's filer told by itself."""
    name: str
    object: Object | None
    """None when it is not there."""


class Watches:
    """`next` waits for a change of whatever is followed; what breaks a follower is raised there too."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Change | Exception] = SimpleQueue()

    def follow(
        self, kind: str, name: str, shown: Iterable[Object | None], until: Callable[[Object | None], bool]
    ) -> None:
        """Puts each sight of an object into the queue, up to and with the first for which `until` is true."""
        threading.Thread(target=self._run, args=(kind, name, shown, until), daemon=True).start()

    def put(self, change: Change) -> None:
        """A change that was not seen by following."""
        self._queue.put(change)

    def next(self, timeout: float | None = None) -> Change:
        """The next change. Raises queue.Empty after `timeout` seconds without one."""
        change = self._queue.get(timeout=timeout)
        if isinstance(change, Exception):
            raise change
        return change

    def _run(
        self, kind: str, name: str, shown: Iterable[Object | None], until: Callable[[Object | None], bool]
    ) -> None:
        try:
            for seen in shown:
                self._queue.put(Change(kind, name, seen))
                if until(seen):
                    return
        except Exception as error:  # a thread's failure is the main thread's to raise
            self._queue.put(error)
