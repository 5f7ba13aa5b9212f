"""Who sends a request, by its Authorization header."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from api.access.bounded import Bounded
from api.access.user import ANONYMOUS, User, Verdict
from api.access.waits import GRACE
from tescore.errors import Unauthenticated, Unavailable

_MOST = 4096
"""Credentials that are remembered of those that are good, and as many of the others."""
_REFUSED_SECONDS = 5.0
REALM = "tesk"


class Method(Protocol):
    """A way to show who one is."""

    @property
    def scheme(self) -> str: ...
    def takes(self, credential: str) -> bool: ...
    def verdict(self, credential: str) -> Verdict: ...


class Authenticator:
    """Keeps verdicts for a while, by hashes of the credentials, which are never kept themselves."""

    def __init__(self, methods: Sequence[Method], *, seconds: float, clock: Callable[[], float]) -> None:
        """Without methods everyone is let in as `ANONYMOUS`. `clock` gives seconds since 1970."""
        self._methods = methods
        self._seconds = seconds
        self._clock = clock
        self._let_in = Bounded[bytes, Verdict](_MOST, clock)
        self._refused = Bounded[bytes, str](_MOST, clock)

    def user(self, header: str) -> User:
        """Raises Unauthenticated, Unavailable where somebody who must be asked does not answer, Misconfigured."""
        if not self._methods:
            return ANONYMOUS
        scheme, _, credential = header.strip().partition(" ")
        if not credential:
            raise Unauthenticated("This needs an Authorization header.")
        key = hashlib.sha256(f"{scheme.lower()} {credential}".encode("utf-8", "surrogatepass")).digest()
        known = self._let_in.get(key)
        return (known or self._asked(scheme, credential.strip(), key)).user

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes of HTTP by which one may come in, each once; none where the service is open."""
        return tuple(dict.fromkeys(method.scheme for method in self._methods))

    def challenges(self, *, tried: bool) -> list[str]:
        """The WWW-Authenticate headers of a refusal; `tried` where the request had a credential."""
        said = ', error="invalid_token"' if tried else ""
        texts = {"Bearer": f'Bearer realm="{REALM}"{said}', "Basic": f'Basic realm="{REALM}", charset="UTF-8"'}
        return [texts[scheme] for scheme in self.schemes]

    def _asked(self, scheme: str, credential: str, key: bytes) -> Verdict:
        if (why := self._refused.get(key)) is not None:
            raise Unauthenticated(why)
        now = self._clock()
        try:
            verdict = self._verdict(scheme, credential)
        except Unauthenticated as error:
            self._refused.put(key, str(error), until=now + _REFUSED_SECONDS)
            raise
        except Unavailable:
            before = self._let_in.get(key, grace=GRACE)
            if before is None or before.ends <= now:
                raise
            return before
        self._let_in.put(key, verdict, until=min(now + self._seconds, verdict.ends))
        return verdict

    def _verdict(self, scheme: str, credential: str) -> Verdict:
        for method in self._methods:
            if method.scheme.lower() == scheme.lower() and method.takes(credential):
                return method.verdict(credential)
        raise Unauthenticated("Credentials of this kind are not taken here.")
