import pytest

from tescore import tails


@pytest.mark.parametrize(
    ("end", "before", "text"),
    [
        pytest.param(b"all of it\n", 0, "all of it\n", id="whole"),
        pytest.param(b"", 0, "", id="empty"),
        pytest.param(b"the end", 5, "… (5 bytes before this)\nthe end", id="cut"),
        pytest.param("üx".encode()[1:], 1, "… (2 bytes before this)\nx", id="cut-in-a-character"),
        pytest.param("😀x".encode()[1:], 9, "… (12 bytes before this)\nx", id="cut-in-a-long-character"),
        pytest.param(b"\xff\x00", 0, "\ufffd\x00", id="no-text"),
        pytest.param(b"\x80\x80\x80\x80\x80", 3, "… (3 bytes before this)\n" + 5 * "\ufffd", id="cut-in-no-text"),
    ],
)
def test_an_end_is_decoded_and_a_cut_is_told(end: bytes, before: int, text: str) -> None:
    assert tails.text(end, before) == text


def test_a_cut_of_unknown_size_is_told_as_one() -> None:
    assert tails.text(b"end", 5, exact=False) == "… (at least 5 bytes before this)\nend"


def test_the_end_of_what_comes_in_chunks_is_kept() -> None:
    assert tails.of(iter([b"abc", b"d", b"efgh"]), 4) == "… (at least 4 bytes before this)\nefgh"
    assert tails.of(iter([b"ab", b"cd"]), 4) == "abcd"
    assert tails.of(iter([]), 4) == ""
