import pytest

from tescore.errors import Missing, Unavailable
from tescore.retry import retried, schedule, until
from tests.clock import Clock


class Flaky:
    """Fails as often as there are errors, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.waited: list[float] = []

    def call(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_a_transient_error_is_tried_again_after_each_wait() -> None:
    flaky = Flaky(Unavailable("a"), Unavailable("b"))
    assert retried(flaky.call, [1.0, 2.0, 4.0], sleep=flaky.waited.append) == "answer"
    assert flaky.waited == [1.0, 2.0]


def test_the_last_error_is_raised_when_the_waits_are_used_up() -> None:
    flaky = Flaky(Unavailable("a"), Unavailable("b"))
    with pytest.raises(Unavailable, match="b"):
        retried(flaky.call, [1.0], sleep=flaky.waited.append)


def test_what_is_not_transient_is_not_tried_again() -> None:
    flaky = Flaky(Missing("a"))
    with pytest.raises(Missing):
        retried(flaky.call, [1.0], sleep=flaky.waited.append)
    assert flaky.waited == []


def test_a_server_that_says_how_long_to_wait_is_obeyed_up_to_a_minute() -> None:
    flaky = Flaky(Unavailable("a", retry_after=7), Unavailable("b", retry_after=3600))
    retried(flaky.call, [1.0, 1.0], sleep=flaky.waited.append)
    assert flaky.waited == [7, 60]


def test_waits_double_up_to_the_longest() -> None:
    assert schedule(first=1, most=5, total=20) == [1, 2, 4, 5, 5, 5]


@pytest.mark.parametrize(("each", "tries"), [(0.1, 5), (3.0, 3), (9.0, 2)])
def test_tries_that_take_long_are_few(each: float, tries: int) -> None:
    clock, tried = Clock(), list[float]()

    def wait(seconds: float) -> None:
        clock.seconds += seconds

    def call() -> None:
        tried.append(clock())
        wait(each)
        raise Unavailable("a")

    with pytest.raises(Unavailable):
        retried(call, until(8.0, [0.5, 1.0, 2.0, 4.0], clock), sleep=wait)
    assert len(tried) == tries
