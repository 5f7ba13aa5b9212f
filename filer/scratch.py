"""Makes folders and files on the scratch volume that executors of any uid can use.

No link on the volume is followed: an executor may have left any, in a folder that is used again.
"""

import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filer.errors import NotMovable

_PART = "arriving-"
"""How the names begin under which files arrive, in the volume's root: executors cannot see that."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def swept(root: Path) -> None:
    """Removes what a filer left behind that was killed while files arrived."""
    for place in root.glob(f"{_PART}*"):
        place.unlink()


def arriving(root: Path) -> int:
    """Bytes that are there of files which have not arrived whole."""
    size = 0
    for place in root.glob(f"{_PART}*"):
        with suppress(FileNotFoundError):
            size += place.stat().st_blocks * 512  # not its length, which may be that of the whole file already
    return size


def folder(root: Path, relative: str) -> Path:
    """A folder below the root that is there, writable for all like those that lead to it."""
    with _folder(root, relative):
        return root / relative


def arrived(root: Path, relative: str, write: Callable[[Path], int], *, mode: int = 0o777) -> int:
    """The size of a file that `write` has made, which appears under its name only when it is whole."""
    above, _, name = relative.rpartition("/")
    # A pod's name is in it: on a node that was given up an earlier filer may still be at work.
    part = root / f"{_PART}{os.uname().nodename}-{threading.get_ident()}"
    with _folder(root, above) as parent:
        try:
            size = write(part)
            part.chmod(mode)
            os.rename(part, name, dst_dir_fd=parent)
        except IsADirectoryError as error:
            raise NotMovable("there is a folder of that name") from error
        finally:
            part.unlink(missing_ok=True)
    return size


def launcher(root: Path, relative: str, source: Path) -> None:
    """A copy of the shell that redirects streams, in a folder that executors cannot change."""
    arrived(root, relative, lambda part: Path(shutil.copyfile(source, part)).stat().st_size, mode=0o755)
    (root / relative).parent.chmod(0o755)


@contextmanager
def _folder(root: Path, relative: str) -> Iterator[int]:
    """A folder below the root, open, that is made with all that lead to it if it is not there."""
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in Path(relative).parts:
            inner = _entered(here, part)
            os.close(here)
            here = inner
            if stat.S_IMODE(os.fstat(here).st_mode) != 0o777:
                os.fchmod(here, 0o777)
        yield here
    finally:
        os.close(here)


def _entered(parent: int, name: str) -> int:
    with suppress(FileNotFoundError):
        return _opened(parent, name)
    with suppress(FileExistsError):  # another file that arrives has made it by now
        os.mkdir(name, dir_fd=parent)
    return _opened(parent, name)


def _opened(parent: int, name: str) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except NotADirectoryError as error:  # a link is none either
        raise NotMovable(f"{name} would have to be a folder, and there is a file of that name") from error
