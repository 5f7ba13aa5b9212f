"""Whether a caller is the API server: it alone is told the path, whose last word is another one every few minutes."""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

PATH = "/admit"
_LASTS = 600
"""Seconds for which a word is the current one."""
_TAKEN = 3
"""Words that are taken, the current one and those before. An API server that cannot reach the webhook tells the path to
whoever wanted to create a task, so it must not serve for long; one that learns late of a new path must be heard."""
_REFUSAL = b"Only the API server is heard here.\n"


def path(secret: bytes, now: datetime) -> str:
    """The path that the API server is told, the same from all replicas that share the secret."""
    return f"{PATH}/{_word(secret, _turn(now))}"


def is_known(asked: str, secret: bytes, now: datetime) -> bool:
    """Whether a path is one that the API server was told lately."""
    turns = range(_turn(now) + 1, _turn(now) - _TAKEN, -1)  # also the next one: clocks of nodes differ
    return any(hmac.compare_digest(asked.encode(), f"{PATH}/{_word(secret, turn)}".encode()) for turn in turns)


class OnlyTheApiServer:
    """A WSGI application in front of another, which nobody else reaches under `PATH`."""

    def __init__(
        self, application: Callable[..., Iterable[bytes]], secret: Callable[[], bytes], now: Callable[[], datetime]
    ) -> None:
        self._application = application
        self._secret = secret
        self._now = now

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = environ.get("PATH_INFO", "")
        if not asked.startswith(PATH):
            return self._application(environ, start_response)
        if is_known(asked, self._secret(), self._now()):
            return self._application({**environ, "PATH_INFO": PATH}, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", str(len(_REFUSAL)))])
        return [_REFUSAL]


def _turn(now: datetime) -> int:
    return int(now.timestamp()) // _LASTS


def _word(secret: bytes, turn: int) -> str:
    return hmac.digest(secret, f"tesk webhook {turn}".encode(), hashlib.sha256).hex()[:40]
