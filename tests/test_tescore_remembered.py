import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from tescore.remembered import Remembered


def test_a_value_is_read_again_only_after_its_time_and_each_for_itself() -> None:
    now, reads = 0.0, count(1)
    values = Remembered(lambda _: next(reads), 3.0, lambda: now)
    assert [values.get("a"), values.get("a"), values.get("b")] == [1, 1, 2]
    now = 3.1
    assert [values.get("a"), values.get("a")] == [3, 3]


def test_while_one_reads_anew_the_others_go_on_with_what_was_known() -> None:
    now, begun, go_on = 0.0, threading.Event(), threading.Event()

    def read(key: str) -> str:
        if now:
            begun.set()
            go_on.wait(10)
        return f"{key} at {now}"

    values = Remembered(read, 3.0, lambda: now)
    values.get("a")
    now = 4.0
    with ThreadPoolExecutor(1) as pool:
        newer = pool.submit(values.get, "a")
        begun.wait(10)
        assert values.get("a") == "a at 0.0"
        go_on.set()
        assert newer.result(10) == "a at 4.0"


def test_nobody_goes_on_with_what_was_known_long_ago() -> None:
    now, begun, go_on = 0.0, threading.Event(), threading.Event()

    def read(_: str) -> float:
        if now:
            begun.set()
            go_on.wait(10)
        return now

    values = Remembered(read, 3.0, lambda: now)
    values.get("a")
    now = 60.0
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(values.get, "a")
        begun.wait(10)
        other = pool.submit(values.get, "a")
        go_on.set()
        assert [one.result(10), other.result(10)] == [60.0, 60.0]


def test_who_wants_it_younger_has_it_read_again() -> None:
    now, reads = 0.0, count(1)
    values = Remembered(lambda _: next(reads), 3.0, lambda: now)
    values.get("a")
    now = 1.0
    assert [values.get("a"), values.get("a", within=0.5), values.get("a")] == [1, 2, 2]


def test_many_who_ask_first_at_the_same_time_cost_one_read() -> None:
    reads, together = count(1), threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait(10)
        return values.get("a")

    values = Remembered(lambda _: next(reads), 3.0, lambda: 0.0)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [1] * 8


def test_what_cannot_be_read_any_more_is_not_remembered() -> None:
    now, answers = 0.0, iter(["a"])
    values = Remembered(lambda _: next(answers), 3.0, lambda: now)
    values.get("a")
    now = 4.0
    for _ in range(2):
        with pytest.raises(StopIteration):
            values.get("a")
