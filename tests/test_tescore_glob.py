"""Globs, compared with regular expressions that stand for the same, over all short texts."""

import itertools
import re
import time

import pytest

from tescore.glob import Element, Glob, Star

_ELEMENTS: dict[Element, str] = {
    "a": "a",
    "/": "/",
    re.compile("[ab]"): "[ab]",
    Star(): ".*",
    Star(but="/"): "[^/]*",
}
_TEXTS = ["".join(text) for length in range(6) for text in itertools.product("ab/", repeat=length)]


@pytest.mark.parametrize("length", range(5))
def test_a_glob_matches_what_the_regular_expression_does(length: int) -> None:
    for pattern in itertools.product(_ELEMENTS, repeat=length):
        expression = re.compile("".join(_ELEMENTS[element] for element in pattern))
        glob = Glob(pattern)
        for text in _TEXTS:
            assert glob.matches(text) == bool(expression.fullmatch(text)), (pattern, text)


def test_a_glob_of_several_patterns_matches_what_one_of_them_does() -> None:
    glob = Glob("ab", ["b", Star(), "a"])
    found = [text for text in _TEXTS if glob.matches(text) and len(text) < 4]
    assert found == ["ab", "ba", "baa", "bba", "b/a"]
    assert not Glob().matches("")


def test_the_time_grows_with_pattern_and_text_alone() -> None:
    often: list[Element] = [Star(), "a"]
    pattern = [*often * 500, Star(), "b"]
    began = time.process_time()
    assert not Glob(pattern).matches("a" * 4000)
    assert time.process_time() - began < 1
