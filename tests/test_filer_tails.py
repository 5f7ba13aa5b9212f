"""The end of a stream as text."""

from pathlib import Path

import pytest

from filer import tails


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
    assert tails.text(end, before=before) == text


@pytest.mark.parametrize(
    ("limit", "text"), [(4, "… (6 bytes before this)\n6789"), (10, "0123456789"), (99, "0123456789")]
)
def test_the_tail_of_a_file_is_its_last_bytes(tmp_path: Path, limit: int, text: str) -> None:
    (tmp_path / "stdout").write_bytes(b"0123456789")
    assert tails.tail(tmp_path / "stdout", limit) == text
