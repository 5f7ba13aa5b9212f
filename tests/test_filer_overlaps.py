"""Which places are in each other's way."""

import pytest

from filer.overlaps import Overlaps


@pytest.mark.parametrize(
    ("first", "second", "met"),
    [
        ("/a/b", "/a/b", True),
        ("/a/b", "/a/b/", True),
        ("/a/b", "/a//./b", True),
        ("/a", "/a/b/c", True),
        ("/a/b/c", "/a", True),
        ("/", "/a", True),
        ("/a", "/", True),
        ("/a/b", "/a/c", False),
        ("/a/b", "/a/bc", False),
        ("/a/bc", "/a/b", False),
    ],
)
def test_a_place_is_in_the_way_of_itself_and_of_what_is_above_and_below(first: str, second: str, met: bool) -> None:
    overlaps = Overlaps()
    assert overlaps.take(first) is False
    assert overlaps.take(second) is met


def test_nothing_is_in_the_way_of_a_place_once_all_was_cleared() -> None:
    overlaps = Overlaps()
    overlaps.take("/a/b")
    overlaps.clear()
    assert overlaps.take("/a") is False
