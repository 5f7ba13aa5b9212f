"""How outputs come from the scratch volume to where they are to be."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filer import matching, transports, tree
from filer.errors import BrokenLink, Late, NotMovable, NotThere, words
from filer.lanes import Lanes
from filer.overlaps import Overlaps
from filer.patience import Patience, storage
from filer.progress import Progress
from tescore import report, wildcards
from tescore.model import FileType, Output


@dataclass(frozen=True, slots=True)
class _Stored:
    path: str
    url: str
    size: int


@dataclass(frozen=True, slots=True)
class _Missed:
    path: str
    url: str
    error: Exception

    @property
    def sentence(self) -> str:
        return f"Output {self.path} could not be stored at {transports.shown(self.url)}: {words(self.error)}."


@dataclass(frozen=True, slots=True)
class _Warning:
    sentence: str


_Outcome = _Stored | _Missed | _Warning | None
"""None for an empty folder that is kept."""


@dataclass(slots=True)
class Sending:
    """Outputs on their way, many at a time: one that fails does not keep the others from being tried.

    With `optional` one that is not there is no more than a warning; a folder that is not there never is more. All is
    told in the order of the document.
    """

    root: Callable[[str], Path]
    """The folder that is `/` to the container, for a path of an output."""
    optional: bool
    telling: report.Telling
    patience: Patience
    progress: Progress
    threads: int
    failed: bool = False
    _begun: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Path and URL of what is not told yet, in order."""
    _urls: set[str] = field(default_factory=set)
    """The URLs of those."""
    _told: int = 0

    def send(self, outputs: tuple[Output, ...]) -> None:
        begun = 0
        with Lanes[_Outcome](self.threads, self._tell, until=self.patience.until) as lanes:
            try:
                for output in outputs:
                    begun += 1
                    self._begin(lanes, output)
                lanes.settle()
            except Late as error:
                self._tell_late(error, outputs[begun:])

    def _begin(self, lanes: Lanes[_Outcome], output: Output) -> None:
        stored = False
        try:
            root = self.root(output.path)
            for path, url in _parts(root, output):
                is_file = not path.endswith("/")
                stored = stored or is_file
                act = functools.partial(self._store, root) if is_file else self._keep
                self._give(lanes, path, url, functools.partial(act, path, url))
        except Late:
            raise
        except Exception as error:  # noqa: BLE001 - the others go on
            missed = _Missed(output.path, output.url, error)
            is_missing = isinstance(error, NotThere) and not isinstance(error, BrokenLink)
            note = is_missing and output.type == FileType.DIRECTORY
            outcome: _Outcome = _Warning(missed.sentence) if note else missed
            self._give(lanes, output.path, output.url, lambda: outcome)
            return
        if not stored:
            why = "matches no file" if wildcards.is_pattern(output.path, output.path_prefix) else "holds no file"
            warning = _Warning(f"Output {output.path} for {transports.shown(output.url)} {why}.")
            self._give(lanes, output.path, output.url, lambda: warning)

    def _give(self, lanes: Lanes[_Outcome], path: str, url: str, call: Callable[[], _Outcome]) -> None:
        if url in self._urls:  # two at a time could mix there; as it is the later one wins
            lanes.settle()
        self._begun[self._told + len(self._begun)] = (path, url)
        self._urls.add(url)
        lanes.give(call)

    def _store(self, root: Path, path: str, url: str) -> _Outcome:
        try:
            transport = transports.of(url)
            with tree.opened(root, path) as file:
                self.patience.carried(lambda: transport.store(file.place, url), storage(url))
                seen = file.place.stat()
                if (seen.st_size, seen.st_mtime_ns) != (file.size, file.written):
                    return _Missed(path, url, NotMovable("it changed while it was stored"))
        except Exception as error:  # noqa: BLE001 - the others go on
            return _Missed(path, url, error)
        return _Stored(path, transport.shown(url), file.size)

    def _keep(self, path: str, url: str) -> _Outcome:
        try:
            kept = self.patience.carried(lambda: transports.of(url).keep_folder(url), storage(url))
        except Exception as error:  # noqa: BLE001 - the others go on
            return _Missed(path, url, error)
        if kept:
            return None
        return _Warning(f"The empty folder {path} is not at {transports.shown(url)}: HTTP has no folders.")

    def _tell(self, outcome: _Outcome) -> None:
        self._urls.discard(self._begun.pop(self._told)[1])
        self._told += 1
        match outcome:
            case _Stored(path, url, size):
                self.progress.moved(size)
                self.telling.moved(url, path, size)
            case _Missed() as missed:
                self._miss(missed)
            case _Warning(sentence):
                self.telling.warning(sentence)
            case None:
                pass

    def _tell_late(self, error: Late, left: tuple[Output, ...]) -> None:
        late = Late(f"{error}{self.patience.troubles()}")
        for path, url in (*self._begun.values(), *((output.path, output.url) for output in left)):
            self._miss(_Missed(path, url, late))
        self.failed = True

    def _miss(self, missed: _Missed) -> None:
        if self.optional and isinstance(missed.error, NotThere):
            self.telling.warning(missed.sentence)
            return
        self.failed = True
        self.telling.failure(missed.sentence)


def _parts(root: Path, output: Output) -> Iterator[tuple[str, str]]:
    """Path and URL of each file that an output stands for, links and missing ones included.

    Those of empty folders end with a slash. What is called a FILE and is none, but a folder, is stored as one.
    """
    if wildcards.is_pattern(output.path, output.path_prefix):
        for path, url in _matching(root, output):
            yield from _whole(root, path, url)
        return
    path = wildcards.literal(output.path) if output.path_prefix else output.path
    if output.type == FileType.DIRECTORY:
        yield from _below(root, path, output.url)
    else:
        yield from _whole(root, path, output.url)


def _matching(root: Path, output: Output) -> Iterator[tuple[str, str]]:
    """Path and URL of each match. Raises NotMovable for two that would lie at one URL."""
    transport = transports.of(output.url)
    found = matching.outermost(tree.matches(root, output.path, folders=output.type == FileType.DIRECTORY))
    places: dict[str, str] = {}
    overlaps = Overlaps()
    for path in found:
        place = matching.pruned(path, output.path_prefix)
        if overlaps.take(place):
            url = transport.shown(transport.joined(output.url, place))
            raise NotMovable(f"{path} and {places.get(place, 'another match')} would both lie at {url}")
        places[place] = path
    yield from ((path, transport.joined(output.url, place)) for place, path in places.items())


def _whole(root: Path, path: str, url: str) -> Iterator[tuple[str, str]]:
    """A file, or all that is below a folder."""
    if tree.is_folder(root, path):
        yield from _below(root, path, url)
    else:
        yield path, url


def _below(root: Path, folder: str, url: str) -> Iterator[tuple[str, str]]:
    transport = transports.of(url)
    for path in tree.files(root, folder):
        yield path, transport.joined(url, path.removeprefix(folder).lstrip("/"))
