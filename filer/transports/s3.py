"""Files in S3."""

from contextlib import closing
from pathlib import Path

from filer.errors import Absent
from filer.transports import Page, objects, s3_fetching, s3_storing
from filer.transports.s3_fetching import Object
from filer.transports.s3_parts import PART
from filer.transports.s3_session import causes_told, client

joined = objects.joined
shown = objects.shown
_FORM = "s3://bucket/key"


def fetch(url: str, destination: Path) -> int:
    """As Transport.fetch. A large object comes in parts of the same version of it, after a break in those missing."""
    bucket, key = objects.parse(url, _FORM)
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
            return s3_fetching.large(s3, found, body, destination)


def store(source: Path, url: str) -> None:
    """As Transport.store. A large file goes in parts, after a break in those missing.

    Each request has a checksum, which the server compares; what it says of what it has then is checked here.
    """
    bucket, key = objects.parse(url, _FORM)
    size = source.stat().st_size
    with causes_told():
        if size > PART:
            s3_storing.large(client(bucket), bucket, key, source)
            return
        content = source.read_bytes()
        answer = client(bucket).put_object(Bucket=bucket, Key=key, Body=content)
        check = s3_fetching.check(answer)
        check.update(content)
        check.done()


def page(url: str, token: str) -> Page:
    """As Transport.page: keys that go on behind the URL's own and a slash."""
    bucket, prefix = objects.parse(url, _FORM, folder=True)
    more = {"ContinuationToken": token} if token else {}
    with causes_told():
        answer = client(bucket).list_objects_v2(Bucket=bucket, Prefix=prefix, **more)  # type: ignore[arg-type]
    keys = (item["Key"] for item in answer.get("Contents", []))
    following = answer["NextContinuationToken"] if answer["IsTruncated"] else ""
    return Page(tuple(key.removeprefix(prefix) for key in keys), following)


def keep_folder(url: str) -> bool:
    """As Transport.keep_folder: an empty object whose key ends with a slash."""
    bucket, key = objects.parse(url, _FORM, folder=True)
    if key:  # else it is the bucket, which is there without
        with causes_told():
            client(bucket).put_object(Bucket=bucket, Key=key)
    return True
