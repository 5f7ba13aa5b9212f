"""What a program needs while it runs."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Used:
    seconds: float
    cpu: float
    """Seconds."""
    memory: float
    """Mebibytes at most."""
    said: str
    """On its standard output and error."""


def used(arguments: Sequence[str | Path], environment: Mapping[str, str]) -> Used:
    """Runs a program to its end. Raises RuntimeError if it fails."""
    began, peaks, over = time.monotonic(), [0], threading.Event()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(arguments, env=environment, stdout=said, stderr=subprocess.STDOUT)

        def watch() -> None:
            while not over.wait(0.01):
                peaks[0] = max(peaks[0], _peak(process.pid))

        watching = threading.Thread(target=watch)
        watching.start()
        _, status, resources = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        over.set()
        watching.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with {process.returncode}: {text[-2000:]}")
    return Used(seconds, resources.ru_utime + resources.ru_stime, peaks[0] / 1024, text)


def _peak(pid: int) -> int:
    """Kibibytes that a process has needed until now; what is told of one that has ended may be its parent's."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
