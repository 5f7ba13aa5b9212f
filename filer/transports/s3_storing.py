"""A large file on its way into S3: in parts, of which the missing ones may go later, compared with what is kept."""

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import exceptions
from s3transfer.utils import ReadFileChunk

from filer import digests
from filer.errors import Interrupted
from filer.transports import s3_parts
from filer.transports.s3_fetching import check
from filer.transports.s3_parts import Anew, Parts
from filer.transports.s3_session import causes_told
from tescore.errors import TeskError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024 * 1024
_CRC32 = "ChecksumCRC32"


def large(client: "S3Client", bucket: str, key: str, source: Path) -> None:
    """Stores a file. Where that fails no parts are left behind, unless the error says how to go on and what to undo."""
    with causes_told():
        begun = client.create_multipart_upload(Bucket=bucket, Key=key, **_summed(client))
    upload = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}
    parts = Parts(source.stat().st_size)
    _Storing(client, upload, parts, source).stored(range(parts.number))


@dataclass(frozen=True, slots=True)
class _Storing:
    client: "S3Client"
    upload: dict[str, Any]
    """What it is known by."""
    parts: Parts
    source: Path
    kept: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By its number what the storage says of a part."""

    def stored(self, missing: Iterable[int]) -> None:
        """Stores the parts that are missing, and makes them all the object."""
        calls = {number: functools.partial(self._store, number) for number in missing}
        try:
            s3_parts.moved(self.parts, calls, self._going_on)
            self._complete()
        except Exception as error:
            if isinstance(error, Interrupted) and error.going_on:
                error.undo = self._give_up
            else:
                self._give_up()
            raise

    def _going_on(self, missing: list[int]) -> Callable[[], None]:
        return lambda: self.stored(missing)

    def _store(self, number: int) -> None:
        first, length = self.parts.place(number)
        with self._there(), ReadFileChunk.from_filename(str(self.source), first, length) as body:
            part: Any = body
            answer: Any = self.client.upload_part(
                **self.upload, PartNumber=number + 1, Body=part, **_summed(self.client)
            )
        said = digests.crc32("x-amz-checksum-crc32", answer[_CRC32]) if _CRC32 in answer else check(answer)
        if said.expected:
            for chunk in self._bytes(first, length):
                said.update(chunk)
        said.done()
        self.kept[number] = {
            "PartNumber": number + 1, **{name: answer[name] for name in ("ETag", _CRC32) if name in answer}
        }  # fmt: skip

    def _complete(self) -> None:
        kept: list[Any] = [self.kept[number] for number in range(self.parts.number)]
        try:
            with self._there():
                self.client.complete_multipart_upload(**self.upload, MultipartUpload={"Parts": kept})
                size = self.client.head_object(Bucket=self.upload["Bucket"], Key=self.upload["Key"])["ContentLength"]
        except Anew:
            raise
        except Interrupted as error:
            error.going_on, error.moved = self._going_on([]), self.parts.size
            raise
        if size != self.parts.size:
            raise Anew(f"the storage has {size} of {self.parts.size} bytes of it")

    @contextmanager
    def _there(self) -> Iterator[None]:
        """Raises Anew where the storage knows nothing of the parts, else the filer's errors."""
        with causes_told():
            try:
                yield
            except exceptions.ClientError as error:
                if error.response["Error"].get("Code") == "NoSuchUpload":
                    raise Anew("the storage has dropped what was stored of it") from error
                raise

    def _give_up(self) -> None:
        with suppress(TeskError), causes_told():  # what kept them from being stored may keep them from being removed
            self.client.abort_multipart_upload(**self.upload)

    def _bytes(self, first: int, length: int) -> Iterator[bytes]:
        with self.source.open("rb") as file:
            file.seek(first)
            left = length
            while left and (chunk := file.read(min(_CHUNK, left))):
                yield chunk
                left -= len(chunk)


def _summed(client: "S3Client") -> dict[str, Any]:
    """That parts are sent with a checksum, unless the tenant's `config` says that the server may not know any."""
    config: Any = client.meta.config
    return {} if config.request_checksum_calculation == "when_required" else {"ChecksumAlgorithm": "CRC32"}
