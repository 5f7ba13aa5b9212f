"""A GA4GH Data Repository Service on the loopback interface, over TLS, with the data that it leads to."""

import contextlib
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers import serving


@dataclass(slots=True)
class DrsServer:
    port: int
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By what stands behind `objects/` in the path."""
    once: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Likewise: what it says instead first, one after the other."""
    data: dict[str, bytes] = field(default_factory=dict)
    """By path."""
    wanted: dict[str, str] = field(default_factory=dict)
    """The Authorization without which there is no answer, by path."""
    busy: dict[str, list[str]] = field(default_factory=dict)
    """By what stands behind `objects/`: the Retry-After with which it says first that it is not ready."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization."""

    def drs(self, name: str) -> str:
        return f"drs://127.0.0.1:{self.port}/{name}"

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"


@contextlib.contextmanager
def drs_server(certificate: Path) -> Iterator[DrsServer]:
    """A server that is there until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listener:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        served = DrsServer(listener.server_port)
        listener.served = served  # type: ignore[attr-defined]
        with serving(listener):
            yield served


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        served: DrsServer = self.server.served  # type: ignore[attr-defined]
        path, authorization = self.path.partition("?")[0], self.headers.get("Authorization", "")
        served.requests.append((path, authorization))
        name = path.removeprefix("/ga4gh/drs/v1/objects/")
        if authorization != served.wanted.get(path, authorization):
            self._say(403, json.dumps({"msg": "you may not", "status_code": 403}).encode())
        elif served.busy.get(name):
            self._say(202, b"", ("Retry-After", served.busy[name].pop(0)))
        elif path in served.data:
            self._say(200, served.data[path])
        elif served.once.get(name):
            self._say(200, json.dumps({"id": name, **served.once[name].pop(0)}).encode())
        elif name in served.answers:
            self._say(200, json.dumps({"id": name, **served.answers[name]}).encode())
        else:
            self._say(404, json.dumps({"msg": "there is no such object", "status_code": 404}).encode())

    def _say(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: the tests look at the requests themselves."""
