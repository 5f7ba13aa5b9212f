"""What tasks cost: CPU and memory of the programs, requests to the API server, bytes that stay.

It reads the processes of the one-node cluster, which are this machine's, and the API server's audit log.
"""

import json
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.campaigns.load import Target

_TICKS = os.sysconf("SC_CLK_TCK")
_EVERY = 0.004
"""Seconds between two looks at processes."""
PROGRAMS = ("api", "webhook", "janitor", "taskmaster", "filer")


@dataclass
class Use:
    """Of one process, as last seen."""

    program: str
    seconds: float = 0.0
    peak: int = 0
    """Bytes of memory."""


@dataclass
class Uses:
    """Of all processes of the programs, by their pids."""

    all: dict[int, Use] = field(default_factory=dict)
    before: dict[int, float] = field(default_factory=dict)
    """CPU seconds of those that were there in the beginning."""

    def seconds(self, program: str) -> float:
        """CPU of all processes of a program since the block began."""
        return sum(u.seconds - self.before.get(pid, 0.0) for pid, u in self.all.items() if u.program == program)

    def each(self, program: str) -> list[Use]:
        return [use for use in self.all.values() if use.program == program]


@contextmanager
def uses() -> Iterator[Uses]:
    """Looks at the processes until the block ends; a time is that of the last look, a few ms before a process ends."""
    found, over = Uses(), threading.Event()
    _look(found)
    found.before = {pid: use.seconds for pid, use in found.all.items()}
    looker = threading.Thread(target=_looking, args=(found, over))
    looker.start()
    try:
        yield found
    finally:
        over.set()
        looker.join()
        _look(found)


def _looking(found: Uses, over: threading.Event) -> None:
    while not over.wait(_EVERY):
        _look(found)


def _look(found: Uses) -> None:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            pid = int(entry.name)
            if pid not in found.all and (program := _program(pid)):
                found.all[pid] = Use(program)
    for pid, use in found.all.items():
        with suppress(OSError):
            _update(use, pid)


def _program(pid: int) -> str:
    """Which of the programs runs there, started as its image starts it."""
    with suppress(OSError):
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if arguments[0].endswith(b"python3") and b"-m" in arguments:
            name = arguments[arguments.index(b"-m") + 1].decode()
            return name if name in PROGRAMS else ""
    return ""


def _update(use: Use, pid: int) -> None:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    use.seconds = (int(fields[11]) + int(fields[12])) / _TICKS
    status = Path(f"/proc/{pid}/status").read_text()
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            use.peak = max(use.peak, int(line.split()[1]) * 1024)


def requests(log: Path, tasks: set[str], since: float) -> dict[str, Counter[str]]:
    """How often each account asked the API server for what since then, where a task's name was in it; by account."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in log.read_text().splitlines():
        if not any(task in line for task in tasks):
            continue
        event = json.loads(line)
        if datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp() < since:
            continue
        thing = event.get("objectRef", {})
        resource = "/".join(filter(None, (thing.get("resource"), thing.get("subresource"))))
        found[event["user"]["username"].rpartition(":")[2]][f"{event['verb']} {resource}"] += 1
    return found


def stored_bytes(server: Target, paths: list[str]) -> int:
    """What etcd keeps of these objects: their protobuf."""
    connection = server.connection()
    total = sum(len(connection.ask("GET", each, Accept="application/vnd.kubernetes.protobuf")) for each in paths)
    connection.close()
    return total
