"""The sequence of a transfer: what is made, fetched or stored, in which order, and what is told about it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filer import layout, matching, scratch, tails, transports, tree
from filer.errors import NotMovable, NotThere
from tescore import report, wildcards
from tescore.errors import TeskError, Transient
from tescore.model import FileType, Input, Output, Task
from tescore.mounts import DATA, LAUNCHER, SHELL, located
from tescore.retry import retried

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Takes one line of the report (tescore/report.py)."""


def inputs(task: Task, volume: Path, launcher: Path, *, tell: Tell, waits: Sequence[float]) -> int:
    """Makes the volume ready and fetches the inputs in the document's order; the exit code.

    Ends at the first failure.
    """
    try:
        _make_ready(task, volume, launcher)
    except OSError as error:
        tell(report.failure(f"The scratch volume could not be made ready: {_words(error)} ({error.filename})."))
        return report.FAILED
    for item in task.inputs:
        try:
            size = _bring(item, volume, waits)
        except (TeskError, OSError) as error:
            tell(report.failure(f"Input {item.path} could not be {_origin(item)}: {_words(error)}."))
            return report.FAILED
        log.info("input arrived", extra={"path": item.path, "size_bytes": size})
    return 0


def outputs(task: Task, volume: Path, *, optional: bool, tail: int, tell: Tell, waits: Sequence[float]) -> int:
    """Stores every output that can be stored, then tells the ends of redirected streams; the exit code.

    With `optional` an output that is not there is no more than a warning.
    """
    with report.Telling(tell) as telling:
        sending = _Sending(volume / DATA, optional, telling, waits)
        for output in task.outputs:
            sending.send(output)
        for i, executor in enumerate(task.executors):
            for stream, path in (("stdout", executor.stdout), ("stderr", executor.stderr)):
                if path:
                    _tell_tail(i, stream, path, volume / DATA, tail, telling)
    return report.FAILED if sending.failed else 0


def _make_ready(task: Task, volume: Path, launcher: Path) -> None:
    for folder in layout.folders(task):
        scratch.folder(volume, folder)
    for file in layout.empty_files(task):
        scratch.empty_file(volume, file)
    if any(executor.redirected for executor in task.executors):
        scratch.launcher(volume, f"{LAUNCHER}/{SHELL}", launcher)


def _bring(item: Input, volume: Path, waits: Sequence[float]) -> int:
    if item.type == FileType.DIRECTORY:
        raise NotMovable("inputs of type DIRECTORY are not supported yet")

    def write(part: Path) -> int:
        if item.content is not None:
            return part.write_bytes(_encoded(item.content))
        transport = transports.of(item.url)
        return retried(lambda: transport.fetch(item.url, part), waits)

    return scratch.arrived(volume, located(item.path), write)


def _encoded(content: str) -> bytes:
    try:
        return content.encode()
    except UnicodeEncodeError as error:
        raise NotMovable("its content holds half a surrogate pair, which is no character") from error


def _origin(item: Input) -> str:
    return "written" if item.content is not None else f"fetched from {_shown(item.url)}"


def _shown(url: str) -> str:
    try:
        return transports.of(url).shown(url)
    except NotMovable:
        return "its URL"


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _tell_tail(executor: int, stream: str, path: str, root: Path, limit: int, telling: report.Telling) -> None:
    try:
        place, _ = tree.file(root, path)
        telling.tail(executor, stream, tails.tail(place, limit))
    except NotThere:
        log.info("stream was not written", extra={"executor": executor, "stream": stream})
    except (TeskError, OSError) as error:
        telling.warning(f"The {stream} of executor {executor} ({path}) could not be read: {_words(error)}.")


@dataclass(slots=True)
class _Sending:
    """Outputs on their way: one that fails does not keep the next from being tried."""

    root: Path
    optional: bool
    telling: report.Telling
    waits: Sequence[float]
    """Emptied once they were all waited in vain: else a thousand files wait as long for a storage that is away."""
    failed: bool = False

    def send(self, output: Output) -> None:
        stored = False
        try:
            for path, url in _files(self.root, output):
                stored = True
                self._send_file(path, url)
        except (TeskError, OSError) as error:
            self._miss(output.path, output.url, error)
            return
        if not stored:
            words = "matches no file" if wildcards.is_pattern(output.path, output.path_prefix) else "holds no file"
            self.telling.warning(f"Output {output.path} for {_shown(output.url)} {words}.")

    def _send_file(self, path: str, url: str) -> None:
        transport = transports.of(url)
        try:
            place, size = tree.file(self.root, path)
            retried(lambda: transport.store(place, url), self.waits)
        except (TeskError, OSError) as error:
            self._miss(path, url, error)
            return
        self.telling.moved(transport.shown(url), path, size)

    def _miss(self, path: str, url: str, error: Exception) -> None:
        sentence = f"Output {path} could not be stored at {_shown(url)}: {_words(error)}."
        if self.optional and isinstance(error, NotThere):
            self.telling.warning(sentence)
            return
        if isinstance(error, Transient):
            self.waits = ()
        self.failed = True
        self.telling.failure(sentence)


def _files(root: Path, output: Output) -> Iterator[tuple[str, str]]:
    """Path and URL of each file that an output stands for, links and missing ones included."""
    folders = output.type == FileType.DIRECTORY
    if not wildcards.is_pattern(output.path, output.path_prefix):
        yield from _below(root, output.path, output.url) if folders else [(output.path, output.url)]
        return
    transport = transports.of(output.url)
    for path in tree.matches(root, output.path, folders=folders):
        url = transport.joined(output.url, matching.pruned(path, output.path_prefix))
        yield from _below(root, path, url) if folders else [(path, url)]


def _below(root: Path, folder: str, url: str) -> Iterator[tuple[str, str]]:
    transport = transports.of(url)
    for path in tree.files(root, folder):
        yield path, transport.joined(url, path.removeprefix(folder).lstrip("/"))
