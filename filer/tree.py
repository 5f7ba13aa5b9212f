"""What lies at a container's path on the scratch volume, with links followed as in the container.

There `/` is the root of what executors wrote, so a link leads to nothing outside of it: not to the filer's own files.
Every step is made from an open folder, so that nobody can put a link into the way between a look and the use of it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filer import matching
from filer.errors import BrokenLink, NotAFile, NotThere
from tescore import wildcards

_LINKS = 40
"""Links followed on the way to one file: the kernel's own bound."""
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
"""As no more than a name: a pipe is not waited for, and a device not touched."""


@dataclass(frozen=True, slots=True)
class File:
    place: Path
    """Where to read it, as long as it is held open: no name, but the file itself."""
    size: int
    written: int
    """When it was last written, in nanoseconds."""


@contextmanager
def opened(root: Path, path: str) -> Iterator[File]:
    """The regular file to which a path leads; `root` is the container's `/`. Raises NotThere, NotAFile."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise NotAFile("its name is not UTF-8") from error
    with _held(root, path) as found:
        seen = os.fstat(found)
        if stat.S_ISDIR(seen.st_mode):
            raise NotAFile("it is a folder, and the output's type is FILE")
        if not stat.S_ISREG(seen.st_mode):
            raise NotAFile("it is a device, a pipe or a socket")
        yield File(_itself(found), seen.st_size, seen.st_mtime_ns)


def is_folder(root: Path, path: str) -> bool:
    """Whether a path leads to a folder."""
    try:
        with _held(root, path) as found:
            return stat.S_ISDIR(os.fstat(found).st_mode)
    except NotThere:
        return False


def files(root: Path, folder: str) -> Iterator[str]:
    """Paths of all below a folder that are no folders themselves; of empty folders too, with a slash at their end.

    Raises NotThere, NotAFile.
    """
    top = folder.rstrip("/")
    listed = _listed(root, top, frozenset())
    if listed is None:
        with _held(root, folder):
            raise NotAFile("it is no folder, and the output's type is DIRECTORY")
    ahead = [listed]
    while ahead:
        here = ahead[-1]
        name = next(here.names, None)
        if name is None:
            ahead.pop()
            if here.empty:
                yield f"{here.path}/"
            continue
        path = f"{here.path}/{name}"
        inner = _listed(root, path, here.above)
        if inner is None:
            yield path
        elif not inner.repeated:
            ahead.append(inner)


def matches(root: Path, pattern: str, *, folders: bool) -> list[str]:
    """Paths for which a pattern stands, sorted: of folders alone, or of all.

    Where `**` stands for folders, which stand for all that is below them already, the folders are left out.
    """
    found = {path for each in wildcards.alternatives(pattern) for path in _matches(root, each)}
    if folders:
        return sorted(path for path in found if is_folder(root, path))
    if wildcards.is_deep(pattern):
        return sorted(path for path in found if not is_folder(root, path))
    return sorted(found)


def _matches(root: Path, parts: tuple[str, ...]) -> Iterator[str]:
    ahead: list[tuple[str, tuple[str, ...], frozenset[tuple[int, int]]]] = [("", parts, frozenset())]
    begun: set[tuple[str, int]] = set()
    """Folders, and how many parts were left there: patterns with `**` come there on very many ways."""
    while ahead:
        path, left, above = ahead.pop()
        if not left:
            yield path
            continue
        if (path, len(left)) in begun:
            continue
        here = _listed(root, path, above)
        if here is None or here.repeated:
            continue
        begun.add((path, len(left)))
        part, *rest = left
        if part == wildcards.DEEP:
            ahead.append((path, tuple(rest), above))
            ahead += [(f"{path}/{name}", left, here.above) for name in here.names if not name.startswith(".")]
            continue
        name_matches = matching.component(part).matches
        ahead += [(f"{path}/{name}", tuple(rest), frozenset()) for name in here.names if name_matches(name)]


@dataclass(slots=True)
class _Listed:
    path: str
    names: Iterator[str]
    """In it, in their order."""
    above: frozenset[tuple[int, int]]
    """What identifies it and all folders on the way to it."""
    empty: bool
    repeated: bool
    """A link led back up to it, and what is there has been told."""


def _listed(root: Path, path: str, above: frozenset[tuple[int, int]]) -> _Listed | None:
    """What is in a folder; None if the path leads to no folder."""
    with suppress(NotThere), _held(root, path) as found:
        seen = os.fstat(found)
        if not stat.S_ISDIR(seen.st_mode):
            return None
        mark = (seen.st_dev, seen.st_ino)
        names = sorted(entry.name for entry in os.scandir(_itself(found)))
        return _Listed(path, iter(names), above | {mark}, empty=not names, repeated=mark in above)
    return None


@contextmanager
def _held(root: Path, path: str) -> Iterator[int]:
    """What a path leads to, links followed, open with no more than its name. Raises NotThere."""
    ahead, here, links = _reversed(path), [_root(root)], 0
    try:
        while ahead:
            part = ahead.pop()
            if part == "..":
                _up_to(here, max(1, len(here) - 1))
                continue
            here.append(_step(here[-1], part, linked=links > 0))
            if not stat.S_ISLNK(os.fstat(here[-1]).st_mode):
                continue
            target = os.readlink("", dir_fd=here[-1])
            links += 1
            if links > _LINKS:
                raise BrokenLink("it is behind links that lead in a circle")
            _up_to(here, 1 if target.startswith("/") else len(here) - 1)
            ahead += _reversed(target)
        yield here[-1]
    finally:
        _up_to(here, 0)


def _root(root: Path) -> int:
    try:
        return os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:  # nothing at all was written
        raise NotThere("it is not there") from error


def _step(folder: int, name: str, *, linked: bool) -> int:
    try:
        return os.open(name, _LOOK, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        if linked:
            raise BrokenLink("it is a link to what is not on the task's volume") from error
        raise NotThere("it is not there") from error


def _up_to(held: list[int], depth: int) -> None:
    while len(held) > depth:
        os.close(held.pop())


def _itself(held: int) -> Path:
    """The name under which the kernel gives what is open."""
    return Path(f"/proc/self/fd/{held}")


def _reversed(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]
