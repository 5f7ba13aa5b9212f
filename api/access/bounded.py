"""What was found out a moment ago, for a bounded time and number of things."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Bounded(Generic[_Key, _Value]):
    """Safe to use from many threads; of more than `most` things the one that came first is forgotten."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._things: dict[_Key, tuple[float, _Value]] = {}

    def get(self, key: _Key, *, grace: float = 0.0) -> _Value | None:
        """What is remembered, also for so many seconds after its time."""
        with self._lock:
            until, value = self._things.get(key, (float("-inf"), None))
            return value if self._clock() < until + grace else None

    def put(self, key: _Key, value: _Value, *, until: float) -> None:
        with self._lock:
            self._things.pop(key, None)
            if len(self._things) >= self._most:
                del self._things[next(iter(self._things))]
            self._things[key] = until, value
