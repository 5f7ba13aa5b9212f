"""What comes when it comes, taken out of a source that blocks without being blocked by it."""

import queue
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Generic, TypeVar

_T = TypeVar("_T")
_LOOK = 1.0
"""Seconds between two looks at whether anybody still wants it."""
_AHEAD = 8
"""Items that are read before they are asked for."""


class _End:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


class Pump(Generic[_T]):
    """Reads a source in a thread of its own; `stop` makes the source end, from outside of that thread."""

    def __init__(self, source: Generator[_T, None, None], stop: Callable[[], None]) -> None:
        self._source = source
        self._stop = stop
        self._items: queue.Queue[_T | _End] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def items(self) -> Generator[_T | None, None, None]:
        """The items as they come, and None at least once a second while none does.

        Ends with the source, in its error if it has one. Closing this iterator stops the source.
        """
        try:
            while True:
                item: _T | _End | None = None
                with suppress(queue.Empty):
                    item = self._items.get(timeout=_LOOK)
                if isinstance(item, _End):
                    if item.error is not None:
                        raise item.error
                    return
                yield item
        finally:
            self._closed.set()
            self._stop()

    def _run(self) -> None:
        end = _End()
        try:
            for item in self._source:
                if not self._put(item):
                    return
        except Exception as error:  # noqa: BLE001 - it is raised where the items are taken out
            end = _End(error)
        finally:
            self._source.close()
        self._put(end)

    def _put(self, item: _T | _End) -> bool:
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._items.put(item, timeout=_LOOK)
                return True
        return False
