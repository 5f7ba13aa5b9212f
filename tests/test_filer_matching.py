"""Wildcards of outputs."""

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
    ],
)
def test_a_component_matches_a_name_as_a_shell_does(pattern: str, name: str, matches: bool) -> None:
    assert (matching.component(pattern).fullmatch(name) is not None) is matches


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
    ],
)
def test_the_prefix_is_taken_from_a_matching_path(path: str, prefix: str, expected: str) -> None:
    assert matching.pruned(path, prefix) == expected


@pytest.mark.parametrize(
    ("path", "folder"),
    [("/out/a/*.txt", "/out/a"), ("/out/*/b.txt", "/out"), ("/*.txt", "/"), ("/out/[ab]/c", "/out")],
)
def test_all_matches_lie_below_the_part_without_wildcards(path: str, folder: str) -> None:
    assert wildcards.fixed_folder(path) == folder
