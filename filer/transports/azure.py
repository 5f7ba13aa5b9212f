"""Files in Azure's blob storage: az://account/container/blob, and https URLs of its hosts, signed or not."""

import configparser
import functools
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import requests
import urllib3
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient

from filer import credentials, guard, sessions
from filer.errors import Absent, Interrupted, NotMovable, answered
from filer.transports import Page, http_errors, objects
from tescore.errors import TeskError

_FORM = "az://account/container/blob"
_KEYS = "azure"
"""File of the tenant's Secret, as the Azure command line has its own: `account` with `key` or `sas_token`, or a
`connection_string`, in each section those of one account."""
_PART = 1024 * 1024
"""Bytes that move in one request. The library holds them several times, for each of the files that move at a time."""
_MOST_PARTS = 50_000


@dataclass(frozen=True, slots=True)
class _Place:
    account: str
    container: str
    key: str
    endpoint: str
    signature: str = ""
    """Of the URL's own."""


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch, with the blob's MD5 compared where it has one. All parts are of the same version of it.

    The bytes are those that are kept: what is called gzip there stays it.
    """
    place = parse(url)
    with _causes_told(), destination.open("wb") as file:
        blob = _service(place, _PART).get_blob_client(place.container, place.key)
        coming = blob.download_blob(max_concurrency=1, decompress=False)
        if _is_folder(coming.properties.metadata):
            raise Absent("it is a folder")
        coming.readinto(file)
        arrived, size, md5 = file.tell(), coming.size, coming.properties.content_settings.content_md5
    if arrived != size:
        raise Interrupted(f"{arrived} of {size} bytes arrived")
    objects.check_md5(destination, bytes(md5) if md5 else None)
    return arrived


def store(source: Path, url: str) -> None:
    """As Transport.store. There is no such blob before it is whole."""
    place = parse(url)
    with _causes_told(), source.open("rb") as file:
        size = source.stat().st_size
        part = max(_PART, -(-size // _MOST_PARTS))
        blob = _service(place, part).get_blob_client(place.container, place.key)
        blob.upload_blob(file, length=size, overwrite=True, max_concurrency=1)
        kept = blob.get_blob_properties().size
    if kept != size:
        raise Interrupted(f"{kept} of {size} bytes arrived")


def page(url: str, token: str, most: int = 1000) -> Page:
    """As Transport.page: names that go on behind the URL's own and a slash."""
    place = parse(url, folder=True)
    with _causes_told():
        listed = _service(place, _PART).get_container_client(place.container).list_blobs(
            name_starts_with=place.key, include=["metadata"], results_per_page=most
        )  # fmt: skip
        pages = listed.by_page(continuation_token=token or None)
        # A hierarchical account lists folders too, which no name tells from files.
        names = [blob.name.rstrip("/") + "/" if _is_folder(blob.metadata) else blob.name for blob in next(pages, ())]
    paths = tuple(name.removeprefix(place.key) for name in names)
    return Page(paths, pages.continuation_token or "")  # type: ignore[attr-defined]


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder: an empty blob whose name ends with a slash."""
    place = parse(url, folder=True)
    if place.key:  # else it is the container, which is there without
        with _causes_told():
            _service(place, _PART).get_blob_client(place.container, place.key).upload_blob(b"", overwrite=True)
    return True


def joined(url: str, path: str) -> str:
    """As Transport.joined; below https the path is encoded, and a signature stays behind it."""
    if url.lower().startswith("az:"):
        return f"{url.rstrip('/')}/{path}"
    head, mark, query = url.partition("?")
    return f"{head.rstrip('/')}/{quote(path, errors='surrogateescape')}{mark}{query}"


def shown(url: str) -> str:
    """As Transport.shown, without the signature."""
    return url if url.lower().startswith("az:") else url.partition("?")[0]


def parse(url: str, *, folder: bool = False) -> _Place:
    """Where a blob is. Its name is not decoded in an az:// URL, and is in one of https. Raises NotMovable."""
    if url.lower().startswith("az:"):
        before, key = objects.parse(url, _FORM, folder=folder)
        account, container = before.split("/")
        return _Place(account, container, key, f"https://{account}.blob.core.windows.net")
    parts = urlsplit(url.partition("#")[0])
    form = "https://account.blob.core.windows.net/container/blob"
    before, key = objects.parse(f"https://{parts.netloc}{parts.path}", form, folder=folder)
    _, container = before.split("/")
    name = objects.utf8(unquote(key, errors="surrogateescape"))
    return _Place(parts.netloc.partition(".")[0].lower(), container, name, f"https://{parts.netloc}", parts.query)


def _is_folder(metadata: dict[str, str] | None) -> bool:
    return {name.lower(): value for name, value in (metadata or {}).items()}.get("hdi_isfolder") == "true"


def _service(place: _Place, part: int) -> BlobServiceClient:
    return _made(place.account, place.endpoint, place.signature, part)


@functools.lru_cache(maxsize=64)
def _made(account: str, endpoint: str, signature: str, part: int) -> BlobServiceClient:
    """A client, which threads can share. Without keys it is nobody's, and gets what everyone may have."""
    options: dict[str, Any] = {
        "max_single_get_size": _PART, "max_chunk_get_size": _PART, "max_single_put_size": _PART, "max_block_size": part,
        "retry_total": 0, "connection_timeout": guard.CONNECT, "read_timeout": guard.SILENCE,
        "transport": RequestsTransport(session=sessions.guarded(requests.Session())),
    }  # fmt: skip
    known = _known().get(account, {})
    connection = known.get("connection_string", "")
    if connection and not signature:
        return BlobServiceClient.from_connection_string(connection, **options)
    credential = signature or known.get("key") or known.get("sas_token")
    return BlobServiceClient(_field(connection, "BlobEndpoint") or endpoint, credential=credential, **options)


def _known() -> dict[str, dict[str, str]]:
    """What the tenant's Secret has of each account."""
    place = credentials.file(_KEYS)
    if place is None:
        return {}
    read = configparser.ConfigParser(interpolation=None)
    try:
        read.read_string(place.read_text(encoding="utf-8"))
    except (configparser.Error, UnicodeDecodeError):  # whose words may hold a key
        raise NotMovable(f"{_KEYS} in the tenant's Secret is not of the form of the Azure command line's") from None
    sections = [dict(read[name]) for name in read.sections()]
    accounts = [each.get("account") or _field(each.get("connection_string", ""), "AccountName") for each in sections]
    return dict(zip(accounts, sections, strict=True))


def _field(connection: str, name: str) -> str:
    fields = (field.partition("=") for field in connection.split(";"))
    return next((value for key, _, value in fields if key.lower() == name.lower()), "")


@contextmanager
def _causes_told() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise cause(error) from error
    except urllib3.exceptions.HTTPError as error:  # of a body, what the library lets through
        raise http_errors.cause(error) from error
    except ValueError as error:  # the library's for a key or a signature that is none
        raise NotMovable("the key for the account, or the URL, is malformed") from error


def cause(error: AzureError) -> TeskError:
    """What a failure of the library means. Its own words are not told: some quote what was signed."""
    if isinstance(error, ServiceRequestError | ServiceResponseError | IncompleteReadError):
        if isinstance(error.__cause__ or error.inner_exception, ssl.SSLError | urllib3.exceptions.SSLError):
            return NotMovable("there is no trusted connection to the server")
        return Interrupted(f"the connection failed ({type(error.inner_exception or error).__name__})")
    if isinstance(error, HttpResponseError) and not error.status_code and isinstance(error.__cause__, AzureError):
        return cause(error.__cause__)  # a body that broke off as often as the library asks for it
    if isinstance(error, ClientAuthenticationError) and not error.status_code:
        return NotMovable("the key in the tenant's Secret is no key that can be used")
    if isinstance(error, HttpResponseError) and error.status_code:
        code = getattr(error, "error_code", None)
        code = getattr(code, "value", code)
        told = answered(error.status_code, str(code or error.reason or ""))
        return Absent(str(told)) if code == "BlobNotFound" else told
    return NotMovable(f"the storage failed ({type(error).__name__})")
