"""The calls that the programs make to the Kubernetes API server."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from tescore import listing
from tescore.connections import Answer
from tescore.session import Object, Session, mounted, path, server

_PATIENCE = 9.0
"""Seconds in which the API server has to say something."""
_ON_THE_WAY = 0.5
"""Seconds that an answer may come after the API server has given up."""


def _uncounted(_: int) -> None:
    pass


class Cluster:
    """Each call is one try, and raises what tescore.session does."""

    def __init__(self, session: Session, *, patience: float = _PATIENCE) -> None:
        """`patience` is for how many seconds the API server may be silent."""
        self._session = session
        self._patience = patience

    def within(self, seconds: float) -> "Cluster":
        """The same, whose API server may be silent for no longer than that."""
        return Cluster(self._session, patience=seconds)

    def get(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = listing.WHOLE,
        count: Callable[[int], None] = _uncounted,
    ) -> Object:
        """`count` is called with the bytes of each piece of the answer, before the next one is read."""
        return self._call("GET", path, query=query, accept=accept, count=count)

    def listed(
        self, kind: str, namespace: str, selector: str, *, whole: bool = False, fields: str = ""
    ) -> Iterator[Object]:
        """All objects with these labels and fields, a page at a time; their metadata alone unless `whole`."""
        where = path(kind, namespace)
        return listing.listed(
            lambda query, accept: self.get(where, query=query, accept=accept), selector, whole=whole, fields=fields
        )

    def stream(
        self, path: str, *, query: Mapping[str, str], accept: str = "*/*", silence: float | None = None
    ) -> Answer:
        """A long answer, such as a log or a watch, which may be silent for so many seconds, or for ever."""
        return self._session.ask("GET", path, query=query, accept=accept, patience=silence)

    def create(self, path: str, body: Object, *, dry_run: bool = False, within: float | None = None) -> Object:
        """With `dry_run` all is done but storing it, admission webhooks included.

        With `within` the API server gives up after so many seconds, so that nothing is under way any more then.
        """
        query = {
            **({"dryRun": "All"} if dry_run else {}),
            **({"timeout": f"{within:.3f}s"} if within is not None else {}),
        }
        patience = None if within is None else within + _ON_THE_WAY
        return self._call("POST", path, body=body, query=query, patience=patience)

    def patch(self, path: str, body: Object) -> Object:
        """A merge patch (RFC 7386)."""
        return self._call("PATCH", path, body=body, content_type="application/merge-patch+json")

    def delete(self, path: str, *, uid: str = "", at_once: bool = False) -> Object:
        """What the object owns is deleted after it. With a uid it is deleted only if it is that one, else Conflict.

        A pod that goes `at_once` is not waited for: its name is free, and its node may be gone.
        """
        body = {
            "propagationPolicy": "Background",
            **({"preconditions": {"uid": uid}} if uid else {}),
            **({"gracePeriodSeconds": 0} if at_once else {}),
        }
        return self._call("DELETE", path, body=body)

    def _call(
        self,
        method: str,
        path: str,
        *,
        patience: float | None = None,
        count: Callable[[int], None] = _uncounted,
        **options: Any,
    ) -> Object:
        said = bytearray()
        with closing(self._session.ask(method, path, patience=patience or self._patience, **options).body) as pieces:
            for piece in pieces:
                count(len(piece))
                said += piece
        found: Object = json.loads(said)
        return found


def own(environment: Mapping[str, str]) -> Cluster:
    """The cluster that the program runs in, as the ServiceAccount of its pod."""
    return Cluster(Session(server(environment), mounted()))
