"""The parts in which a large object of S3 moves: where they lie, and how those move that have not yet."""

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

from filer.errors import Interrupted

PART = 8 * 1024 * 1024
"""Bytes up to which an object moves in one request; a larger one goes in parts of at least this size."""
_MOST_PARTS = 2000
_AT_ONCE = 8
"""Parts of large files on their way at the same time, whatever the number of files."""


@dataclass(frozen=True, slots=True)
class Parts:
    size: int
    """Bytes of all together."""

    @property
    def number(self) -> int:
        return -(-self.size // self._length)

    def place(self, number: int) -> tuple[int, int]:
        """Where a part begins, and its bytes."""
        first = number * self._length
        return first, min(self._length, self.size - first)

    @property
    def _length(self) -> int:
        """Bytes of each part but the last one."""
        return max(PART, -(-self.size // _MOST_PARTS))


def moved(
    parts: Parts,
    calls: Mapping[int, Callable[[], None]],
    going_on: Callable[[list[int]], Callable[[], object]],
) -> None:
    """Makes the calls for the parts that are missing, many at a time. Raises the first error, when none is under way.

    What that says is to be called next is what `going_on` makes of the missing ones, unless it is Anew.
    """
    under_way = {part: _threads().submit(call) for part, call in calls.items()}
    wait(under_way.values(), return_when=FIRST_EXCEPTION)
    for future in under_way.values():
        future.cancel()
    wait(under_way.values())  # none may move what is begun anew
    missing = [part for part, future in under_way.items() if future.cancelled() or future.exception()]
    errors = [error for part in missing if not under_way[part].cancelled() and (error := under_way[part].exception())]
    if errors:
        error = errors[0]
        if isinstance(error, Interrupted) and not isinstance(error, Anew):
            error.going_on = going_on(missing)
            error.moved = sum(parts.place(part)[1] for part in range(parts.number) if part not in missing)
        raise error


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE)


class Anew(Interrupted):
    """The parts that have moved are worth nothing any more."""
