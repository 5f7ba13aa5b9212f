"""Answers to who somebody is and what they may do, remembered for a bounded time and number of questions."""

from collections.abc import Callable
from typing import Generic, TypeVar

from tescore.errors import Unavailable

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
WAITS = (0.2, 0.4, 0.8)
"""Seconds between tries to ask. Not more: a POST has to be done before its client sends it again."""
_GRACE = 300.0
"""Seconds for which an answer serves on while there is no new one: one failed poll, and some clients give a task up."""


class Bounded(Generic[_Key, _Value]):
    """Of more than `most` answers the one that came first is forgotten."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[_Key, tuple[float, float, _Value]] = {}

    def get(self, key: _Key, ask: Callable[[], tuple[_Value, float]]) -> _Value:
        """The answer; `ask` returns a new one, and when it is good no more. Raises what asking does."""
        now = self._clock()
        asked, ends, known = self._kept.get(key, (float("-inf"), float("-inf"), None))
        if known is not None and now < min(asked + self._seconds, ends):
            return known
        try:
            value, ends_then = ask()
        except Unavailable:
            if known is None or now >= min(asked + self._seconds + _GRACE, ends):
                raise
            return known
        self._kept.pop(key, None)
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = now, ends_then, value
        return value
