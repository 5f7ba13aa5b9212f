"""How far a run has come, told now and then."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tescore import report


class Progress:
    """Counts files and bytes, and tells them every few seconds if there are more; a short run tells nothing.

    `arriving` says how many bytes of files are there that have not arrived whole.
    """

    def __init__(
        self, tell: Callable[[str], None], *, every: float = 5.0, arriving: Callable[[], int] = lambda: 0
    ) -> None:
        self._tell = tell
        self._every = every
        self._arriving = arriving
        self._began = time.monotonic()
        self._files = self._size = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._telling, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def moved(self, size: int) -> None:
        """A file has moved."""
        self._files += 1
        self._size += size

    def _telling(self) -> None:
        told = (0, 0)
        while not self._over.wait(self._every):
            now = (self._files, self._size + self._arriving())
            if now != told:
                told = now
                self._tell(report.progress(*now, time.monotonic() - self._began))
