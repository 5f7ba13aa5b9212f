"""How an input comes from where it is to its place on the scratch volume."""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filer import scratch, transports
from filer.errors import Absent, NotMovable, Undelivered, words
from filer.transports import Page
from tescore.errors import TeskError
from tescore.model import FileType, Input
from tescore.mounts import located
from tescore.retry import retried

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receiving:
    """Inputs on their way. A later one is merged into what is there, and its files win."""

    volume: Path
    waits: Sequence[float]

    def receive(self, item: Input) -> None:
        """Brings a file, or a folder with all that is below it. Raises Undelivered.

        What is called a FILE and is none, but a folder, comes as one.
        """
        if item.content is not None:
            with _told(item.path, "written"):
                self._file(item.path, _writing(item.content))
        elif item.type == FileType.DIRECTORY:
            with _fetched(item.path, item.url):
                if not self._folder(item.path, item.url):
                    raise Absent("the storage has nothing below it")
        else:
            with _fetched(item.path, item.url):
                self._file_or_folder(item.path, item.url)
        log.info("input arrived", extra={"path": item.path})

    def _file_or_folder(self, path: str, url: str) -> None:
        try:
            self._fetch(path, url)
        except Absent:
            if not self._folder(path, url):
                raise

    def _folder(self, path: str, url: str) -> bool:
        """Whether there was anything below the URL. No more than a page of it is held at a time."""
        transport = transports.of(url)
        found, folder = False, path.rstrip("/")
        page = Page((), following="")
        while True:
            page = retried(functools.partial(transport.page, url, page.following), self.waits)
            for relative in page.paths:
                found = True
                self._part(f"{folder}/{relative}", transport.joined(url, relative), relative)
            if not page.following:
                return found

    def _part(self, path: str, url: str, relative: str) -> None:
        with _fetched(path, url):
            _check(relative)
            if relative and not relative.endswith("/"):
                self._fetch(path, url)
            else:
                scratch.folder(self.volume, located(path))

    def _fetch(self, path: str, url: str) -> None:
        transport = transports.of(url)
        self._file(path, lambda part: retried(lambda: transport.fetch(url, part), self.waits))

    def _file(self, path: str, write: Callable[[Path], int]) -> None:
        scratch.arrived(self.volume, located(path), write)


def _check(relative: str) -> None:
    """Raises NotMovable for a path of the storage's that leads out of the folder, or not to a place of its own."""
    parts = relative.removesuffix("/").split("/")
    if relative and (not {"", ".", ".."}.isdisjoint(parts) or "\0" in relative):
        raise NotMovable(f"the storage calls it {relative!r}, which is no path below a folder")


def _writing(content: str) -> Callable[[Path], int]:
    def write(part: Path) -> int:
        try:
            return part.write_bytes(content.encode())
        except UnicodeEncodeError as error:
            raise NotMovable("its content holds half a surrogate pair, which is no character") from error

    return write


@contextmanager
def _told(path: str, done: str) -> Iterator[None]:
    """Names the input in what goes wrong; a file of a folder has been named already."""
    try:
        yield
    except Undelivered:
        raise
    except (TeskError, OSError) as error:
        raise Undelivered(f"Input {path} could not be {done}: {words(error)}.") from error


def _fetched(path: str, url: str) -> AbstractContextManager[None]:
    return _told(path, f"fetched from {transports.shown(url)}")
