"""The budget of bytes that requests under way may hold, over an application that holds what it is asked to."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from api import memory
from api.memory import Busy

KIB = 1024
Asked = Callable[[int], Iterable[bytes]]


@pytest.fixture
def asked() -> Asked:
    """Has a request hold so many KiB; its answer, of as many, is on its way until it is closed."""

    def application(environ: dict[str, Any], _: Any) -> Iterator[bytes]:
        memory.take(environ["size"] // 2)
        memory.take(environ["size"] // 2)
        return iter([b"x" * environ["size"]])

    bounded = memory.bounded(application, 1000 * KIB)
    return lambda size: bounded({"size": size * KIB}, None)


def closed(answer: Iterable[bytes]) -> None:
    answer.close()  # type: ignore[attr-defined]


def test_requests_together_hold_no_more_than_the_budget(asked: Asked) -> None:
    first = asked(600)
    with pytest.raises(Busy):
        asked(600)
    closed(first)
    closed(asked(600))
    closed(asked(1000))


def test_small_requests_are_served_whatever_others_hold(asked: Asked) -> None:
    asked(1064)
    with pytest.raises(Busy):
        asked(65)
    for _ in range(1000):
        asked(64)


def test_an_answer_is_sent_in_pieces(asked: Asked) -> None:
    pieces = list(asked(200))
    assert [len(piece) // KIB for piece in pieces] == [64, 64, 64, 8]
