"""Files in Google Cloud Storage."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import google.auth
import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from filer import credentials, guard, sessions
from filer.errors import Absent, Interrupted, NotMovable, answered
from filer.transports import Page, http_errors, objects
from tescore.errors import TeskError, shortened

joined = objects.joined
shown = objects.shown
_FORM = "gs://bucket/key"
_KEY = "gcs.json"
"""File of the tenant's Secret: a key of a service account, or what gcloud keeps for a user."""
_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
_PART = 2 * 1024 * 1024
"""Bytes that are sent at a time. The library holds them twice, for each of the files that move at a time."""
_TIMEOUT = (guard.CONNECT, guard.SILENCE)

_of_thread = threading.local()


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch, with the object's own checksum compared. The bytes are those that are kept: .gz stays one."""
    bucket, key = objects.parse(url, _FORM)
    if key.endswith("/"):  # an object of that name only marks a folder
        raise Absent("its name is a folder's, and the storage has nothing below it")
    with _causes_told():
        blob = _client().bucket(bucket).blob(key)
        blob.reload(timeout=_TIMEOUT, retry=None)
        size, version = blob.size, blob.generation
        with destination.open("wb") as file:
            blob.download_to_file(
                file, raw_download=True, if_generation_match=version, timeout=_TIMEOUT, retry=None, checksum="auto"
            )
            arrived = file.tell()
    if arrived != size:
        raise Interrupted(f"{arrived} of {size} bytes arrived")
    return arrived


def store(source: Path, url: str) -> None:
    """As Transport.store. There is no such object before it is whole."""
    bucket, key = objects.parse(url, _FORM)
    with _causes_told(), source.open("rb") as file:
        size = source.stat().st_size
        blob = _client().bucket(bucket).blob(key, chunk_size=_PART)
        blob.upload_from_file(file, size=size, timeout=_TIMEOUT, retry=None, checksum="auto")
    if blob.size != size:
        raise Interrupted(f"{blob.size} of {size} bytes arrived")


def page(url: str, token: str, most: int = 1000) -> Page:
    """As Transport.page: keys that go on behind the URL's own and a slash."""
    bucket, prefix = objects.parse(url, _FORM, folder=True)
    with _causes_told():
        found = _client().list_blobs(
            bucket, prefix=prefix, page_token=token or None, page_size=most, timeout=_TIMEOUT, retry=None
        )
        paths = tuple(blob.name.removeprefix(prefix) for blob in next(found.pages, ()))
    return Page(paths, found.next_page_token or "")


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder: an empty object whose key ends with a slash."""
    bucket, key = objects.parse(url, _FORM, folder=True)
    if key:  # else it is the bucket, which is there without
        with _causes_told():
            _client().bucket(bucket).blob(key).upload_from_string(b"", timeout=_TIMEOUT, retry=None)
    return True


def _client() -> storage.Client:
    """One for each thread. Without a key it is nobody's, and gets what everyone may have."""
    if not hasattr(_of_thread, "client"):
        _of_thread.client = _made()
    client: storage.Client = _of_thread.client
    return client


def _made() -> storage.Client:
    place = credentials.file(_KEY)
    if place is None:
        return _speaking("none", AnonymousCredentials())
    try:
        known, project = google.auth.load_credentials_from_file(str(place), scopes=_SCOPES)
    except (GoogleAuthError, ValueError, KeyError) as error:  # whose words may hold the key
        raise NotMovable(f"{_KEY} in the tenant's Secret is no key that can be used") from error
    return _speaking(project or "none", known)


def _speaking(project: str, known: Credentials) -> storage.Client:
    # The keys too are exchanged for tokens where they say, which is the tenant's word.
    exchanged = Request(sessions.guarded(requests.Session()))
    session = sessions.guarded(AuthorizedSession(known, auth_request=exchanged))
    return storage.Client(project, known, _http=session)


@contextmanager
def _causes_told() -> Iterator[None]:
    try:
        yield
    except (
        GoogleAPICallError, GoogleAuthError, InvalidResponse, DataCorruption, requests.RequestException,
        urllib3.exceptions.HTTPError,
    ) as error:  # fmt: skip
        raise cause(error) from error


def cause(error: Exception) -> TeskError:
    """What a failure of the library means, by its class and by the status of the answer."""
    if isinstance(error, urllib3.exceptions.HTTPError):  # a raw body is read past the other two libraries
        return http_errors.cause(error)
    if isinstance(error, GoogleAPICallError):
        words = error.errors[0].get("message", "") if error.errors else ""
        told = answered(int(error.code or 0), words or type(error).__name__)
        return Absent(str(told)) if error.code == 404 else told
    if isinstance(error, InvalidResponse):
        return answered(error.response.status_code, error.response.reason or "")
    if isinstance(error, DataCorruption):
        return Interrupted("what arrived has another checksum than the object")
    if isinstance(error, requests.exceptions.SSLError):
        return NotMovable("there is no trusted connection to the server")
    if isinstance(error, requests.RequestException | TransportError):
        return Interrupted(f"the connection failed ({type(error).__name__})")
    return NotMovable(f"the key in the tenant's Secret was not taken ({shortened(type(error).__name__)})")
