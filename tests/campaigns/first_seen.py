"""When what happens to pods and tasks is seen by a watch of the API server, as any client of Kubernetes may see it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from tescore import listing, naming
from tescore.session import path
from tests.campaigns.load import Target

TERMINATED = "terminated"
_WATCHED = 3600
"""Seconds that a watch lasts at most."""


@dataclass
class FirstSeen:
    """The first time that each thing was seen: an object's name, and a state."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    at: dict[tuple[str, str], float] = field(default_factory=dict)
    """In seconds of time.monotonic()."""
    ended: bool = False
    """Whether a watch has ended, after which nothing more may be seen."""

    def end(self) -> None:
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def see(self, name: str, states: list[str]) -> None:
        now = time.monotonic()
        with self.changed:
            for state in states:
                self.at.setdefault((name, state), now)
            self.changed.notify_all()

    def first(self, name: str, states: set[str], *, within: float = 600) -> tuple[str, float]:
        """Waits until one of these states is seen; which, and when."""
        found: list[tuple[float, str]] = []

        def seen() -> bool:
            found[:] = sorted((self.at[name, state], state) for state in states if (name, state) in self.at)
            return bool(found)

        with self.changed:
            assert self.changed.wait_for(lambda: seen() or self.ended, within), f"{name} was not {states} in {within} s"
            assert found, f"a watch ended before {name} was seen as any of {states}"
        return found[0][1], found[0][0]


def _of_a_pod(pod: dict[str, Any]) -> list[str]:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    ended = bool(containers) and all("terminated" in each["state"] for each in containers)
    return ["there", *([TERMINATED] if ended else [])]


def _of_a_record(record: dict[str, Any]) -> list[str]:
    return [record["metadata"]["labels"].get(naming.STATE, "")]


@contextmanager
def first_seen(server: Target, namespace: str) -> Iterator[FirstSeen]:
    """Watches what becomes of a namespace's pods and records from now on, until the block ends."""
    seen = FirstSeen()
    with ExitStack() as stack:
        for kind, selector, accept, states in (
            ("pods", "", "application/json", _of_a_pod),
            ("configmaps", naming.TASK_SELECTOR, listing.METADATA_OF_ONE, _of_a_record),
        ):
            connection = server.connection()
            where = path(kind, namespace)
            now = json.loads(connection.ask("GET", f"{where}?limit=1"))["metadata"]["resourceVersion"]
            wanted = {"watch": "1", "labelSelector": selector, "timeoutSeconds": str(_WATCHED), "resourceVersion": now}
            lines = connection.lines(f"{where}?{urlencode(wanted)}", Accept=accept)
            threading.Thread(target=_read, args=(lines, seen, states), daemon=True).start()
            stack.callback(connection.stop)
        yield seen


def _read(lines: Iterator[bytes], seen: FirstSeen, states: Callable[[dict[str, Any]], list[str]]) -> None:
    try:
        with suppress(OSError, HTTPException):  # the connection was stopped
            for line in lines:
                shown = json.loads(line)["object"]
                seen.see(shown["metadata"]["name"], states(shown))
    finally:
        seen.end()
