"""Globs, compared with regular expressions that stand for the same, over all short texts."""

import itertools
import re
import time

import pytest

from tescore import glob

_ELEMENTS = ["a", "/", "[ab]", glob.ANY, glob.NO_SLASH]
_TEXTS = ["".join(text) for length in range(6) for text in itertools.product("ab/", repeat=length)]


@pytest.mark.parametrize("length", range(6))
def test_a_glob_matches_what_the_regular_expression_does(length: int) -> None:
    for pattern in itertools.product(_ELEMENTS, repeat=length):
        expression, compiled = re.compile("".join(pattern)), glob.compiled(pattern)
        for text in _TEXTS:
            assert bool(compiled.fullmatch(text)) == bool(expression.fullmatch(text)), (pattern, text)


@pytest.mark.parametrize("star", [glob.ANY, glob.NO_SLASH])
@pytest.mark.parametrize("last", ["b", "a/b"])
def test_many_stars_take_no_time(star: str, last: str) -> None:
    pattern = [*[star, "a"] * 500, glob.ANY, "a", star, *last]
    began = time.process_time()
    assert not glob.compiled(pattern).fullmatch("a" * 4000)
    assert time.process_time() - began < 1
