"""Changes of tasks as they happen, from the watch of the API server to server-sent events."""

import json
import re
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from api import views
from api.query import ListQuery
from api.streams import paced
from tescore import listing, naming
from tescore.cluster import Cluster
from tescore.connections import Answer
from tescore.errors import BadRequest, Expired, Misconfigured, Refused, Transient
from tescore.retry import pause, retried, schedule
from tescore.session import Object, path
from tescore.watch import changes

_WATCH_SECONDS = "600"
"""How long the API server keeps a watch open; then it is begun again where it was."""
_HEARTBEAT = 15
"""Looks in vain, of about a second each, after which something is sent, or what lies between would close it as idle."""
_QUIET = b": nothing new\n\n"
_AGAIN = 1.0
"""Seconds before a watch that has ended is begun again."""
_WAITS = schedule(most=2.5, total=8.0)
"""Seconds: browsers do not come back to a stream that could not be begun."""
_EVENT_ID = re.compile(r"[1-9][0-9]{0,18}")


class Watching:
    """The tasks of one tenant; only their metadata is read."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def events(self, query: ListQuery, last: str) -> Generator[bytes | None, None, None]:
        """Server-sent events from the change after `last` on, or from now on if that is empty; they have no end.

        None about once a second while nothing happens. Raises BadRequest, Misconfigured and Unavailable at
        once, and nothing later.
        """
        if last and not _EVENT_ID.fullmatch(last):
            raise BadRequest(f"Last-Event-ID is {last[:60]!r}, which is no id of an event.")
        try:
            now = retried(lambda: self._version(query), _WAITS)
        except Refused as error:
            raise Misconfigured(str(error)) from error
        # One from the future is of another cluster, or of one whose store was put back.
        missed = bool(last) and int(last) > int(now)
        return self._events(query, now if missed or not last else last, missed=missed)

    def _events(self, query: ListQuery, version: str, *, missed: bool) -> Generator[bytes | None, None, None]:
        yield event(version, "reset", {}) if missed else event(version)
        quiet = 0
        with closing(self._changes(query, version)) as changes:
            for told in changes:
                quiet = 0 if told else quiet + 1
                yield told or (_QUIET if quiet % _HEARTBEAT == 0 else None)

    def _changes(self, query: ListQuery, version: str) -> Generator[bytes | None, None, None]:
        while True:
            try:
                with closing(paced(changes(self._stream(query, version)))) as seen:
                    for change in seen:
                        if change is None:
                            yield None
                            continue
                        version = change["object"]["metadata"]["resourceVersion"]
                        yield _told(change, query)
            except Expired:
                version = yield from self._restarted(query)
            except Transient:
                pass
            yield None
            pause(_AGAIN)

    def _restarted(self, query: ListQuery) -> Generator[bytes | None, None, str]:
        """Where to go on after changes were missed."""
        while True:
            try:
                version = self._version(query)
            except Transient:
                yield None
                pause(_AGAIN)
                continue
            yield event(version, "reset", {})
            return version

    def _version(self, query: ListQuery) -> str:
        asked = {"labelSelector": query.selector, "limit": "1"}
        found = self._cluster.get(path("configmaps", self._namespace), query=asked, accept=listing.METADATA)
        return str(found["metadata"]["resourceVersion"])

    def _stream(self, query: ListQuery, version: str) -> Answer:
        asked = {
            "watch": "1",
            "labelSelector": query.selector,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": _WATCH_SECONDS,
        }
        return self._cluster.stream(path("configmaps", self._namespace), query=asked, accept=listing.METADATA_OF_ONE)


def event(version: str, name: str = "", data: Mapping[str, Any] | None = None) -> bytes:
    """A server-sent event; without data nobody is told, but a client goes on from there."""
    lines = [f"id: {version}"]
    if data is not None:
        lines += [f"event: {name}"] if name else []
        lines += [f"data: {json.dumps(data, ensure_ascii=False)}"]
    return ("\n".join(lines) + "\n\n").encode(errors="replace")


def _told(change: Object, query: ListQuery) -> bytes:
    metadata = change["object"]["metadata"]
    version, annotations = metadata["resourceVersion"], metadata.get("annotations") or {}
    if change["type"] == "BOOKMARK" or not annotations.get(naming.NAME, "").startswith(query.name_prefix):
        return event(version)
    if change["type"] == "DELETED":
        return event(version, "gone", {"id": metadata["name"]})
    reason = annotations.get(naming.REASON)
    return event(version, data={**views.minimal(metadata), **({"reason": reason} if reason else {})})
