"""How many tasks of one tenant run or wait for room, as one process knows it, which asks Kubernetes seldom."""

import threading
from collections.abc import Callable

_GOOD_FOR = 1.0
"""Seconds that a count of the line is used, with those that have come since."""

Count = Callable[[int], int]
"""Asks Kubernetes for a number, which need not be counted further than the argument."""


class Line:
    """Safe to use from many threads; a burst of tasks costs a few counts, not one or two for each."""

    def __init__(self, in_line: Count, running: Count, clock: Callable[[], float]) -> None:
        """`in_line` counts those that run or wait."""
        self._in_line = in_line
        self._running = running
        self._clock = clock
        self._lock = threading.Lock()
        self._counted_at = self._looked_at = float("-inf")
        self._length = 0
        """The last count and all that have come since."""
        self._coming = 0
        """How many have come and are still being made, so that a count may not see them."""
        self._full = False

    def comes(self, most: int) -> bool:
        """One more comes, for which `made` will be called; whether it is among the first `most`."""
        with self._lock:
            now = self._clock()
            if now - self._counted_at >= _GOOD_FOR:
                self._length = self._in_line(most) + self._coming
                self._counted_at = now
            self._coming += 1
            self._length += 1
            return self._length <= most

    def made(self) -> None:
        """One that came can be counted now, or has failed."""
        with self._lock:
            self._coming -= 1

    def is_full(self, most: int) -> bool:
        """Whether `most` run, by a look that begins after this call; those who want one at the same time share it."""
        called = self._clock()
        with self._lock:
            if self._looked_at <= called:
                now = self._clock()
                self._full = self._running(most) >= most
                self._looked_at = now
            return self._full
