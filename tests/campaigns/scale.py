"""`python -m tests.campaigns.scale`: many tasks on a thousand nodes, of which no more is played than has to be.

kwok plays the kubelets of filers and executors. Taskmasters run for real, as processes of this machine in place of
containers; so do the service, the API server, etcd, scheduler and controllers. Three tenants are asked for hello tasks
(one executor, no files) at each of some rates, then for all that are left as fast as can be. Prints tables and writes
them into docs/scale.md, between its marks, unless SCALE_WRITE=no. Ends with 1 where a stored task was not COMPLETE.
Environment: `.local/env`, KWOK, and SCALE_TASKS (20000; a tenant's quota has 10,000), SCALE_NODES (1000),
SCALE_RATES (1,2,5,10,20), SCALE_SECONDS (60) for each rate and for what all takes at rest, and
SCALE_LIMIT (100) tasks of a tenant at a time.
"""

import base64
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tescore import listing, naming
from tescore.session import path
from tests.campaigns import costs, scale_told
from tests.campaigns.first_seen import FirstSeen, Watch, watched
from tests.campaigns.load import Connection, Failed, Target
from tests.campaigns.scale_nodes import nodes, sent_there
from tests.campaigns.scale_spent import Period, Spent, audited, between, requests, so_far
from tests.campaigns.scale_taskmasters import Starter, forks, watch
from tests.campaigns.scale_told import FINAL_STATES, NODE, Sent, Step, less, steps
from tests.campaigns.speed import written
from tests.campaigns.stored_only import bare
from tests.campaigns.switched import seldom
from tests.e2e.cluster import Kubectl, address_of_this_machine
from tests.e2e.tenants import tenant
from tests.relay import relay

ROOT = Path(__file__).parents[2]
COMMAND = "make campaign-scale"
TENANTS = ["scale-a", "scale-b", "scale-c"]
_SENDERS = 32
_DONE = 5.0
"""Seconds after the last task of a step until its taskmaster has gone."""
_SOME = 10
"""Tasks whose records are looked at."""
_SLOWEST = 1.0
"""Tasks a second that end at least, or the campaign gives up."""


@dataclass
class Campaign:
    """The service and the API server, and what is seen of tasks."""

    api: Target
    server: Target
    starter: Starter
    seen: FirstSeen
    image: str
    periods: list[Period] = field(default_factory=list)

    def spent(self) -> Spent:
        with closing(self.server.connection()) as connection:
            return so_far(connection)

    def warm_up(self) -> None:
        """All that runs has loaded what it needs for tasks."""
        sent, _ = self._send(0, len(TENANTS))
        left = self._wait({each.name for each in sent}, within=120)
        assert not left, f"{left} have not ended"

    def rest(self, seconds: float) -> Spent:
        """What all takes of so many seconds in which nothing is asked for, after as many in which it comes to rest."""
        time.sleep(seconds)
        before = self.spent()
        time.sleep(seconds)
        return between(before, self.spent())

    def step(self, rate: float, count: int, rest: Spent) -> Step:
        """Asks for so many tasks and waits until they have ended."""
        before, began = self.spent(), time.time()
        sent, failed = self._send(rate, count)
        left = self._wait({each.name for each in sent}, within=300 + count / _SLOWEST)
        time.sleep(_DONE)
        found = between(before, self.spent())
        self.periods.append(Period(began, time.time()))
        step = Step(rate, sent, failed, less(found, rest))
        ends = scale_told.ended(step, self.seen.at)
        print(f"  {step.title}: {count} tasks, {scale_told.throughput(ends):.2f} ended a second", flush=True)
        print("".join(f"  {name} has not ended\n" for name in sorted(left)[:10]), end="", flush=True)
        return step

    def _send(self, rate: float, count: int) -> tuple[list[Sent], int]:
        """Asks for each in its turn; what was answered, and how many were not."""
        began, numbers, over = time.monotonic(), itertools.count(), threading.Event()

        def share(_: int) -> tuple[list[Sent], int]:
            found, failed = list[Sent](), 0
            with closing(self.api.connection()) as connection:
                while (number := next(numbers)) < count:
                    if over.wait(max(0.0, began + number / rate - time.monotonic()) if rate else 0.0):
                        break
                    try:
                        found.append(self._post(connection, TENANTS[number % len(TENANTS)]))
                    except Failed as error:
                        failed += 1
                        if failed == 1:
                            print(f"  POST {error}".rstrip(), flush=True)
            return found, failed

        with ThreadPoolExecutor(_SENDERS) as senders:
            try:
                shares = list(senders.map(share, range(_SENDERS)))
            finally:
                over.set()
        return [each for found, _ in shares for each in found], sum(failed for _, failed in shares)

    def _post(self, connection: Connection, namespace: str) -> Sent:
        document = {"executors": [{"image": self.image, "command": ["echo", "hello"]}]}
        posted = time.monotonic()
        answer = connection.ask("POST", f"/{namespace}/ga4gh/tes/v1/tasks", json.dumps(document).encode())
        return Sent(json.loads(answer)["id"], namespace, posted, time.monotonic())

    def _wait(self, names: set[str], *, within: float) -> set[str]:
        """Those that have not ended after so many seconds."""
        deadline = time.monotonic() + within
        while names and time.monotonic() < deadline:
            assert not self.seen.ended, self.seen.ended
            names = {name for name in names if not any((name, state) in self.seen.at for state in FINAL_STATES)}
            time.sleep(0.5)
        return names


@contextmanager
def watching(server: Target, starter: Starter) -> Iterator[FirstSeen]:
    """Sees the states of all tasks, and begins taskmasters, until the block ends."""
    seen = FirstSeen()

    def pod(shown: dict[str, Any]) -> None:
        starter.take(shown)
        if shown["spec"].get("nodeName"):
            seen.see(shown["metadata"]["labels"][naming.TASK], [NODE])

    def record(shown: dict[str, Any]) -> None:
        seen.see(shown["metadata"]["name"], [shown["metadata"]["labels"].get(naming.STATE, "")])

    over, accept = threading.Event(), listing.METADATA_OF_ONE
    records = Watch(server.connection(), "configmaps", "", naming.TASK_SELECTOR, accept, record, seen.end, over)
    with watched([watch(server, pod, seen.end), records]):
        yield seen


def emptied(server: Target) -> None:
    """Deletes the tenants' records, pods and Events, page by page: with all of them no namespace goes in time."""
    with closing(server.connection()) as connection:
        for namespace, kind in itertools.product(TENANTS, ("configmaps", "pods", "events")):
            where = path(kind, namespace)
            selector = "" if kind == "events" else "labelSelector=app.kubernetes.io/managed-by%3Dtesk&"
            while json.loads(connection.ask("GET", f"{where}?{selector}limit=1"))["items"]:
                connection.ask("DELETE", f"{where}?{selector}limit=500&gracePeriodSeconds=0")


@contextmanager
def campaign(kubectl: Kubectl, count: int, limit: int) -> Iterator[Campaign]:
    """On so many nodes, all of which have gone when the block ends, as have its tenants and processes."""
    server, address = bare(kubectl, admin=True), address_of_this_machine(kubectl)
    cluster: dict[str, Any] = yaml.safe_load(kubectl("config", "view", "--raw", "--minify"))["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    where = urlsplit(cluster["server"])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(seldom(kubectl))
        stack.enter_context(nodes(kubectl, server, address, os.environ["KWOK"], count, folder))
        for name in TENANTS:
            stack.enter_context(tenant(name, kubectl, TESK_TASK_LIMIT=str(limit)))
        stack.enter_context(sent_there(kubectl, TENANTS))
        stack.callback(emptied, server)
        senders = stack.enter_context(forks(kubectl, TENANTS, authority, folder))
        starter = Starter(senders, (str(where.hostname), where.port or 443))
        seen = stack.enter_context(watching(server, starter))
        yield Campaign(Target(os.environ["TES_URL"]), server, starter, seen, os.environ["BUSYBOX_IMAGE"])


def measured(running: Campaign, planned: list[tuple[float, int]], seconds: float) -> tuple[str, str, bool]:
    """Tables of what was measured and of what follows, and whether every stored task ended as COMPLETE.

    The taskmasters of the first step reach the API server through a relay, which counts bytes.
    """
    since = time.time()
    running.warm_up()
    rest = running.rest(seconds)
    (rate, count), *others = planned
    direct = running.starter.server
    with relay(direct[1], host=direct[0]) as through:
        running.starter.server = ("127.0.0.1", through.port)
        found = [running.step(rate, count, rest)]
        running.starter.server = direct
        bytes_each = (through.passed + through.sent) // count
    found += [running.step(rate, count, rest) for rate, count in others]
    time.sleep(2)  # until the audit log is written
    asked = requests(audited(Path(os.environ["AUDIT_LOG"]), since), running.periods)
    for step, period in zip(found, running.periods, strict=True):
        step.asked = asked[period]
    some = [path("configmaps", each.namespace, each.name) for each in found[0].sent[:_SOME]]
    kept = costs.stored_bytes(running.server, some) / len(some)
    at, cores = running.seen.at, os.cpu_count() or 1
    tables = [
        scale_told.rates(found, at, rest, cores),
        scale_told.limit(found, at, rest, cores),
        scale_told.cpu(found, rest),
        scale_told.asked(found, bytes_each, kept),
        scale_told.memory(running.spent()),
    ]
    whole = all(len(scale_told.ended(step, at)) == len(step.sent) for step in found)
    return "\n\n".join(tables), scale_told.reckoned(found[-1]), whole


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    environment = os.environ
    rates = [float(each) for each in environment.get("SCALE_RATES", "1,2,5,10,20").split(",") if each]
    seconds, tasks = float(environment.get("SCALE_SECONDS", "60")), int(environment.get("SCALE_TASKS", "20000"))
    count, limit = int(environment.get("SCALE_NODES", "1000")), int(environment.get("SCALE_LIMIT", "100"))
    with campaign(Kubectl(), count, limit) as running:
        told, reckoned, whole = measured(running, steps(rates, seconds, tasks), seconds)
    told = f"{tasks} tasks on {count} nodes, {limit} of a tenant at a time:\n\n{told}"
    print(f"\n{told}\n\nReckoned:\n\n{reckoned}\n")
    if environment.get("SCALE_WRITE") != "no":
        document = ROOT / "docs/scale.md"
        text = written(document.read_text(), COMMAND, told)
        document.write_text(written(text, f"{COMMAND}, reckoned", reckoned))
    print("  ✓ all stored tasks ended as COMPLETE" if whole else "  ✗ not all stored tasks ended as COMPLETE")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
