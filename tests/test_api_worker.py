"""The server's worker over an application that answers `ok`, or 50 MB."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.service import eventually, listens

PROGRAM = """
from gevent import monkey

monkey.patch_all()

import sys
from api import memory
from tescore import worker
from tescore.serving import serve

class Worker(worker.Worker):
    silence = 1

def application(environ, start_response):
    length = 50_000_000 if environ["PATH_INFO"] == "/large" else 2
    start_response("200 OK", [("Content-Length", str(length))])
    environ["wsgi.input"].read()
    return [b"x" * length if length > 2 else b"ok"]

bounded = memory.bounded(application, 1024**3)
serve(lambda: bounded, bind=f"127.0.0.1:{sys.argv[1]}", worker_class=Worker, loglevel="critical")
"""
KEPT = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n"
BEGUN = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nonly this"


@dataclass
class Server:
    port: int
    process: "subprocess.Popen[bytes]"

    def connected(self, request: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        client.sendall(request)
        return client


@pytest.fixture
def server() -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)]) as process:
        eventually(lambda: listens(port), "the server listens")
        yield Server(port, process)
        process.terminate()


def rest(client: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    with client:
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_client_that_falls_silent_while_it_asks_is_cut_off(server: Server) -> None:
    assert rest(server.connected(BEGUN)) == b""


def test_a_client_that_does_not_take_its_answer_is_cut_off(server: Server) -> None:
    client = server.connected(LARGE)
    threading.Event().wait(4)
    assert len(rest(client)) < 50_000_000


def test_a_client_may_ask_again_on_its_connection_at_once_or_later(server: Server) -> None:
    with server.connected(b"") as client:
        for pause in (0.0, 0.0, 2.0, 0.0):
            threading.Event().wait(pause)
            client.sendall(KEPT)
            answer = b""
            while not answer.endswith(b"\r\n\r\nok"):
                answer += client.recv(1024)


def test_idle_connections_do_not_keep_a_process_from_ending(server: Server) -> None:
    with server.connected(KEPT) as idle:
        idle.recv(1024)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(15)  # gunicorn's patience is 30
