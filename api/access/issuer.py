"""An OpenID Connect provider as it describes itself: its endpoints and the keys with which it signs."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jwt

from api.access.fetch import Declined, fetch
from tescore.errors import Unauthenticated, Unavailable

_FRESH = 300.0
"""Seconds after which keys are read anew, so that one which the provider has withdrawn does not serve for longer."""
_STALE = 3600.0
"""Seconds that known keys serve while the provider is away."""
_PAUSE = 10.0
"""Seconds between two reads at least, however many tokens come with keys that nobody knows."""
_ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""What a token may be signed with, by the kind of key, which is always one that the provider alone has."""
_DOCUMENT = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Key:
    public: Any
    algorithms: tuple[str, ...]
    """With which it may be used: the one that it names, else those that such a key can."""


class Issuer:
    """Safe to use from many threads, of which one at a time reads."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self.url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._described: dict[str, Any] = {}
        self._keys: dict[str, Key] = {}
        self._read_at = self._tried_at = float("-inf")

    def endpoint(self, name: str) -> str:
        """The URL that the provider's description has under a name. Raises Unavailable."""
        self._read_if_due(_FRESH)
        found = self._described.get(name)
        if not isinstance(found, str):
            raise Unavailable(f"The identity provider {self.url} has no {name}.")
        return found

    def key(self, key_id: str | None) -> Key:
        """The key of that name; where a token names none, the provider's only one.

        A name that is not known may be that of a new key. Raises Unauthenticated, and Unavailable.
        """
        self._read_if_due(_FRESH)
        if not self._has(key_id):
            self._read_if_due(_PAUSE, waits=True)
        if not self._has(key_id) and self._tried_at > self._read_at:  # it may be a new one
            raise Unavailable(f"The identity provider {self.url} cannot be reached.")
        if not self._has(key_id):
            raise Unauthenticated("The token is signed with a key that its issuer does not have.")
        return self._keys[key_id] if key_id is not None else next(iter(self._keys.values()))

    def _has(self, key_id: str | None) -> bool:
        return key_id in self._keys if key_id is not None else len(self._keys) == 1

    def _read_if_due(self, age: float, *, waits: bool = False) -> None:
        """Reads what is older than that, unless it was just tried; what is known serves on if that fails.

        While another thread reads, what is known serves too, unless this one waits for what is new.
        """
        seen = self._clock() - self._read_at
        if seen < age or not self._lock.acquire(blocking=waits or seen >= _STALE):
            return
        try:
            now = self._clock()
            if now - self._read_at >= age and now - self._tried_at >= _PAUSE:
                self._tried_at = now
                try:
                    self._read()
                except Unavailable:
                    if now - self._read_at >= _STALE:
                        raise
                else:
                    self._read_at = now
            if now - self._read_at >= _STALE:
                raise Unavailable(f"The identity provider {self.url} cannot be reached.")
        finally:
            self._lock.release()

    def _read(self) -> None:
        try:
            described = fetch(self.url.rstrip("/") + _DOCUMENT)
            if not isinstance(described, dict) or described.get("issuer") != self.url:
                raise Unavailable(f"What is at {self.url} does not call itself so.")
            keys = _usable(fetch(str(described.get("jwks_uri"))))
        except Declined as error:
            raise Unavailable(str(error)) from error
        self._described, self._keys = described, keys


def _usable(found: Any) -> dict[str, Key]:
    """Public keys to verify signatures with, by their names."""
    listed = found.get("keys") if isinstance(found, Mapping) else None
    usable = {}
    for item in listed if isinstance(listed, list) else ():
        if not isinstance(item, dict) or item.get("use") == "enc":
            continue
        can = _ALGORITHMS.get(str(item.get("kty")), ())
        algorithms = tuple(each for each in can if item.get("alg", each) == each)
        if algorithms:
            with suppress(jwt.PyJWTError):  # a key that this library cannot read
                usable[str(item.get("kid", ""))] = Key(jwt.PyJWK(item).key, algorithms)
    return usable
