"""How inputs come from where they are to their places on the scratch volume."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filer import scratch, transports
from filer.errors import Absent, Late, NotMovable, Undelivered, words
from filer.lanes import Lanes
from filer.overlaps import Overlaps
from filer.patience import Patience, storage
from filer.progress import Progress
from tescore.model import FileType, Input
from tescore.mounts import located


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that is to come, or a file that turned out to be none and may be one."""

    path: str
    url: str
    missed: Exception
    """Why it cannot come, if there is nothing below it."""


_Arrived = int | _Folder | None
"""What came of one call: the bytes of a file, or a folder that is still to come; None for an empty folder."""


@dataclass(slots=True)
class Receiving:
    """Inputs on their way, many at a time. A later one is merged into what is there, and its files win."""

    volume: Path
    patience: Patience
    progress: Progress
    threads: int
    _folders: list[_Folder] = field(default_factory=list)
    """Found out to be folders, and not begun."""

    def receive(self, items: tuple[Input, ...]) -> None:
        """Brings files, and folders with all that is below them. Raises Undelivered for the first that does not come.

        What is called a FILE and is none, but a folder, comes as one.
        """
        overlaps = Overlaps()
        with Lanes[_Arrived](self.threads, self._took, until=self.patience.until) as lanes:
            try:
                for item in items:
                    if overlaps.take(item.path):  # what comes later must win
                        self._settle(lanes)
                        overlaps.clear()
                        overlaps.take(item.path)
                    self._begin(lanes, item)
                self._settle(lanes)
            except Late as error:
                raise Undelivered(
                    f"The inputs did not all arrive in time: {error}{self.patience.troubles()}."
                ) from error

    def _begin(self, lanes: Lanes[_Arrived], item: Input) -> None:
        if item.content is not None:
            lanes.give(functools.partial(self._write, item.path, item.content))
        elif item.type == FileType.DIRECTORY:
            self._folder(lanes, _Folder(item.path, item.url, Absent("the storage has nothing below it")))
        else:
            lanes.give(functools.partial(self._file_or_folder, item.path, item.url))

    def _took(self, arrived: _Arrived) -> None:
        if isinstance(arrived, _Folder):
            self._folders.append(arrived)
        elif arrived is not None:
            self.progress.moved(arrived)

    def _settle(self, lanes: Lanes[_Arrived]) -> None:
        lanes.settle()
        while self._folders:
            self._folder(lanes, self._folders.pop())
            lanes.settle()

    def _folder(self, lanes: Lanes[_Arrived], folder: _Folder) -> None:
        """Gives what is below a URL to the lanes, a page of it at a time."""
        with _fetched(folder.path, folder.url):
            transport = transports.of(folder.url)
            found, following, path = False, "", folder.path.rstrip("/")
            while True:
                page = self._page(transport, folder.url, following)
                for relative in page.paths:
                    found = True
                    url = transport.joined(folder.url, relative)
                    lanes.give(functools.partial(self._part, f"{path}/{relative}", url, relative))
                following = page.following
                if not following:
                    break
            if not found:
                raise folder.missed

    def _page(self, transport: transports.Transport, url: str, token: str) -> transports.Page:
        """Listed on a thread of its own, for this one sees when the time for all transfers is over."""
        pages: list[transports.Page] = []
        ask = functools.partial(transport.page, url, token)
        with Lanes[transports.Page](1, pages.append, until=self.patience.until) as lane:
            lane.give(lambda: self.patience.carried(ask, storage(url)))
            lane.settle()
        return pages[0]

    def _part(self, path: str, url: str, relative: str) -> int | None:
        with _fetched(path, url):
            _check(relative)
            if relative and not relative.endswith("/"):
                return self._fetch(path, url)
            scratch.folder(self.volume, located(path))
            return None

    def _file_or_folder(self, path: str, url: str) -> _Arrived:
        with _fetched(path, url):
            try:
                return self._fetch(path, url)
            except Absent as error:
                return _Folder(path, url, error)

    def _fetch(self, path: str, url: str) -> int:
        transport = transports.of(url)
        return scratch.arrived(
            self.volume,
            located(path),
            lambda part: self.patience.carried(lambda: transport.fetch(url, part), storage(url)),
        )

    def _write(self, path: str, content: str) -> int:
        with _told(path, "written"):
            return scratch.arrived(self.volume, located(path), _writing(content))


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
    except Exception as error:
        raise Undelivered(f"Input {path} could not be {done}: {words(error)}.") from error


def _fetched(path: str, url: str) -> AbstractContextManager[None]:
    return _told(path, f"fetched from {transports.shown(url)}")
