"""A server on this machine that pods reach: it counts what executors say, and keeps and gives files."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Counter:
    """What came in. A mark is told by GET /mark/KEY, where the key says which executor of which task runs."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    """By their path; PUT adds to it, GET reads it."""
    marks: list[tuple[str, float]] = field(default_factory=list)
    """Key and time (seconds since 1970) of each mark."""

    def count(self, key: str) -> int:
        return sum(marked == key for marked, _ in list(self.marks))

    def times(self, prefix: str) -> list[float]:
        return [when for key, when in list(self.marks) if key.startswith(prefix)]

    def script(self, key: str) -> str:
        """A line of shell for the beginning of an executor."""
        return f"wget -q -O /dev/null {self.url}/mark/{key} || exit 97; "


@contextlib.contextmanager
def counter(address: str) -> Iterator[Counter]:
    """A counter that is there until the block ends, at an address of this machine."""
    with _Listener((address, 0), _Handler) as listener:
        host, port = listener.server_address[:2]
        listener.served = Counter(f"http://{host!s}:{port}")
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield listener.served
        finally:
            listener.shutdown()
            thread.join()


class _Listener(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    served: Counter


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        served = self.server.served
        if self.path.startswith("/mark/"):
            served.marks.append((self.path.removeprefix("/mark/"), time.time()))
            self._say(200)
        elif self.path in served.files:
            self._say(200, served.files[self.path])
        else:
            self._say(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.server.served.files[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._say(201)

    def _say(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: the campaigns tell what counts."""
