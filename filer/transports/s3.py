"""Files in S3: credentials, region and endpoint come from the files of the AWS command line, which boto3 reads."""

import functools
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.config import Config
from s3transfer.exceptions import RetriesExceededError, S3ValidationError
from s3transfer.manager import TransferConfig, TransferManager
from s3transfer.subscribers import BaseSubscriber

from filer.errors import Absent, Interrupted, NotMovable, answered
from filer.transports import Page
from tescore.errors import TeskError, shortened

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024 * 1024
_PART = 8 * 1024 * 1024
"""Bytes up to which an object moves in one request; a larger one goes in parts of at least this size."""
_AT_ONCE = 4
"""Parts on their way at the same time."""
_PASSING = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"})
"""Error codes that may pass whatever HTTP status they come with."""
_BROKEN = (
    exceptions.HTTPClientError,
    exceptions.ConnectionError,
    exceptions.IncompleteReadError,
    exceptions.FlexibleChecksumError,
    RetriesExceededError,
    S3ValidationError,
)


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch. A large object comes in parts, all of the same version of it."""
    bucket, key = parse(url)
    if key.endswith("/"):  # an object of that name only marks a folder
        raise Absent("its name is a folder's, and the storage has nothing below it")
    with _causes_told():
        # Not HEAD: its errors have no words, and a small object is here already.
        answer = _client().get_object(Bucket=bucket, Key=key)
        size = answer["ContentLength"]
        with closing(answer["Body"]) as body:
            arrived = _streamed(body, destination) if size <= _PART else 0
        if size > _PART:
            arrived = _in_parts(bucket, key, destination)
    # Both: parts that are too short leave holes in a file of the right size.
    if not arrived == destination.stat().st_size == size:
        raise Interrupted(f"{arrived} of {size} bytes arrived")
    return size


def store(source: Path, url: str) -> None:
    """As Transport.store. A large file goes in parts, and none are left behind where one fails."""
    bucket, key = parse(url)
    with _causes_told(), _manager() as manager:
        manager.upload(str(source), bucket, key).result()


def page(url: str, token: str) -> Page:
    """As Transport.page: keys that go on behind the URL's own and a slash."""
    bucket, prefix = parse(url, folder=True)
    more = {"ContinuationToken": token} if token else {}
    with _causes_told():
        answer = _client().list_objects_v2(Bucket=bucket, Prefix=prefix, **more)  # type: ignore[arg-type]
    keys = (item["Key"] for item in answer.get("Contents", []))
    following = answer["NextContinuationToken"] if answer["IsTruncated"] else ""
    return Page(tuple(key.removeprefix(prefix) for key in keys), following)


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder: an empty object whose key ends with a slash."""
    bucket, key = parse(url, folder=True)
    if key:  # else it is the bucket, which is there without
        with _causes_told():
            _client().put_object(Bucket=bucket, Key=key)
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
    if isinstance(error, RetriesExceededError):
        return Interrupted(f"the connection broke off ({shortened(str(error.last_exception))})")
    if isinstance(error, exceptions.SSLError):
        return NotMovable(f"there is no trusted connection ({shortened(str(error))})")
    if isinstance(error, _BROKEN):
        return Interrupted(f"the connection failed ({shortened(str(error))})")
    if isinstance(error, exceptions.NoCredentialsError):
        return NotMovable("there are no credentials for S3: the tenant has no Secret for it")
    return NotMovable(shortened(str(error)))


def _answer_cause(error: exceptions.ClientError) -> TeskError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    answer = error.response["ResponseMetadata"]
    retry_after = answer.get("HTTPHeaders", {}).get("retry-after")
    words = f"{code}: {message}" if message and message != code else code
    told = answered(answer["HTTPStatusCode"], words, retry_after=retry_after, passing=code in _PASSING)
    return Absent(str(told)) if code == "NoSuchKey" else told


@contextmanager
def _causes_told() -> Iterator[None]:
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError, RetriesExceededError, S3ValidationError) as error:
        raise cause(error) from error


@functools.cache
def _client() -> "S3Client":
    # One attempt: trying again is done in one place for all transports.
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=10, read_timeout=60)
    return boto3.client("s3", config=config)


def _streamed(body: "StreamingBody", destination: Path) -> int:
    with destination.open("wb") as file:
        for chunk in body.iter_chunks(_CHUNK):
            file.write(chunk)
        return file.tell()


def _in_parts(bucket: str, key: str, destination: Path) -> int:
    counted = _Counted()
    with _manager() as manager:
        manager.download(bucket, key, str(destination), subscribers=[counted]).result()
    return counted.size


class _Counted(BaseSubscriber):
    """Bytes that have arrived, over the threads that fetch parts."""

    def __init__(self) -> None:
        self.size = 0
        self._lock = threading.Lock()

    def on_progress(self, future: object, bytes_transferred: int, **_: object) -> None:  # noqa: ARG002, the base's name
        with self._lock:
            self.size += bytes_transferred


def _manager() -> TransferManager:
    config = TransferConfig(
        multipart_threshold=_PART + 1,
        multipart_chunksize=_PART,
        max_request_concurrency=_AT_ONCE,
        max_submission_concurrency=1,
        max_io_queue_size=16,
        num_download_attempts=1,
    )
    return TransferManager(_client(), config)
