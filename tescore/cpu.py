"""Work for the processor, which must not keep the server's one thread from its other connections."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import gevent
from gevent.threadpool import ThreadPool

_T = TypeVar("_T")
_SMALL = 64 * 1024
"""Bytes that are worked on at once: it takes some milliseconds, as handing them to a thread under load does."""


def run(size: int, work: Callable[[], _T]) -> _T:
    """The result of work on so many bytes. What is large is done in a thread of its own, one after the other.

    So the memory that work takes beside its result is needed once. It must not speak with anybody.
    """
    if size <= _SMALL:
        return work()
    done: _T = _thread(gevent.get_hub()).apply(work)
    return done


@functools.cache
def _thread(hub: Any) -> ThreadPool:
    return ThreadPool(1, hub)
