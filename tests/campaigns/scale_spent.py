"""What the programs of the one-node cluster take of this machine, and what the API server is asked for."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.campaigns.launching import is_of_the_node, spent
from tests.campaigns.load import Connection

_TICKS = os.sysconf("SC_CLK_TCK")
_KUBERNETES = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubelet", "kwok")
_MODULES = {
    "api": "api",
    "webhook": "webhook",
    "janitor": "janitor",
    "tests.campaigns.scale_forks": "taskmasters",
    "tests.campaigns.scale": "this campaign",
}
PROGRAMS = (*_KUBERNETES, *_MODULES.values())
_IN_PODS = {"api", "webhook", "janitor"}
_ASKED = "apiserver_request_total"
_ANSWERED = "apiserver_response_sizes_sum"
_WATCHED = "apiserver_watch_events_sizes_sum"
_REJECTED = "apiserver_flowcontrol_rejected_requests_total"
METRICS = (_ASKED, _ANSWERED, _WATCHED, _REJECTED)


@dataclass(frozen=True, slots=True)
class Spent:
    """Up to now, or between two times."""

    seconds: float
    busy: float
    """CPU-seconds of the whole machine."""
    cpu: Mapping[str, float]
    """CPU-seconds by program, with those of its processes that have ended."""
    network: Mapping[str, int]
    """Bytes by program, of those that run in pods."""
    peak: Mapping[str, int] = field(default_factory=dict)
    """Most bytes of memory of one process by program, since it began."""
    written: int = 0
    """Bytes by etcd."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Sums of the API server's."""

    @property
    def requests(self) -> float:
        return self.metrics[_ASKED]

    @property
    def answered(self) -> float:
        """Bytes of answers and of the events of watches."""
        return self.metrics[_ANSWERED] + self.metrics[_WATCHED]

    @property
    def rejected(self) -> float:
        return self.metrics[_REJECTED]


def between(before: Spent, after: Spent) -> Spent:
    return Spent(
        seconds=after.seconds - before.seconds,
        busy=after.busy - before.busy,
        cpu={name: value - before.cpu.get(name, 0.0) for name, value in after.cpu.items()},
        network={name: value - before.network.get(name, 0) for name, value in after.network.items()},
        peak=after.peak,
        written=after.written - before.written,
        metrics={name: value - before.metrics[name] for name, value in after.metrics.items()},
    )


def so_far(server: Connection) -> Spent:
    """Up to now; the connection is an admin's."""
    machine, processes = spent(), list(_processes())
    cpu: defaultdict[str, float] = defaultdict(float)
    network: Counter[str] = Counter()
    peak: dict[str, int] = {}
    seen: set[int] = set()
    for folder, name in processes:
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            cpu[name] += sum(int(each) for each in fields[11:15]) / _TICKS
            peak[name] = max(peak.get(name, 0), _peak((folder / "status").read_text()))
            inside = (folder / "ns/net").stat().st_ino
            if name in _IN_PODS and inside not in seen:
                seen.add(inside)
                network[name] += passed((folder / "net/dev").read_text())
    metrics = sums(server.ask("GET", "/metrics").decode().splitlines())
    return Spent(machine.at, machine.cpu, dict(cpu), dict(network), peak, machine.written, metrics)


def _processes() -> Iterator[tuple[Path, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                name = program((folder / "cmdline").read_bytes().split(b"\0"))
                if name and is_of_the_node(folder):
                    yield folder, name


def program(arguments: list[bytes]) -> str:
    """What a process is by its command line; empty if it is none of those that are of interest."""
    name = arguments[0].rpartition(b"/")[2].decode(errors="replace")
    if name.startswith("python") and arguments[1:2] == [b"-m"]:
        return _MODULES.get(arguments[2].decode(errors="replace"), "")
    return name if name in _KUBERNETES else ""


def passed(devices: str) -> int:
    """Bytes in and out over eth0, as /proc/net/dev shows them."""
    for line in devices.splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "eth0":
            fields = numbers.split()
            return int(fields[0]) + int(fields[8])
    return 0


def _peak(status: str) -> int:
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def sums(lines: Iterable[str]) -> dict[str, float]:
    """Of each metric over all its labels, in Prometheus' text format."""
    found = dict.fromkeys(METRICS, 0.0)
    for line in lines:
        name = line.partition("{")[0]
        if name in found:
            found[name] += float(line.rpartition(" ")[2])
    return found


@dataclass(frozen=True, slots=True)
class Period:
    """In seconds since 1970."""

    begin: float
    end: float


def requests(lines: Iterable[str], periods: Iterable[Period]) -> dict[Period, dict[str, Counter[str]]]:
    """What each ServiceAccount asked the API server for in each of these periods, by account, from the audit log."""
    wanted = list(periods)
    found: dict[Period, dict[str, Counter[str]]] = {each: defaultdict(Counter) for each in wanted}
    for line in lines:
        if '"stage":"ResponseComplete"' not in line:
            continue
        event = json.loads(line)
        at = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
        thing = event.get("objectRef", {})
        resource = "/".join(filter(None, (thing.get("resource"), thing.get("subresource"))))
        for period in wanted:
            if period.begin <= at < period.end:
                account = event["user"]["username"].rpartition(":")[2]
                found[period][account][f"{event['verb']} {resource}"] += 1
    return found


def audited(log: Path, since: float) -> Iterator[str]:
    """The lines of the audit log from then on, also where another file was begun meanwhile."""
    for part in sorted(log.parent.glob("audit*.log"), key=lambda each: each.stat().st_mtime):
        if part.stat().st_mtime >= since:
            with part.open() as lines:
                yield from lines
