"""An object on its way from S3 into a file: in one piece, or in parts, of which the missing ones may come later."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from filer import digests
from filer.errors import Interrupted
from filer.transports import s3_parts
from filer.transports.s3_parts import Anew, Parts
from filer.transports.s3_session import causes_told

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_CHUNK = 256 * 1024
_MD5 = re.compile(r'"([0-9a-f]{32})"')
_NO_LONGER = frozenset({"PreconditionFailed", "InvalidRange", "412", "416"})


@dataclass(frozen=True, slots=True)
class Object:
    bucket: str
    key: str
    etag: str
    size: int
    check: digests.Check


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


def large(client: "S3Client", found: Object, body: "StreamingBody", destination: Path) -> int:
    """Writes a large object; its size. The first part comes from the answer that is there, the others beside it."""
    with destination.open("wb") as file:
        file.truncate(found.size)
    parts = Parts(found.size)
    fetching = _Fetching(client, found, parts, destination)
    return fetching.fetched({0: lambda: fetching.opened(body), **fetching.asked(range(1, parts.number))})


@dataclass(frozen=True, slots=True)
class _Fetching:
    client: "S3Client"
    found: Object
    parts: Parts
    destination: Path

    def fetched(self, calls: Mapping[int, Callable[[], None]]) -> int:
        """Makes the calls for the parts that are missing, and checks the file; its size."""
        s3_parts.moved(self.parts, calls, self._going_on)
        self._check()
        return self.found.size

    def asked(self, numbers: Iterable[int]) -> dict[int, Callable[[], None]]:
        return {number: functools.partial(self._ask, number) for number in numbers}

    def _going_on(self, missing: list[int]) -> Callable[[], int]:
        return lambda: self.fetched(self.asked(missing))

    def opened(self, body: "StreamingBody") -> None:
        """The first part, from an answer with the whole object."""
        with causes_told(), closing(body):
            self._write(body, 0)

    def _ask(self, number: int) -> None:
        first, length = self.parts.place(number)
        span = f"{first}-{first + length - 1}"
        with causes_told():
            answer = self._answer(span)
        with causes_told(), closing(answer["Body"]) as body:
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
                raise Anew("the object was changed while it was fetched") from error
            raise

    def _write(self, body: "StreamingBody", number: int) -> None:
        at, left = self.parts.place(number)
        with self.destination.open("r+b") as file:
            file.seek(at)
            while left and (chunk := body.read(min(_CHUNK, left))):
                file.write(chunk)
                left -= len(chunk)
        if left:
            raise Interrupted(f"{left} bytes of a part did not arrive")

    def _check(self) -> None:
        if not self.found.check.expected:
            return
        with self.destination.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self.found.check.update(chunk)
        self.found.check.done()
