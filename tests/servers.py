"""Real servers on the loopback interface that tests talk to: HTTP that misbehaves on request, and S3."""

import contextlib
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ACCESS_KEY = "tesk"
SECRET_KEY = "tesk-secret"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says once instead of its own answer."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    """Content-Length; that of the body if None, and no such header if negative."""
    stalls: Callable[[], object] | None = None
    """What is waited for when the body was sent, with the connection open."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]


@dataclass(slots=True)
class HttpServer:
    """Keeps what is PUT and gives it to GET, unless answers are left for the target, or for `target range`."""

    port: int
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def url(self, target: str, userinfo: str = "") -> str:
        return f"http://{userinfo}127.0.0.1:{self.port}{target}"


@contextlib.contextmanager
def http_server() -> Iterator[HttpServer]:
    """A server that is there until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listener:
        served = HttpServer(listener.server_port)
        listener.served = served  # type: ignore[attr-defined]
        with serving(listener):
            yield served


@contextlib.contextmanager
def serving(listener: socketserver.BaseServer) -> Iterator[None]:
    """Has a server answer in a thread of its own, until the block ends."""
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        listener.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        served = self._served()
        answer = self._answer(served) or (
            Answer(body=served.files[self.path])
            if self.path in served.files
            else Answer(404, b"There is no such file.")
        )
        self._say(answer)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        served = self._served()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self._answer(served)
        if answer is None:
            served.files[self.path] = body
        self._say(answer or Answer(201))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _served(self) -> HttpServer:
        served: HttpServer = self.server.served  # type: ignore[attr-defined]
        served.requests.append(Request(self.command, self.path, dict(self.headers)))
        return served

    def _answer(self, served: HttpServer) -> Answer | None:
        waiting = served.answers.get(f"{self.path} {self.headers.get('Range')}") or served.answers.get(self.path)
        return waiting.pop(0) if waiting else None

    def _say(self, answer: Answer) -> None:
        length = len(answer.body) if answer.length is None else answer.length
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if length >= 0:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # a client may have read enough
                self.wfile.write(answer.body)
        if answer.stalls:
            answer.stalls()

    def log_message(self, *_: object) -> None:
        """Says nothing: the tests look at the requests themselves."""


@dataclass(frozen=True, slots=True)
class S3Server:
    endpoint: str
    folder: Path
    """Its buckets are folders here, its objects files."""

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    def environment(self, home: Path, *, secret: str = SECRET_KEY) -> dict[str, str]:
        """The variables of a program that is to use it, as a pod has them from the tenant's Secret."""
        return aws_files(home, self.endpoint, secret=secret)


def aws_files(home: Path, endpoint: str, *, secret: str = SECRET_KEY) -> dict[str, str]:
    """The files of the AWS command line for an endpoint, and the variables that name them."""
    home.mkdir(exist_ok=True)
    (home / "config").write_text(f"[default]\nregion = us-east-1\nendpoint_url = {endpoint}\n")
    (home / "credentials").write_text(
        f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {secret}\n"
    )
    return {"AWS_CONFIG_FILE": str(home / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials")}


@contextlib.contextmanager
def s3_server(folder: Path, *options: str, domain: str = "") -> Iterator[S3Server]:
    """versitygw over a folder, until the block ends. Its binary is named by the variable VERSITYGW.

    With a `domain` it takes a name below that as the bucket's.
    """
    binary = os.environ.get("VERSITYGW", "")  # noqa: TID251, the binary is built outside of the tests
    if not binary:
        raise RuntimeError(
            "VERSITYGW is not set: these tests need the S3 server versitygw. Run `make test`, or set it to what "
            "`scripts/versitygw` prints."
        )
    folder.mkdir(exist_ok=True)
    port = free_port()
    if domain:
        options = (*options, "--virtual-domain", f"{domain}:{port}")
    with subprocess.Popen(
        [binary, "--port", f"127.0.0.1:{port}", "--quiet", *options, "posix", str(folder)],
        env={"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY, "PATH": os.defpath},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            await_port(port, process)
            yield S3Server(f"http://127.0.0.1:{port}", folder)
        finally:
            process.terminate()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def await_port(port: int, process: "subprocess.Popen[bytes]", host: str = "127.0.0.1") -> None:
    """Returns when a program listens on its port. Raises RuntimeError if it does not, or has ended."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise RuntimeError(f"The server ended with {process.wait(timeout=0.05)}.")
    raise RuntimeError("The server does not listen.")
