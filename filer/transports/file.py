"""Files on shared claims: file:// URLs, and plain paths."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from filer import shared
from filer.errors import Absent, Interrupted, NotMovable
from filer.shared import Spot
from filer.transports import Page, walk
from filer.transports.pool import part_name
from filer.transports.walk import Entry
from tescore import shared_files

_CHUNK = 64 * 1024 * 1024
_NOT_WITHIN_THE_KERNEL = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_PASSING = frozenset({errno.ESTALE, errno.ETIMEDOUT, errno.EIO, errno.EAGAIN})
"""What a file server says that is away or was changed just now."""


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch."""
    with _causes_told(), shared.at(_path(url)) as spot:
        source = _opened(spot)
        try:
            with destination.open("wb") as file:
                return _copied(source, file.fileno())
        finally:
            os.close(source)


def store(source: Path, url: str) -> None:
    """As Transport.store. What is new belongs to the owner of the folder that it is in."""
    with _causes_told(), shared.at(_path(url), follow=False, write=True) as spot, source.open("rb") as file:
        part = part_name()
        try:
            _write(file.fileno(), spot.folder, part)
            os.rename(part, spot.name, src_dir_fd=spot.folder, dst_dir_fd=spot.folder)
        except (IsADirectoryError, FileExistsError) as error:
            raise NotMovable("there is a folder of that name") from error
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=spot.folder)


def page(url: str, token: str) -> Page:
    """As Transport.page."""
    path = _path(url)
    with _causes_told():
        return walk.page(
            token, lambda folder: _entries(f"{path}/{folder}"), lambda folder: shared.folder(f"{path}/{folder}")
        )


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder."""
    with _causes_told(), shared.at(_path(url), write=True) as spot:
        if spot.name != ".":
            shared.make_folder(spot.folder, spot.name)
            if not stat.S_ISDIR(spot.stat().st_mode):
                raise NotMovable("there is a file of that name")
    return True


def joined(url: str, path: str) -> str:
    """As Transport.joined; below a plain path there are plain paths."""
    return f"{url.rstrip('/')}/{path if url.startswith('/') else quote(path, errors='surrogateescape')}"


def shown(url: str) -> str:
    """As Transport.shown: there are no credentials."""
    return url


def _path(url: str) -> str:
    try:
        return shared_files.path(url)
    except ValueError as error:
        raise NotMovable(f"the URL {error}") from None


def _entries(folder: str) -> Iterator[Entry]:
    for name, is_link, is_folder in shared.entries(folder):
        leads_to = shared.folder(f"{folder}/{name}") if is_link else ""
        yield Entry(name, is_folder or bool(leads_to), leads_to)


def _opened(spot: Spot) -> int:
    if spot.name == "." or stat.S_ISDIR(spot.stat().st_mode):
        raise Absent("it is a folder")
    # Not blocking: there may be a pipe.
    opened = os.open(spot.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=spot.folder)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise NotMovable("it is a device, a pipe or a socket")
    return opened


def _write(source: int, folder: int, name: str) -> None:
    with suppress(FileNotFoundError):  # one that was left by a filer that was killed
        os.unlink(name, dir_fd=folder)
    mode = 0o755 if os.fstat(source).st_mode & stat.S_IXUSR else 0o644
    made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder)
    try:
        os.fchmod(made, mode)
        shared.give_away(made, folder)
        _copied(source, made)
    finally:
        os.close(made)


def _copied(source: int, made: int) -> int:
    """The size of the copy, which the kernel makes, on some file systems without a byte being moved."""
    before = os.fstat(source)
    copied = _moved(source, made, os.copy_file_range)
    if copied < before.st_size:  # some pairs of file systems cannot, and say so or just move nothing
        copied += _moved(source, made, lambda *which: os.sendfile(which[1], which[0], None, which[2]))
    after = os.fstat(source)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Interrupted("the file was changed while it was copied")
    if not copied == before.st_size == os.fstat(made).st_size:
        raise Interrupted(f"{copied} of {before.st_size} bytes arrived")
    return copied


def _moved(source: int, made: int, copy: Callable[[int, int, int], int]) -> int:
    moved = 0
    try:
        while some := copy(source, made, _CHUNK):
            moved += some
    except OSError as error:
        if moved or error.errno not in _NOT_WITHIN_THE_KERNEL:
            raise
    return moved


@contextmanager
def _causes_told() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotMovable("it is not there") from error
    except OSError as error:
        family = Interrupted if error.errno in _PASSING else NotMovable
        raise family(error.strerror or str(error)) from error
