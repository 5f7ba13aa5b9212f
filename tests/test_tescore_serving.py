import functools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

PROGRAM = """
import sys
from tescore.serving import serve

def application(environ, start_response):
    length = 50_000_000 if environ["PATH_INFO"] == "/large" else 2
    start_response("200 OK", [("Content-Length", str(length))])
    environ["wsgi.input"].read()
    return [b"x" * length if length > 2 else b"ok"]

serve(lambda: application, silence=1, bind=f"127.0.0.1:{sys.argv[1]}", workers=1, threads=2, loglevel="critical")
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
KEPT = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n"
BEGUN = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nonly this"


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(number)]) as server:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", number)).close()
                break
            except ConnectionRefusedError:
                continue
        yield number
        server.terminate()


@pytest.mark.parametrize(
    "request_", [pytest.param(BEGUN, id="while they ask"), pytest.param(LARGE, id="while they are answered")]
)
def test_clients_that_fall_silent_do_not_keep_others_waiting_for_ever(port: int, request_: bytes) -> None:
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
    for client in silent:
        client.sendall(request_)

    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(REQUEST)
        answer = b"".join(iter(lambda: client.recv(1024), b""))

    assert answer.endswith(b"\r\n\r\nok")
    for client in silent:
        client.close()


def test_clients_that_do_not_close_their_side_do_not_keep_others_waiting(port: int) -> None:
    started, answered = time.monotonic(), []
    for _ in range(8):
        answered.append(socket.create_connection(("127.0.0.1", port), timeout=10))
        answered[-1].sendall(REQUEST)
        assert b"".join(iter(functools.partial(answered[-1].recv, 1024), b"")).endswith(b"ok")
    assert time.monotonic() - started < 8  # it was 2 s for each

    for client in answered:
        client.close()


def test_a_client_may_ask_again_on_its_connection_at_once_or_later(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for pause in (0.0, 0.0, 0.1, 0.0):
            threading.Event().wait(pause)
            client.sendall(KEPT)
            answer = b""
            while not answer.endswith(b"\r\n\r\nok"):
                answer += client.recv(1024)
