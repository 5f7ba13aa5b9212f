import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from webhook.line import Line


def line(*, waiting: int = 0, running: int = 0, clock: Callable[[], float] = lambda: 0.0) -> Line:
    return Line(lambda _: waiting + running, lambda _: running, clock)


def test_each_that_comes_has_its_place_behind_those_that_run() -> None:
    tasks = line(running=1)
    assert [tasks.comes(3) for _ in range(4)] == [2, 3, 4, 5]


def test_who_waits_already_goes_first() -> None:
    assert line(waiting=2, running=1).comes(3) == 4


def test_a_count_is_good_for_a_second() -> None:
    lengths, now = iter([0, 7]), iter([10.0, 10.9, 11.1])
    tasks = Line(lambda _: next(lengths), lambda _: 0, lambda: next(now))
    assert [tasks.comes(2), tasks.comes(2)] == [1, 2]
    for _ in range(2):
        tasks.made(runs=True)
    assert tasks.comes(2) == 8


def test_what_is_still_being_made_counts_though_no_count_sees_it() -> None:
    tasks = line(clock=count(0, 60).__next__)
    assert [tasks.comes(2) for _ in range(3)] == [1, 2, 3]
    for _ in range(3):
        tasks.made(runs=True)
    assert tasks.comes(2) == 1


def test_nobody_waits_for_a_count_that_another_asked_for() -> None:
    begun, go_on, ticks = threading.Event(), threading.Event(), count(0, 60)
    first = True

    def in_line(_: int) -> int:
        nonlocal first
        if not first:
            begun.set()
            go_on.wait(10)
        first = False
        return 3

    tasks = Line(in_line, lambda _: 0, lambda: next(ticks))
    assert tasks.comes(9) == 4
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(tasks.comes, 9)
        begun.wait(10)
        assert tasks.comes(9) == 5
        tasks.made(runs=True)
        go_on.set()
        assert slow.result(10) == 3 + 1 + 1 + 1  # counted, coming, made meanwhile, itself


def test_those_who_ask_at_the_same_time_share_a_look() -> None:
    looks: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def running(most: int) -> int:
        looks.append(most)
        begun.set()
        go_on.wait(10)
        return most

    ticks = count()
    asked = threading.Semaphore(0)

    def clock() -> Any:
        asked.release()
        return next(ticks)

    tasks = Line(lambda _: 0, running, clock)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(tasks.running, 5)
        begun.wait(10)
        others = [pool.submit(tasks.running, 5) for _ in range(8)]
        for _ in range(10):  # the first one's two looks at the clock, and one of each other
            asked.acquire(timeout=10)
        go_on.set()
    assert {each.result() for each in (first, *others)} == {5}
    assert len(looks) == 2


def test_those_who_will_run_at_once_count_before_any_look_can_see_them() -> None:
    tasks = line()
    assert tasks.comes(2) == 1
    assert tasks.running(2) == 1
    tasks.made(runs=True)
    assert tasks.running(2) == 0


def test_a_line_is_long_if_as_many_wait_as_may_run() -> None:
    for waiting, expected in ((2, True), (1, False)):
        tasks = line(waiting=waiting, running=2)
        tasks.comes(2)
        assert tasks.is_long(2) == expected
