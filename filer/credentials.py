"""Who the tenant is at a storage server: the files of its Secret `tesk-storage`, which is the filer's home folder."""

import base64
import netrc
from pathlib import Path

from filer.errors import NotMovable

TOKEN_LOGIN = "bearer"  # noqa: S105 - the name that says that there is one
"""What an entry of .netrc has as its login if its password is a token."""


def file(name: str) -> Path | None:
    """A file of the Secret, if it is there."""
    try:
        place = Path.home() / name
    except RuntimeError:  # a user without a home
        return None
    return place if place.is_file() else None


def login(host: str, *, default: bool = True) -> tuple[str, str] | None:
    """User and password for a host by the Secret's .netrc, or those that it has for all others. Raises NotMovable."""
    place = file(".netrc")
    if place is None:
        return None
    try:
        known = netrc.netrc(str(place))
    except netrc.NetrcParseError as error:  # its words may hold a password
        raise NotMovable(f"line {error.lineno} of .netrc in the tenant's Secret cannot be read") from None
    except UnicodeDecodeError:
        raise NotMovable(".netrc in the tenant's Secret is not UTF-8") from None
    hosts = {name.lower(): entry for name, entry in known.hosts.items()}
    entry = hosts.get(host.lower()) or (hosts.get("default") if default else None)
    return (entry[0], entry[2] or "") if entry else None


def authorization(host: str) -> str:
    """The value of an HTTP header for a host, or empty: a token if the login is `bearer`, else user and password.

    Only for hosts that .netrc names: what is meant for all goes to no server that did not ask.
    """
    known = login(host, default=False)
    if known is None:
        return ""
    user, password = known
    if user.lower() == TOKEN_LOGIN:
        return f"Bearer {password}"
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
