"""Files over HTTP: GET and PUT."""

import base64
import functools
import http
import re
import socket
import ssl
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote

import urllib3
from urllib3 import exceptions

from filer.errors import Interrupted, NotMovable, answered
from filer.transports import Page
from tescore import VERSION
from tescore.errors import TeskError, shortened

_CHUNK = 1024 * 1024
_CONNECT = 10
"""Seconds until a server must have taken the connection."""
_SILENCE = 60
"""Seconds in which a server must send something."""
_REDIRECTS = 5
_FETCHED = frozenset({200})
_STORED = frozenset({200, 201, 204})
_USERINFO = re.compile(r"(?<=://)[^/?#]*@")


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch. The bytes are those that the server keeps: a .gz file stays one."""
    try:
        # Identity: else some servers compress on the way, and the size told is not the file's.
        with _request("GET", url, {"Accept-Encoding": "identity"}, redirects=_REDIRECTS) as response:
            _expect(response, _FETCHED)
            with destination.open("wb") as file:
                for chunk in response.stream(_CHUNK, decode_content=False):
                    file.write(chunk)
                return file.tell()
    except exceptions.HTTPError as error:
        raise _cause(error) from error


def store(source: Path, url: str) -> None:
    """As Transport.store."""
    try:
        with source.open("rb") as body:
            length = str(source.stat().st_size)
            with _request("PUT", url, {"Content-Length": length}, redirects=0, body=body) as response:
                _expect(response, _STORED)
    except exceptions.HTTPError as error:
        raise _cause(error) from error


def page(url: str, token: str) -> Page:  # noqa: ARG001, as Transport.page
    """As Transport.page: there is none."""
    raise NotMovable("HTTP cannot list what is in a directory; give each file as an input of its own")


def keep_folder(url: str) -> bool:  # noqa: ARG001, as Transport.keep_folder
    """As Transport.keep_folder."""
    return False


def joined(url: str, path: str) -> str:
    """As Transport.joined; a query stays behind the path."""
    head, mark, query = url.partition("#")[0].partition("?")
    return f"{head.rstrip('/')}/{quote(path)}{mark}{query}"


def shown(url: str) -> str:
    """As Transport.shown; also without the query, which in a signed URL is as good as a password."""
    return _USERINFO.sub("", re.split(r"[?#]", url, maxsplit=1)[0], count=1)


@functools.cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(blocksize=_CHUNK, timeout=urllib3.Timeout(connect=_CONNECT, read=_SILENCE))


def _request(
    method: str, url: str, headers: dict[str, str], *, redirects: int, body: IO[bytes] | None = None
) -> urllib3.BaseHTTPResponse:
    # Trying again is done elsewhere; only redirects are left to the library, which drops the password at a new host.
    retries = urllib3.Retry(
        total=None, connect=False, read=False, status=False, other=False,
        redirect=redirects, respect_retry_after_header=False,
    )  # fmt: skip
    headers = {"User-Agent": f"tesk-filer/{VERSION}", **headers, **_authorization(url)}
    return _pool().request(
        method, _USERINFO.sub("", url, count=1), body=body, headers=headers, retries=retries,
        redirect=redirects > 0, preload_content=False, decode_content=False,
    )  # fmt: skip


def _authorization(url: str) -> dict[str, str]:
    userinfo = _USERINFO.search(url)
    if not userinfo:
        return {}
    user, _, password = userinfo.group().removesuffix("@").partition(":")
    token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def _expect(response: urllib3.BaseHTTPResponse, statuses: frozenset[int]) -> None:
    if response.status not in statuses:
        words = response.reason or _phrase(response.status)
        raise answered(response.status, words, retry_after=response.headers.get("Retry-After"))


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else ""


def _cause(error: exceptions.HTTPError) -> TeskError:
    """What a failure of the library means, by its class. Its text is quoted only where it cannot hold the URL."""
    if isinstance(error, exceptions.MaxRetryError):
        if isinstance(error.reason, exceptions.HTTPError) and not isinstance(error.reason, exceptions.ResponseError):
            return _cause(error.reason)
        return NotMovable(f"the server redirected more than {_REDIRECTS} times")
    if lasting := _lasting(error):
        return NotMovable(lasting)
    words = next((words for family, words in _PASSING if isinstance(error, family)), None)
    if words is None:
        return NotMovable(f"the server did not keep to HTTP ({type(error).__name__})")
    return Interrupted(words.format(_system_words(error)))


def _lasting(error: exceptions.HTTPError) -> str:
    """What will not be otherwise a moment later; empty if it may be."""
    inner = error.args[0] if error.args else None
    if isinstance(error, exceptions.SSLError) and isinstance(inner, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted ({inner.verify_message})"
    if isinstance(error, exceptions.LocationValueError):
        return "the URL, or one to which it redirects, is malformed"
    # Where the name servers themselves are away, it is another error.
    if isinstance(error.__cause__, socket.gaierror) and error.__cause__.errno == socket.EAI_NONAME:
        return "there is no server of that name"
    return ""


_PASSING: tuple[tuple[type[exceptions.HTTPError], str], ...] = (
    (exceptions.NewConnectionError, "no connection to the server could be made ({})"),
    (exceptions.ConnectTimeoutError, f"the server took no connection for {_CONNECT} s"),
    (exceptions.ReadTimeoutError, f"the server sent nothing for {_SILENCE} s"),
    (exceptions.ProtocolError, "the connection broke off ({})"),
    (exceptions.SSLError, "the connection broke off ({})"),
)
"""What may work a moment later; of an error in two families, the first counts."""


def _system_words(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    return (cause.strerror if isinstance(cause, OSError) and cause.strerror else "") or shortened(str(error))
