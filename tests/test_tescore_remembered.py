import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from tescore.remembered import Remembered
from tests.clock import Clock


def test_a_value_is_read_again_only_after_its_time_and_each_for_itself() -> None:
    now, reads = 0.0, count(1)
    values = Remembered(lambda _: next(reads), 3.0, lambda: now)
    assert [values.get("a"), values.get("a"), values.get("b")] == [1, 1, 2]
    now = 3.1
    assert [values.get("a"), values.get("a")] == [3, 3]


class Held:
    """Reads at once the first time; after that only when it may go on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reads = 0
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, key: str) -> str:
        self.reads += 1
        if self.reads > 1:
            self.begun.set()
            self.go_on.wait(10)
        return f"{key} at {self._clock.seconds}"


def test_while_one_reads_anew_the_others_go_on_with_what_was_known() -> None:
    clock = Clock(0.0)
    values = Remembered(held := Held(clock), 3.0, clock)
    values.get("a")
    clock.seconds = 4.0
    with ThreadPoolExecutor(1) as pool:
        newer = pool.submit(values.get, "a")
        held.begun.wait(10)
        assert values.get("a") == "a at 0.0"
        held.go_on.set()
        assert newer.result(10) == "a at 4.0"


def test_nobody_goes_on_with_what_was_known_long_ago() -> None:
    clock = Clock(0.0)
    values = Remembered(held := Held(clock), 3.0, clock)
    values.get("a")
    clock.seconds = 60.0
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(values.get, "a")
        held.begun.wait(10)
        other = pool.submit(values.get, "a")
        held.go_on.set()
        assert [one.result(10), other.result(10)] == ["a at 60.0", "a at 60.0"]


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
