"""How long and how often a transfer is tried again."""

import math
from dataclasses import dataclass, field

import pytest

from filer.errors import Interrupted, Late, NotMovable
from filer.patience import Patience, storage
from tescore.errors import TeskError


@dataclass
class Flaky:
    """A storage that raises these errors, one a call, and then answers; and the clock that is waited by."""

    errors: list[Exception]
    now: float = 1000.0
    waited: list[float] = field(default_factory=list)
    calls: int = 0
    takes: list[float] = field(default_factory=list)
    """Seconds of each call; the last one's are also those of all further ones."""

    def call(self) -> str:
        self.calls += 1
        if self.takes:
            self.now += self.takes.pop(0) if len(self.takes) > 1 else self.takes[0]
        if self.errors:
            raise self.errors.pop(0)
        return "moved"

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds

    def patience(self, seconds: float = 100, until: float = math.inf, draw: float = 0.5) -> Patience:
        return Patience(seconds, lambda: draw, until, clock=lambda: self.now, sleep=self.sleep)


def busy(number: int, **more: float) -> list[Exception]:
    return [Interrupted(f"busy {i}", **more) for i in range(number)]  # type: ignore[arg-type]


def test_waits_double_and_end_at_half_a_minute() -> None:
    flaky = Flaky(busy(9))
    assert flaky.patience(seconds=1000).carried(flaky.call, "s") == "moved"
    assert flaky.waited == [0.5, 1, 2, 4, 8, 15, 15, 15, 15]


def test_waits_are_drawn_between_half_and_one_and_a_half() -> None:
    waits = []
    for draw in (0.0, 1.0):
        flaky = Flaky(busy(2))
        flaky.patience(draw=draw).carried(flaky.call, "s")
        waits.append(flaky.waited)
    assert waits == [[0.25, 0.5], [0.75, 1.5]]


def test_what_will_not_pass_is_not_tried_again() -> None:
    flaky = Flaky([NotMovable("403")])
    with pytest.raises(NotMovable):
        flaky.patience().carried(flaky.call, "s")
    assert flaky.waited == []


def test_the_first_error_is_told_with_the_last_one_when_the_time_is_over() -> None:
    flaky = Flaky(busy(99))
    with pytest.raises(Interrupted, match=r"^busy 0; and at the last of 6 tries: busy 5$"):
        flaky.patience(seconds=20).carried(flaky.call, "s")
    assert sum(flaky.waited) <= 20


def test_one_that_says_when_to_come_back_is_obeyed() -> None:
    flaky = Flaky(busy(1, retry_after=70.0))
    flaky.patience().carried(flaky.call, "s")
    assert flaky.waited == [70]


def test_one_that_wants_to_be_left_alone_for_longer_than_there_is_time_is_given_up() -> None:
    flaky = Flaky(busy(9, retry_after=101.0))
    with pytest.raises(Interrupted):
        flaky.patience().carried(flaky.call, "s")
    assert (flaky.calls, flaky.waited) == (1, [])


def test_what_is_worth_less_is_given_up_sooner() -> None:
    flaky = Flaky(busy(99, worth=3.0))
    with pytest.raises(Interrupted):
        flaky.patience().carried(flaky.call, "s")
    assert flaky.waited == [0.5, 1]


def test_what_can_go_on_goes_on_where_it_broke_off() -> None:
    flaky = Flaky([Interrupted("broke off", going_on=lambda: "the rest", moved=5)])
    assert flaky.patience().carried(flaky.call, "s") == "the rest"
    assert flaky.calls == 1


def test_what_cannot_go_on_after_a_while_begins_anew() -> None:
    def rest() -> str:
        raise Interrupted("what came is worth nothing")

    flaky = Flaky([Interrupted("broke off", going_on=rest, moved=5)])
    assert flaky.patience().carried(flaky.call, "s") == "moved"
    assert flaky.calls == 2


def test_a_transfer_that_gets_on_is_not_given_up_however_often_it_breaks_off() -> None:
    breaks = [50]

    def rest() -> str:
        breaks[0] -= 1
        if breaks[0]:
            raise Interrupted("broke off", going_on=rest, moved=100 - breaks[0])
        return "whole"

    flaky = Flaky([])
    assert flaky.patience(seconds=1).carried(rest, "s") == "whole"
    assert set(flaky.waited) == {0.5}


@pytest.mark.parametrize(
    ("takes", "calls"),
    [
        pytest.param([0], 8, id="refused-at-once"),
        pytest.param([70], 2, id="silent"),
        pytest.param([900, 0], 8, id="broke-off-after-a-while-and-is-away"),
        pytest.param([900, 900, 900, 0], 8, id="broke-off-three-times-and-is-away"),
        pytest.param([900, 70], 2, id="broke-off-and-is-silent"),
        pytest.param([900, 900, 70], 3, id="broke-off-twice-and-is-silent"),
        pytest.param([0, 900, 0, 900, 0], 8, id="broke-off-now-and-then"),
    ],
)
def test_a_transfer_that_says_not_how_far_it_came_may_fail_for_its_time_without_that_in_which_it_moved(
    takes: list[float], calls: int
) -> None:
    flaky = Flaky(busy(99), takes=[*takes])
    with pytest.raises(Interrupted):
        flaky.patience(seconds=60).carried(flaky.call, "s")
    assert flaky.calls == calls
    assert sum(flaky.waited) <= 60


@pytest.mark.parametrize(("seconds", "calls"), [(60, 8), (3600, 11)], ids=["by-its-waits", "by-their-number"])
def test_a_transfer_that_breaks_off_at_the_same_place_each_time_ends(seconds: float, calls: int) -> None:
    flaky = Flaky(busy(99), takes=[900])
    with pytest.raises(Interrupted):
        flaky.patience(seconds=seconds).carried(flaky.call, "s")
    assert flaky.calls == calls


def test_a_long_transfer_may_break_off_more_than_once() -> None:
    flaky = Flaky(busy(3), takes=[900])
    assert flaky.patience(seconds=120).carried(flaky.call, "s") == "moved"
    assert flaky.waited == [0.5, 1, 2]


def test_a_storage_that_was_waited_for_in_vain_is_not_waited_for_again_until_it_is_back() -> None:
    flaky = Flaky([])
    patience = flaky.patience(seconds=1)

    def tried(storage: str, *errors: Exception) -> int:
        """How often it waited."""
        flaky.errors, flaky.waited = list(errors), []
        try:
            patience.carried(flaky.call, storage)
        except Interrupted:
            flaky.errors.clear()
        return len(flaky.waited)

    assert tried("one", *busy(9)) == 1
    assert tried("one", *busy(9)) == 0
    assert tried("other", *busy(1)) == 1
    assert tried("one") == 0
    assert tried("one", *busy(1)) == 1


def test_a_storage_that_failed_ten_times_is_not_asked_any_more() -> None:
    flaky = Flaky(busy(99))
    patience = flaky.patience(seconds=0)
    for _ in range(12):
        with pytest.raises(Interrupted) as told:
            patience.carried(flaky.call, "s")
    assert flaky.calls == 10
    assert str(told.value) == "busy 9; not tried, after 10 others failed there"


@pytest.mark.parametrize(("seconds", "until"), [(2, math.inf), (100, 1002)], ids=["given-up", "late"])
def test_what_was_begun_is_undone_once_where_nobody_goes_on(seconds: float, until: float) -> None:
    undone = list[str]()
    flaky = Flaky(busy(99))
    for error in flaky.errors:
        error.undo = lambda: undone.append("undone")  # type: ignore[attr-defined]
    with pytest.raises(TeskError):
        flaky.patience(seconds, until).carried(flaky.call, "s")
    assert undone == ["undone"]


def test_nothing_is_tried_when_the_time_for_all_is_over() -> None:
    flaky = Flaky(busy(99))
    with pytest.raises(Late, match=r"^the time for all transfers is over \(busy 0\)$"):
        flaky.patience(until=1005.0).carried(flaky.call, "s")
    assert flaky.now == 1005.0
    with pytest.raises(Late, match=r"^the time for all transfers is over$"):
        flaky.patience(until=1005.0).carried(flaky.call, "s")


@pytest.mark.parametrize(
    ("url", "expected"), [("s3://b/k/l", "s3://b"), ("http://me:p@h:1/x", "http://me:p@h:1"), ("/a/b", "/a/b")]
)
def test_a_storage_is_a_bucket_or_a_host(url: str, expected: str) -> None:
    assert storage(url) == expected
