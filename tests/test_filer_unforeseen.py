"""What is told of an error that nobody foresaw."""

import http.client

import pytest

from filer import unforeseen
from filer.errors import words


def header(value: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.putrequest("GET", "/")
    connection.putheader("Authorization", value)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(ValueError("math domain error"), "ValueError: math domain error", id="plain"),
        pytest.param(ValueError(), "ValueError", id="without-words"),
        pytest.param(ValueError("two\nlines."), "ValueError: two lines", id="lines"),
        pytest.param(AttributeError("'str' has no 'get'"), "AttributeError: 'str' has no 'get'", id="of-the-program"),
        pytest.param(KeyError("geheim"), "KeyError: …", id="quoted"),
        pytest.param(ValueError("I can't use b'to'ken' or \"it\""), "ValueError: I can't use … or …", id="quoted-more"),
        pytest.param(
            ValueError("netloc me:geheim@host is no IPv6 URL"), "ValueError: netloc … is no IPv6 URL", id="userinfo"
        ),
        pytest.param(ValueError("no http://h/x?sig=geheim there"), "ValueError: no … there", id="signature"),
        pytest.param(ValueError(f"no {20 * 'k'} there"), "ValueError: no … there", id="key"),
        pytest.param(OSError("geheim=1"), "OSError: …", id="of-a-library"),
    ],
)
def test_its_class_is_told_and_its_words_without_what_may_be_a_credential(error: Exception, told: str) -> None:
    assert unforeseen.words(error) == words(error) == told


def test_a_header_that_cannot_be_sent_is_not_told() -> None:
    with pytest.raises(ValueError, match="geheim") as raised:
        header("Bearer geheim\n")
    assert unforeseen.words(raised.value) == "ValueError: Invalid header value …"
