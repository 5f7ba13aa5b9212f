"""What is read from elsewhere and remembered for some seconds, by many threads."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Remembered(Generic[_T]):
    """Values by key. Where one thread reads a value anew, the others go on with one that was good a moment ago."""

    def __init__(self, read: Callable[[str], _T], seconds: float, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only grow."""
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[str, tuple[float, _T]] = {}
        self._reading: dict[str, threading.Lock] = {}

    def get(self, key: str, *, within: float | None = None) -> _T:
        """The value, no older than the seconds that were given here or at first, or twice that while it is read anew.

        Raises what reading it raises, and forgets it.
        """
        seconds = self._seconds if within is None else within
        now, seen = self._clock(), self._seen.get(key)
        if seen and now - seen[0] <= seconds:
            return seen[1]
        recent = seen is not None and now - seen[0] <= 2 * seconds
        reading = self._reading.setdefault(key, threading.Lock())
        if not reading.acquire(blocking=not recent) and seen:
            return seen[1]
        try:
            newer = self._seen.get(key)  # another may just have read it
            if newer is None or now - newer[0] > seconds:
                self._seen[key] = newer = now, self._read(key)
            return newer[1]
        except BaseException:
            self._seen.pop(key, None)
            raise
        finally:
            reading.release()
