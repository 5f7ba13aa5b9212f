"""`python -m tests.campaigns.bench_api`: how quick the api is, beside the bare API server, with few and many tasks.

Prints a table of Markdown: p50 and p99 of each request to the api and to the API server, and how many times as long the
api took (p50); then the memory of the api's container. Ends with 1 where a bound for 10,000 tasks is broken.
Environment: `.local/env`, and BENCH_TASKS (100,10000,50000), BENCH_CONNECTIONS (1,16), BENCH_SECONDS (5 for each row).
"""

import json
import os
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tescore import listing, naming, parts, record
from tescore.session import path
from tests.campaigns.load import Call, Connection, Target, markdown, percentile, timed
from tests.campaigns.stored_only import bare, deleted, stored_only
from tests.e2e.cluster import SERVICE, STANDING, Kubectl

TAG = "bench"
PAGE = 256
TURNS = 5
"""That api and API server have at each request, unless one alone takes longer than all of them should."""
TASKS = "/ga4gh/tes/v1/tasks"
STORE = path("configmaps", STANDING)
BOUNDS = {
    "GET MINIMAL": 3.0,
    "GET FULL": 3.0,
    **dict.fromkeys(["LIST", "LIST by state", "LIST by tag, 1 %", "LIST by tag, none"], 2.0),
    "POST": 2.5,
}
"""At 10,000 tasks; of the p50 of the bare API server."""
DOCUMENT = {
    "inputs": [{"path": f"/data/in/{i}", "url": f"s3://bucket/in/{i}", "type": "FILE"} for i in range(4)],
    "outputs": [{"path": f"/data/out/{i}", "url": f"s3://bucket/out/{i}", "type": "FILE"} for i in range(4)],
    "resources": {"cpu_cores": 1, "ram_gb": 2.0},
    "executors": [{"image": "busybox", "command": ["sh", "-c", "sort /data/in/* > /data/out/0"]}],
}
LOG = {
    "logs": [
        {"start_time": "2026-11-22T04:00:02Z", "end_time": "2026-11-22T04:00:03Z", "exit_code": 0, "stdout": "ok"}
    ],
    "outputs": [{"url": f"s3://bucket/out/{i}", "path": f"/data/out/{i}", "size_bytes": "1000"} for i in range(4)],
    "system_logs": [],
    "start_time": "2026-11-22T04:00:01Z",
    "end_time": "2026-11-22T04:00:04Z",
}


@dataclass(frozen=True)
class Row:
    """A request to the api, and the same to the API server."""

    name: str
    api: Call
    bare: Call


@dataclass
class Servers:
    """What is measured, and what fills it."""

    api: Target
    bare: Target
    admin: Target
    run: str
    memory: Callable[[], int]
    """Bytes that the api takes."""
    clean: Callable[[], None]
    """Removes what was posted."""
    ids: list[str] = field(default_factory=list)


def stored(number: int, run: str) -> dict[str, Any]:
    """A task that has ended, as a backup has it: every hundredth is rare, every tenth failed."""
    task_id = naming.task_id(int(time.time() * 1000) - number * 1000, number)
    rare = number % 100 == 0
    tags = {TAG: run, "rare" if rare else "common": "yes"}
    document = {**DOCUMENT, "name": f"{'rare' if rare else 'common'} {number}", "tags": tags}
    now = datetime.now(UTC)
    labels, annotations = record.stamp(document, owner="bench", now=now)
    state = "EXECUTOR_ERROR" if number % 10 == 0 else "COMPLETE"
    made = record.config_map(task_id, STANDING, json.dumps(document), owner="bench")
    made["metadata"]["labels"] |= {**labels, naming.STATE: state}
    made["metadata"]["annotations"] |= {**annotations, naming.ENDED: record.timestamp(now)}
    made["data"] |= {parts.LOG_JSON: json.dumps(LOG)}
    return made


def fill(servers: Servers, size: int, *, connections: int = 16) -> None:
    """Stores tasks until there are so many."""
    numbers = range(len(servers.ids), size)

    def store(share: range) -> list[str]:
        names = []
        with closing(servers.admin.connection()) as connection:
            for number in share:
                made = stored(number, servers.run)
                connection.ask("POST", STORE, json.dumps(made).encode())
                names.append(made["metadata"]["name"])
        return names

    with ThreadPoolExecutor(connections) as senders:
        for names in senders.map(store, [numbers[i::connections] for i in range(connections)]):
            servers.ids += names


def rows(servers: Servers) -> list[Row]:
    """All that is measured."""
    some = servers.ids[len(servers.ids) // 2]
    tag = [("tag_key", TAG), ("tag_value", servers.run)]
    mine = f"{naming.TASK_SELECTOR},{naming.tag_label(TAG)}={naming.hashed(servers.run)}"
    rare, none = f"{mine},{_tagged('rare', 'yes')}", f"{mine},{_tagged('rare', 'no')}"
    return [
        Row("GET MINIMAL", _get(f"{TASKS}/{some}"), _get(f"{STORE}/{some}")),
        Row("GET FULL", _get(f"{TASKS}/{some}?view=FULL"), _get(f"{STORE}/{some}")),
        Row("LIST", _get(_listed(*tag)), _page(mine)),
        Row(
            "LIST by state",
            _get(_listed(*tag, ("state", "EXECUTOR_ERROR"))),
            _page(f"{mine},{naming.STATE}=EXECUTOR_ERROR"),
        ),
        Row("LIST by tag, 1 %", _get(_listed(*tag, ("tag_key", "rare"), ("tag_value", "yes"))), _page(rare)),
        Row("LIST by tag, none", _get(_listed(*tag, ("tag_key", "rare"), ("tag_value", "no"))), _page(none)),
        Row("LIST by name prefix, 1 %", _get(_listed(*tag, ("name_prefix", "rare "))), _filtered(mine, "rare ")),
        Row("POST", *_posts(servers)),  # the last, for it leaves more tasks
    ]


def _tagged(key: str, value: str) -> str:
    return f"{naming.tag_label(key)}={naming.hashed(value)}"


def _listed(*query: tuple[str, str]) -> str:
    return f"{TASKS}?{urllib.parse.urlencode([('page_size', str(PAGE)), *query])}"


def _get(where: str) -> Call:
    return lambda connection: _ignored(connection.ask("GET", where))


def _page(selector: str) -> Call:
    query = urllib.parse.urlencode({"labelSelector": selector, "limit": str(PAGE)})
    return lambda connection: _ignored(connection.ask("GET", f"{STORE}?{query}", Accept=listing.METADATA))


def _filtered(selector: str, prefix: str) -> Call:
    """What anybody must do who looks for a name at the API server, which knows none."""

    def call(connection: Connection) -> None:
        token, found = "", 0
        while True:
            query = {"labelSelector": selector, "limit": "1000", **({"continue": token} if token else {})}
            answer = connection.ask("GET", f"{STORE}?{urllib.parse.urlencode(query)}", Accept=listing.METADATA)
            page = json.loads(answer)
            names = (item["metadata"]["annotations"].get(naming.NAME, "") for item in page["items"])
            found += sum(name.startswith(prefix) for name in names)
            token = page["metadata"].get("continue", "")
            if not token or found >= PAGE:
                return

    return call


def _posts(servers: Servers) -> tuple[Call, Call]:
    """A POST, and a create of the same through the same webhook."""
    document = {**DOCUMENT, "name": "posted", "tags": {TAG: posted(servers.run)}}
    text, numbers = json.dumps(document), count()

    def create(connection: Connection) -> None:
        task_id = naming.task_id(int(time.time() * 1000), next(numbers))
        made = record.config_map(task_id, STANDING, text, owner="bench")
        connection.ask("POST", STORE, json.dumps(made).encode())

    return lambda connection: _ignored(connection.ask("POST", TASKS, text.encode())), create


def posted(run: str) -> str:
    """The tag of the tasks of a run that were made while it was measured."""
    return f"{run} posted"


def _ignored(_: bytes) -> None:
    """The answer is read, and nothing else."""


def measured(servers: Servers, *, connections: int, seconds: float) -> Iterator[tuple[str, list[float], list[float]]]:
    """Each row's name, and the times of the api and of the API server, which take turns."""
    for row in rows(servers):
        mine, theirs = list[float](), list[float]()
        ends = time.monotonic() + 2 * seconds
        while time.monotonic() < ends:
            mine += timed(servers.api, row.api, connections=connections, seconds=seconds / TURNS)
            theirs += timed(servers.bare, row.bare, connections=connections, seconds=seconds / TURNS)
        yield row.name, mine, theirs


def benched(
    servers: Servers, sizes: list[int], at_a_time: list[int], *, seconds: float
) -> tuple[str, list[tuple[int, int, str, float]]]:
    """The tables; and the ratios by tasks, connections and request."""
    head = ["request", "tasks", "connections", "api p50", "p99", "API server p50", "p99", "ratio"]
    table: list[list[Any]] = [head]
    memory: list[list[Any]] = [["tasks", "MiB of the api"]]
    ratios = []
    for size in sizes:
        fill(servers, size)
        for connections in at_a_time:
            for name, mine, theirs in measured(servers, connections=connections, seconds=seconds):
                ratio = percentile(mine, 0.5) / percentile(theirs, 0.5)
                ratios.append((size, connections, name, ratio))
                times = [f"{percentile(each, part) * 1000:.1f} ms" for each in (mine, theirs) for part in (0.5, 0.99)]
                table.append([name, size, connections, *times, f"{ratio:.1f}"])
                print(f"  {name}, {size} tasks, {connections} connections: {', '.join(times)}", flush=True)
            servers.clean()
        memory.append([size, f"{servers.memory() / 2**20:.0f}"])
    return f"{markdown(table)}\n\n{markdown(memory)}", ratios


def broken(ratios: list[tuple[int, int, str, float]]) -> list[str]:
    """The bounds that are broken at 10,000 tasks."""
    return [
        f"{name} over {connections} takes {ratio:.1f} times as long as the API server, and may take {BOUNDS[name]}"
        for size, connections, name, ratio in ratios
        if size == 10_000 and ratio > BOUNDS.get(name, ratio)
    ]


def memory_of_the_api(kubectl: Kubectl) -> int:
    """Bytes of the api's containers, as the kubelet counts them; not those that it could give back."""
    total = 0
    for node in kubectl.names("nodes"):
        summary = json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{node.partition('/')[2]}/proxy/stats/summary"))
        total += sum(
            container["memory"].get("rssBytes", 0)
            for pod in summary["pods"]
            if pod["podRef"]["namespace"] == SERVICE and pod["podRef"]["name"].startswith("tesk-api-")
            for container in pod.get("containers", [])
            if container["name"] == "api"
        )
    return total


def main() -> int:
    environment, kubectl = os.environ, Kubectl()
    sizes = [int(size) for size in environment.get("BENCH_TASKS", "100,10000,50000").split(",")]
    at_a_time = [int(number) for number in environment.get("BENCH_CONNECTIONS", "1,16").split(",")]
    seconds = float(environment.get("BENCH_SECONDS", "5"))
    with stored_only(kubectl, TAG):
        api, admin = Target(environment["TES_URL"]), bare(kubectl, admin=True)
        run = f"{time.time():.0f}"
        left = f"{naming.TASK_SELECTOR},{_tagged(TAG, posted(run))}"
        servers = Servers(
            api, bare(kubectl), admin, run, lambda: memory_of_the_api(kubectl), lambda: deleted(kubectl, left)
        )
        told, ratios = benched(servers, sizes, at_a_time, seconds=seconds)
    print(f"\n{told}\n")
    found = broken(ratios)
    print("\n".join(f"  ✗ {each}" for each in found) or "  ✓ all bounds are kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
