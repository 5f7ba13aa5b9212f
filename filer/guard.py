"""Which addresses the filer may reach, and connections that are made to those alone.

A URL comes from a user: it must not lead to what only the filer's pod can reach, such as the node's metadata service.
What counts is the address that a connection is made to, so no redirect and no second answer for a name leads around it.
"""

import socket
import time
from collections.abc import Iterable
from typing import Any, ClassVar

from filer.errors import Interrupted, NotMovable
from tescore.addresses import Rules
from tescore.lookup import Address, looked_up

CONNECT, SILENCE = 10, 60
"""Seconds until a server must have taken a connection, and in which it must send something."""
_NAME_SECONDS = 10.0
"""How long name servers are waited for."""
_NAME_TROUBLE = 20.0
"""Seconds for which trouble with names is waited out, the wait for name servers included."""
_KEPT = 5.0
"""Seconds for which an answer is used again: some servers take one request per connection, and files are many."""
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
_MOST_ADDRESSES = 4


class _Used:
    """What this process goes by."""

    rules = Rules()
    addresses: ClassVar[dict[tuple[str, int], tuple[float, list[Address]]]] = {}
    """By host and port: until when an answer is used, and the answer."""


def use(chosen: Rules) -> None:
    """From now on these count, for every protocol."""
    _Used.rules = chosen


def connected(host: str, port: int, timeout: float, options: Iterable[tuple[int, int, Any]] = ()) -> socket.socket:
    """A connection to one of the host's addresses that may be reached. Raises NotMovable, Interrupted or OSError."""
    last: OSError | None = None
    for family, kind, protocol, _, where in checked(host, port)[:_MOST_ADDRESSES]:
        made = socket.socket(family, kind, protocol)
        try:
            for option in options:
                made.setsockopt(*option)
            made.settimeout(timeout)
            made.connect(where)
            return made
        except OSError as error:
            made.close()
            last = error
    raise last or OSError("no address")


def checked(host: str, port: int) -> list[Address]:
    """Those of the host's addresses that may be reached, as `socket.getaddrinfo` has them; one at least.

    Raises NotMovable where there are none, and Interrupted where the name servers are away.
    """
    if _Used.rules.deny_name(host):
        raise NotMovable(f"{host} is a host that transfers must not reach")
    found = _addresses(host, port)
    permitted = [item for item in found if _Used.rules.permit(item[4][0])]
    if not permitted:
        address = found[0][4][0]
        behind = "" if address == host.strip("[]") else f"{host} is {address}, and "
        raise NotMovable(f"{behind}{address} is an address that transfers must not reach")
    return permitted


def _addresses(host: str, port: int) -> list[Address]:
    until, found = _Used.addresses.get((host, port), (0.0, []))
    if time.monotonic() >= until:
        found = _looked_up(host, port)
        _Used.addresses[host, port] = (time.monotonic() + _KEPT, found)
    return found


def _looked_up(host: str, port: int) -> list[Address]:
    try:
        found = looked_up(host, port, _NAME_SECONDS)
    except TimeoutError as error:
        words = f"no name server answered for {_NAME_SECONDS:.0f} s"
        raise Interrupted(words, worth=_NAME_TROUBLE - _NAME_SECONDS) from error
    except (OSError, ValueError) as error:
        if isinstance(error, socket.gaierror) and error.errno not in _NO_SUCH_NAME:
            words = f"its name could not be looked up ({error.strerror})"
            raise Interrupted(words, worth=_NAME_TROUBLE) from error
        raise NotMovable("there is no server of that name") from error
    if not found:
        raise NotMovable("there is no server of that name")
    return found
