"""The body of an answer on its way into a file, and where it may go on after a break."""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import urllib3

from filer import digests
from filer.errors import Interrupted, NotMovable

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes (?P<first>\d+)-\d+/(?P<total>\d+|\*)", re.ASCII)
_PACKED = re.compile(r"\.(gz|tgz|bgz|bgzf|gzip|svgz|z|bz2|xz|zst|br|bam|bai|tbi|csi)$", re.IGNORECASE)
"""Names of files that servers call encoded, though that is how they are kept."""
_BITS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


@dataclass(slots=True)
class Begun:
    """A file of which the first `size` bytes are there."""

    validator: str
    """What the server knows this version of the file by, beyond doubt; empty if there is no such thing."""
    total: int | None
    """Its size, if it is known."""
    check: digests.Check
    size: int = 0


def begun(response: urllib3.BaseHTTPResponse) -> Begun:
    """What the answer with a whole file says of it."""
    headers = response.headers
    encoded = headers.get("Content-Encoding", "identity") != "identity"
    validator = "" if encoded else _validator(headers)
    length = headers.get("Content-Length", "")
    return Begun(validator, int(length) if length.isdecimal() and not encoded else None, digests.of(headers))


def goes_on(response: urllib3.BaseHTTPResponse, before: Begun) -> bool:
    """Whether the answer is the rest of what was begun. If not it is the whole file.

    Raises Interrupted if it is neither, so that all begins anew.
    """
    if response.status == 200:
        return False
    if response.status == 416:
        raise Interrupted("the server has no such part of the file any more")
    where = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    total = int(where["total"]) if where and where["total"] != "*" else before.total
    if not where or int(where["first"]) != before.size or total is None or before.total not in {total, None}:
        raise Interrupted("the server sent another part of the file than the one that was asked for")
    before.total = total
    return True


def written(response: urllib3.BaseHTTPResponse, file: BinaryIO, at: Begun, path: str) -> None:
    """Writes the body of the answer behind what is there, and counts it in `at`.

    `path` is that of the URL. The bytes are those that the server keeps: a .gz file stays one.
    """
    for chunk in _unpacked(_checked(response, at), _coding(response.headers, path)):
        file.write(chunk)
        at.size += len(chunk)
    if at.total not in {at.size, None}:  # a server may send less than it is asked for, and say so (RFC 9110, 15.3.7)
        raise Interrupted(f"{at.size} of {at.total} bytes arrived")
    at.check.done()


def _checked(response: urllib3.BaseHTTPResponse, at: Begun) -> Iterator[bytes]:
    for chunk in response.stream(_CHUNK, decode_content=False):
        at.check.update(chunk)
        yield chunk


def _coding(headers: Mapping[str, str], path: str) -> str:
    coding = headers.get("Content-Encoding", "").strip().lower()
    if coding in {"", "identity", "aws-chunked"} or _PACKED.search(path):
        return ""
    if coding not in _BITS:
        raise NotMovable(f"the server packs it with {coding}, though it was asked not to")
    return coding


def _unpacked(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """What was packed for the way alone."""
    if not coding:
        yield from chunks
        return
    unpacking = zlib.decompressobj(_BITS[coding])
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if unpacking.eof:  # and one more piece was put behind it
                    unpacking = zlib.decompressobj(_BITS[coding])
                yield unpacking.decompress(rest, _CHUNK)
                rest = unpacking.unconsumed_tail or unpacking.unused_data
        yield unpacking.flush()
    except zlib.error as error:
        raise Interrupted(f"what the server packed with {coding} cannot be unpacked") from error
    if not unpacking.eof:
        raise Interrupted(f"what the server packed with {coding} breaks off")


def _validator(headers: Mapping[str, str]) -> str:
    tag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if tag.startswith('"'):
        return tag
    try:
        # A file that is changed twice in a second may keep its time; after a minute that is out of the question.
        sure = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(modified) >= timedelta(minutes=1)
    except (ValueError, TypeError):
        return ""
    return modified if sure else ""
