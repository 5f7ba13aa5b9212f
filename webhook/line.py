"""How many tasks of one tenant run, as one process knows it, which asks Kubernetes seldom."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_GOOD_FOR = 1.0
"""Seconds that a count is used, with those that have come since."""
_NEVER = float("-inf")


class Line:
    """Safe to use from many threads; a burst of tasks costs a few counts, not one for each.

    Nobody waits for a count that another asked for, but for the first: on a busy node it may take seconds.
    """

    def __init__(self, count: Callable[[int], int], clock: Callable[[], float]) -> None:
        """`count` asks Kubernetes, and need not count further than its argument."""
        self._ask = count
        self._clock = clock
        self._numbers, self._counting = threading.Lock(), threading.Lock()
        self._counted_at = _NEVER
        self._running = 0
        """The last count, and all that have come since."""
        self._coming = self._made = 0
        """How many are being made, and were made since the last count began, so that it may not have seen them."""

    @contextmanager
    def place(self, most: int) -> Iterator[bool]:
        """Whether there is room for one more, which is made meanwhile or fails."""
        self._count(most)
        with self._numbers:
            runs = self._running < most
            self._running += runs
            self._coming += runs
        try:
            yield runs
        finally:
            with self._numbers:
                self._coming -= runs
                self._made += runs

    def _count(self, most: int) -> None:
        """Counts anew if the last count is old and nobody counts at this moment."""
        now = self._clock()
        if now - self._counted_at < _GOOD_FOR or not self._counting.acquire(blocking=self._counted_at == _NEVER):
            return
        try:
            if now - self._counted_at >= _GOOD_FOR:
                with self._numbers:
                    self._made = 0
                counted = self._ask(most)
                with self._numbers:
                    self._running = counted + self._coming + self._made
                    self._counted_at = now
        finally:
            self._counting.release()
