"""The end of a stream as text."""

from pathlib import Path

import pytest

from filer import tails


@pytest.mark.parametrize(
    ("limit", "text"), [(4, "… (6 bytes before this)\n6789"), (10, "0123456789"), (99, "0123456789")]
)
def test_the_tail_of_a_file_is_its_last_bytes(tmp_path: Path, limit: int, text: str) -> None:
    (tmp_path / "stdout").write_bytes(b"0123456789")
    assert tails.tail(tmp_path / "stdout", limit) == text
