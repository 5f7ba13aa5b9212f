import json
from collections.abc import Generator
from typing import Any

import pytest

from tescore.connections import Answer
from tescore.errors import Expired, Unavailable
from tescore.watch import changes, lines


def change(kind: str, name: str = "task-a") -> dict[str, Any]:
    return {"type": kind, "object": {"metadata": {"name": name}}}


def failure(**status: Any) -> dict[str, Any]:
    return {"type": "ERROR", "object": {"kind": "Status", **status}}


def encoded(*sent: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in sent)


def stream(*pieces: bytes) -> Answer:
    def body() -> Generator[bytes, None, None]:
        yield from pieces

    return Answer(200, None, body())


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_changes_come_in_order_however_they_are_cut_on_the_way(size: int) -> None:
    sent = [change("ADDED", "a"), change("MODIFIED", "ä"), change("DELETED", "a")]
    data = encoded(*sent)
    assert list(changes(stream(*(data[at : at + size] for at in range(0, len(data), size))))) == sent


def test_bookmarks_are_told_like_changes() -> None:
    assert list(changes(stream(encoded(change("BOOKMARK"))))) == [change("BOOKMARK")]


def test_a_change_is_told_before_the_next_one_comes() -> None:
    def body() -> Generator[bytes, None, None]:
        yield encoded(change("ADDED"))
        pytest.fail("the next piece was waited for")

    assert next(changes(Answer(200, None, body()))) == change("ADDED")


def test_a_watch_without_a_change_ends() -> None:
    assert list(changes(stream())) == []


def test_where_the_next_changes_are_forgotten_that_is_told_after_those_that_came() -> None:
    seen = changes(stream(encoded(change("ADDED"), failure(code=410, message="too old"), change("DELETED"))))
    assert next(seen) == change("ADDED")
    with pytest.raises(Expired, match="too old"):
        next(seen)


@pytest.mark.parametrize("status", [{"code": 500, "message": "etcd is away"}, {"message": "etcd is away"}])
def test_any_other_error_may_pass(status: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match="etcd is away"):
        list(changes(stream(encoded(failure(**status)))))


def test_a_line_that_breaks_off_is_told_after_the_changes_before_it() -> None:
    seen = changes(stream(encoded(change("ADDED")), encoded(change("MODIFIED"))[:20]))
    assert next(seen) == change("ADDED")
    with pytest.raises(Unavailable, match="broke off"):
        next(seen)


def test_the_connection_is_given_back_when_nobody_reads_on() -> None:
    closed: list[bool] = []

    def body() -> Generator[bytes, None, None]:
        try:
            yield encoded(change("ADDED"), change("MODIFIED"))
        finally:
            closed.append(True)

    seen = changes(Answer(200, None, body()))
    next(seen)
    seen.close()
    assert closed == [True]


def test_the_last_line_needs_no_end_and_what_is_no_text_is_marked() -> None:
    assert list(lines(iter([b"a\nb", b"c\n\xff"]))) == ["a", "bc", "\ufffd"]
