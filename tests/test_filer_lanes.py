"""Calls side by side."""

import functools
import threading
import time
from collections.abc import Callable

import pytest

from filer.errors import Late
from filer.lanes import Lanes


def all_of(lanes: Lanes[int], call: Callable[[], int]) -> None:
    lanes.give(call)
    lanes.settle()


def test_results_come_in_the_order_of_the_calls() -> None:
    got: list[int] = []
    gate = threading.Event()

    def call(number: int) -> int:
        if number == 0:
            gate.wait(30)
        elif number == 5:
            gate.set()
        return number

    with Lanes[int](3, got.append) as lanes:
        for number in range(200):
            lanes.give(functools.partial(call, number))
        lanes.settle()
    assert got == list(range(200))


def test_as_many_run_at_a_time_as_there_are_lanes() -> None:
    begun, gate = threading.Semaphore(0), threading.Event()

    def call() -> int:
        begun.release()
        return gate.wait(30)

    with Lanes[int](4, lambda _: None) as lanes:
        for _ in range(8):
            lanes.give(call)
        try:
            assert all(begun.acquire(timeout=30) for _ in range(4))
            assert not begun.acquire(timeout=0.3), "a fifth one runs"
        finally:
            gate.set()
        lanes.settle()


def test_an_error_is_raised_though_an_earlier_call_has_not_ended() -> None:
    gate = threading.Event()
    with Lanes[int](2, lambda _: None) as lanes:
        lanes.give(lambda: int(gate.wait(30)))
        with pytest.raises(ValueError, match="broken"):
            all_of(lanes, lambda: int("broken"))
        gate.set()


def test_more_calls_than_are_held_wait_until_there_is_room() -> None:
    got: list[int] = []
    with Lanes[int](2, got.append) as lanes:
        for number in range(5000):
            lanes.give(functools.partial(int, number))
            assert number - len(got) < 2000
        lanes.settle()
    assert len(got) == 5000


def test_it_ends_when_its_time_is_over() -> None:
    gate = threading.Event()
    with Lanes[int](1, lambda _: None, until=time.monotonic() + 0.05) as lanes:
        lanes.give(lambda: int(gate.wait(30)))
        with pytest.raises(Late):
            lanes.settle()
        gate.set()
