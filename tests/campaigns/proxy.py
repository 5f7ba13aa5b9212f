"""A proxy between one taskmaster and the real API server, which does to each request what a campaign says."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.campaigns.authority import Served

ADDRESS = "127.0.0.1"
_HOP = {"host", "connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, the n-th from 0."""

    number: int
    method: str
    path: str

    @property
    def is_watch(self) -> bool:
        return "watch=1" in self.path


class Kill(Enum):
    """The taskmaster is killed, and never hears what became of its request."""

    NOT_HEARD = auto()
    NOT_ANSWERED = auto()
    """The API server has carried it out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Said instead of the API server's own answer."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    carried_out: bool = False
    """Whether the API server got the request all the same."""


Fault = Kill | Answer | None


@dataclass
class Proxy:
    """Counts requests; `fault` says what becomes of each; `kill` ends the taskmaster."""

    upstream: tuple[str, int]
    trust: ssl.SSLContext
    fault: Callable[[Asked], Fault]
    kill: Callable[[], None] = lambda: None
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    streams: set[socket.socket] = field(default_factory=set)
    """Connections on which a taskmaster waits for something."""
    away: bool = False

    def close_streams(self) -> None:
        """Ends all connections, watches among them, as a load balancer that goes away does."""
        for stream in list(self.streams):
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)


class Listening:
    """The proxy's own port, which can be closed for a while."""

    def __init__(self, proxy: Proxy, served: Served) -> None:
        self._proxy, self._served = proxy, served
        self.port = 0
        self._listener: _Listener | None = None

    def open(self) -> None:
        listener = _Listener((ADDRESS, self.port), _Handler, self._proxy, self._served.context)
        self.port = listener.server_port
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self._listener = listener

    def close(self) -> None:
        """Connections are refused from now on, and those that there are end."""
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None
        self._proxy.close_streams()


@contextmanager
def listening(proxy: Proxy, served: Served) -> Iterator[Listening]:
    """A proxy that can be reached until the block ends."""
    port = Listening(proxy, served)
    port.open()
    try:
        yield port
    finally:
        port.close()


def trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], handler: type["_Handler"], proxy: Proxy, context: ssl.SSLContext
    ) -> None:
        super().__init__(address, handler)
        self.proxy = proxy
        self._context = context

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """In the connection's own thread, so that nobody waits for another's handshake."""
        with contextlib.suppress(OSError), self._context.wrap_socket(request, server_side=True) as secured:
            self.proxy.streams.add(secured)
            try:
                super().finish_request(secured, client_address)
            finally:
                self.proxy.streams.discard(secured)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._carry_out()

    def do_POST(self) -> None:
        self._carry_out()

    def do_PATCH(self) -> None:
        self._carry_out()

    def do_DELETE(self) -> None:
        self._carry_out()

    def _carry_out(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with proxy.lock:
            asked = Asked(len(proxy.asked), self.command, self.path)
            proxy.asked.append(asked)
        fault = proxy.fault(asked)
        if fault is Kill.NOT_HEARD:
            proxy.kill()
            self.close_connection = True
        elif isinstance(fault, Answer) and not fault.carried_out:
            self._say(fault)
        else:
            self._forward(asked, body, fault)

    def _forward(self, asked: Asked, body: bytes, fault: Fault) -> None:
        proxy = self.server.proxy
        upstream = http.client.HTTPSConnection(*proxy.upstream, context=proxy.trust, timeout=600)
        with contextlib.closing(upstream):
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            upstream.request(asked.method, asked.path, body=body or None, headers=headers)
            answer = upstream.getresponse()
            if fault is Kill.NOT_ANSWERED:
                proxy.kill()
                self.close_connection = True
            elif isinstance(fault, Answer):
                answer.read()
                self._say(fault)
            else:
                self._pass_on(answer)

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while part := answer.read1(65536):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def _say(self, fault: Answer) -> None:
        self.send_response(fault.status)
        for name, value in fault.headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(fault.body)))
        self.end_headers()
        self.wfile.write(fault.body)

    def log_message(self, *_: object) -> None:
        """Says nothing: the campaigns tell what counts."""
