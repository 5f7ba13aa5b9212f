"""Users with passwords, from a file that a Secret puts there (htpasswd with bcrypt)."""

import base64
import re
import threading
from collections import defaultdict
from pathlib import Path

import bcrypt
import gevent

from api.access.user import EVERYONE, User, Verdict
from tescore.errors import Misconfigured, Unauthenticated, Unavailable

PREFIX = "basic:"
"""Before the names of these users."""
_HASH = re.compile(rb"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
_LONGEST = 72
"""Bytes of a password that bcrypt looks at."""
_AT_ONCE = 4
"""Hashes that are computed at a time for a user, and for all users that there are not, each for about 0.1 s.

So those who guess passwords keep nobody waiting but the user whose they guess.
"""
_PATIENCE = 2.0
_WRONG = "User or password is wrong."


class Basic:
    scheme = "Basic"

    def __init__(self, file: str) -> None:
        self._file = Path(file)
        self._free = defaultdict[bytes, threading.Semaphore](lambda: threading.Semaphore(_AT_ONCE))
        """By what is compared with."""
        self._lock = threading.Lock()
        self._read_of: tuple[int, int] | None = None
        self._hashes: dict[str, bytes] = {}
        self._nobodys = b""

    def takes(self, credential: str) -> bool:
        return bool(credential)

    def verdict(self, credential: str) -> Verdict:
        """Takes as long for a user that there is not. Raises Unauthenticated, Misconfigured, Unavailable if overrun."""
        name, password = _parts(credential)
        with self._lock:
            self._read_if_changed()
            known = self._hashes.get(name)
            compared = known or self._nobodys
            free = self._free[compared]
        if not free.acquire(timeout=_PATIENCE):
            raise Unavailable("Too many passwords of this user are tried at a time.")
        try:
            right = gevent.get_hub().threadpool.apply(bcrypt.checkpw, (password[:_LONGEST], compared))
        finally:
            free.release()
        if known is None or not right or len(password) > _LONGEST:
            raise Unauthenticated(_WRONG)
        return Verdict(User(PREFIX + name, (EVERYONE,)))

    def _read_if_changed(self) -> None:
        try:
            found = self._file.stat()
            if self._read_of != (found.st_ino, found.st_mtime_ns):
                self._hashes = _hashes(self._file.read_bytes())
                self._nobodys = bcrypt.hashpw(b"", bcrypt.gensalt(_cost(self._hashes)))
                self._free.clear()
                self._read_of = found.st_ino, found.st_mtime_ns
        except OSError as error:
            raise Misconfigured(f"The file of users cannot be read ({error}).") from error


def _parts(credential: str) -> tuple[str, bytes]:
    try:
        name, colon, password = base64.b64decode(credential, validate=True).partition(b":")
        if not colon:
            raise Unauthenticated(_WRONG)
        return name.decode(), password
    except ValueError as error:
        raise Unauthenticated(_WRONG) from error


def _hashes(text: bytes) -> dict[str, bytes]:
    """Raises Misconfigured for a line that is neither a user with a bcrypt hash nor a comment."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        name, _, hashed = line.strip().partition(b":")
        if not name or not _HASH.fullmatch(hashed):
            raise Misconfigured(f"Line {number} of the file of users is no user with a bcrypt hash (htpasswd -B).")
        found[name.decode("utf-8", "replace")] = hashed
    return found


def _cost(hashes: dict[str, bytes]) -> int:
    """The highest of all, so that a user that there is not takes no shorter."""
    return max((int(hashed[4:6]) for hashed in hashes.values()), default=12)
