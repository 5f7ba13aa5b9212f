"""Files over HTTP: GET and PUT."""

import base64
import functools
import http
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import urllib3

from filer import connections, credentials
from filer.connections import USER_AGENT
from filer.errors import Interrupted, NotMovable, answered
from filer.transports import Page, http_body
from filer.transports.http_body import Begun
from filer.transports.http_errors import told

_REDIRECTS = 5
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
_FETCHED = frozenset({200})
_GOES_ON = frozenset({200, 206, 416})
_STORED = frozenset({200, 201, 204})
_USERINFO = re.compile(r"(?<=://)[^/?#]*@")


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch. After a break it can go on, if the server says by which version of the file."""
    where = url, dict[str, str]()
    return fetch_from(lambda: where, destination)


def fetch_from(where: Callable[[], tuple[str, Mapping[str, str]]], destination: Path) -> int:
    """As fetch. `where` is asked at each attempt for the URL, and for headers that go to its own server alone."""
    return _fetched(where, destination, None)


def store(source: Path, url: str) -> None:
    """As Transport.store. What the server says of its size then is checked."""
    with told(), source.open("rb") as body:
        size = source.stat().st_size
        with _request("PUT", url, {"Content-Length": str(size)}, body=body) as response:
            _expect(response, _STORED)
            _release(response)
        if not _split(url).query:  # which may be a signature, and that would be for PUT alone
            _check_size(url, size)


def page(url: str, token: str) -> Page:  # noqa: ARG001, as Transport.page
    """As Transport.page: there is none."""
    raise NotMovable("HTTP cannot list what is in a directory; give each file as an input of its own")


def keep_folder(url: str) -> bool:  # noqa: ARG001, as Transport.keep_folder
    """As Transport.keep_folder."""
    return False


def joined(url: str, path: str) -> str:
    """As Transport.joined; a query stays behind the path."""
    head, mark, query = url.partition("#")[0].partition("?")
    return f"{head.rstrip('/')}/{quote(path, errors='surrogateescape')}{mark}{query}"


def shown(url: str) -> str:
    """As Transport.shown; also without the query, which in a signed URL is as good as a password."""
    return _USERINFO.sub("", re.split(r"[?#]", url, maxsplit=1)[0], count=1)


def _fetched(where: Callable[[], tuple[str, Mapping[str, str]]], destination: Path, before: Begun | None) -> int:
    """One attempt. What is called next after a break goes on where this one ended."""
    # Identity: else some servers pack on the way, and the size told is not the file's.
    headers = {"Accept-Encoding": "identity"}
    if before:
        headers |= {"Range": f"bytes={before.size}-", "If-Range": before.validator}
    at = before
    try:
        url, own = where()
        with told(), _followed(url, headers, own) as response:
            _expect(response, _GOES_ON if before else _FETCHED)
            at = None  # what is there is worth nothing, unless the answer goes on with it
            at = before if before and http_body.goes_on(response, before) else http_body.begun(response)
            with destination.open("r+b" if at.size else "wb") as file:
                file.seek(at.size)
                http_body.written(response, file, at, _split(url).path)
                file.truncate()
                return at.size
    except Interrupted as error:
        if at and at.validator and at.size and (at.total is None or at.size < at.total):
            error.going_on, error.moved = functools.partial(_fetched, where, destination, at), at.size
        raise


def _check_size(url: str, size: int) -> None:
    with _request("HEAD", url, {"Accept-Encoding": "identity"}) as response:
        _release(response)
        kept = response.headers.get("Content-Length", "")
        if response.status == 200 and kept.isdigit() and int(kept) != size:
            raise Interrupted(f"the server has {kept} of {size} bytes of it")


def _release(response: urllib3.BaseHTTPResponse) -> None:
    """Lets the connection be used again; what is left of the body is of no interest."""
    response.drain_conn()


def _followed(url: str, headers: dict[str, str], own: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
    """The answer to GET, redirects followed. User and password go to their own server alone."""
    for _ in range(_REDIRECTS + 1):
        response = _request("GET", url, {**headers, **own})
        location = response.headers.get("Location")
        if response.status not in _REDIRECTED or not location:
            return response
        response.close()
        there = _redirected(url, location)
        own = own if _origin(there) == _origin(url) else {}
        url = there
    raise NotMovable(f"the server redirected more than {_REDIRECTS} times")


def _redirected(url: str, location: str) -> str:
    try:
        there = urljoin(_USERINFO.sub("", url, count=1), location)
        origins = [_origin(each) for each in (there, url)]
    except ValueError as error:
        raise NotMovable("the URL, or one to which it redirects, is malformed") from error
    if origins[0][0] not in {"http", "https"}:
        raise NotMovable("the server redirected to another protocol")
    userinfo = _USERINFO.search(url)
    same = origins[0] == origins[1]
    return there.replace("://", f"://{userinfo.group()}", 1) if userinfo and same else there


def _origin(url: str) -> tuple[str, str]:
    """Scheme and server."""
    return _split(url)[:2]


def _split(url: str) -> SplitResult:
    """Without user and password, which may hold what has a meaning in a host's name."""
    return urlsplit(_USERINFO.sub("", url, count=1))


def _request(method: str, url: str, headers: dict[str, str], *, body: Any = None) -> urllib3.BaseHTTPResponse:
    headers = {"User-Agent": USER_AGENT, **_authorization(url), **headers}
    return connections.manager().request(
        method, _USERINFO.sub("", url, count=1), body=body, headers=headers,
        redirect=False, retries=False, preload_content=False, decode_content=False,
    )  # fmt: skip


def _authorization(url: str) -> dict[str, str]:
    userinfo = _USERINFO.search(url)
    if not userinfo:
        where = urllib3.util.parse_url(url)
        known = credentials.authorization(where.scheme or "", where.host or "", where.port)
        return {"Authorization": known} if known else {}
    user, _, password = userinfo.group().removesuffix("@").partition(":")
    token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def _expect(response: urllib3.BaseHTTPResponse, statuses: frozenset[int]) -> None:
    if response.status not in statuses:
        words, headers = response.reason or _phrase(response.status), response.headers
        raise answered(response.status, words, retry_after=headers.get("Retry-After"), date=headers.get("Date"))


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else ""
