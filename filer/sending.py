"""How outputs come from the scratch volume to where they are to be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filer import matching, transports, tree
from filer.errors import NotThere, words
from tescore import report, wildcards
from tescore.errors import TeskError, Transient
from tescore.model import FileType, Output
from tescore.retry import retried


@dataclass(slots=True)
class Sending:
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
            for path, url in _parts(self.root, output):
                if path.endswith("/"):
                    self._keep_folder(path, url)
                else:
                    stored = True
                    self._send_file(path, url)
        except (TeskError, OSError) as error:
            self._miss(output.path, output.url, error)
            return
        if not stored:
            why = "matches no file" if wildcards.is_pattern(output.path, output.path_prefix) else "holds no file"
            self.telling.warning(f"Output {output.path} for {transports.shown(output.url)} {why}.")

    def _send_file(self, path: str, url: str) -> None:
        transport = transports.of(url)
        try:
            place, size = tree.file(self.root, path)
            retried(lambda: transport.store(place, url), self.waits)
        except (TeskError, OSError) as error:
            self._miss(path, url, error)
            return
        self.telling.moved(transport.shown(url), path, size)

    def _keep_folder(self, path: str, url: str) -> None:
        try:
            kept = retried(lambda: transports.of(url).keep_folder(url), self.waits)
        except TeskError as error:
            self._miss(path, url, error)
            return
        if not kept:
            self.telling.warning(f"The empty folder {path} is not at {transports.shown(url)}: HTTP has no folders.")

    def _miss(self, path: str, url: str, error: Exception) -> None:
        sentence = f"Output {path} could not be stored at {transports.shown(url)}: {words(error)}."
        if self.optional and isinstance(error, NotThere):
            self.telling.warning(sentence)
            return
        if isinstance(error, Transient):
            self.waits = ()
        self.failed = True
        self.telling.failure(sentence)


def _parts(root: Path, output: Output) -> Iterator[tuple[str, str]]:
    """Path and URL of each file that an output stands for, links and missing ones included.

    Those of empty folders end with a slash. What is called a FILE and is none, but a folder, is stored as one.
    """
    folders = output.type == FileType.DIRECTORY
    if not wildcards.is_pattern(output.path, output.path_prefix):
        whole = folders or tree.is_folder(root, output.path)
        yield from _below(root, output.path, output.url) if whole else [(output.path, output.url)]
        return
    transport = transports.of(output.url)
    for path in tree.matches(root, output.path, folders=folders):
        url = transport.joined(output.url, matching.pruned(path, output.path_prefix))
        yield from _below(root, path, url) if folders else [(path, url)]


def _below(root: Path, folder: str, url: str) -> Iterator[tuple[str, str]]:
    transport = transports.of(url)
    for path in tree.files(root, folder):
        yield path, transport.joined(url, path.removeprefix(folder).lstrip("/"))
