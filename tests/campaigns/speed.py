"""`python -m tests.campaigns.speed`: how long tasks take beside bare pods, alone and many at once, and their cost.

Prints tables of Markdown, and writes them into the README between its marks if BENCH_WRITE=yes. Ends with 1
where a bound is broken. Environment: `.local/env`, and BENCH_ROUNDS (15), BENCH_MANY (50,200).
"""

import json
import os
import random
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from statistics import median

from tescore.cluster import path
from tescore.states import FINAL
from tests.campaigns.cases import BARE, BARE_CLAIM, CASES, FILES, HELLO, OWN, SHARED, Case, Place, place
from tests.campaigns.load import Connection, Target, markdown, percentile
from tests.campaigns.sightings import TERMINATED, Sightings, sightings
from tests.campaigns.stored_only import bare
from tests.campaigns.tenants import tenants
from tests.e2e.conftest import Kubectl

FINAL_STATES = {state.value for state in FINAL}
BOUNDS = {"hello": 1.25, "three": 3.5, "io, shared scratch": 3.6, "stdin-out": 3.6, "content": 1.5}
"""Of the median of a bare pod."""
AT_ONCE = {HELLO.name: 0.95 / 2, FILES.name: 0.9 / 4}
"""The least rate, of that of bare pods."""
_SENDERS = 16


@dataclass
class Bench:
    """The service, the bare API server, and what both are seen to do."""

    api: Target
    server: Target
    place: Place
    seen: dict[str, Sightings]
    """By namespace."""
    number: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def name(self) -> str:
        with self.lock:
            self.number += 1
            return f"bench-{os.getpid()}-{self.number}"

    def begin(self, case: Case, api: Connection, server: Connection) -> tuple[str, set[str]]:
        """Makes one; the name and the states to wait for."""
        name, made = self.name(), []
        objects = case.made(self.place, name)
        if case.is_task:
            where = f"/{case.namespace}/ga4gh/tes/v1/tasks"
            return json.loads(api.ask("POST", where, json.dumps(objects[0]).encode()))["id"], FINAL_STATES
        for each in objects:
            kind = {"Pod": "pods", "PersistentVolumeClaim": "persistentvolumeclaims"}[each["kind"]]
            made.append(server.ask("POST", path(kind, case.namespace), json.dumps(each).encode()))
        return name, {TERMINATED}

    def one(self, case: Case) -> float:
        """Seconds from the request to the end, as a watch shows it."""
        with closing(self.api.connection()) as api, closing(self.server.connection()) as server:
            began = time.monotonic()
            name, states = self.begin(case, api, server)
            return self.ended(case, name, states) - began

    def ended(self, case: Case, name: str, states: set[str]) -> float:
        state, at = self.seen[case.namespace].first(name, states)
        assert state in {"COMPLETE", TERMINATED}, f"{case.name}: {name} is {state}"
        return at

    def many(self, case: Case, count: int) -> float:
        """How many end in a second, of so many that are made at once."""
        began = time.monotonic()

        def share(number: int) -> list[tuple[str, set[str]]]:
            with closing(self.api.connection()) as api, closing(self.server.connection()) as server:
                return [self.begin(case, api, server) for _ in range(number, count, _SENDERS)]

        with ThreadPoolExecutor(_SENDERS) as senders:
            made = [each for part in senders.map(share, range(min(count, _SENDERS))) for each in part]
        return count / (max(self.ended(case, *each) for each in made) - began)


@contextmanager
def bench(kubectl: Kubectl) -> Iterator[Bench]:
    """Tenants of its own, which are gone when the block ends."""
    with ExitStack() as stack:
        stack.enter_context(tenants(kubectl))
        server, where = bare(kubectl, admin=True), place()
        put = urllib.request.Request(where.outside, data=b"x" * 1024, method="PUT")
        urllib.request.urlopen(put, timeout=30).close()
        seen = {each: stack.enter_context(sightings(server, each)) for each in (OWN, SHARED)}
        yield Bench(Target(os.environ["TES_URL"]), server, where, seen)


def singles(made: Bench, rounds: int) -> dict[str, list[float]]:
    """The times of each case, one after the other in turns, the first of each left out."""
    took: dict[str, list[float]] = {case.name: [] for case in CASES}
    drawn = random.Random(8)
    for number in range(rounds + 1):
        for case in drawn.sample(CASES, len(CASES)):
            # What went before is being removed; and the kubelet looks once a second, at whatever part of it we come.
            time.sleep(drawn.uniform(1.0, 2.0))
            seconds = made.one(case)
            if number:
                took[case.name].append(seconds)
                print(f"  {case.name}: {seconds:.2f} s", flush=True)
    return took


def told_of_singles(took: dict[str, list[float]]) -> tuple[str, list[str]]:
    """The table and the broken bounds."""
    floor, claim = median(took[BARE.name]), median(took[BARE_CLAIM.name])
    bounds = {name: times * floor for name, times in BOUNDS.items()} | {"io, claim": claim + 3 * floor}
    rows: list[list[object]] = [["", "least", "median", "p90", "most", "of a bare pod", "may be"]]
    broken = []
    for name, all_of in took.items():
        middle, bound = median(all_of), bounds.get(name)
        times = [min(all_of), middle, percentile(all_of, 0.9), max(all_of)]
        told = f"{bound / floor:.2f}" if bound else ""
        rows.append([name, *(f"{each:.2f} s" for each in times), f"{middle / floor:.2f}", told])
        if bound and middle > bound:
            broken.append(f"{name}: {middle:.2f} s, and may take {bound:.2f} s")
    return markdown(rows), broken


def main() -> int:
    environment = os.environ
    rounds = int(environment.get("BENCH_ROUNDS", "15"))
    with bench(Kubectl()) as made:
        told, broken = told_of_singles(singles(made, rounds))
        print(f"\n{told}\n")
    print("\n".join(f"  ✗ {each}" for each in broken) or "  ✓ all bounds are kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
