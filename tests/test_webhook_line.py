import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count

import pytest

from webhook.line import Line


def line(*, running: int = 0, clock: Callable[[], float] = lambda: 0.0) -> Line:
    return Line(lambda _: running, clock)


def comes(tasks: Line, most: int) -> bool:
    """Whether there was room for one more, which has been made."""
    with tasks.place(most) as runs:
        return runs


def test_each_that_comes_has_a_place_until_as_many_run_as_may() -> None:
    tasks = line(running=1)
    assert [comes(tasks, 3) for _ in range(4)] == [True, True, False, False]


def test_a_count_goes_no_further_than_as_many_as_may_run() -> None:
    asked: list[int] = []

    def running(most: int) -> int:
        asked.append(most)
        return most

    assert not comes(Line(running, lambda: 0.0), 7)
    assert asked == [7]


def test_a_count_is_good_for_a_second() -> None:
    counts, now = iter([0, 7]), iter([10.0, 10.9, 11.1])
    tasks = Line(lambda _: next(counts), lambda: next(now))
    assert [comes(tasks, 2), comes(tasks, 2)] == [True, True]
    assert not comes(tasks, 7)


def test_what_ends_makes_room_as_soon_as_it_is_counted_anew() -> None:
    tasks = line(clock=count(0, 60).__next__)
    assert [comes(tasks, 1) for _ in range(3)] == [True, True, True]


def test_what_is_still_being_made_counts_though_no_count_sees_it() -> None:
    tasks = line(clock=count(0, 60).__next__)
    with ExitStack() as made:
        assert [made.enter_context(tasks.place(2)) for _ in range(3)] == [True, True, False]
    assert comes(tasks, 2)


def fails(tasks: Line, most: int) -> None:
    with tasks.place(most) as runs:
        assert runs
        raise ConnectionError


def test_what_fails_while_it_is_made_takes_room_only_until_the_next_count() -> None:
    tasks = line(clock=count(0, 60).__next__)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            fails(tasks, 1)


def test_nobody_waits_for_a_count_that_another_asked_for() -> None:
    begun, go_on, ticks = threading.Event(), threading.Event(), count(0, 60)
    first = True

    def running(_: int) -> int:
        nonlocal first
        if not first:
            begun.set()
            go_on.wait(10)
        first = False
        return 3

    tasks = Line(running, lambda: next(ticks))
    assert comes(tasks, 4)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(comes, tasks, 5)
        begun.wait(10)
        assert comes(tasks, 5)
        go_on.set()
        assert slow.result(10)  # counted 3, and one was made meanwhile
