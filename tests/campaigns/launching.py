"""`python -m tests.campaigns.launching`: what it takes to launch tasks, beside bare pods in the same run.

Prints tables. Environment: `.local/env`, and LAUNCHING_BURST (300), LAUNCHING_ROUNDS (8), LAUNCHING_MANY (50,200),
LAUNCHING_STORED (50000) and LAUNCHING_RUNNING (1000), for the memory of the janitor; 0 leaves a part out. CPU
is that of the whole machine, so nothing else must run on it.
"""

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from tescore import naming
from tescore.session import path
from tests.campaigns import costs
from tests.campaigns.bench_api import TAG, Servers, fill
from tests.campaigns.cases import BARE, HELLO, Case
from tests.campaigns.first_seen import first_seen
from tests.campaigns.load import Connection, Target, markdown
from tests.campaigns.runs import Runs, runs
from tests.campaigns.stored_only import bare, deleted
from tests.campaigns.switched import seldom
from tests.e2e.cluster import SERVICE, Kubectl, Service, wait_until
from tests.e2e.tenants import tenant

_BURST = "bench-burst"
_SENDERS = 16
_MANY = {"STORED": "50000", "RUNNING": "1000"}
_LOOKS = 70.0
"""Seconds in which the janitor looks at all tasks twice, as seldom as it does by default."""
_WRITTEN = "bytes that etcd writes to its disk"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """By the whole machine, or by etcd."""

    cpu: float
    """Seconds."""
    written: int
    """Bytes."""
    at: float


def spent() -> Spent:
    """Up to now."""
    fields = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _, _, irq, softirq, _ = fields
    return Spent((user + nice + system + irq + softirq) / _TICKS, _written_by_etcd(), time.monotonic())


def is_of_the_node(folder: Path) -> bool:
    """Whether a process is the one-node cluster's or this machine's own: another cluster's may run in containers."""
    own = Path("/proc/self/ns/pid").stat().st_ino
    return (folder / "ns/pid").stat().st_ino == own or "/tesk-node-" in (folder / "cgroup").read_text()


def _written_by_etcd() -> int:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _command(folder).endswith(b"etcd") and is_of_the_node(folder):
            told = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
            return int(told["write_bytes"])
    return 0


def _command(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return b""


def idle(seconds: float = 15) -> tuple[float, float]:
    """CPU-seconds and bytes of a second in which nothing runs."""
    before = spent()
    time.sleep(seconds)
    after = spent()
    took = after.at - before.at
    return (after.cpu - before.cpu) / took, (after.written - before.written) / took


@contextmanager
def full(kubectl: Kubectl) -> Iterator[None]:
    """No node takes another pod."""
    nodes = kubectl.names("nodes")
    kubectl("cordon", *(node.removeprefix("node/") for node in nodes))
    try:
        yield
    finally:
        kubectl("uncordon", *(node.removeprefix("node/") for node in nodes))


def burst(kubectl: Kubectl, count: int) -> list[list[object]]:
    """Rows: how soon the pods of so many are there that are asked for at once, bare ones and taskmasters."""
    server, image = bare(kubectl, admin=True), os.environ["BUSYBOX_IMAGE"]
    rows: list[list[object]] = [["at once on a full node", "all asked for", "first pod", "all pods", "pods a second"]]
    with tenant(_BURST, kubectl, TESK_TASK_LIMIT="0") as service, full(kubectl):
        for what, target, send in (
            ("bare pods", server, lambda where, n: _send_pod(where, n, image)),
            ("tasks", Target(os.environ["TES_URL"]), lambda where, n: _send_task(where, service, image)),
        ):
            rows.append([f"{count} {what}", *_burst(server, target, send, count)])
            kubectl("-n", _BURST, "delete", "configmaps", "-l", naming.TASK_SELECTOR)
            kubectl("-n", _BURST, "delete", "jobs,pods", "--all", "--force", "--grace-period=0")
            wait_until(lambda: kubectl.names("pods", "-n", _BURST) == [], "the pods have gone", within=120)
    return rows


def _burst(server: Target, target: Target, send: Callable[[Connection, int], None], count: int) -> list[object]:
    with first_seen(server, _BURST) as seen, ThreadPoolExecutor(_SENDERS) as senders:
        began = time.monotonic()

        def share(first: int) -> None:
            with closing(target.connection()) as connection:
                for number in range(first, count, _SENDERS):
                    send(connection, number)

        list(senders.map(share, range(_SENDERS)))
        asked = time.monotonic() - began

        def there() -> list[float]:
            return sorted(at - began for (_, state), at in list(seen.at.items()) if state == "there")

        wait_until(lambda: len(there()) >= count, "all pods are there", within=300)
        first, *_, last = there()
    return [f"{asked:.1f} s", f"{first:.2f} s", f"{last:.1f} s", f"{count / last:.1f}"]


def _send_pod(connection: Connection, number: int, image: str) -> None:
    container = {"name": "main", "image": image, "command": ["true"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"bare-{number}"},
        "spec": {"containers": [container]},
    }
    connection.ask("POST", path("pods", _BURST), json.dumps(pod).encode())


def _send_task(connection: Connection, service: Service, image: str) -> None:
    document = {"executors": [{"image": image, "command": ["true"]}]}
    connection.ask("POST", f"/{_BURST}/ga4gh/tes/v1/tasks", json.dumps(document).encode())


def asked_of_kubernetes(made: Runs, count: int = 10) -> list[list[object]]:
    """Rows: requests to the API server for one hello, of all accounts, and what etcd writes."""
    rest, seconds = _asked(made.kubectl, lambda: time.sleep(30))
    made.quiet()

    def run() -> None:
        for _ in range(count):
            made.begun_and_ended(HELLO)
        made.quiet()
        time.sleep(10)  # for what is done later

    found, took = _asked(made.kubectl, run)
    each = {what: (number - rest[what] * took / seconds) / count for what, number in found.items()}
    rows: list[list[object]] = [["of a hello", ""]]
    rows += [[what, f"{number:.1f}"] for what, number in sorted(each.items(), key=lambda e: -e[1]) if number >= 0.2]
    return [*rows, ["requests in all", f"{sum(n for what, n in each.items() if what != _WRITTEN):.1f}"]]


def _asked(kubectl: Kubectl, do: Callable[[], None]) -> tuple[Counter[str], float]:
    """What the API server was asked, and bytes that etcd wrote, while something was done; and its seconds."""
    before, began = _all_asked(kubectl), time.monotonic()
    do()
    after = _all_asked(kubectl)
    return after - before, time.monotonic() - began


def _all_asked(kubectl: Kubectl) -> Counter[str]:
    """By verb and resource, up to now."""
    found = Counter({_WRITTEN: spent().written})
    for line in kubectl("get", "--raw", "/metrics").splitlines():
        if line.startswith("apiserver_request_total{"):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
            what = "/".join(filter(None, (labels["resource"], labels["subresource"])))
            found[f"{labels['verb']} {what}"] += int(float(line.rsplit(" ", 1)[1]))
    return found


def many(made: Runs, counts: list[int]) -> list[list[object]]:
    """Rows: rates and CPU of so many at once."""
    rest, _ = idle()
    rows: list[list[object]] = [
        ["at once", "bare pods a second", "hello a second", "ratio", "CPU-s, bare", "CPU-s, hello"]
    ]
    for count in counts:
        rates: dict[str, list[float]] = {BARE.name: [], HELLO.name: []}
        cpu: dict[str, list[float]] = {BARE.name: [], HELLO.name: []}
        for case in (BARE, HELLO) * (2 if count <= 50 else 1):
            rate, each = _once(made, case, count, rest)
            rates[case.name].append(rate)
            cpu[case.name].append(each)
        pods, tasks = mean(rates[BARE.name]), mean(rates[HELLO.name])
        used = [f"{mean(cpu[name]):.2f}" for name in (BARE.name, HELLO.name)]
        rows.append([count, f"{pods:.2f}", f"{tasks:.2f}", f"{tasks / pods:.2f}", *used])
    return rows


def _once(made: Runs, case: Case, count: int, rest: float) -> tuple[float, float]:
    """Rate, and CPU-seconds of each, up to when all of it has gone."""
    made.quiet()
    before = spent()
    rate = made.many(case, count)
    made.quiet()
    after = spent()
    each = (after.cpu - before.cpu - rest * (after.at - before.at)) / count
    print(f"  {count} {case.name}: {rate:.2f} a second, {each:.2f} CPU-seconds each", flush=True)
    return rate, each


def singles(made: Runs, rounds: int) -> list[list[object]]:
    """Rows: one alone, begun right after a look of the kubelet's."""
    took: dict[str, list[float]] = {BARE.name: [], HELLO.name: []}
    for _ in range(rounds):
        for case in (BARE, HELLO):
            made.quiet()
            made.one(BARE)
            took[case.name].append(made.one(case))
    floor = median(took[BARE.name])
    rows: list[list[object]] = [["right after a look", "median", "most", "of a bare pod"]]
    for name, each in took.items():
        rows.append([name, f"{median(each):.2f} s", f"{max(each):.2f} s", f"{median(each) / floor:.2f}"])
    return rows


def janitors_memory(kubectl: Kubectl, stored: int, running: int) -> list[list[object]]:
    """Rows: the most that the janitor took, with so many tasks that have ended and so many with a taskmaster."""
    server, image, run = bare(kubectl, admin=True), os.environ["BUSYBOX_IMAGE"], f"{time.time():.0f}"
    api = Target(os.environ["TES_URL"])
    rows: list[list[object]] = [["tasks", "MiB of the janitor, at most"]]
    try:
        with tenant(_BURST, kubectl, TESK_TASK_LIMIT="0") as service, full(kubectl), costs.uses() as used:
            fill(Servers(api, server, server, run, lambda: 0, lambda: None), stored)
            kubectl("-n", SERVICE, "delete", "pod", "-l", f"{naming.COMPONENT}=janitor", "--wait=false")
            _burst(server, api, lambda where, _: _send_task(where, service, image), running)
            time.sleep(_LOOKS)
            peak = max(use.peak for use in used.each("janitor")) / 2**20
        rows.append([f"{stored} that have ended, {running} with a taskmaster", f"{peak:.0f}"])
    finally:
        deleted(kubectl, f"{naming.TASK_SELECTOR},{naming.tag_label(TAG)}={naming.hashed(run)}")
    return rows


def main() -> int:
    environment, kubectl = os.environ, Kubectl()
    count, rounds = int(environment.get("LAUNCHING_BURST", "300")), int(environment.get("LAUNCHING_ROUNDS", "8"))
    counts = [int(each) for each in environment.get("LAUNCHING_MANY", "50,200").split(",") if each]
    stored, running = (int(environment.get(f"LAUNCHING_{name}", n)) for name, n in _MANY.items())
    parts = []
    with seldom(kubectl):
        if count:
            parts.append(burst(kubectl, count))
        with runs(kubectl) as made:
            parts.append(asked_of_kubernetes(made))
            parts += [singles(made, rounds)] if rounds else []
            parts += [many(made, counts)] if counts else []
        if stored:
            parts.append(janitors_memory(kubectl, stored, running))
    print("\n\n".join(markdown(rows) for rows in parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
