"""Each write of each record of a run, as a watch of the API server shows it."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.cluster import STANDING

_COLUMNS = (
    r'{.metadata.name}{"|"}{.metadata.resourceVersion}{"|"}{.metadata.labels.tesk/state}{"|"}'
    r'{.metadata.annotations.tesk/cancel}{"\n"}'
)


@dataclass(frozen=True, slots=True)
class Sight:
    """One version of a record."""

    at: float
    """Seconds since 1970, when it was seen here."""
    task: str
    version: str
    state: str
    cancel: str


@dataclass(slots=True)
class Sights:
    """All that was seen, in the order of the writes."""

    all: list[Sight] = field(default_factory=list)

    def of(self, task: str) -> list[Sight]:
        return [sight for sight in list(self.all) if sight.task == task]

    def by_task(self) -> dict[str, list[Sight]]:
        found: dict[str, list[Sight]] = {}
        for sight in list(self.all):
            found.setdefault(sight.task, []).append(sight)
        return found


@contextmanager
def sights(selector: str, namespace: str = STANDING) -> Iterator[Sights]:
    """Watches the records with these labels until the block ends."""
    seen = Sights()
    command = ["kubectl", "-n", namespace, "get", "configmaps", "-l", selector, "--watch", "-o", f"jsonpath={_COLUMNS}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as watch:
        reader = threading.Thread(target=_read, args=(watch, seen))
        reader.start()
        try:
            yield seen
        finally:
            watch.kill()
            reader.join()


def _read(watch: "subprocess.Popen[str]", seen: Sights) -> None:
    assert watch.stdout is not None
    for line in watch.stdout:
        task, version, state, cancel = line.rstrip("\n").split("|", 3)
        seen.all.append(Sight(time.time(), task, version, state, cancel))
