"""When what happens to pods and tasks is seen by a watch of the API server, as any client of Kubernetes may see it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from tescore import listing, naming
from tescore.session import path
from tests.campaigns.load import Connection, Failed, Target

TERMINATED = "terminated"
_WATCHED = 3600
"""Seconds that a watch lasts at most."""


@dataclass
class FirstSeen:
    """The first time that each thing was seen: an object's name, and a state."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    at: dict[tuple[str, str], float] = field(default_factory=dict)
    """In seconds of time.monotonic()."""
    ended: str = ""
    """Why nothing more is seen."""

    def end(self, why: str) -> None:
        with self.changed:
            self.ended = self.ended or why
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
            assert found, f"{name} was not seen as any of {states}: {self.ended}"
        return found[0][1], found[0][0]


def _of_a_pod(pod: dict[str, Any]) -> list[str]:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    ended = bool(containers) and all("terminated" in each["state"] for each in containers)
    return ["there", *([TERMINATED] if ended else [])]


def _of_a_record(record: dict[str, Any]) -> list[str]:
    return [record["metadata"]["labels"].get(naming.STATE, "")]


@dataclass
class Watch:
    """One watch until it is over: the API server ends one whose events are not taken in time."""

    connection: Connection
    kind: str
    namespace: str
    """Empty for all."""
    selector: str
    accept: str
    take: Callable[[dict[str, Any]], None]
    """Called with each object as it is added, changed or deleted."""
    end: Callable[[str], None]
    """Called with the reason why nothing more comes."""
    over: threading.Event
    version: str = ""
    """Of what was seen last, after which the next watch goes on."""

    def begin(self) -> None:
        seen = self.connection.ask("GET", f"{path(self.kind, self.namespace)}?limit=1")
        self.version = json.loads(seen)["metadata"]["resourceVersion"]

    def follow(self) -> None:
        try:
            while not self.over.is_set():
                self._read()
                self.over.wait(0.05)
        except Failed as error:
            self.end(f"the watch of {self.kind} in {self.namespace} {error}")
        finally:
            self.end(f"the watch of {self.kind} in {self.namespace} ended")

    def _read(self) -> None:
        began = time.monotonic()
        wanted = {
            "watch": "1",
            "labelSelector": self.selector,
            "timeoutSeconds": str(_WATCHED),
            "resourceVersion": self.version,
            "allowWatchBookmarks": "true",
        }
        where = f"{path(self.kind, self.namespace)}?{urlencode(wanted)}"
        why = "its end"
        with closing(self.connection):
            try:
                for line in self.connection.lines(where, Accept=self.accept):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise Failed(event["object"]["code"], line.decode())
                    metadata = event["object"]["metadata"]
                    self.version = metadata["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self.take(event["object"])
            except (OSError, HTTPException) as error:
                why = repr(error)
        if not self.over.is_set():
            lasted = time.monotonic() - began
            print(f"The watch of {self.kind} in {self.namespace} broke after {lasted:.1f} s: {why}; it goes on.")


@contextmanager
def watched(watches: list[Watch]) -> Iterator[None]:
    """Each goes on in a thread of its own until the block ends."""
    with ExitStack() as stack:
        for watch in watches:
            watch.begin()
            threading.Thread(target=watch.follow, daemon=True).start()
            stack.callback(watch.connection.stop)
            stack.callback(watch.over.set)
        yield


@contextmanager
def first_seen(server: Target, namespace: str) -> Iterator[FirstSeen]:
    """Watches what becomes of a namespace's pods and records from now on, until the block ends."""
    seen, over = FirstSeen(), threading.Event()

    def see(states: Callable[[dict[str, Any]], list[str]]) -> Callable[[dict[str, Any]], None]:
        return lambda each: seen.see(each["metadata"]["name"], states(each))

    pods = Watch(server.connection(), "pods", namespace, "", "application/json", see(_of_a_pod), seen.end, over)
    accept = listing.METADATA_OF_ONE
    records = Watch(
        server.connection(), "configmaps", namespace, naming.TASK_SELECTOR, accept, see(_of_a_record), seen.end, over
    )
    with watched([pods, records]):
        yield seen
