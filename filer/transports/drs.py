"""Objects of a GA4GH Data Repository Service (DRS 1), which says where their bytes are. They can only be read."""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from filer import connections, credentials, transports
from filer.errors import Absent, Interrupted, NotMovable, answered, seconds
from filer.transports import Page, http, http_errors
from tescore.schemes import scheme

_FORM = re.compile(r"drs://(?P<server>[^/:@#]+(?::\d+)?)/(?P<id>[^#]+)(?:#(?P<inside>.+))?", re.DOTALL | re.IGNORECASE)
_LARGEST = 16 * 1024 * 1024
"""Bytes of a description, at most."""
_DIGESTS = {"sha-512": "sha512", "sha512": "sha512", "sha-256": "sha256", "sha256": "sha256", "md5": "md5"}
"""Names of checksums there and in Python, the best first."""
_TO = frozenset({"ftp", "ftps", "gs", "http", "https", "s3", "sftp"})
"""Schemes to which an object may lead: no files of the cluster's, and no further objects."""

Described = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Object:
    server: str
    id: str
    """Not encoded."""


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch: by the first of its access methods that works. Size and checksum are compared."""
    found = _found(url)
    described = _asked(found)  # anew each time: signed URLs in it may be good for minutes
    if described.get("contents"):
        raise Absent("it is a bundle")
    return _checked(lambda: _by_any(found, described, destination), described, destination)


def store(source: Path, url: str) -> None:  # noqa: ARG001, as Transport.store
    """As Transport.store: it cannot be."""
    raise NotMovable("objects of a DRS can only be read")


def page(url: str, token: str) -> Page:  # noqa: ARG001, as Transport.page
    """As Transport.page: a bundle, with the bundles in it, is one page."""
    contents = _described(_found(url)).get("contents")
    return Page(tuple(_below(contents, ""))) if contents else Page(())


def keep_folder(url: str) -> bool:  # noqa: ARG001, as Transport.keep_folder
    """As Transport.keep_folder: it cannot be."""
    raise NotMovable("objects of a DRS can only be read")


def joined(url: str, path: str) -> str:
    """As Transport.joined. What is in a bundle has no such URL of its own; here its path is behind a `#`."""
    head, _, inside = url.partition("#")
    return f"{head}#{inside.rstrip('/')}{'/' if inside else ''}{quote(path, errors='surrogateescape')}"


def shown(url: str) -> str:
    """As Transport.shown: there are no credentials."""
    return url


def _found(url: str) -> _Object:
    form = _FORM.fullmatch(url)
    if form is None:
        raise NotMovable("the URL is not of the form drs://host/id; compact identifiers are not resolved")
    found = _Object(form["server"], unquote(form["id"]))
    contents = _described(found).get("contents") or [] if form["inside"] else []
    for name in unquote(form["inside"] or "").split("/") if form["inside"] else []:
        part = next((each for each in contents if each.get("name") == name), None)
        if part is None:
            raise NotMovable(f"there is no {name!r} in the bundle")
        found, contents = _meant(part, found.server), part.get("contents") or []
    return found


def _meant(part: Described, server: str) -> _Object:
    for uri in part.get("drs_uri") or []:
        form = _FORM.fullmatch(uri)
        if form and not part.get("id"):
            return _Object(form["server"], unquote(form["id"]))
    if not part.get("id"):
        raise NotMovable(f"the bundle does not say which object {part.get('name')!r} is")
    return _Object(server, part["id"])


def _below(contents: list[Described], above: str) -> Iterator[str]:
    for part in contents:
        path = f"{above}{part.get('name', '')}"
        if part.get("contents"):
            yield from _below(part["contents"], f"{path}/")
        else:
            yield path


@functools.lru_cache(maxsize=64)
def _described(which: _Object) -> Described:
    """As a bundle: it is asked for with each of its objects."""
    return _asked(which)


def _asked(which: _Object, rest: str = "?expand=true") -> Described:
    headers = {"Accept": "application/json", "User-Agent": connections.USER_AGENT}
    host, _, port = which.server.partition(":")
    if known := credentials.authorization("https", host, int(port or 443)):
        headers["Authorization"] = known
    url = f"https://{which.server}/ga4gh/drs/v1/objects/{quote(which.id, safe='')}{rest}"
    with (
        http_errors.told(),
        connections.manager().request("GET", url, headers=headers, redirect=False, preload_content=False) as response,
    ):
        body = response.read(_LARGEST + 1)
        retry_after, date = response.headers.get("Retry-After"), response.headers.get("Date")
    if response.status == 202:
        raise Interrupted("the server is still preparing it", retry_after=seconds(retry_after, date))
    if response.status != 200:
        raise answered(response.status, _words(body) or response.reason or "", retry_after=retry_after, date=date)
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if len(body) > _LARGEST or not isinstance(told, dict):
        raise NotMovable("the server's description of the object is none that DRS knows")
    return told


def _words(body: bytes) -> str:
    try:
        return str(json.loads(body)["msg"])
    except (ValueError, KeyError, TypeError):
        return ""


def _by_any(which: _Object, described: Described, destination: Path) -> int:
    refused = None
    for number in range(len(described.get("access_methods") or [])):
        try:
            access = _access(which, described, number)
            if scheme(access.get("url", "")) in _TO:
                return _from(access, destination, functools.partial(_access_again, which, number))
        except NotMovable as error:
            refused = NotMovable(str(error))  # not Absent: it is no folder
    kinds = ", ".join(str(method.get("type")) for method in described.get("access_methods") or []) or "none"
    raise refused or NotMovable(f"no access method of the object is one that is known here ({kinds})")


def _access(which: _Object, described: Described, number: int) -> Described:
    """Where an access method leads."""
    methods = described.get("access_methods") or []
    method = methods[number] if number < len(methods) else {}
    access: Described = method.get("access_url") or {}
    if not access and method.get("access_id"):
        return _asked(which, f"/access/{quote(method['access_id'], safe='')}")
    return access


def _access_again(which: _Object, number: int) -> Described:
    return _access(which, _asked(which), number)


def _from(access: Described, destination: Path, again: Callable[[], Described]) -> int:
    """`again` says where it leads after a break."""
    if scheme(access["url"]) not in {"http", "https"}:
        return transports.of(access["url"]).fetch(access["url"], destination)
    known = [access]
    return http.fetch_from(lambda: _request(known.pop() if known else again()), destination)


def _request(access: Described) -> tuple[str, dict[str, str]]:
    headers = dict(header.split(": ", 1) for header in access.get("headers") or [] if ": " in header)
    return access.get("url", ""), headers


def _checked(call: Callable[[], int], described: Described, destination: Path) -> int:
    try:
        size = call()
    except Interrupted as error:
        if going_on := error.going_on:
            error.going_on = lambda: _checked(lambda: _rest(going_on), described, destination)
        raise
    expected = described.get("size")
    if isinstance(expected, int) and expected != size:
        raise Interrupted(f"{size} of {expected} bytes arrived")
    sums = {each.get("type", "").lower(): each.get("checksum", "") for each in described.get("checksums") or []}
    best = next((name for name in _DIGESTS if name in sums), None)
    if best:
        with destination.open("rb") as file:
            digest = hashlib.file_digest(file, _DIGESTS[best]).hexdigest()
        if digest != sums[best].lower():
            raise Interrupted(f"its {best} is {digest}, and the server says {sums[best]}")
    return size


def _rest(going_on: Callable[[], int]) -> int:
    """Raises Interrupted where it cannot go on, so that it begins anew, by another access method if it must."""
    try:
        return going_on()
    except NotMovable as error:
        raise Interrupted(str(error)) from error
