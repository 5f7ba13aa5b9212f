"""The same request many times over kept connections, and how long each took."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Call = Callable[["Connection"], None]
"""What is measured: one request, or the few that do the same."""


@dataclass(frozen=True)
class Target:
    """A server, and what is sent to it each time."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    trust: ssl.SSLContext | None = None

    def connection(self) -> "Connection":
        parts = urlsplit(self.url)
        host, port = str(parts.hostname), parts.port
        made = (
            http.client.HTTPSConnection(host, port, timeout=60, context=self.trust)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=60)
        )
        return Connection(made, self.headers)


class Failed(Exception):
    """An answer that was not expected; `status` is 0 where there was none."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(f"answered {status}: {answer[:300]}")
        self.status = status


class Connection:
    """One connection that is kept, and made anew after it broke."""

    def __init__(self, made: http.client.HTTPConnection, headers: Mapping[str, str]) -> None:
        self._made = made
        self._headers = headers

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """The body of the answer. Raises Failed unless it is 200 or 201."""
        try:
            answer = self._asked(method, path, body, headers)
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._made.close()
            raise Failed(0, repr(error)) from error
        if answer.status not in {200, 201}:
            raise Failed(answer.status, data.decode(errors="replace"))
        return data

    def lines(self, path: str, **headers: str) -> Iterator[bytes]:
        """The lines of an answer that may last, as they come, until the connection is stopped."""
        answer = self._asked("GET", path, None, headers)
        if answer.status != 200:
            raise Failed(answer.status, answer.read().decode(errors="replace"))
        self._made.sock.settimeout(None)
        return iter(answer)

    def _asked(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Content-Type": "application/json"} if body is not None else {}
        self._made.request(method, path, body=body, headers={**self._headers, **given, **named})
        return self._made.getresponse()

    def stop(self) -> None:
        """Ends an answer that another thread reads, which closing would wait for."""
        if self._made.sock:
            self._made.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._made.close()


def timed(target: Target, call: Call, *, connections: int, seconds: float, least: int = 1) -> list[float]:
    """How long each call took, sent over so many connections at a time for so long, each at least so many times."""
    took: list[float] = []
    failed: list[BaseException] = []

    def send() -> None:
        with closing(target.connection()) as connection:
            try:
                call(connection)  # the connection is made, and what is read once has been
                ends, count = time.monotonic() + seconds, 0
                while not failed and (count < least or time.monotonic() < ends):
                    began = time.monotonic()
                    call(connection)
                    took.append(time.monotonic() - began)
                    count += 1
            except Failed as error:
                failed.append(error)

    together([threading.Thread(target=send) for _ in range(connections)])
    if failed:
        raise failed[0]
    return took


def together(threads: Iterable[threading.Thread]) -> None:
    """Runs them all until they end."""
    begun = list(threads)
    for thread in begun:
        thread.start()
    for thread in begun:
        thread.join()


def percentile(seconds: list[float], part: float) -> float:
    """The time that so large a part of all did not take longer than."""
    found = sorted(seconds)
    return found[min(len(found) - 1, int(len(found) * part))]


def markdown(rows: list[list[Any]]) -> str:
    """Rows as a table of Markdown, the first its head."""
    head, *rest = [[str(cell) for cell in row] for row in rows]
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rest]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
