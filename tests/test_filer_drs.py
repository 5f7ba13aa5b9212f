"""DRS, against a server that speaks it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tescore import report
from tests.drs_server import DrsServer, drs_server
from tests.moving import moved, scratch, tree, wrote
from tests.servers import Answer, HttpServer, http_server
from tests.tls import certificate

OBJECTS = "/ga4gh/drs/v1/objects"


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(trusted: Path) -> Iterator[DrsServer]:
    with drs_server(trusted) as running:
        running.data["/x"] = b"content"
        yield running


@pytest.fixture
def environment(trusted: Path, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    return {"SSL_CERT_FILE": str(trusted), "HOME": str(tmp_path / "home")}


def method(url: str, *headers: str) -> dict[str, Any]:
    return {"type": url.partition(":")[0], "access_url": {"url": url, "headers": list(headers)}}


def content(**more: Any) -> dict[str, Any]:
    return {"size": 7, "checksums": [{"type": "md5", "checksum": hashlib.md5(b"content").hexdigest()}], **more}


def fetched(server: DrsServer, tmp_path: Path, environment: dict[str, str], name: str) -> str:
    """The failure; empty if the object arrived."""
    code, told = moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": server.drs(name)})
    assert bool(code) == bool(told.failure)
    return told.failure.partition(": ")[2]


def test_an_object_comes_from_where_the_server_says(
    server: DrsServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    server.answers["a%2Fb%20c"] = content(access_methods=[{"type": "globus"}, method(server.url("/x"))])
    for i, name in enumerate(("a%2Fb%20c", "a/b c")):
        assert fetched(server, tmp_path / str(i), environment, name) == ""
        assert scratch(tmp_path / str(i), "/in/x").read_bytes() == b"content"


def test_an_access_id_is_asked_for_and_its_headers_are_sent(
    server: DrsServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "home/.netrc").write_text(f"machine 127.0.0.1:{server.port} login bearer password the-token")
    server.answers["o"] = content(access_methods=[{"type": "https", "access_id": "west 1"}])
    server.answers["o/access/west%201"] = {"url": server.url("/x"), "headers": ["Authorization: Signed abc"]}
    server.wanted = {
        f"{OBJECTS}/o": "Bearer the-token",
        f"{OBJECTS}/o/access/west%201": "Bearer the-token",
        "/x": "Signed abc",
    }
    assert fetched(server, tmp_path, environment, "o") == ""


def test_a_method_that_does_not_work_is_followed_by_the_next(
    server: DrsServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    server.answers["o"] = content(access_methods=[method(server.url("/none")), method(server.url("/x"))])
    assert fetched(server, tmp_path, environment, "o") == ""


@pytest.fixture
def signed() -> Iterator[HttpServer]:
    """Has an object's data at /1 until that breaks off, and at /2."""
    with http_server() as running:
        running.answers["/1"] = [Answer(body=b"con", length=7, headers=(("ETag", '"v1"'),)), *[Answer(403)] * 9]
        running.answers["/2 bytes=3-"] = [Answer(206, b"tent", headers=(("Content-Range", "bytes 3-6/7"),))]
        running.answers["/2"] = [Answer(body=b"content")]
        yield running


def test_where_an_object_is_is_asked_for_again_after_a_break(
    server: DrsServer, signed: HttpServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    server.answers["by-id"] = content(access_methods=[method("none://x"), {"type": "https", "access_id": "a"}])
    server.once["by-id/access/a"] = [{"url": signed.url("/1")}, {"url": signed.url("/2")}]
    assert fetched(server, tmp_path, environment, "by-id") == ""
    assert scratch(tmp_path, "/in/x").read_bytes() == b"content"
    assert [request.target for request in signed.requests] == ["/1", "/2"]
    assert signed.requests[1].headers["Range"] == "bytes=3-"


def test_an_object_is_described_again_after_a_break(
    server: DrsServer, signed: HttpServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    server.once["o"] = [content(access_methods=[method(signed.url(path))]) for path in ("/1", "/2")]
    assert fetched(server, tmp_path, environment, "o") == ""
    assert signed.requests[1].headers["Range"] == "bytes=3-"


def test_an_object_that_begins_anew_is_described_again(
    server: DrsServer, signed: HttpServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    signed.answers["/1"][0] = Answer(body=b"con", length=7)
    server.once["o"] = [content(access_methods=[method(signed.url(path))]) for path in ("/1", "/2")]
    assert fetched(server, tmp_path, environment, "o") == ""
    assert "Range" not in signed.requests[1].headers


def test_where_an_object_is_no_more_it_comes_by_another_method(
    server: DrsServer, signed: HttpServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    server.answers["o"] = content(access_methods=[method(signed.url("/1")), method(signed.url("/2"))])
    assert fetched(server, tmp_path, environment, "o") == ""
    assert [request.target for request in signed.requests] == ["/1", "/1", "/1", "/2"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param({"access_methods": [{"type": "globus"}]}, "no access method of the object is one", id="globus"),
        pytest.param({"access_methods": []}, "is one that is known here (none)", id="none"),
        pytest.param({"access_methods": [method("file:///etc/passwd")]}, "known here (file)", id="file"),
        pytest.param({"access_methods": [method("/etc/passwd")]}, "known here (/etc/passwd)", id="path"),
    ],
)
def test_an_object_that_leads_nowhere_is_told(
    server: DrsServer, tmp_path: Path, environment: dict[str, str], answer: dict[str, Any], words: str
) -> None:
    server.answers["o"] = answer
    assert words in fetched(server, tmp_path, environment, "o")


def test_an_object_that_is_not_ready_is_asked_for_again_when_the_server_says(
    server: DrsServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    server.answers["o"] = content(access_methods=[method(server.url("/x"))])
    server.busy["o"] = ["0", "Thu, 01 Jan 2026 00:00:00 GMT", "soon"]
    assert fetched(server, tmp_path, environment, "o") == ""


def test_a_description_of_a_form_that_nobody_foresaw_is_told(
    server: DrsServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    server.answers["o"] = {"access_methods": ["none"]}
    told = fetched(server, tmp_path, environment, "o")
    assert told.startswith("AttributeError (transports/drs.py, line ")


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({"size": 8}, "7 of 8 bytes arrived"),
        ({"checksums": [{"type": "sha-256", "checksum": "0" * 64}]}, f"and the server says {'0' * 64}"),
    ],
)
def test_bytes_that_are_not_the_objects_are_told(
    server: DrsServer, tmp_path: Path, environment: dict[str, str], description: dict[str, Any], words: str
) -> None:
    server.answers["o"] = content(access_methods=[method(server.url("/x"))]) | description
    assert words in fetched(server, tmp_path, {**environment, "TESK_RETRY_SECONDS": "0.1"}, "o")


def test_what_the_server_says_is_told(server: DrsServer, tmp_path: Path, environment: dict[str, str]) -> None:
    assert fetched(server, tmp_path, environment, "none") == "the server answered 404 there is no such object."
    server.wanted[f"{OBJECTS}/o"] = "Bearer x"
    assert fetched(server, tmp_path, environment, "o") == "the server answered 403 you may not."


@pytest.mark.parametrize("url", ["drs://dg.4503:dg.4503/1-2", "drs://host", "drs:x"])
def test_a_compact_identifier_is_refused(tmp_path: Path, url: str) -> None:
    failure = moved(tmp_path, "inputs", {}, {"path": "/in/x", "url": url})[1].failure
    assert failure.endswith("not of the form drs://host/id; compact identifiers are not resolved.")


def test_a_bundle_comes_as_a_folder(server: DrsServer, tmp_path: Path, environment: dict[str, str]) -> None:
    server.answers["bundle"] = {
        "contents": [
            {"name": "a b#", "id": "o"},
            {"name": "sub", "id": "inner", "contents": [{"name": "c", "drs_uri": [server.drs("o")]}]},
        ]
    }
    server.answers["o"] = content(access_methods=[method(server.url("/x"))])
    for kind in ("DIRECTORY", "FILE"):
        item = {"path": "/in", "url": server.drs("bundle"), "type": kind}
        assert moved(tmp_path / kind, "inputs", environment, item) == (0, report.Report())
        assert tree(scratch(tmp_path / kind, "/in")) == {"a b#": b"content", "sub/c": b"content"}


def test_nothing_can_be_written(tmp_path: Path) -> None:
    wrote(tmp_path, "/out/x")
    scratch(tmp_path, "/out/empty").mkdir()
    code, told = moved(tmp_path, "outputs", {}, {"path": "/out", "url": "drs://h/x", "type": "DIRECTORY"})
    assert code == report.FAILED
    assert told.failure.count("objects of a DRS can only be read") == 2
