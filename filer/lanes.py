"""Calls on a few threads at a time."""

import math
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Self, TypeVar

from filer.errors import Late

_T = TypeVar("_T")

_OPEN = 2000
"""Calls that are given and not delivered, at most: so many that a large file does not hold up those behind it."""


class Lanes(Generic[_T]):
    """Makes calls on several threads, and delivers what they return in the order in which they were given.

    Delivered is on the thread that gives. What a call raises is raised there as soon as it is known, whatever was given
    before it; what is not begun then is dropped, and what is under way is not waited for.
    """

    def __init__(self, threads: int, deliver: Callable[[_T], None], *, until: float = math.inf) -> None:
        """`until`: when Late is raised, by time.monotonic."""
        self._pool = ThreadPoolExecutor(threads)
        self._deliver = deliver
        self._until = until
        self._ended: queue.SimpleQueue[tuple[int, Future[_T]]] = queue.SimpleQueue()
        self._results: dict[int, _T] = {}
        self._given = self._returned = self._delivered = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def give(self, call: Callable[[], _T]) -> None:
        """Has a call made, once there is room."""
        while self._given - self._delivered >= _OPEN:
            self._take()
        number = self._given
        self._given += 1
        self._pool.submit(call).add_done_callback(lambda future: self._ended.put((number, future)))
        while not self._ended.empty():
            self._take()

    def settle(self) -> None:
        """Waits until all that was given is delivered."""
        while self._delivered < self._given:
            self._take()

    def _take(self) -> None:
        left = self._until - time.monotonic()
        try:
            number, future = self._ended.get(timeout=max(0.0, left) if left < math.inf else None)
        except queue.Empty as error:
            raise Late("the time for all transfers is over") from error
        self._results[number] = future.result()
        while self._delivered in self._results:
            done = self._results.pop(self._delivered)
            self._delivered += 1
            self._deliver(done)
