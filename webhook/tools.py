"""Looks up the images that a task names by TRS URIs, on the hosts that the admin allows."""

import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from tescore import trs
from tescore.addresses import Rules
from tescore.errors import InvalidTask, Misconfigured, Transient
from tescore.lookup import Resolver, looked_up

_SECONDS = 4.0
"""For all of a task's: who creates it waits, for 8 s at most."""
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Asking:
    rules: Rules
    resolve: Resolver
    ends: float

    def left(self) -> float:
        """Seconds until all must be said. Raises TimeoutError when there are none."""
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class NoTrsAnswer(Transient):
    """A TRS host is away, busy, or says what makes no sense."""

    reason = "NoTrsAnswer"


def images(
    uris: Sequence[str],
    hosts: Sequence[str],
    rules: Rules,
    *,
    resolve: Resolver = socket.getaddrinfo,
    seconds: float = _SECONDS,
) -> dict[str, str]:
    """The image of each URI, which names a tool on one of these hosts; connects to what the rules permit alone.

    Raises InvalidTask for tools that their host does not have, or has no container image of; NoTrsAnswer, and
    Misconfigured where a host that is allowed has no address that is permitted.
    """
    asking = _Asking(rules, resolve, time.monotonic() + seconds)
    found = {uri: trs.image(_described(trs.url(trs.tool(uri), hosts), asking)) for uri in uris}
    problems = [f"no container image is found by {uri} on its TRS host" for uri, image in found.items() if not image]
    if problems:
        raise InvalidTask(problems)
    return found


def _described(url: str, asking: _Asking) -> Any:
    """The JSON at a URL; None if the server says that there is none. Redirects are not followed."""
    try:
        status, body = _answer(url, asking)
        if status in {400, 404, 410}:
            return None
        if status == 200 and len(body) <= _LARGEST:
            return json.loads(body)
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise NoTrsAnswer(f"{_host(url)} cannot be reached ({type(error).__name__}).") from error
    except (ValueError, RecursionError) as error:
        raise NoTrsAnswer(f"{_host(url)} answers with something that is no JSON.") from error
    raise NoTrsAnswer(f"{_host(url)} answers {status}, with {len(body)} bytes.")


def _answer(url: str, asking: _Asking) -> tuple[int, bytes]:
    """The connection goes to an address that was looked at, and to no other."""
    there = urlsplit(url)
    host, is_secure = there.hostname or "", there.scheme == "https"
    port = there.port or (443 if is_secure else 80)
    found = looked_up(host, port, asking.left(), asking.resolve)
    address = next((address for each in found if asking.rules.permit(address := str(each[4][0]))), None)
    if address is None or asking.rules.deny_name(host):
        raise Misconfigured(f"{_host(url)} has an address that must not be reached; see TESK_ALLOWED_RANGES.")
    pool = (
        urllib3.HTTPSConnectionPool(address, port, server_hostname=host, assert_hostname=host)
        if is_secure
        else urllib3.HTTPConnectionPool(address, port)
    )
    answer = pool.urlopen(
        "GET", there.path, headers={"Host": there.netloc, "Accept": "application/json"},
        timeout=urllib3.Timeout(total=asking.left()), retries=False, preload_content=False,
    )  # fmt: skip
    with answer:
        return answer.status, answer.read(_LARGEST + 1)


def _host(url: str) -> str:
    return f"The TRS host {urlsplit(url).netloc}"
