"""The sequence of a transfer: what is made, fetched or stored, in which order, and what is told about it."""

import functools
import logging
import os
import posixpath
from collections.abc import Callable
from pathlib import Path

from filer import scratch, tree
from filer.errors import NotThere, Undelivered, words
from filer.patience import Patience
from filer.progress import Progress
from filer.receiving import Receiving
from filer.sending import Sending
from tescore import mounts, report, tails
from tescore.model import Task
from tescore.mounts import DATA, LAUNCHER, SAVED, SHELL

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Takes one line of the report (tescore/report.py), from any thread."""


def inputs(task: Task, volume: Path, launcher: Path, *, tell: Tell, patience: Patience, threads: int) -> int:
    """Makes the volume ready and fetches the inputs, as if in the document's order; the exit code.

    Ends at the first failure; what is under way then goes on in its threads.
    """
    try:
        _make_ready(task, volume, launcher)
        with Progress(tell, arriving=functools.partial(scratch.arriving, volume)) as progress:
            Receiving(volume, patience, progress, threads).receive(task.inputs)
    except Undelivered as error:
        tell(report.failure(str(error)))
        return report.FAILED
    except Exception as error:  # noqa: BLE001 - it is told all the same
        place = f" ({error.filename})" if isinstance(error, OSError) else ""
        tell(report.failure(f"The scratch volume could not be made ready: {words(error)}{place}."))
        return report.FAILED
    return 0


def outputs(
    task: Task, volume: Path, *, optional: bool, tail: int, tell: Tell, patience: Patience, threads: int
) -> int:
    """Stores every output that can be stored, then tells the ends of redirected streams; the exit code.

    With `optional` an output that is not there is no more than a warning.
    """
    saved = frozenset(mounts.saved(task))

    def root(path: str) -> Path:
        """The container's `/` on the volume, for one of its paths."""
        return volume / (SAVED if mounts.normal(path) in saved else DATA)

    with report.Telling(tell) as telling:
        with Progress(tell) as progress:
            sending = Sending(root, optional, telling, patience, progress, threads)
            sending.send(task.outputs)
        for i, executor in enumerate(task.executors):
            for stream, path in (("stdout", executor.stdout), ("stderr", executor.stderr)):
                if path:
                    _tell_tail(i, stream, path, root(path), tail, telling)
    return report.FAILED if sending.failed else 0


def _make_ready(task: Task, volume: Path, launcher: Path) -> None:
    scratch.swept(volume)
    for folder in mounts.folders(task):
        scratch.folder(volume, mounts.located(folder))
    saved = mounts.saved(task)
    for path in saved:
        scratch.folder(volume, SAVED + posixpath.dirname(path))
    if saved or any(executor.redirected for executor in task.executors):
        scratch.launcher(volume, f"{LAUNCHER}/{SHELL}", launcher)


def _tell_tail(executor: int, stream: str, path: str, root: Path, limit: int, telling: report.Telling) -> None:
    try:
        with tree.opened(root, path) as file:
            telling.tail(executor, stream, _tail(file.place, limit))
    except NotThere:
        log.info("stream was not written", extra={"executor": executor, "stream": stream})
    except Exception as error:  # noqa: BLE001 - the others go on
        telling.warning(f"The {stream} of executor {executor} ({path}) could not be read: {words(error)}.")


def _tail(place: Path, limit: int) -> str:
    """The last `limit` bytes of a file, or all of it, as text."""
    with place.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - limit))
        return tails.text(stream.read(limit), max(0, size - limit))
