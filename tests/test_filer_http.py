"""HTTP against a server that misbehaves."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from filer.errors import Interrupted, NotMovable
from filer.transports import http
from tests.servers import Answer, HttpServer, http_server


def chunked(body: bytes) -> Answer:
    return Answer(body=body, headers=(("Transfer-Encoding", "chunked"),), length=-1)


@pytest.fixture(scope="module")
def running() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


@pytest.fixture
def server(running: HttpServer) -> HttpServer:
    for kept in (running.files, running.answers):
        kept.clear()
    running.requests.clear()
    return running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "arriving"


def test_a_file_arrives_byte_for_byte(server: HttpServer, place: Path) -> None:
    content = bytes(range(256)) * 20_000
    server.files["/x"] = content
    assert http.fetch(server.url("/x"), place) == len(content)
    assert place.read_bytes() == content
    assert server.requests[0].headers["Accept-Encoding"] == "identity"


def test_a_packed_file_stays_packed(server: HttpServer, place: Path) -> None:
    server.answers["/x.gz"] = [Answer(body=b"\x1f\x8bpacked", headers=(("Content-Encoding", "gzip"),))]
    assert http.fetch(server.url("/x.gz"), place) == 8
    assert place.read_bytes() == b"\x1f\x8bpacked"


def test_an_empty_file_arrives(server: HttpServer, place: Path) -> None:
    server.files["/x"] = b""
    assert http.fetch(server.url("/x"), place) == 0
    assert place.read_bytes() == b""


def test_a_file_without_a_length_arrives(server: HttpServer, place: Path) -> None:
    server.answers["/x"] = [Answer(body=b"until the end", length=-1)]
    assert http.fetch(server.url("/x"), place) == 13


def test_a_file_in_chunks_arrives(server: HttpServer, place: Path) -> None:
    server.answers["/x"] = [chunked(b"5\r\nhello\r\n0\r\n\r\n")]
    assert http.fetch(server.url("/x"), place) == 5
    assert place.read_bytes() == b"hello"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(body=b"half", length=8), id="shorter-than-its-length"),
        pytest.param(Answer(body=b"", length=8), id="nothing-of-its-length"),
        pytest.param(chunked(b"5\r\nhel"), id="within-a-chunk"),
        pytest.param(chunked(b"5\r\nhello\r\n"), id="between-chunks"),
    ],
)
def test_a_body_that_breaks_off_is_no_file(server: HttpServer, place: Path, answer: Answer) -> None:
    server.answers["/x"] = [answer]
    with pytest.raises(Interrupted, match="the connection broke off"):
        http.fetch(server.url("/x"), place)


@pytest.mark.parametrize(
    ("status", "words"), [(404, "404 Not Found"), (403, "403 Forbidden"), (206, "206 Partial Content"), (204, "204")]
)
def test_any_other_status_than_200_is_final_and_told(server: HttpServer, place: Path, status: int, words: str) -> None:
    server.answers["/x"] = [Answer(status)]
    with pytest.raises(NotMovable, match=f"^the server answered {words}"):
        http.fetch(server.url("/x"), place)
    assert not place.exists()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_may_be_asked_again(server: HttpServer, place: Path, status: int) -> None:
    server.answers["/x"] = [Answer(status)]
    with pytest.raises(Interrupted, match=f"^the server answered {status} "):
        http.fetch(server.url("/x"), place)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2065 07:28:00 -0000", None),
        ("soon", None),
        ("²", None),
    ],
)
def test_a_server_says_when_to_ask_again(server: HttpServer, place: Path, said: str, seconds: float | None) -> None:
    server.answers["/x"] = [Answer(429, headers=(("Retry-After", said),))]
    with pytest.raises(Interrupted) as told:
        http.fetch(server.url("/x"), place)
    assert told.value.retry_after == seconds


def test_redirects_are_followed(server: HttpServer, place: Path) -> None:
    server.answers["/old"] = [Answer(302, headers=(("Location", "/new"),))]
    server.files["/new"] = b"moved"
    assert http.fetch(server.url("/old"), place) == 5


def test_redirects_without_end_are_told(server: HttpServer, place: Path) -> None:
    server.answers["/x"] = [Answer(302, headers=(("Location", "/x"),))] * 9
    with pytest.raises(NotMovable, match="redirected more than 5 times"):
        http.fetch(server.url("/x"), place)
    assert len(server.requests) == 6


def test_a_redirect_to_another_protocol_is_refused(server: HttpServer, place: Path) -> None:
    server.answers["/x"] = [Answer(302, headers=(("Location", "file:///etc/passwd"),))]
    with pytest.raises(NotMovable):
        http.fetch(server.url("/x"), place)


def test_a_password_goes_to_its_server_and_not_on_to_another(server: HttpServer, place: Path) -> None:
    with http_server() as other:
        other.files["/x"] = b"public"
        server.answers["/x"] = [Answer(302, headers=(("Location", other.url("/x")),))]
        http.fetch(server.url("/x", userinfo="me:p%40ss@"), place)
        assert "Authorization" not in other.requests[0].headers
    assert server.requests[0].headers["Authorization"] == "Basic bWU6cEBzcw=="


def test_an_encoded_url_is_sent_as_it_is(server: HttpServer, place: Path) -> None:
    server.files["/a%20b%23c%2Fd?v=%2F&w=1"] = b"x"
    assert http.fetch(server.url("/a%20b%23c%2Fd?v=%2F&w=1"), place) == 1


def test_no_server_may_be_asked_again(place: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(Interrupted, match=r"no connection to the server could be made \(Connection refused\)"):
            http.fetch(f"http://127.0.0.1:{closed.getsockname()[1]}/x", place)


@pytest.mark.parametrize("url", ["http://", "http://[::1/x", "http://h:port/x"])
def test_a_malformed_url_is_told(place: Path, url: str) -> None:
    with pytest.raises(NotMovable, match="malformed"):
        http.fetch(url, place)


@pytest.mark.parametrize("content", [b"", b"some", bytes(3_000_000)])
def test_a_file_is_put_whole(server: HttpServer, place: Path, content: bytes) -> None:
    place.write_bytes(content)
    http.store(place, server.url("/out", userinfo="me:secret@"))
    assert server.files["/out"] == content
    assert server.requests[0].headers["Authorization"] == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_put_has_these_good_answers(server: HttpServer, place: Path, status: int) -> None:
    place.write_bytes(b"x")
    server.answers["/out"] = [Answer(status)]
    http.store(place, server.url("/out"))


@pytest.mark.parametrize("status", [202, 301, 307, 403, 405, 409])
def test_a_put_has_no_other_good_answers(server: HttpServer, place: Path, status: int) -> None:
    place.write_bytes(b"x")
    server.answers["/out"] = [Answer(status, headers=(("Location", "/elsewhere"),))]
    with pytest.raises(NotMovable, match=f"^the server answered {status} "):
        http.store(place, server.url("/out"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("url", "path", "expected"),
    [
        ("http://h/d", "a/b", "http://h/d/a/b"),
        ("http://h/d/", "a b#c?d%", "http://h/d/a%20b%23c%3Fd%25"),
        ("http://h/d?sig=1", "ü", "http://h/d/%C3%BC?sig=1"),
        ("http://h", "a", "http://h/a"),
    ],
)
def test_a_path_is_encoded_below_a_url(url: str, path: str, expected: str) -> None:
    assert http.joined(url, path) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://me:pass@h:1/x?sig=secret#f", "http://h:1/x"),
        ("http://h/a@b", "http://h/a@b"),
        ("https://me:p@ss@h/x", "https://h/x"),
        ("http://h?to=http://me:pass@h", "http://h"),
    ],
)
def test_no_credentials_are_shown(url: str, expected: str) -> None:
    assert http.shown(url) == expected
