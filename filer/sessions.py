"""Sessions of the package requests, which some libraries speak through, over connections that the guard permits."""

from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter

from filer import connections

_S = TypeVar("_S", bound=requests.Session)


def guarded(session: _S) -> _S:
    """The same session, which from now on reaches no other address, by no redirect and by no proxy, and asks once."""
    session.trust_env = False  # a proxy would be asked for any address, and .netrc holds no keys of these storages
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As the library's own."""
        super().init_poolmanager(*arguments, blocksize=connections.CHUNK, **options)
        connections.guard_pools(self.poolmanager)
