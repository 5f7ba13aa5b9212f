"""How far a run has come."""

import json
import queue

from filer.progress import Progress


def test_a_run_tells_what_has_moved_and_what_is_there_of_the_rest() -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    with Progress(told.put, every=0.01, arriving=lambda: 5) as progress:
        progress.moved(100)
        progress.moved(20)
        seen = json.loads(told.get(timeout=30))["progress"]
        while seen["files"] < 2:
            seen = json.loads(told.get(timeout=30))["progress"]
    assert (seen["files"], seen["bytes"]) == (2, 125)


def test_a_run_that_does_not_get_on_says_so_once() -> None:
    told: list[str] = []
    turns = iter(range(10))
    over: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def arriving() -> int:
        if next(turns, None) is None:
            over.put(True)
        return 7

    with Progress(told.append, every=0.001, arriving=arriving):
        over.get(timeout=30)
    assert len(told) == 1


def test_a_short_run_tells_nothing() -> None:
    told: list[str] = []
    with Progress(told.append, every=60) as progress:
        progress.moved(1)
    assert told == []
