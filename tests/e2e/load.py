"""Requests that are sent all the while that a test changes something."""

import threading
import time
from collections.abc import Callable

from tests.campaigns.load import Failed


class Load:
    """Requests one after the other from several threads, with a pause after each, until a block ends."""

    def __init__(self, *requests: Callable[[int], None], pause: float = 0.2) -> None:
        self._pause = pause
        self.counts = [0] * len(requests)
        self.failures = [dict[float, str]() for _ in requests]
        """Of each thread's, by the time."""
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=each) for each in enumerate(requests)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int, request: Callable[[int], None]) -> None:
        while not self._over.wait(self._pause):
            try:
                request(self.counts[number])
            except (AssertionError, Failed, OSError) as error:
                self.failures[number][time.monotonic()] = repr(error)
            self.counts[number] += 1
