"""Paths on shared claims, as URLs name them, followed without leaving what is mapped, whatever others change there.

A link means what it means where the claims are mounted at the paths to which they are mapped: an absolute one too.
"""

import errno
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from filer.errors import Absent, NotMovable
from tescore import shared_files
from tescore.shared_files import Root

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TURNS = 200
"""Links and `..` on the way to one file."""

_places: dict[Root, Path] = {}
_making = threading.RLock()
"""A folder that is new has its owner before another thread puts something of that owner's into it."""


def mount(claims: Iterable[str], folder: Path) -> None:
    """Says, once and before all else, which claims are mapped; in the folder each is mounted under its number."""
    _places.clear()
    _places.update({root: folder / str(i) for i, root in enumerate(shared_files.roots(claims))})


@dataclass(frozen=True, slots=True)
class Spot:
    """A name in an open folder. The name may be missing there; `.` is the folder itself."""

    folder: int
    name: str
    path: str
    """As URLs have it, free of links but for the last name, if that was not to be followed."""

    def stat(self) -> os.stat_result:
        return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)


@contextmanager
def at(path: str, *, follow: bool = True, write: bool = False) -> Iterator[Spot]:
    """Where a path leads; `follow` if the last name may be a link, `write` makes the folders that are missing.

    Raises NotMovable for a path that is not mapped, or read-only; OSError where a folder on the way is missing.
    """
    ahead: list[str] = _parts(path)
    for turn in range(_TURNS):
        root = shared_files.root("/" + "/".join(_plain(ahead)), _places)
        if root is None and ".." in ahead:  # above the roots there is nothing, so no link either
            ahead = _up(ahead, ahead.index(".."))
            continue
        if root is None:
            words = "it is a link that leads" if turn else "the path is"
            raise NotMovable(f"{words} out of the shared storage that the service reaches")
        if write and root.read_only:
            raise NotMovable("the shared storage is read-only there")
        walk = _Walk(root, ahead, follow=follow, make=write)
        try:
            found = walk.taken()
            if isinstance(found, Spot):
                yield found
                return
        finally:
            os.close(walk.here)
        ahead = found
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


class _Walk:
    """One pass over the names below a root, until the end or the first that leads elsewhere."""

    def __init__(self, root: Root, parts: list[str], *, follow: bool, make: bool) -> None:
        self.root, self.parts, self.follow, self.make = root, parts, follow, make
        self.here = os.open(_places[root], _STEP)

    def taken(self) -> Spot | list[str]:
        """Where it ends, or the parts of the path that is meant instead."""
        for i in range(len(_parts(self.root.path)), len(self.parts)):
            part, last = self.parts[i], i == len(self.parts) - 1
            if part == "..":
                return _up(self.parts, i)
            target = self._target(part) if self.follow or not last else None
            if target is not None:
                above = [] if target.startswith("/") else self.parts[:i]
                return [*above, *_parts(target), *self.parts[i + 1 :]]
            if last:
                return self._spot(part)
            self._go(part)
        return self._spot(".")

    def _spot(self, name: str) -> Spot:
        return Spot(self.here, name, "/" + "/".join(self.parts))

    def _target(self, part: str) -> str | None:
        try:
            return os.readlink(part, dir_fd=self.here)
        except OSError:  # it is none, or there is nothing
            return None

    def _go(self, part: str) -> None:
        with _making if self.make else nullcontext():
            try:
                there = os.open(part, _STEP, dir_fd=self.here)
            except FileNotFoundError:
                if not self.make:
                    raise
                make_folder(self.here, part)
                there = os.open(part, _STEP, dir_fd=self.here)
        os.close(self.here)
        self.here = there


def make_folder(above: int, name: str) -> None:
    """A folder of the owner of the one that it is in, if it is not there."""
    with _making, suppress(FileExistsError):
        os.mkdir(name, 0o777, dir_fd=above)
        made = os.open(name, _FOLDER, dir_fd=above)
        try:
            give_away(made, above)
        finally:
            os.close(made)


def give_away(made: int, above: int) -> None:
    """Gives what is new to the owner of the folder that it is in: the filer's own user is nobody's colleague."""
    if os.fstat(made).st_uid != os.geteuid():  # it is not what was made, or the file server says whose it is
        return
    owner = os.fstat(above)
    with suppress(PermissionError):
        os.fchown(made, owner.st_uid, owner.st_gid)


def entries(path: str) -> list[tuple[str, bool, bool]]:
    """Names in a folder, and whether they are links or folders. Raises Absent, NotMovable."""
    with at(path) as spot:
        try:
            here = os.open(spot.name, _FOLDER, dir_fd=spot.folder)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Absent("there is no folder of that name") from error
        try:
            with os.scandir(here) as found:
                return sorted((entry.name, entry.is_symlink(), entry.is_dir(follow_symlinks=False)) for entry in found)
        finally:
            os.close(here)


def folder(path: str) -> str:
    """The folder to which a path leads, or empty; what it is else shows when it is fetched."""
    with suppress(OSError, NotMovable), at(path) as spot:
        if stat.S_ISDIR(spot.stat().st_mode):
            return spot.path
    return ""


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]


def _plain(parts: list[str]) -> list[str]:
    return parts[: parts.index("..")] if ".." in parts else parts


def _up(parts: list[str], i: int) -> list[str]:
    return [*parts[: max(i - 1, 0)], *parts[i + 1 :]]
