"""Answers to who somebody is and what they may do, remembered for a bounded time and number of questions."""

from collections.abc import Callable
from typing import Generic, TypeVar

from tescore.errors import Unavailable
from tescore.retry import retried, until

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
WAITS = (0.2, 0.4, 0.8)
"""Seconds between tries to ask. Not more: a POST has to be done before its client sends it again."""
_SECONDS = 3.0
"""For tries to ask, of which one that finds silence leaves time for one more."""
_GRACE = 300.0
"""Seconds for which an answer serves on while there is no new one: one failed poll, and some clients give a task up."""
_AGAIN = 5.0
"""Seconds for which it does so before a new one is asked for again: that may take a while to fail."""


class Bounded(Generic[_Key, _Value]):
    """Of more than `most` answers the one that came first is forgotten."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[_Key, tuple[float, float, _Value]] = {}
        """With when a new one is due, and when it is good no more."""

    def get(self, key: _Key, ask: Callable[[], tuple[_Value, float]]) -> _Value:
        """The answer; `ask` returns a new one, and when it is good no more. Raises what asking does.

        Where a known one may serve on it is asked once, and all others are served with that meanwhile.
        """
        now = self._clock()
        due, ends, known = self._kept.get(key, (float("-inf"), float("-inf"), None))
        if known is not None and now < due:
            return known
        serves = known if now < ends else None
        if serves is not None:
            self._kept[key] = min(now + _AGAIN, ends), ends, serves
        try:
            value, ends = retried(ask, until(_SECONDS, WAITS) if serves is None else (), obeyed=2.0)
        except Unavailable:
            if serves is None:
                raise
            return serves
        except BaseException:
            self._kept.pop(key, None)
            raise
        self._kept.pop(key, None)
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = min(now + self._seconds, ends), min(now + self._seconds + _GRACE, ends), value
        return value
