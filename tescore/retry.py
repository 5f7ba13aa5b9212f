"""The one place where something is waited for by the clock and tried again."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tescore.errors import Transient

_T = TypeVar("_T")


def schedule(first: float = 0.2, most: float = 15.0, total: float = 300.0) -> list[float]:
    """Seconds to wait before each further try: doubled each time up to `most`, together about `total`."""
    waits: list[float] = []
    while sum(waits) < total:
        waits.append(min(most, first * 2 ** len(waits)))
    return waits


def until(seconds: float, waits: Iterable[float], clock: Callable[[], float] = time.monotonic) -> Iterator[float]:
    """Those of the waits that end within so many seconds, of which tries that take long leave few."""
    ends = clock() + seconds
    yield from itertools.takewhile(lambda wait: clock() + wait <= ends, waits)


def pause(seconds: float) -> None:
    """Waits before something is looked at again."""
    time.sleep(seconds)


def retried(
    call: Callable[[], _T],
    waits: Iterable[float],
    *,
    obeyed: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> _T:
    """What `call` returns, tried again after each wait while it raises Transient; then its last error.

    A wait is asked for before each try, so whoever gives them may stop in time.
    A Transient that knows how long to wait (`retry_after`) is obeyed, up to so many seconds.
    """
    for wait in waits:
        try:
            return call()
        except Transient as error:
            sleep(max(wait, min(obeyed, getattr(error, "retry_after", None) or 0.0)))
    return call()
