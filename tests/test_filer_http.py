"""HTTP against a server that misbehaves."""

import base64
import gzip
import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from filer import digests
from filer.errors import Interrupted, NotMovable
from filer.patience import Patience
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


@pytest.mark.parametrize("userinfo", ["me:a[b@", "me:a]b@", "[:x@", "me:\u2100@"])
def test_a_password_may_hold_what_a_host_may_not(server: HttpServer, place: Path, userinfo: str) -> None:
    server.files["/x"] = b"whole"
    assert http.fetch(server.url("/x", userinfo), place) == 5
    http.store(place, server.url("/y", userinfo))
    assert server.files["/y"] == b"whole"


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
    ("status", "words"),
    [
        (300, "300 Multiple Choices"),
        (404, "404 Not Found"),
        (403, "403 Forbidden"),
        (206, "206 Partial Content"),
        (204, "204"),
    ],
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
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("soon", None),
        ("²", None),
    ],
)
def test_a_server_says_when_to_ask_again(server: HttpServer, place: Path, said: str, seconds: float | None) -> None:
    server.answers["/x"] = [Answer(429, headers=(("Retry-After", said), DATE))]
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


@pytest.mark.parametrize("status", [202, 300, 301, 307, 403, 405, 409])
def test_a_put_has_no_other_good_answers(server: HttpServer, place: Path, status: int) -> None:
    place.write_bytes(b"x")
    server.answers["/out"] = [Answer(status, headers=(("Location", "/elsewhere"),))]
    with pytest.raises(NotMovable, match=f"^the server answered {status} "):
        http.store(place, server.url("/out"))
    assert len(server.requests) == 1


WHOLE = bytes(range(256)) * 10
TAG = ("ETag", '"v1"')
DATE = ("Date", "Wed, 21 Oct 2015 07:28:00 GMT")
OLD = ("Last-Modified", "Wed, 21 Oct 2015 07:26:59 GMT")
NEW = ("Last-Modified", "Wed, 21 Oct 2015 07:27:30 GMT")


def cut(*headers: tuple[str, str], at: int = 1000) -> Answer:
    """The whole file, of which some does not come."""
    return Answer(body=WHOLE[:at], length=len(WHOLE), headers=headers)


def rest(at: int = 1000, where: str = "", body: bytes | None = None) -> Answer:
    span = where or f"bytes {at}-{len(WHOLE) - 1}/{len(WHOLE)}"
    return Answer(206, WHOLE[at:] if body is None else body, headers=(("Content-Range", span),))


def broken_off(server: HttpServer, place: Path, *answers: Answer) -> Interrupted:
    server.answers["/x"] = list(answers)
    with pytest.raises(Interrupted) as told:
        http.fetch(server.url("/x"), place)
    return told.value


@pytest.mark.parametrize(
    ("headers", "validator"), [pytest.param([TAG, NEW], '"v1"', id="tag"), pytest.param([DATE, OLD], OLD[1], id="time")]
)
def test_what_broke_off_goes_on_where_it_did(
    server: HttpServer, place: Path, headers: list[tuple[str, str]], validator: str
) -> None:
    again = broken_off(server, place, cut(*headers), rest()).going_on
    assert again
    assert again() == len(WHOLE)
    assert place.read_bytes() == WHOLE
    sent = server.requests[1].headers
    assert (sent["Range"], sent["If-Range"]) == ("bytes=1000-", validator)


def test_it_goes_on_as_often_as_it_breaks_off(server: HttpServer, place: Path) -> None:
    error = broken_off(server, place, cut(TAG))
    short = Answer(206, WHOLE[1000:1100], length=len(WHOLE) - 1000, headers=rest().headers)
    server.answers["/x"] = [short, rest(at=1100)]
    assert error.moved == 1000
    with pytest.raises(Interrupted) as told:
        error.going_on()  # type: ignore[misc]
    assert told.value.moved == 1100
    assert told.value.going_on
    assert told.value.going_on() == len(WHOLE)
    assert place.read_bytes() == WHOLE


def test_a_server_that_is_away_for_a_while_does_not_lose_what_is_there(server: HttpServer, place: Path) -> None:
    error = broken_off(server, place, cut(TAG), Answer(503), rest())
    with pytest.raises(Interrupted) as told:
        error.going_on()  # type: ignore[misc]
    assert told.value.going_on
    assert told.value.going_on() == len(WHOLE)
    assert place.read_bytes() == WHOLE


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="nothing"),
        pytest.param([("ETag", 'W/"v1"')], id="a-weak-tag"),
        pytest.param([DATE, NEW], id="a-time-that-is-too-fresh"),
        pytest.param([OLD], id="a-time-without-a-date"),
    ],
)
def test_without_a_sure_mark_of_its_version_a_file_begins_anew(
    server: HttpServer, place: Path, headers: list[tuple[str, str]]
) -> None:
    assert broken_off(server, place, cut(*headers)).going_on is None


def test_a_file_that_has_changed_meanwhile_comes_whole(server: HttpServer, place: Path) -> None:
    again = broken_off(server, place, cut(TAG), Answer(body=b"another")).going_on
    assert again
    assert again() == 7
    assert place.read_bytes() == b"another"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(rest(where="bytes 0-2559/2560"), id="another-part"),
        pytest.param(rest(where="bytes 1000-2559/9999"), id="of-another-size"),
        pytest.param(Answer(206, b"x"), id="no-word-of-which-part"),
        pytest.param(Answer(416), id="no-such-part"),
    ],
)
def test_a_part_that_was_not_asked_for_is_not_joined(server: HttpServer, place: Path, answer: Answer) -> None:
    again = broken_off(server, place, cut(TAG), answer).going_on
    assert again
    with pytest.raises(Interrupted, match=r"the server (sent another|has no such) part of the file"):
        again()


def carried(server: HttpServer, place: Path, *answers: Answer) -> int:
    """What a file's size is that comes with these answers, one after the other."""
    server.answers["/x"] = list(answers)
    patience = Patience(5.0, lambda: 0.0, sleep=lambda _: None)
    return patience.carried(lambda: http.fetch(server.url("/x"), place), "")


@pytest.mark.parametrize("total", [str(len(WHOLE)), "*"], ids=["told", "known-before"])
def test_a_server_that_sends_less_than_it_was_asked_for_is_asked_for_the_rest(
    server: HttpServer, place: Path, total: str
) -> None:
    short = rest(where=f"bytes 1000-1999/{total}", body=WHOLE[1000:2000])
    assert carried(server, place, cut(TAG), short, rest(at=2000)) == len(WHOLE)
    assert place.read_bytes() == WHOLE
    assert [request.headers.get("Range") for request in server.requests] == [None, "bytes=1000-", "bytes=2000-"]


def test_a_size_that_is_told_with_a_part_counts_too(server: HttpServer, place: Path) -> None:
    broken = Answer(
        body=b"3e8\r\n" + WHOLE[:1000] + b"\r\n", headers=(TAG, ("Transfer-Encoding", "chunked")), length=-1
    )
    short = rest(where=f"bytes 1000-1999/{len(WHOLE)}", body=WHOLE[1000:2000])
    assert carried(server, place, broken, short, rest(at=2000)) == len(WHOLE)
    assert place.read_bytes() == WHOLE


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(rest(where="bytes 0-2559/2560"), id="another-part"),
        pytest.param(rest(body=WHOLE[1000:] + b"x"), id="more-than-the-file-has"),
        pytest.param(Answer(416), id="no-such-part"),
    ],
)
def test_after_a_wrong_part_the_file_begins_anew(server: HttpServer, place: Path, answer: Answer) -> None:
    assert carried(server, place, cut(TAG), answer, Answer(body=WHOLE)) == len(WHOLE)
    assert place.read_bytes() == WHOLE
    assert "Range" not in server.requests[2].headers


def test_a_size_that_only_the_parts_could_tell_and_do_not_has_the_file_begin_anew(
    server: HttpServer, place: Path
) -> None:
    broken = Answer(
        body=b"3e8\r\n" + WHOLE[:1000] + b"\r\n", headers=(TAG, ("Transfer-Encoding", "chunked")), length=-1
    )
    assert carried(server, place, broken, rest(where="bytes 1000-1999/*", body=WHOLE[1000:2000]), Answer(body=WHOLE))
    assert place.read_bytes() == WHOLE


def test_a_file_that_has_come_in_parts_and_is_damaged_begins_anew(server: HttpServer, place: Path) -> None:
    damaged = rest(body=b"x" * (len(WHOLE) - 1000))
    assert carried(server, place, cut(TAG, ("Content-MD5", MD5)), damaged, Answer(body=WHOLE)) == len(WHOLE)
    assert place.read_bytes() == WHOLE


SHA256 = base64.b64encode(hashlib.sha256(WHOLE).digest()).decode()
MD5 = base64.b64encode(hashlib.md5(WHOLE).digest()).decode()


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("Repr-Digest", f"unixsum=:MTIz:, sha-256=:{SHA256}:"),
        ("Content-Digest", f"sha-256=:{SHA256}:"),
        ("Digest", f"SHA-256={SHA256},md5=none"),
        ("Digest", f"MD5={MD5}"),
        ("Content-MD5", MD5),
    ],
)
def test_a_checksum_that_the_server_gives_is_checked(server: HttpServer, place: Path, name: str, right: str) -> None:
    damaged = WHOLE[:-1] + b"x"
    given = ((name, right),)
    server.answers["/x"] = [Answer(body=WHOLE, headers=given), Answer(body=damaged, headers=given)]
    assert http.fetch(server.url("/x"), place) == len(WHOLE)
    with pytest.raises(Interrupted, match=f"does not have the checksum that the server gave in {name}$"):
        http.fetch(server.url("/x"), place)


def test_a_checksum_is_that_of_all_parts_together(server: HttpServer, place: Path) -> None:
    again = broken_off(server, place, cut(TAG, ("Content-MD5", MD5)), rest()).going_on
    assert again
    assert again() == len(WHOLE)
    again = broken_off(server, place, cut(TAG, ("Content-MD5", MD5)), rest(body=b"x" * (len(WHOLE) - 1000))).going_on
    assert again
    with pytest.raises(Interrupted, match="checksum"):
        again()


@pytest.mark.parametrize("said", ["sha-256=none", "md5=MTIz", "sha-256=:MTIz:", "adler32=03da0195", ""])
def test_a_checksum_that_is_none_is_passed_over(server: HttpServer, place: Path, said: str) -> None:
    server.answers["/x"] = [Answer(body=WHOLE, headers=(("Digest", said),))]
    assert http.fetch(server.url("/x"), place) == len(WHOLE)


@pytest.mark.parametrize("said", ["a" * 60_000, " " * 60_000, "md5=" * 15_000])
def test_a_header_that_is_to_keep_the_filer_busy_is_read_once(said: str) -> None:
    began = time.process_time()
    assert not digests.of({"Digest": said}).header
    assert time.process_time() - began < 1


@pytest.mark.parametrize("packed", [gzip.compress(WHOLE), gzip.compress(WHOLE[:9]) + gzip.compress(WHOLE[9:])])
def test_what_is_packed_for_the_way_though_it_should_not_is_unpacked(
    server: HttpServer, place: Path, packed: bytes
) -> None:
    server.answers["/x.txt"] = [Answer(body=packed, headers=(("Content-Encoding", "gzip"), TAG))]
    assert http.fetch(server.url("/x.txt"), place) == len(WHOLE)
    assert place.read_bytes() == WHOLE


@pytest.mark.parametrize(
    ("body", "words"), [(gzip.compress(WHOLE)[:-9], "breaks off"), (b"no gzip at all", "cannot be unpacked")]
)
def test_what_is_packed_and_damaged_is_no_file(server: HttpServer, place: Path, body: bytes, words: str) -> None:
    server.answers["/x.txt"] = [Answer(body=body, headers=(("Content-Encoding", "gzip"), TAG))]
    with pytest.raises(Interrupted, match=words):
        http.fetch(server.url("/x.txt"), place)


def test_what_is_packed_in_another_way_is_told(server: HttpServer, place: Path) -> None:
    server.answers["/x.txt"] = [Answer(body=b"x", headers=(("Content-Encoding", "br"),))]
    with pytest.raises(NotMovable, match="the server packs it with br"):
        http.fetch(server.url("/x.txt"), place)


def test_a_server_that_kept_less_than_it_was_sent_is_told(server: HttpServer, place: Path) -> None:
    place.write_bytes(WHOLE)
    server.answers["/out"] = [Answer(201), Answer(200, length=17)]
    with pytest.raises(Interrupted, match="the server has 17 of 2560 bytes of it"):
        http.store(place, server.url("/out"))


@pytest.mark.parametrize("query", ["", "?sig=1"])
@pytest.mark.parametrize("status", [403, 405, 501])
def test_a_server_need_not_tell_what_it_kept(server: HttpServer, place: Path, query: str, status: int) -> None:
    place.write_bytes(WHOLE)
    server.answers[f"/out{query}"] = [Answer(201), Answer(status)]
    http.store(place, server.url(f"/out{query}"))
    assert [request.method for request in server.requests] == (["PUT"] if query else ["PUT", "HEAD"])


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
