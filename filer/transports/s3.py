"""Files in S3: credentials, region and endpoint come from the files of the AWS command line, which boto3 reads.

A profile that is called as a bucket is for that one, `default` for all others.
"""

import functools
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from filer import connections
from filer.connections import USER_AGENT
from filer.errors import Absent, Interrupted, NotMovable, answered
from filer.transports import Page, s3_fetching, s3_storing
from filer.transports.s3_fetching import Object
from filer.transports.s3_parts import PART
from tescore.errors import TeskError, shortened

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_AT_ONCE = 8
"""Parts of large files on their way at the same time, whatever the number of files."""
_PASSING = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"})
"""Error codes that may pass whatever HTTP status they come with."""
_BROKEN = (
    exceptions.HTTPClientError,
    exceptions.ConnectionError,
    exceptions.IncompleteReadError,
    exceptions.FlexibleChecksumError,
)


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch. A large object comes in parts of the same version of it, after a break in those missing."""
    bucket, key = parse(url)
    if key.endswith("/"):  # an object of that name only marks a folder
        raise Absent("its name is a folder's, and the storage has nothing below it")
    with causes_told():
        # Not HEAD: its errors have no words, and a small object is here already.
        client = _client(bucket)
        answer = client.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        found = Object(bucket, key, answer.get("ETag", ""), answer["ContentLength"], s3_fetching.check(answer))
        with closing(answer["Body"]) as body:
            if found.size <= PART:
                return s3_fetching.whole(found, body, destination)
            return s3_fetching.large(
                client, found, body, destination, _threads(), causes_told, functools.partial(fetch, url, destination)
            )


def store(source: Path, url: str) -> None:
    """As Transport.store. A large file goes in parts, after a break in those missing.

    Each request has a checksum, which the server compares; what it says of what it has then is checked here.
    """
    bucket, key = parse(url)
    size = source.stat().st_size
    with causes_told():
        if size > PART:
            anew = functools.partial(store, source, url)
            s3_storing.large(_client(bucket), bucket, key, source, _threads(), causes_told, anew)
            return
        content = source.read_bytes()
        answer = _client(bucket).put_object(Bucket=bucket, Key=key, Body=content)
        check = s3_fetching.check(answer)
        check.update(content)
        check.done()


def page(url: str, token: str) -> Page:
    """As Transport.page: keys that go on behind the URL's own and a slash."""
    bucket, prefix = parse(url, folder=True)
    more = {"ContinuationToken": token} if token else {}
    with causes_told():
        answer = _client(bucket).list_objects_v2(Bucket=bucket, Prefix=prefix, **more)  # type: ignore[arg-type]
    keys = (item["Key"] for item in answer.get("Contents", []))
    following = answer["NextContinuationToken"] if answer["IsTruncated"] else ""
    return Page(tuple(key.removeprefix(prefix) for key in keys), following)


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder: an empty object whose key ends with a slash."""
    bucket, key = parse(url, folder=True)
    if key:  # else it is the bucket, which is there without
        with causes_told():
            _client(bucket).put_object(Bucket=bucket, Key=key)
    return True


def joined(url: str, path: str) -> str:
    """As Transport.joined."""
    return f"{url.rstrip('/')}/{path}"


def shown(url: str) -> str:
    """As Transport.shown: an S3 URL holds no credentials."""
    return url


def parse(url: str, *, folder: bool = False) -> tuple[str, str]:
    """Bucket and key; the key is what stands there, not decoded. Raises NotMovable.

    A folder's key ends with one slash, and is empty for the whole bucket.
    """
    bucket, _, key = url.partition("://")[2].partition("/")
    if folder:
        key = key.rstrip("/") + "/" if key.rstrip("/") else ""
    if not bucket or not (key or folder):
        raise NotMovable("the URL is not of the form s3://bucket/key")
    return bucket, key


def cause(error: Exception) -> TeskError:
    """What a failure of the library means, by its class and by the code and status of the answer."""
    if isinstance(error, exceptions.ClientError):
        return _answer_cause(error)
    if isinstance(error, exceptions.SSLError):
        return NotMovable(f"there is no trusted connection ({shortened(str(error))})")
    if isinstance(error, _BROKEN):
        return Interrupted(f"the connection failed ({shortened(str(error))})")
    if isinstance(error, exceptions.NoCredentialsError):
        return NotMovable("the tenant has no Secret with credentials for this bucket")
    return NotMovable(shortened(str(error)))


def _answer_cause(error: exceptions.ClientError) -> TeskError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    answer = error.response["ResponseMetadata"]
    retry_after = answer.get("HTTPHeaders", {}).get("retry-after")
    words = f"{code}: {message}" if message and message != code else code
    told = answered(answer["HTTPStatusCode"], words, retry_after=retry_after, passing=code in _PASSING)
    return Absent(str(told)) if code == "NoSuchKey" else told


@contextmanager
def causes_told() -> Iterator[None]:
    """Turns the library's errors into the filer's."""
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        if isinstance(error.__context__, TeskError):  # the guard's, on its way through the library
            raise error.__context__ from error
        raise cause(error) from error


class _Connection(AWSHTTPConnection):
    def _new_conn(self) -> socket.socket:
        return connections.opened(self)


class _SecureConnection(AWSHTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return connections.opened(self)


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_one_at_a_time = threading.Lock()


def _client(bucket: str) -> "S3Client":
    with _one_at_a_time:  # else each of the first threads makes one
        return _made_client(bucket if bucket in _profiles() else None)


@functools.cache
def _profiles() -> frozenset[str]:
    return frozenset(_session(None).available_profiles)


def _session(profile: str | None) -> boto3.Session:
    made = Session(profile=profile)
    made.register_component("data_loader", _loader())
    return boto3.Session(botocore_session=made)


@functools.cache
def _loader() -> Loader:
    """For all sessions: what each would keep of the library's data is large."""
    return create_loader()


@functools.cache
def _made_client(profile: str | None) -> "S3Client":
    config = Config(
        # One attempt: trying again is done in one place for all transports.
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=32,
        user_agent=USER_AGENT,  # the library's own is put together anew for each request
        # Where it is asked for alone: some servers send the whole object's checksum with a part of it.
        response_checksum_validation="when_required",
    )
    client = _session(profile).client("s3", config=config)
    # The library has no other way to have a say in what it connects to: the endpoint is the tenant's, the bucket's
    # name, which may become a part of the host's, the user's.
    manager = client._endpoint.http_session._manager  # type: ignore[attr-defined] # noqa: SLF001
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    manager.connection_pool_kw["blocksize"] = connections.CHUNK  # it sends 16 KiB at a time else
    return client


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE)
