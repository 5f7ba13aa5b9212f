"""Files in S3."""

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from botocore import exceptions
from urllib3.exceptions import HTTPError

from filer.errors import Absent, Interrupted, NotMovable, answered
from filer.transports import Page, http_errors, objects, s3_fetching, s3_storing
from filer.transports.s3_fetching import Object
from filer.transports.s3_parts import PART
from filer.transports.s3_session import client
from tescore.errors import TeskError, shortened

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
        s3 = client(bucket)
        answer = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        found = Object(bucket, key, answer.get("ETag", ""), answer["ContentLength"], s3_fetching.check(answer))
        with closing(answer["Body"]) as body:
            if found.size <= PART:
                return s3_fetching.whole(found, body, destination)
            return s3_fetching.large(
                s3, found, body, destination, _threads(), causes_told, functools.partial(fetch, url, destination)
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
            s3_storing.large(client(bucket), bucket, key, source, _threads(), causes_told, anew)
            return
        content = source.read_bytes()
        answer = client(bucket).put_object(Bucket=bucket, Key=key, Body=content)
        check = s3_fetching.check(answer)
        check.update(content)
        check.done()


def page(url: str, token: str) -> Page:
    """As Transport.page: keys that go on behind the URL's own and a slash."""
    bucket, prefix = parse(url, folder=True)
    more = {"ContinuationToken": token} if token else {}
    with causes_told():
        answer = client(bucket).list_objects_v2(Bucket=bucket, Prefix=prefix, **more)  # type: ignore[arg-type]
    keys = (item["Key"] for item in answer.get("Contents", []))
    following = answer["NextContinuationToken"] if answer["IsTruncated"] else ""
    return Page(tuple(key.removeprefix(prefix) for key in keys), following)


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder: an empty object whose key ends with a slash."""
    bucket, key = parse(url, folder=True)
    if key:  # else it is the bucket, which is there without
        with causes_told():
            client(bucket).put_object(Bucket=bucket, Key=key)
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
    return bucket, objects.utf8(key)


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
    except HTTPError as error:  # what the library lets through of what breaks a body off
        raise http_errors.cause(error) from error


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE)
