"""`python -m tests.campaigns.hammer`: many clients at once against one api pod, which is killed in a second round.

In the first round no answer may be 5xx. In the second clients send again what was not answered, with the same
Idempotency-Key. Ends with 1 and a list of violations where a task is lost or doubled.
Environment: `.local/env`, and HAMMER_SECONDS (60, each round), HAMMER_CLIENTS (16), HAMMER_KILL_EVERY (8 s).
"""

import json
import os
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.campaigns.load import Connection, Failed, Target, percentile, together
from tests.campaigns.stored_only import stored_only
from tests.campaigns.tables import table
from tests.e2e.cluster import SERVICE, Kubectl

TAG = "hammer"
TASKS = "/ga4gh/tes/v1/tasks"
_PATIENCE = 60.0
"""Seconds for which a client sends the same again."""


@dataclass
class Round:
    """What the clients of one round saw."""

    name: str
    again: bool
    """Whether what was not answered is sent again, with a key."""
    accepted: dict[str, str] = field(default_factory=dict)
    """Ids by the names of the tasks."""
    took: list[float] = field(default_factory=list)
    resent: int = 0
    violations: list[str] = field(default_factory=list)

    def asked(self, connection: Connection, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """The answer, or None where there was none and that is a violation."""
        ends, data = time.monotonic() + _PATIENCE, json.dumps(body).encode() if body is not None else None
        while True:
            began = time.monotonic()
            try:
                answer = json.loads(connection.ask(method, path, data, **({"Idempotency_Key": key} if key else {})))
            except Failed as error:
                if self.again and (error.status == 0 or error.status >= 500) and time.monotonic() < ends:
                    self.resent += 1
                    time.sleep(0.2)
                    continue
                self.violations.append(f"{method} {path} {error}")
                return None
            self.took.append(time.monotonic() - began)
            return answer


def client(target: Target, seen: Round, number: int, ends: float) -> None:
    """Creates tasks and reads them in every way until the time is over."""
    made = 0
    with closing(target.connection()) as connection:
        while time.monotonic() < ends and len(seen.violations) < 20:
            name = f"{seen.name}-{number}-{made}"
            made += 1
            executors = [{"image": "busybox", "command": ["true"]}]
            body = {"name": name, "tags": {TAG: seen.name}, "executors": executors}
            created = seen.asked(connection, "POST", TASKS, body, key=name if seen.again else "")
            if created is None:
                continue
            seen.accepted[name] = created["id"]
            for query in ("", "?view=FULL"):
                shown = seen.asked(connection, "GET", f"{TASKS}/{created['id']}{query}")
                if shown is not None and shown["id"] != created["id"]:
                    seen.violations.append(f"{created['id']} was shown as {shown['id']}")
            if made % 5 == 0:
                seen.asked(connection, "GET", f"{TASKS}?tag_key={TAG}&tag_value={seen.name}&page_size=50")


def hammered(target: Target, seen: Round, *, clients: int, seconds: float) -> None:
    """A round, and the check that each accepted task is there once, and nothing else."""
    ends = time.monotonic() + seconds
    together(threading.Thread(target=client, args=(target, seen, number, ends)) for number in range(clients))
    with closing(target.connection()) as connection:
        seen.violations += differences(seen.accepted, stored(connection, seen))


def stored(connection: Connection, seen: Round) -> list[tuple[str, str]]:
    """Name and id of each task of a round, page by page."""
    found: list[tuple[str, str]] = []
    query = {"tag_key": TAG, "tag_value": seen.name, "view": "BASIC", "page_size": "1000"}
    while True:
        page = seen.asked(connection, "GET", f"{TASKS}?{urllib.parse.urlencode(query)}") or {"tasks": []}
        found += [(task["name"], task["id"]) for task in page["tasks"]]
        if "next_page_token" not in page:
            return found
        query["page_token"] = page["next_page_token"]


def differences(accepted: dict[str, str], there: list[tuple[str, str]]) -> list[str]:
    """What is lost, doubled, or there without anybody having been told."""
    ids: dict[str, list[str]] = {}
    for name, task_id in there:
        ids.setdefault(name, []).append(task_id)
    return [
        *(f"{name} was accepted as {task_id} and is lost" for name, task_id in accepted.items() if name not in ids),
        *(f"{name} is there as {' and '.join(found)}" for name, found in ids.items() if len(found) > 1),
        *(
            f"{name} is there as {found[0]} and was accepted as {accepted.get(name, 'nothing')}"
            for name, found in ids.items()
            if len(found) == 1 and accepted.get(name) != found[0]
        ),
    ]


def killing(kubectl: Kubectl, every: float, stopped: threading.Event) -> Callable[[], int]:
    """Kills the api's pods again and again, until that is set; says how many times."""
    kills = 0

    def kill() -> None:
        nonlocal kills
        while not stopped.wait(every):
            chosen = ("-l", "app.kubernetes.io/component=api", "--force", "--grace-period=0", "--wait=false")
            kubectl.run("-n", SERVICE, "delete", "pods", *chosen)
            kills += 1

    thread = threading.Thread(target=kill)
    thread.start()

    def ended() -> int:
        stopped.set()
        thread.join()
        return kills

    return ended


def main() -> int:
    environment, kubectl = os.environ, Kubectl()
    seconds, clients = float(environment.get("HAMMER_SECONDS", "60")), int(environment.get("HAMMER_CLIENTS", "16"))
    every = float(environment.get("HAMMER_KILL_EVERY", "8"))
    target, run = Target(environment["TES_URL"]), f"{time.time():.0f}"
    quiet, killed = Round(f"{run}-quiet", again=False), Round(f"{run}-killed", again=True)
    with stored_only(kubectl, TAG):
        hammered(target, quiet, clients=clients, seconds=seconds)
        ended = killing(kubectl, every, threading.Event())
        try:
            hammered(target, killed, clients=clients, seconds=seconds)
        finally:
            kills = ended()
    rows = [["round", "tasks", "requests", "sent again", "p50", "p99", "violations"]]
    for seen in (quiet, killed):
        times = [f"{percentile(seen.took, part) * 1000:.1f} ms" for part in (0.5, 0.99)]
        numbers = [str(len(seen.accepted)), str(len(seen.took)), str(seen.resent)]
        rows.append([seen.name, *numbers, *times, str(len(seen.violations))])
    print(f"\n{table(rows)}\n\n  the api was killed {kills} times\n")
    violations = [*quiet.violations, *killed.violations]
    print("\n".join(f"  ✗ {each}" for each in violations) or "  ✓ nothing is wrong")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
