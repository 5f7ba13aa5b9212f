"""Who sends a request, by its Authorization header."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from api.access.bounded import Bounded
from api.access.user import ANONYMOUS, User, Verdict
from tescore.errors import Unauthenticated

_MOST = 4096
"""Good credentials that are remembered."""
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
        self._verdicts = Bounded[bytes, Verdict](_MOST, seconds, clock)

    def user(self, header: str) -> User:
        """Raises Unauthenticated, Unavailable where somebody who must be asked does not answer, Misconfigured."""
        if not self._methods:
            return ANONYMOUS
        scheme, _, credential = header.strip().partition(" ")
        if not credential:
            raise Unauthenticated("This needs an Authorization header.")
        key = hashlib.sha256(f"{scheme.lower()} {credential}".encode("utf-8", "surrogatepass")).digest()
        return self._verdicts.get(key, lambda: self._asked(scheme, credential.strip())).user

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes of HTTP by which one may come in, each once; none where the service is open."""
        return tuple(dict.fromkeys(method.scheme for method in self._methods))

    def challenges(self, *, tried: bool) -> list[str]:
        """The WWW-Authenticate headers of a refusal; `tried` where the request had a credential."""
        said = ', error="invalid_token"' if tried else ""
        texts = {"Bearer": f'Bearer realm="{REALM}"{said}', "Basic": f'Basic realm="{REALM}", charset="UTF-8"'}
        return [texts[scheme] for scheme in self.schemes]

    def _asked(self, scheme: str, credential: str) -> tuple[Verdict, float]:
        for method in self._methods:
            if method.scheme.lower() == scheme.lower() and method.takes(credential):
                verdict = method.verdict(credential)
                return verdict, verdict.ends
        raise Unauthenticated("Credentials of this kind are not taken here.")
