"""How many tasks of one tenant run or wait for room, as one process knows it, which asks Kubernetes seldom.

Nobody waits for an answer of Kubernetes that another asked for, but where it is the first one or must be new: on a busy
node it may take seconds.
"""

import threading
from collections.abc import Callable

_GOOD_FOR = 1.0
"""Seconds that a count of the line is used, with those that have come since."""
_NEVER = float("-inf")

Count = Callable[[int], int]
"""Asks Kubernetes for a number, which need not be counted further than the argument."""


class Line:
    """Safe to use from many threads; a burst of tasks costs a few counts, not one or two for each."""

    def __init__(self, in_line: Count, running: Count, clock: Callable[[], float]) -> None:
        """`in_line` counts those that run or wait."""
        self._in_line = in_line
        self._running = running
        self._clock = clock
        self._numbers, self._counting, self._looking = threading.Lock(), threading.Lock(), threading.Lock()
        self._counted_at = self._looked_at = _NEVER
        self._counted = self._length = 0
        """The last count, and that with all that have come since."""
        self._coming = self._made = 0
        """How many are being made, and were made since the last count began, so that it may not have seen them."""
        self._starting = 0
        """How many of those being made will run at once."""
        self._run = 0

    def comes(self, most: int) -> int:
        """One more comes, for which `made` will be called. Its place in the line, true as far as `most`."""
        self._count(2 * most)
        with self._numbers:
            self._coming += 1
            self._length += 1
            self._starting += self._length <= most
            return self._length

    def made(self, *, runs: bool) -> None:
        """One that came can be counted now, or has failed; `runs` if its place was among the first."""
        with self._numbers:
            self._coming -= 1
            self._made += 1
            self._starting -= runs

    def is_long(self, most: int) -> bool:
        """Whether as many wait as may run, by the last count: all those will end after one that comes now is made."""
        return self._counted >= 2 * most

    def running(self, most: int) -> int:
        """How many run or will at once, true as far as `most`, by a look that begins after this call.

        Those who want one at the same time share it.
        """
        called, starting = self._clock(), self._starting
        with self._looking:
            if self._looked_at <= called:
                now = self._clock()
                self._run = self._running(most)
                self._looked_at = now
            return self._run + starting

    def _count(self, enough: int) -> None:
        """Counts anew if the last count is old and nobody counts at this moment."""
        now = self._clock()
        if now - self._counted_at < _GOOD_FOR or not self._counting.acquire(blocking=self._counted_at == _NEVER):
            return
        try:
            if now - self._counted_at >= _GOOD_FOR:
                with self._numbers:
                    self._made = 0
                counted = self._in_line(enough)
                with self._numbers:
                    self._counted, self._length = counted, counted + self._coming + self._made
                    self._counted_at = now
        finally:
            self._counting.release()
