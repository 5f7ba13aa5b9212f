"""What lies at a container's path on the scratch volume, with links followed as in the container.

There `/` is the root of what executors wrote, so a link leads to nothing outside of it: not to the filer's own files.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from filer import matching
from filer.errors import NotAFile, NotThere
from filer.scratch import UNTOUCHED
from tescore import wildcards

_LINKS = 40
"""Links followed on the way to one file: the kernel's own bound."""


def resolved(root: Path, path: str) -> Path:
    """Where the path leads, free of links; `root` is the container's `/`. Raises NotThere.

    Executors have ended by now: nothing changes between this look and the use of the file.
    """
    ahead, here, links = _reversed(path), list[str](), 0
    while ahead:
        part = ahead.pop()
        if part == "..":
            del here[-1:]
            continue
        target = _target(root.joinpath(*here, part), links)
        if target is None:
            here.append(part)
            continue
        links += 1
        if target.startswith("/"):
            here.clear()
        ahead += _reversed(target)
    return root.joinpath(*here)


def file(root: Path, path: str) -> tuple[Path, int]:
    """Place and size of the regular file to which a path leads. Raises NotThere, NotAFile."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise NotAFile("its name is not UTF-8") from error
    place = resolved(root, path)
    seen = place.lstat()
    if stat.S_ISDIR(seen.st_mode):
        raise NotAFile("it is a folder, and the output's type is FILE")
    if not stat.S_ISREG(seen.st_mode):
        raise NotAFile("it is a device, a pipe or a socket")
    if seen.st_size == 0 and int(seen.st_mtime) == UNTOUCHED:
        raise NotThere("no executor has written it")
    return place, seen.st_size


def is_folder(root: Path, path: str) -> bool:
    """Whether a path leads to a folder."""
    try:
        return stat.S_ISDIR(resolved(root, path).lstat().st_mode)
    except (NotThere, FileNotFoundError):  # the latter where nothing at all was written, not even the root
        return False


def files(root: Path, folder: str) -> Iterator[str]:
    """Paths of all below a folder that are no folders themselves; of empty folders too, with a slash at their end.

    Raises NotThere, NotAFile.
    """
    if not is_folder(root, folder):
        resolved(root, folder)
        raise NotAFile("it is no folder, and the output's type is DIRECTORY")
    ahead: list[tuple[str, tuple[Path, ...]]] = [(folder.rstrip("/"), ())]
    while ahead:
        path, above = ahead.pop()
        if not is_folder(root, path):
            yield path
            continue
        place = resolved(root, path)
        if place in above:  # a link leads back up, and what is there has been told
            continue
        names = _names(root, path)
        if not names:
            yield f"{path}/"
        ahead += [(f"{path}/{name}", (*above, place)) for name in reversed(names)]


def matches(root: Path, pattern: str, *, folders: bool) -> list[str]:
    """Paths for which a pattern stands: either of folders or of all that is none."""
    found = [""]
    for part in wildcards.parts(pattern):
        name_matches = matching.component(part).fullmatch
        found = [f"{path}/{name}" for path in found for name in _names(root, path) if name_matches(name)]
    return [path for path in found if is_folder(root, path) == folders]


def _names(root: Path, path: str) -> list[str]:
    if not is_folder(root, path):
        return []
    return sorted(entry.name for entry in resolved(root, path).iterdir())


def _target(place: Path, links: int) -> str | None:
    """Where a link leads; None if it is none."""
    try:
        if not stat.S_ISLNK(place.lstat().st_mode):
            return None
        if links == _LINKS:
            raise NotThere("it is behind links that lead in a circle")
        return str(place.readlink())
    except (FileNotFoundError, NotADirectoryError) as error:
        words = "it is a link to what is not on the task's volume" if links else "it is not there"
        raise NotThere(words) from error


def _reversed(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]
