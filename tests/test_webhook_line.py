import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from webhook.line import Line


def line(*, waiting: int = 0, running: int = 0, clock: Callable[[], float] = lambda: 0.0) -> Line:
    return Line(lambda _: waiting + running, lambda _: running, clock)


def test_as_many_run_as_may_and_the_others_wait() -> None:
    tasks = line(running=1)
    assert [tasks.comes(3) for _ in range(4)] == [True, True, False, False]


def test_who_waits_already_goes_first() -> None:
    assert not line(waiting=2, running=1).comes(3)


def test_a_count_is_good_for_a_second() -> None:
    lengths, now = iter([0, 2]), iter([10.0, 10.9, 11.1])
    tasks = Line(lambda _: next(lengths), lambda _: 0, lambda: next(now))
    assert [tasks.comes(2) for _ in range(3)] == [True, True, False]


def test_what_is_still_being_made_counts_though_no_count_sees_it() -> None:
    tasks = line(clock=count(0, 60).__next__)
    assert [tasks.comes(2) for _ in range(3)] == [True, True, False]
    for _ in range(3):
        tasks.made()
    assert tasks.comes(2)


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
        first = pool.submit(tasks.is_full, 5)
        begun.wait(10)
        others = [pool.submit(tasks.is_full, 5) for _ in range(8)]
        for _ in range(10):  # the first one's two looks at the clock, and one of each other
            asked.acquire(timeout=10)
        go_on.set()
    assert first.result()
    assert all(other.result() for other in others)
    assert len(looks) == 2
