"""How long and how often a transfer that failed is tried again: the one place where the filer does."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from filer.errors import Interrupted, Late
from tescore import retry

_T = TypeVar("_T")

_FIRST, _MOST = 0.5, 30.0
"""Seconds of the first wait, which doubles with each further one, and of the longest."""
_QUIET = 90.0
"""Seconds after which an attempt in which nothing moves has ended: it waits for a connection, and for an answer."""
_LONG = 10
"""Attempts longer than that, on end, of which none came further than the best."""
_IN_A_ROW = 10
"""Transfers that a storage may fail one after the other until the next ones are not tried."""


@dataclass(slots=True)
class Patience:
    """Shared by all transfers of a run, from any thread.

    A storage that was waited for in vain is not waited for again until something succeeds there: else a thousand files
    wait as long for one that is away.
    """

    seconds: float
    """How long a transfer may fail, counted anew when it has come further.

    Where it does not say how far it came, an attempt that took longer than a silent one can has moved something: its
    time does not count. As it may be the same each time, their number does.
    """
    draw: Callable[[], float]
    """A number from 0 to 1 that is another each time, so that many filers do not come back at the same moment."""
    until: float = math.inf
    """When the time for all transfers is over, by the clock."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = retry.pause
    _given_up: dict[str, list[Interrupted]] = field(default_factory=dict)
    """By storage: why transfers were given up, since the last one that succeeded."""
    _troubles: dict[int, Interrupted] = field(default_factory=dict)
    """By thread: the first error of what is being tried again."""

    def carried(self, call: Callable[[], _T], storage: str) -> _T:
        """What `call` returns, tried again while it raises Interrupted; then its first error, with its last one.

        Raises Late where the time for all is over.
        """
        in_vain = self._given_up.get(storage, [])
        if len(in_vain) >= _IN_A_ROW:
            raise Interrupted(f"{in_vain[-1]}; not tried, after {len(in_vain)} others failed there")
        try:
            result = self._tried(call, waiting=not in_vain)
        except Interrupted as error:
            self._given_up.setdefault(storage, []).append(error)
            raise
        finally:
            self._troubles.pop(threading.get_ident(), None)
        self._given_up.pop(storage, None)
        return result

    def troubles(self) -> str:
        """The first errors of what is tried again at this moment, in brackets; nothing where all goes well."""
        told = sorted({str(error) for error in list(self._troubles.values())})
        return f" ({'; '.join(told)})" if told else ""

    def _tried(self, begin: Callable[[], _T], *, waiting: bool) -> _T:
        call = begin
        first: Interrupted | None = None
        last: Interrupted | None = None
        began, tries, long, moved = 0.0, 0, 0, 0
        while (at := self.clock()) < self.until:
            try:
                return call()
            except Interrupted as error:
                now = self.clock()
                if first is None or error.moved > moved:
                    first, began, tries, long, moved = error, now, 0, 0, error.moved
                elif now - at > _QUIET:
                    began, long = began + now - at, long + 1
                tries += 1
                self._troubles[threading.get_ident()] = first
                wait = max(min(_MOST, _FIRST * 2.0**tries) * (0.25 + self.draw() / 2), error.retry_after or 0.0)
                seconds = self.seconds if error.worth is None else min(error.worth, self.seconds)
                if not waiting or long >= _LONG or now + wait > began + seconds:
                    error.undo()
                    raise _both(first, error, tries) from error
                call, last = error.going_on or begin, error
            self.sleep(min(wait, max(0.0, self.until - self.clock())))
        if last:
            last.undo()
        raise Late("the time for all transfers is over" + self.troubles())


def _both(first: Interrupted, last: Interrupted, tries: int) -> Interrupted:
    if str(first) == str(last):
        return last
    return Interrupted(f"{first}; and at the last of {tries} tries: {last}")


def storage(url: str) -> str:
    """What is away as a whole: scheme and host of a URL, or the bucket. Not to be told: it may hold a password."""
    return "/".join(url.split("/")[:3])
