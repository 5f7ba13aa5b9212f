"""Makes folders and files on the scratch volume that executors of any uid can use."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filer.errors import NotMovable

UNTOUCHED = 36_182_073
"""Time stamp (seconds since 1970) of a file made for an executor to write: still there, it was not written."""

_PART = "arriving"
"""Name under which a file arrives, in the volume's root: among the executors' own files it could be one of theirs."""


def folder(root: Path, relative: str) -> Path:
    """A folder below the root that is there, writable for all like those that lead to it."""
    place = root
    for part in Path(relative).parts:
        place = place / part
        try:
            place.mkdir(exist_ok=True)
        except FileExistsError as error:
            raise NotMovable(f"{part} would have to be a folder, and there is a file of that name") from error
        place.chmod(0o777)
    return place


def empty_file(root: Path, relative: str) -> None:
    """A file for an executor to write, known by its time until then."""
    place = _in_folder(root, relative)
    place.touch()
    place.chmod(0o666)
    os.utime(place, (UNTOUCHED, UNTOUCHED))


def arrived(root: Path, relative: str, write: Callable[[Path], int], *, mode: int = 0o777) -> int:
    """The size of a file that `write` has made, which appears under its name only when it is whole."""
    place = _in_folder(root, relative)
    part = root / _PART
    try:
        size = write(part)
        part.chmod(mode)
        part.replace(place)
    except IsADirectoryError as error:
        raise NotMovable("there is a folder of that name") from error
    finally:
        part.unlink(missing_ok=True)
    return size


def launcher(root: Path, relative: str, source: Path) -> None:
    """A copy of the shell that redirects streams, in a folder that executors cannot change."""

    def copy(part: Path) -> int:
        shutil.copyfile(source, part)
        return part.stat().st_size

    arrived(root, relative, copy, mode=0o755)
    (root / relative).parent.chmod(0o755)


def _in_folder(root: Path, relative: str) -> Path:
    above, _, name = relative.rpartition("/")
    return folder(root, above) / name
