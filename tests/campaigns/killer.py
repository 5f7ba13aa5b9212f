"""Kills taskmasters of a run at random: their processes by SIGKILL, or their pods by force."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.cluster import STANDING


@dataclass(frozen=True, slots=True)
class Kill:
    at: float
    task: str
    how: str
    """`SIGKILL` or `deleted`."""


@dataclass(slots=True)
class Kills:
    all: list[Kill] = field(default_factory=list)

    def of(self, task: str) -> int:
        return sum(kill.task == task for kill in list(self.all))


def processes() -> dict[str, int]:
    """The taskmasters whose processes this machine sees: pid by task."""
    found: dict[str, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (task := _task_of(int(folder.name))):
            found[task] = int(folder.name)
    return found


def sigkill(pid: int, task: str) -> bool:
    """Kills the process if it still is that task's taskmaster."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            if _task_of(pid) == task:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                return True
        finally:
            os.close(handle)
    return False


@contextmanager
def killing(
    tasks: Callable[[], Collection[str]], every: float, drawn: random.Random, *, most: int = 3
) -> Iterator[Kills]:
    """Kills one of the tasks' taskmasters every so many seconds until the block ends, each at most so often."""
    kills, stopped = Kills(), threading.Event()
    thread = threading.Thread(target=_run, args=(tasks, every, drawn, most, kills, stopped))
    thread.start()
    try:
        yield kills
    finally:
        stopped.set()
        thread.join()


def _run(
    tasks: Callable[[], Collection[str]],
    every: float,
    drawn: random.Random,
    most: int,
    kills: Kills,
    stopped: threading.Event,
) -> None:
    while not stopped.wait(drawn.expovariate(1 / every)):
        living = {task: pid for task, pid in sorted(processes().items()) if task in tasks() and kills.of(task) < most}
        if not living:
            continue
        task = drawn.choice(list(living))
        if drawn.random() < 0.5:
            if sigkill(living[task], task):
                kills.all.append(Kill(time.time(), task, "SIGKILL"))
        elif _delete_pod(task):
            kills.all.append(Kill(time.time(), task, "deleted"))


def _delete_pod(task: str) -> bool:
    selector = f"tesk/task={task},app.kubernetes.io/component=taskmaster"
    command = ["kubectl", "-n", STANDING, "delete", "pod", "-l", selector, "--grace-period=0", "--force", "-o", "name"]
    return bool(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())


def _task_of(pid: int) -> str:
    """The task whose taskmaster a process is; empty if it is none."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"taskmaster" not in words:
            return ""
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""  # it ended meanwhile
    return next((v.removeprefix(b"TESK_TASK=").decode() for v in variables if v.startswith(b"TESK_TASK=")), "")
