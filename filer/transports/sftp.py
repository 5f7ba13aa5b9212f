"""Files over SFTP."""

import posixpath
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from paramiko import SFTPClient

from filer.errors import Absent, Interrupted, NotMovable
from filer.transports import Page, address, sftp_reading, walk
from filer.transports.address import Server
from filer.transports.pool import Pool, part_name
from filer.transports.sftp_session import PORT, Session, causes_told
from filer.transports.walk import Entry

_BLOCK = 32 * 1024
"""Bytes that every server writes at a time."""

_Seen = tuple[int | None, int | None]
"""Size of a file, and when it was changed, as far as the server tells."""

_POOL = Pool(Session, Session.close)

joined = address.joined
shown = address.shown


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch. After a break it can go on where that was, unless the file was changed."""
    return _fetched(address.parse(url, PORT), destination, 0, None)


def store(source: Path, url: str) -> None:
    """As Transport.store. Folders that lead to it are made; the file gets its name when it is whole."""
    server, path = address.parse(url, PORT)
    with _POOL.lent(server) as session, causes_told():
        sftp = session.sftp
        part = posixpath.join(posixpath.dirname(path), part_name())
        try:
            _send(sftp, source, part)
        except FileNotFoundError:
            _make_folders(sftp, posixpath.dirname(path))
            _send(sftp, source, part)
        try:
            _rename(sftp, part, path)
        except OSError as error:
            with suppress(OSError):
                sftp.remove(part)
            if _is_folder(sftp, path):
                raise NotMovable("there is a folder of that name") from error
            raise


def page(url: str, token: str) -> Page:
    """As Transport.page."""
    server, path = address.parse(url, PORT)
    with _POOL.lent(server) as session, causes_told():
        return walk.page(
            token,
            lambda folder: _entries(session.sftp, posixpath.join(path, folder) or "."),
            lambda folder: session.sftp.normalize(posixpath.join(path, folder) or "."),
        )


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder."""
    server, path = address.parse(url, PORT)
    with _POOL.lent(server) as session, causes_told():
        if not _is_folder(session.sftp, path or "."):
            _make_folders(session.sftp, path)
            session.sftp.listdir_attr(path)
    return True


def _fetched(place: tuple[Server, str], destination: Path, before: int, known: _Seen | None) -> int:
    """One attempt; if the file is the one that is known, the bytes `before` are there already."""
    server, path = place
    arrived, seen = before, known
    try:
        with _POOL.lent(server) as session, destination.open("r+b" if before else "wb") as file:
            seen = _seen(session.sftp, path or ".")
            if seen != known or seen[1] is None:
                arrived = 0
            file.seek(arrived)
            file.truncate()
            for chunk in _received(session.sftp, path or ".", arrived, seen[0]):
                file.write(chunk)
                arrived += len(chunk)
    except Interrupted as error:
        error.going_on, error.moved = (lambda: _fetched(place, destination, arrived, seen)), arrived
        raise
    if seen[0] not in {arrived, None}:
        raise Interrupted(f"{arrived} of {seen[0]} bytes arrived")
    return arrived


def _seen(sftp: SFTPClient, path: str) -> _Seen:
    with causes_told():
        seen = sftp.stat(path)
    if stat.S_ISDIR(seen.st_mode or 0):
        raise Absent("it is a folder")
    return seen.st_size, seen.st_mtime


def _received(sftp: SFTPClient, path: str, begin: int, end: int | None) -> Iterator[bytes]:
    with causes_told():
        file = sftp.open(path, "rb")
        yield from sftp_reading.received(sftp, file.handle, begin, end)
        file.close()


def _send(sftp: SFTPClient, source: Path, name: str) -> None:
    sent = 0
    with source.open("rb") as file, sftp.open(name, "wb") as there:
        there.set_pipelined(True)
        while data := file.read(_BLOCK):
            there.write(data)
            sent += len(data)
    size = sftp.stat(name).st_size
    if size not in {sent, None}:
        raise Interrupted(f"{size} of {sent} bytes arrived")


def _rename(sftp: SFTPClient, part: str, path: str) -> None:
    try:
        sftp.posix_rename(part, path)
    except OSError as error:
        if error.errno is not None:  # a refusal
            raise
        # A server of another kind, which does not replace what is there.
        with suppress(OSError):
            sftp.remove(path)
        sftp.rename(part, path)


def _make_folders(sftp: SFTPClient, folder: str) -> None:
    """Those that are not there. What cannot be made shows when something is to go there."""
    parts = folder.split("/")
    for i in range(len(parts)):
        with suppress(OSError):
            sftp.mkdir("/".join(parts[: i + 1]))


def _is_folder(sftp: SFTPClient, path: str) -> bool:
    try:
        return stat.S_ISDIR(sftp.stat(path).st_mode or 0)
    except OSError:
        return False


def _entries(sftp: SFTPClient, folder: str) -> Iterator[Entry]:
    for entry in sorted(sftp.listdir_attr(folder), key=lambda entry: entry.filename):
        mode, place = entry.st_mode or 0, posixpath.join(folder, entry.filename)
        if stat.S_ISLNK(mode) and _is_folder(sftp, place):
            yield Entry(entry.filename, is_folder=True, leads_to=sftp.normalize(place))
        else:
            yield Entry(entry.filename, is_folder=stat.S_ISDIR(mode))
