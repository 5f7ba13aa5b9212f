"""Begins what `make bench` measures, in tenants of its own, and sees when it ends."""

import functools
import json
import os
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from tescore.session import path
from tescore.states import FINAL
from tests.campaigns.cases import CLAIM, OWN, SHARED, Case, Place, place
from tests.campaigns.first_seen import TERMINATED, FirstSeen, first_seen
from tests.campaigns.load import Connection, Target
from tests.campaigns.stored_only import bare
from tests.campaigns.tenants import bench_tenants
from tests.e2e.cluster import STANDING, Kubectl, wait_until

FINAL_STATES = {state.value for state in FINAL}
_KINDS = {"Pod": "pods", "PersistentVolumeClaim": "persistentvolumeclaims"}
_SENDERS = 16


@dataclass
class Runs:
    """The service, the bare API server, and what both are seen to do."""

    api: Target
    server: Target
    place: Place
    kubectl: Kubectl
    seen: dict[str, FirstSeen]
    """By namespace."""
    number: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def one(self, case: Case) -> float:
        """Seconds from the request to the end, as a watch shows it."""
        with closing(self.api.connection()) as api, closing(self.server.connection()) as server:
            began = time.monotonic()
            return self._ended(case, self._begun(case, api, server)) - began

    def begun_and_ended(self, case: Case) -> str:
        """The name of one."""
        with closing(self.api.connection()) as api, closing(self.server.connection()) as server:
            name = self._begun(case, api, server)
        self._ended(case, name)
        return name

    def many(self, case: Case, count: int) -> float:
        """How many end in a second, of so many that are made at once."""
        began = time.monotonic()

        def share(first: int) -> list[str]:
            with closing(self.api.connection()) as api, closing(self.server.connection()) as server:
                return [self._begun(case, api, server) for _ in range(first, count, _SENDERS)]

        with ThreadPoolExecutor(_SENDERS) as senders:
            made = [name for names in senders.map(share, range(min(count, _SENDERS))) for name in names]
        return count / (max(self._ended(case, name) for name in made) - began)

    def task(self, case: Case, task: str) -> str:
        """Path of a task, at the api."""
        return f"/{case.namespace}/ga4gh/tes/v1/tasks/{task}"

    def record(self, case: Case, task: str) -> str:
        """Path of a task's record, at the API server."""
        return path("configmaps", case.namespace, task)

    def quiet(self) -> None:
        """Nothing is left of what ran before but records."""
        for namespace in (OWN, SHARED):
            for kind in _KINDS.values():
                self.kubectl("-n", namespace, "delete", kind, "-l", "bench", "--wait=false")
            wait_until(functools.partial(self._is_quiet, namespace), f"{namespace} is quiet", within=180)

    def _is_quiet(self, namespace: str) -> bool:
        left = self.kubectl.names("pods", "-n", namespace, "--field-selector=status.phase!=Succeeded")
        claims = self.kubectl.names("pvc", "-n", namespace)
        return not left and all(claim.endswith(f"/{CLAIM}") for claim in claims)

    def _begun(self, case: Case, api: Connection, server: Connection) -> str:
        """Makes one; its name."""
        name = self._name()
        objects = case.made(self.place, name)
        if case.is_task:
            where = f"/{case.namespace}/ga4gh/tes/v1/tasks"
            return str(json.loads(api.ask("POST", where, json.dumps(objects[0]).encode()))["id"])
        for each in objects:
            server.ask("POST", path(_KINDS[each["kind"]], case.namespace), json.dumps(each).encode())
        return name

    def _ended(self, case: Case, name: str) -> float:
        state, at = self.seen[case.namespace].first(name, FINAL_STATES if case.is_task else {TERMINATED})
        assert state in {"COMPLETE", TERMINATED}, f"{case.name}: {name} is {state}"
        return at

    def _name(self) -> str:
        with self.lock:
            self.number += 1
            return f"bench-{os.getpid()}-{self.number}"


@contextmanager
def runs(kubectl: Kubectl) -> Iterator[Runs]:
    """In tenants that are gone when the block ends."""
    with ExitStack() as stack:
        stack.enter_context(bench_tenants(kubectl))
        server, where = bare(kubectl, admin=True), place()
        put = urllib.request.Request(where.outside, data=b"x" * 1024, method="PUT")
        urllib.request.urlopen(put, timeout=30).close()
        seen = {each: stack.enter_context(first_seen(server, each)) for each in (OWN, SHARED, STANDING)}
        yield Runs(Target(os.environ["TES_URL"]), server, where, kubectl, seen)
