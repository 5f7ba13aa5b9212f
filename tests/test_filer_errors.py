"""What is told of an error that nobody foresaw."""

from pathlib import Path

import pytest

from filer.errors import words
from filer.transports import http


@pytest.mark.parametrize("error", [ValueError("geheim"), KeyError("geheim"), OSError("geheim"), AttributeError("x")])
def test_its_class_is_told_and_not_its_words(error: Exception) -> None:
    assert words(error) == type(error).__name__


def test_our_last_line_on_the_way_to_it_is_told(tmp_path: Path) -> None:
    def broken() -> tuple[str, dict[str, str]]:
        raise ValueError("Bearer geheim")

    with pytest.raises(ValueError, match="geheim") as raised:
        http.fetch_from(broken, tmp_path / "x")
    assert words(raised.value).startswith("ValueError (transports/http.py, line ")
