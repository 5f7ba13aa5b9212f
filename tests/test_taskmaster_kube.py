"""What the taskmaster makes of answers of an API server that a healthy one does not give when asked to."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from taskmaster.kube import Kube
from tescore.errors import Conflict, Unavailable
from tescore.session import Account, Session
from tests.tls import certificate

ACCOUNT = Account("", lambda: "t")


@dataclass
class ApiServer:
    """Gives its answers one after the other, whatever is asked, and keeps what was."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    clients: list[Any] = field(default_factory=list)
    """The client's end of the connection of each request."""
    url: str = ""
    cut: int = 0
    """Bytes of the next answer after which the connection breaks, unless 0."""
    closes: bool = False
    """Whether connections are closed after each answer, without a word of that in it."""
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released with each that is closed."""

    def says(self, *answers: tuple[int, Any]) -> None:
        """Statuses with their bodies: a dict, bytes, or the events of a watch."""
        for status, body in answers:
            if isinstance(body, list):
                body = b"".join(json.dumps(event).encode() + b"\n" for event in body)  # noqa: PLW2901
            self.answers.append((status, body if isinstance(body, bytes) else json.dumps(body).encode()))


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with serving() as api:
        yield api


@contextmanager
def serving(tls: Path | None = None) -> Iterator[ApiServer]:
    """A server over HTTP, or over HTTPS with the certificate and key in a file."""
    api = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 64 * 1024

        def _answer(self) -> None:
            api.asked.append(f"{self.command} {self.path}")
            api.clients.append(self.client_address)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = api.answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: api.cut or None])
            self.close_connection, api.cut = api.cut > 0 or api.closes, 0

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class calls them

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True  # connections that are kept end with their client

        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            api.closed.release()

    with Listener(("127.0.0.1", 0), Handler) as listening:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            listening.socket = context.wrap_socket(listening.socket, server_side=True)
        api.url = f"http{'s' if tls else ''}://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield api
        listening.shutdown()
        thread.join()


@pytest.fixture
def kube(server: ApiServer) -> Kube:
    return Kube(Session(server.url, ACCOUNT), "tesk", waits=[0.01, 0.01])


def status(code: int, reason: str) -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "reason": reason, "message": "words"}


def pod(version: str) -> dict[str, Any]:
    return {"metadata": {"name": "p", "resourceVersion": version}}


def listed(version: str, *items: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"metadata": {"resourceVersion": version}, "items": list(items)}


def event(kind: str, shown: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": shown}


def test_an_object_is_followed_from_the_version_that_is_known(server: ApiServer, kube: Kube) -> None:
    server.says((200, [event("MODIFIED", pod("8")), event("DELETED", pod("9"))]))
    assert list(islice(kube.follow("pods", "p", "7"), 2)) == [pod("8"), None]
    assert "resourceVersion=7" in server.asked[0]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param((200, []), id="closed"),
        pytest.param((200, [event("ERROR", {"code": 410})]), id="too old, told in the watch"),
        pytest.param(status(410, "Expired"), id="too old, told at once"),
        pytest.param(status(403, "Forbidden"), id="refused"),
    ],
)
def test_after_a_watch_that_broke_there_is_a_fresh_look(server: ApiServer, kube: Kube, broken: tuple[int, Any]) -> None:
    server.says(broken, listed("20", pod("15")), (200, [event("MODIFIED", pod("21"))]))
    assert list(islice(kube.follow("pods", "p", "7"), 2)) == [pod("15"), pod("21")]
    assert "resourceVersion=20" in server.asked[2]


def test_an_object_that_went_while_nobody_watched_is_seen_as_gone(server: ApiServer, kube: Kube) -> None:
    server.says((200, []), listed("20"))
    assert list(islice(kube.follow("pods", "p", "7"), 1)) == [None]


@pytest.mark.parametrize("busy", [status(500, "InternalError"), status(429, "TooManyRequests"), (502, b"<html>")])
def test_a_busy_server_is_asked_again(server: ApiServer, kube: Kube, busy: tuple[int, Any]) -> None:
    server.says(busy, (200, pod("1")))
    assert kube.get("pods", "p") == pod("1")


def test_a_server_that_stays_busy_is_told_as_unavailable(server: ApiServer, kube: Kube) -> None:
    server.says(*[status(503, "ServiceUnavailable")] * 3)
    with pytest.raises(Unavailable):
        kube.get("pods", "p")


def test_what_is_there_already_is_not_made_again(server: ApiServer, kube: Kube) -> None:
    server.says(status(409, "AlreadyExists"))
    assert kube.create("pods", pod("1")) is None


def test_a_write_over_a_change_of_another_is_a_conflict(server: ApiServer, kube: Kube) -> None:
    server.says(status(409, "Conflict"))
    with pytest.raises(Conflict):
        kube.patch("configmaps", "task-a", {})


def test_deleting_what_is_gone_is_no_error(server: ApiServer, kube: Kube) -> None:
    server.says(status(404, "NotFound"), (200, {}))
    assert kube.delete("pods", "p") is False
    assert kube.delete("pods", "p") is True


@pytest.mark.parametrize(
    ("log", "size", "expected"),
    [
        (b"short\n", 100, "short\n"),
        (b"0123456789", 4, "… (at least 6 bytes before this)\n6789"),
        ("✓ab✓".encode(), 7, "… (at least 3 bytes before this)\nab✓"),
        (b"\xff\x00", 10, "\ufffd\x00"),
        (b"", 10, ""),
    ],
)
def test_the_tail_of_a_log_is_text_whatever_is_in_it(
    server: ApiServer, kube: Kube, log: bytes, size: int, expected: str
) -> None:
    server.says((200, log))
    assert kube.log_tail("p", "executor", size) == expected


def test_a_log_is_read_line_by_line(server: ApiServer, kube: Kube) -> None:
    server.says((200, "one\ntwo \u2028 still two\nthree".encode()))
    assert kube.read_log("p", "filer", list) == ["one", "two \u2028 still two", "three"]


def test_a_long_line_of_a_log_comes_whole(server: ApiServer, kube: Kube) -> None:
    server.says((200, b"a" * 300_000 + b"\nb"))
    assert kube.read_log("p", "filer", list) == ["a" * 300_000, "b"]


def test_a_log_that_breaks_off_is_read_from_its_beginning(server: ApiServer, kube: Kube) -> None:
    server.says((200, b"one\n" * 100_000 + b"end"), (200, b"one\ntwo"))
    server.cut = 200_000
    assert kube.read_log("p", "filer", list) == ["one", "two"]


def test_a_connection_is_kept_for_the_next_request(server: ApiServer, kube: Kube) -> None:
    server.says((200, pod("1")), status(404, "NotFound"), (200, b"a log"))
    kube.get("pods", "p")
    kube.get("pods", "q")
    kube.log_tail("p", "executor", 10)
    assert len(set(server.clients)) == 1


def test_a_kept_connection_that_was_closed_meanwhile_costs_no_try(server: ApiServer) -> None:
    impatient = Kube(Session(server.url, ACCOUNT), "tesk", waits=[])
    server.closes = True
    for version in ("1", "2"):
        server.says((200, pod(version)))
        assert impatient.get("pods", "p") == pod(version)
        server.closed.acquire()
    assert len(set(server.clients)) == 2


def test_a_watch_that_nobody_sees_on_leaves_no_connection_for_others(server: ApiServer, kube: Kube) -> None:
    server.says((200, [event("MODIFIED", pod("8")), event("MODIFIED", pod("9"))]), (200, pod("9")))
    shown = kube.follow("pods", "p", "7")
    assert next(shown) == pod("8")
    del shown
    assert kube.get("pods", "p") == pod("9")
    assert len(set(server.clients)) == 2


def test_a_server_that_is_not_there_is_told_as_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(Unavailable, match="cannot be reached"):
        Kube(Session(url, ACCOUNT), "tesk", waits=[]).get("pods", "p")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


def test_a_server_is_known_by_the_authority_of_the_account(authority: Path) -> None:
    with serving(tls=authority) as server:
        server.says((200, pod("1")), (200, pod("2")))
        kube = Kube(Session(server.url, Account(authority.read_text(), lambda: "t")), "tesk", waits=[])
        assert [kube.get("pods", "p"), kube.get("pods", "p")] == [pod("1"), pod("2")]
        assert len(set(server.clients)) == 1


def test_a_server_that_another_vouches_for_hears_no_token(authority: Path, tmp_path: Path) -> None:
    another = Account(certificate(tmp_path).read_text(), lambda: "t")
    with serving(tls=authority) as server:
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            Kube(Session(server.url, another), "tesk", waits=[]).get("pods", "p")
        assert server.asked == []
