"""Who the tenant is at a storage server: the files of its Secret `tesk-storage`, which is the filer's home folder."""

import base64
import netrc
from pathlib import Path

from filer.errors import NotMovable

TOKEN_LOGIN = "bearer"  # noqa: S105 - the name that says that there is one
"""What an entry of .netrc has as its login if its password is a token."""

_PORTS = {"ftp": {21}, "ftps": {21, 990}, "http": {80}, "https": {443}, "sftp": {22}}
"""Those for which an entry of .netrc is that names a host alone."""


def file(name: str) -> Path | None:
    """A file of the Secret, if it is there."""
    try:
        place = Path.home() / name
    except RuntimeError:  # a user without a home
        return None
    return place if place.is_file() else None


def login(scheme: str, host: str, port: int, *, default: bool = True) -> tuple[str, str] | None:
    """User and password for a server by the Secret's .netrc, or those that it has for all others. Raises NotMovable.

    URLs come from users, who may listen at another port of a host, or on the way of what is not encrypted.
    """
    place = file(".netrc")
    if place is None:
        return None
    try:
        known = netrc.netrc(str(place))
    except netrc.NetrcParseError as error:  # its words may hold a password
        raise NotMovable(f"line {error.lineno} of .netrc in the tenant's Secret cannot be read") from None
    except UnicodeDecodeError:
        raise NotMovable(".netrc in the tenant's Secret is not UTF-8") from None
    servers = {name.lower(): entry for name, entry in known.hosts.items()}
    for_others = servers.pop("default", None)
    named = (servers[name] for name in names(scheme, host.lower(), port) if name in servers)
    entry = next(named, for_others if default else None)
    return (entry[0], entry[2] or "") if entry else None


def names(scheme: str, host: str, port: int) -> list[str]:
    """What an entry for a server may be called, the closest first."""
    servers = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}", *([host] if port in _PORTS[scheme] else [])]
    return [*(f"{scheme}://{server}" for server in servers), *(servers if scheme != "http" else [])]


def authorization(scheme: str, host: str, port: int | None) -> str:
    """The value of an HTTP header for a server, or empty: a token if the login is `bearer`, else user and password.

    Only for servers that .netrc names: what is meant for all goes to no server that did not ask.
    """
    known = login(scheme, host.strip("[]"), port or min(_PORTS[scheme]), default=False)
    if known is None:
        return ""
    user, password = known
    if user.lower() == TOKEN_LOGIN:
        return f"Bearer {password}"
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
