"""An object on its way from S3 into a file: in one piece, or in parts, of which the missing ones may come later."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from filer import digests
from filer.errors import Interrupted

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

PART = 8 * 1024 * 1024
"""Bytes up to which an object moves in one request; a larger one goes in parts of at least this size."""
_MOST_PARTS = 2000
_CHUNK = 256 * 1024
_MD5 = re.compile(r'"([0-9a-f]{32})"')

_NO_LONGER = frozenset({"PreconditionFailed", "InvalidRange", "412", "416"})

Told = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Object:
    bucket: str
    key: str
    etag: str
    size: int
    check: digests.Check

    @property
    def part(self) -> int:
        """Bytes of each part but the last one."""
        return max(PART, -(-self.size // _MOST_PARTS))


def check(answer: Mapping[str, Any]) -> digests.Check:
    """What the answer says of the object's bytes: its ETag is their MD5 unless it came in parts or is encrypted."""
    plain = answer.get("ServerSideEncryption", "AES256") == "AES256" and not answer.get("SSECustomerAlgorithm")
    found = _MD5.fullmatch(answer.get("ETag", ""))
    if found and plain:
        return digests.hex_md5("ETag", found[1])
    if answer.get("ChecksumType") == "FULL_OBJECT" and "ChecksumCRC32" in answer:
        return digests.crc32("x-amz-checksum-crc32", answer["ChecksumCRC32"])
    return digests.Check()


def whole(found: Object, body: "StreamingBody", destination: Path) -> int:
    """Writes a small object; its size."""
    with destination.open("wb") as file:
        for chunk in body.iter_chunks(_CHUNK):
            file.write(chunk)
            found.check.update(chunk)
        arrived = file.tell()
    if arrived != found.size:
        raise Interrupted(f"{arrived} of {found.size} bytes arrived")
    found.check.done()
    return arrived


def large(
    client: "S3Client", found: Object, body: "StreamingBody", destination: Path, threads: ThreadPoolExecutor, told: Told
) -> int:
    """Writes a large object; its size. The first part comes from the answer that is there, the others beside it."""
    with destination.open("wb") as file:
        file.truncate(found.size)
    fetching = _Fetching(client, found, destination, threads, told)
    return fetching.parts({0: lambda: fetching.opened(body), **fetching.asked(range(1, fetching.number))})


class _Changed(Interrupted):
    """There is another version of the object by now: the parts at hand are worth nothing."""


@dataclass(frozen=True, slots=True)
class _Fetching:
    client: "S3Client"
    found: Object
    destination: Path
    threads: ThreadPoolExecutor
    told: Told

    @property
    def number(self) -> int:
        return -(-self.found.size // self.found.part)

    def parts(self, calls: Mapping[int, Callable[[], None]]) -> int:
        """Makes the calls for the parts that are missing, and checks the file; its size.

        After a break goes on with those that are missing then.
        """
        under_way = {part: self.threads.submit(call) for part, call in calls.items()}
        wait(under_way.values(), return_when=FIRST_EXCEPTION)
        for future in under_way.values():
            future.cancel()
        wait(under_way.values())  # none may write into a file that is begun anew
        missing = [part for part, future in under_way.items() if future.cancelled() or future.exception()]
        errors = [
            error for part in missing if not under_way[part].cancelled() and (error := under_way[part].exception())
        ]
        if errors:
            error = errors[0]
            if isinstance(error, Interrupted) and not isinstance(error, _Changed):
                error.going_on = functools.partial(self.parts, self.asked(missing))
                error.moved = self.found.size - len(missing) * self.found.part
            raise error
        self._check()
        return self.found.size

    def asked(self, numbers: Iterable[int]) -> dict[int, Callable[[], None]]:
        return {number: functools.partial(self._ask, number) for number in numbers}

    def opened(self, body: "StreamingBody") -> None:
        """The first part, from an answer with the whole object."""
        with self.told(), closing(body):
            self._write(body, 0)

    def _ask(self, number: int) -> None:
        first, length = self._place(number)
        span = f"{first}-{first + length - 1}"
        with self.told():
            answer = self._answer(span)
        with self.told(), closing(answer["Body"]) as body:
            if answer.get("ContentRange", "").partition("/")[0] != f"bytes {span}":
                raise Interrupted("the server sent another part of the object than the one that was asked for")
            self._write(body, number)

    def _answer(self, span: str) -> "GetObjectOutputTypeDef":
        found = self.found
        same: Any = {"IfMatch": found.etag} if found.etag else {}
        try:
            return self.client.get_object(Bucket=found.bucket, Key=found.key, Range=f"bytes={span}", **same)
        except exceptions.ClientError as error:
            if error.response["Error"].get("Code") in _NO_LONGER:
                raise _Changed("the object was changed while it was fetched") from error
            raise

    def _write(self, body: "StreamingBody", number: int) -> None:
        at, left = self._place(number)
        with self.destination.open("r+b") as file:
            file.seek(at)
            while left and (chunk := body.read(min(_CHUNK, left))):
                file.write(chunk)
                left -= len(chunk)
        if left:
            raise Interrupted(f"{left} bytes of a part did not arrive")

    def _place(self, number: int) -> tuple[int, int]:
        """Where a part begins, and its bytes."""
        first = number * self.found.part
        return first, min(self.found.part, self.found.size - first)

    def _check(self) -> None:
        if not self.found.check.expected:
            return
        with self.destination.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self.found.check.update(chunk)
        self.found.check.done()
