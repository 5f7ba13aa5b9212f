"""Wildcards of outputs."""

import time

import pytest

from filer import matching
from tescore import wildcards


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", ".txt", False),
        ("*", ".hidden", False),
        ("?hidden", ".hidden", False),
        ("[.]hidden", ".hidden", False),
        (".*", ".hidden", True),
        ("\\.*", ".hidden", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("part-[0-9].gz", "part-7.gz", True),
        ("part-[0-9].gz", "part-x.gz", False),
        ("[!a]b", "cb", True),
        ("[!a]b", "ab", False),
        ("[^a]b", "ab", False),
        ("[]]x", "]x", True),
        ("[a-]x", "-x", True),
        ("[[:digit:]x]", "5", True),
        ("[[:digit:]x]", "y", False),
        ("[[:space:]]", " ", True),
        ("[\\]]", "]", True),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("a[", "a[", True),
        ("[z-a]", "b", False),
        ("a+(b).c", "a+(b).c", True),
        ("a+(b).c", "aab.c", False),
        ("*", "two\nlines", True),
        ("*", "ü", True),
        ("[[=a=]b]", "a", True),
        ("[[.-.]]", "-", True),
        ("[[.-.]]", "a", False),
        ("[!-a]", "b", True),
        ("[[:alpha:][:digit:]]", "7", True),
        ("[:a:]x]", "ax]", True),
        ("[=a=]x]", "ax]", True),
    ],
)
def test_a_component_matches_a_name_as_a_shell_does(pattern: str, name: str, matches: bool) -> None:
    assert matching.component(pattern).matches(name) is matches


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("*a" * 5 + "*b", "a" * 255), ("*[ab]" * 800 + "c", "a" * 255), ("[" * 4000 + "*]", "[" * 255)],
)
def test_a_name_is_matched_in_linear_time_whatever_the_pattern(pattern: str, name: str) -> None:
    began = time.process_time()
    assert not matching.component(pattern).matches(name)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        pytest.param("/out/*.txt", "/out", True, id="star"),
        pytest.param("/out/?.txt", "", True, id="without-a-prefix"),
        pytest.param("/out/a.txt", "/out", False, id="plain"),
        pytest.param("/out/\\*.txt", "/out", False, id="escaped"),
        pytest.param("/out/[ab].txt", "/out", True, id="bracket"),
        pytest.param("/out/[ab].txt", "", False, id="bracket-in-a-plain-name"),
        pytest.param("/out/[ab", "/out", False, id="bracket-left-open"),
        pytest.param("/out/[a\\\\]", "/out", True, id="bracket-that-ends-with-a-backslash"),
        pytest.param("/out/{a,b}", "/out", True, id="braces"),
        pytest.param("/out/{a,b}", "", False, id="braces-in-a-plain-name"),
        pytest.param("/out/{a}", "/out", False, id="braces-without-a-comma"),
        pytest.param("/out/\\{a,b}", "/out", False, id="braces-escaped"),
    ],
)
def test_an_output_is_a_pattern_by_its_wildcards(path: str, prefix: str, expected: bool) -> None:
    assert wildcards.is_pattern(path, prefix) is expected


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        ("/out/a/b.txt", "/out", "a/b.txt"),
        ("/out/a/b.txt", "/out/", "a/b.txt"),
        ("/out/a/b.txt", "", "out/a/b.txt"),
        ("/out/a/b.txt", "/elsewhere", "out/a/b.txt"),
        ("/out/a/b.txt", "/out//./a", "b.txt"),
        ("/out/sample-1.txt", "/out/sample-", "1.txt"),
        ("/out/a[1]/b.txt", "/out/a\\[1]", "b.txt"),
        ("/out/b.txt", "/", "out/b.txt"),
    ],
)
def test_the_prefix_is_taken_from_a_matching_path(path: str, prefix: str, expected: str) -> None:
    assert matching.pruned(path, prefix) == expected


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/out/a/*.txt", "/out/a"),
        ("/out/*/b.txt", "/out"),
        ("/*.txt", "/"),
        ("/out/[ab]/c", "/out"),
        ("/out/{a/b,c}/d", "/out"),
        ("/out/x{a/b,c}", "/out"),
        ("/out/{a}/*", "/out/{a}"),
        ("/out/**/x", "/out"),
        ("/out/\\*/*", "/out/*"),
        ("/out/a\\\\b/*", "/out/a\\b"),
        ("/out/a\\\\*/b", "/out"),
        ("/out/[a/b]/c", "/out/[a/b]"),
        ("/{a,b}/{c,d}", "/"),
    ],
)
def test_all_matches_lie_below_the_part_without_wildcards(path: str, folder: str) -> None:
    assert wildcards.fixed_folder(path) == folder


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/a/{b,c}/d", [("a", "b", "d"), ("a", "c", "d")]),
        ("/{a,b{c,d}}", [("a",), ("bc",), ("bd",)]),
        ("/x{,.gz}", [("x",), ("x.gz",)]),
        ("/{a/b,c}", [("a", "b"), ("c",)]),
        ("/{a}{b,c}", [("{a}b",), ("{a}c",)]),
        ("/{a,b", [("{a,b",)]),
        ("/\\{a,b}", [("\\{a,b}",)]),
        ("/{a\\,b,c}", [("a\\,b",), ("c",)]),
        ("/a/**", [("a", "**", "*")]),
        ("/**/a", [("**", "a")]),
        ("/**.txt", [("**", "*.txt")]),
        ("/**.txt/x", [("**", "*.txt", "x")]),
        ("/**[ab]", [("**", "*[ab]")]),
        ("/a**b", [("a*b",), ("a*", "**", "*b")]),
        ("/[**]", [("[**]",)]),
        ("/[a][**]", [("[a][**]",)]),
        ("/\\**", [("\\**",)]),
    ],
)
def test_braces_and_double_stars_stand_for_several_patterns(pattern: str, expected: list[tuple[str, ...]]) -> None:
    assert wildcards.alternatives(pattern) == expected


def test_a_pattern_of_very_many_is_refused() -> None:
    for pattern in ("/" + 40 * "{a,b}", "/" + "{" + 2000 * "a," + "}", 10 * "/a**b"):
        with pytest.raises(wildcards.TooMany, match="more than 1000 patterns"):
            wildcards.alternatives(pattern)
    assert len(wildcards.alternatives("/{" + ",".join(str(number) for number in range(1000)) + "}")) == 1000
