"""Files over FTP, and over FTP with TLS (ftps: asked for by AUTH TLS, or from the beginning on port 990)."""

import ftplib
import posixpath
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from filer.errors import Absent, Interrupted, NotMovable
from filer.transports import Page, address, ftp_listing, walk
from filer.transports.address import Server
from filer.transports.ftp_listing import Entry, Kind
from filer.transports.ftp_session import PORT, Session, causes_told
from filer.transports.pool import Pool, part_name

_CHUNK = 256 * 1024
_LARGE = 8 * 1024 * 1024
"""Bytes from which on it is worth asking when a file was changed, so that it can go on; a smaller one begins anew."""
_LONGEST_LINE = 16 * 1024
"""Bytes of a line of a listing, in which a link may lead to a path of 4095."""
_TYPE = re.compile(r";type=[aidAID]$")
_NO_ROOM = "552"
"""The answer where there is no room, under whatever name."""

_T = TypeVar("_T")
_Seen = tuple[int | None, str | None]
"""Size of a file, and for a large one when it was changed, as far as the server tells."""


class _CannotGoOn(Interrupted):
    """The server sends files from their beginning alone."""


class _Refused(ftplib.error_perm):
    """The server takes no file of that name, which says nothing of another name, and has touched none."""


_POOL = Pool(Session, Session.close)

joined = address.joined
shown = address.shown


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch. After a break it can go on where that was."""
    return _fetched(_parsed(url), destination, 0, None)


def store(source: Path, url: str) -> None:
    """As Transport.store. Folders that lead to it are made. It gets its name once it is whole, where that may be."""
    server, path = _parsed(url)
    with _POOL.lent(server) as ftp, causes_told():
        name = _name(ftp, path)
        part = posixpath.join(posixpath.dirname(name), part_name())
        try:
            _send_into_folder(ftp, source, part)
            with _names_refused():
                ftp.rename(part, name)
        except _Refused as refused:
            _drop(ftp, part)
            if _is_folder(ftp, name):
                raise NotMovable("there is a folder of that name") from refused
            _send(ftp, source, name)
        except (ftplib.error_perm, ftplib.error_temp):  # under its own name it would end the file that is there
            _drop(ftp, part)
            raise


def page(url: str, token: str) -> Page:
    """As Transport.page."""
    server, path = _parsed(url)
    with _POOL.lent(server) as ftp, causes_told():
        top = _name(ftp, path)
        return walk.page(
            token,
            lambda folder: _entries(ftp, posixpath.join(top, _wired(folder))),
            lambda folder: _own_path(ftp, posixpath.join(top, _wired(folder))),
        )


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder."""
    server, path = _parsed(url)
    with _POOL.lent(server) as ftp, causes_told():
        folder = _name(ftp, path)
        if not _is_folder(ftp, folder):
            _make_folders(ftp, folder)
            ftp.cwd(folder)
    return True


def _fetched(place: tuple[Server, str], destination: Path, begin: int, before: _Seen | None) -> int:
    server, path = place
    arrived, seen = begin, before
    try:
        with _POOL.lent(server) as ftp, destination.open("r+b" if begin else "wb") as file:
            seen = _seen(ftp, _name(ftp, path))
            if before not in {None, seen}:
                raise NotMovable("the file was changed while it was fetched")
            file.seek(begin)
            for chunk in _received(ftp, _name(ftp, path), begin):
                file.write(chunk)
                arrived += len(chunk)
    except _CannotGoOn:
        raise
    except Interrupted as error:
        if arrived and seen and seen[1] is not None:
            error.going_on, error.moved = (lambda: _fetched(place, destination, arrived, seen)), arrived
        raise
    if seen[0] not in {None, arrived}:
        raise Interrupted(f"{arrived} of {seen[0]} bytes arrived")
    return arrived


def _parsed(url: str) -> tuple[Server, str]:
    return address.parse(_TYPE.sub("", url), PORT)


def _name(ftp: Session, path: str) -> str:
    return posixpath.join(ftp.home, _wired(path)) if path else ftp.home


def _wired(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("latin-1")


def _seen(ftp: Session, name: str) -> _Seen:
    with causes_told():
        size = _if_told(lambda: ftp.size(name))
        large = size is None or size > _LARGE
        return size, _if_told(lambda: ftp.sendcmd(f"MDTM {name}")) if large else None


def _if_told(ask: Callable[[], _T]) -> _T | None:
    """The answer, unless the server does not know the command."""
    try:
        return ask()
    except ftplib.error_perm:
        return None


def _received(ftp: Session, name: str, offset: int) -> Iterator[memoryview]:
    """The bytes as they come, each time in the same memory: with new memory for each it takes twice as long."""
    with causes_told():
        try:
            data = ftp.transfercmd(f"RETR {name}", offset or None)
        except ftplib.error_perm as error:
            if offset:
                raise _CannotGoOn("the connection broke off, and the server cannot go on from there") from error
            if _is_folder(ftp, name):
                raise Absent("it is a folder") from error
            raise
    with data:
        room = memoryview(bytearray(_CHUNK))
        while True:
            with causes_told():
                length = data.recv_into(room)
            if not length:
                break
            yield room[:length]
    with causes_told():
        ftp.voidresp()


def _send_into_folder(ftp: Session, source: Path, name: str) -> None:
    try:
        _send(ftp, source, name)
    except _Refused:
        _make_folders(ftp, posixpath.dirname(name))
        _send(ftp, source, name)


def _send(ftp: Session, source: Path, name: str) -> None:
    with source.open("rb") as file:
        with _names_refused():
            begun = ftp.transfercmd(f"STOR {name}")
        with begun as data:
            try:
                while chunk := file.read(_CHUNK):
                    data.sendall(chunk)
            except (ConnectionError, ssl.SSLError):
                ftp.voidresp()  # if the server has closed it, this is why
                raise
            sent = file.tell()
            if isinstance(data, ssl.SSLSocket):
                with suppress(OSError):  # some servers just close
                    data.unwrap()
        ftp.voidresp()
    try:
        size = ftp.size(name)
    except ftplib.error_perm:
        return
    if size != sent:
        raise Interrupted(f"{size} of {sent} bytes arrived")


@contextmanager
def _names_refused() -> Iterator[None]:
    """Raises _Refused where it may be for the name that a command is not obeyed."""
    try:
        yield
    except ftplib.error_perm as error:
        if str(error).startswith(_NO_ROOM):
            raise
        raise _Refused(*error.args) from error


def _drop(ftp: Session, part: str) -> None:
    with suppress(ftplib.Error, OSError, EOFError):  # what is told is why
        ftp.delete(part)


def _make_folders(ftp: Session, folder: str) -> None:
    """Those that are not there. What cannot be made shows when something is to go there."""
    parts = folder.strip("/").split("/")
    for i in range(len(parts)):
        with suppress(ftplib.error_perm):
            ftp.voidcmd(f"MKD /{'/'.join(parts[: i + 1])}")


def _is_folder(ftp: Session, name: str) -> bool:
    try:
        ftp.cwd(name)
    except ftplib.error_perm:
        return False
    return True


def _entries(ftp: Session, folder: str) -> Iterator[walk.Entry]:
    here = _own_path(ftp, folder)
    for entry in _listed(ftp):
        if entry.kind is Kind.LINK and _is_folder(ftp, posixpath.join(here, _wired(entry.name))):
            yield walk.Entry(entry.name, is_folder=True, leads_to=ftp.pwd())
        else:
            yield walk.Entry(entry.name, is_folder=entry.kind is Kind.FOLDER)


def _own_path(ftp: Session, folder: str) -> str:
    ftp.cwd(folder)
    return ftp.pwd()


def _listed(ftp: Session) -> list[Entry]:
    if "MLST" in ftp.features:
        return list(ftp_listing.machine_listed(_lines(ftp, "MLSD")))
    try:
        # With -a at least the folder itself is listed: else the server took it for the name of a file.
        lines = _lines(ftp, "LIST -a")
    except ftplib.error_perm:
        lines = []
    return list(ftp_listing.listed(lines or _lines(ftp, "LIST")))


def _lines(ftp: Session, command: str) -> list[str]:
    lines, rest = list[bytes](), b""
    with ftp.transfercmd(command) as data:
        while received := data.recv(_CHUNK):
            *whole, rest = (rest + received).split(b"\n")
            lines += whole
            if max(map(len, [*whole, rest])) > _LONGEST_LINE:
                raise NotMovable(f"the server lists the folder with a line of more than {_LONGEST_LINE} bytes")
    ftp.voidresp()
    text = (line.decode("utf-8", "surrogateescape").removesuffix("\r") for line in [*lines, rest])
    return [line for line in text if line.strip()]
