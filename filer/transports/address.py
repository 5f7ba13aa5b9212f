"""URLs of servers that have files at paths: who logs in where, for what. FTP and SFTP share their form."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, unquote_to_bytes

from filer import credentials
from filer.errors import NotMovable

_FORM = re.compile(
    # Possessive where it could go back: each of many @ would be tried.
    r"[^:/]++://(?:(?P<userinfo>[^/]*)@)?+(?P<host>\[[^]/]++\]|[^:/]++)(?::(?P<port>\d{0,5}))?(?P<path>/.*)?",
    re.DOTALL,
)
_USERINFO = re.compile(r"(?<=://)[^/]*@")
_HOME = "/~/"


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and who logs in."""

    scheme: str
    host: str
    port: int
    user: str
    """Empty if nobody is named, neither in the URL nor in .netrc."""
    password: str | None = field(repr=False)


def parse(url: str, default_port: int) -> tuple[Server, str]:
    """The server and the path there, percent-decoded. Raises NotMovable.

    The path is from the server's root, as in the TESK before this one; behind `/~/` it is relative to where a login
    begins. Bytes that are no UTF-8 are in it as Python has them in the names of files.
    """
    form = _FORM.fullmatch(url)
    if form is None or int(form["port"] or 0) > 65535:
        raise NotMovable("the URL is not of the form scheme://[user[:password]@]host[:port]/path")
    host = form["host"].strip("[]").lower()
    user, _, password = (form["userinfo"] or "").partition(":")
    where = url.partition(":")[0].lower(), host, int(form["port"] or default_port)
    server = Server(*where, *_who(where, unquote(user), unquote(password) if password else None))
    return server, _path(form["path"] or "/")


def joined(url: str, path: str) -> str:
    """As Transport.joined."""
    return f"{url.rstrip('/')}/{quote(path, errors='surrogateescape')}"


def shown(url: str) -> str:
    """As Transport.shown."""
    return _USERINFO.sub("", url, count=1)


def _who(where: tuple[str, str, int], user: str, password: str | None) -> tuple[str, str | None]:
    known = None if password is not None else credentials.login(*where)
    if known and user in {"", known[0]}:
        return known
    return user, password


def _path(encoded: str) -> str:
    path = unquote_to_bytes(encoded.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    if not {"\0", "\r", "\n"}.isdisjoint(path):
        raise NotMovable("the URL's path holds a line break or a NUL, which no server can be told")
    return path.removeprefix(_HOME) if path.startswith(_HOME) else "/" + path.strip("/")
