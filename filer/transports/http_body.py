"""The body of an answer on its way into a file, and where it may go on after a break."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

import urllib3

from filer.errors import Interrupted, NotMovable

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes (?P<first>\d+)-\d+/(?P<total>\d+)", re.ASCII)
_PACKED = re.compile(r"\.(gz|tgz|bgz|bgzf|gzip|svgz|z|bz2|xz|zst|br|bam|bai|tbi|csi)$", re.IGNORECASE)
"""Names of files that servers call encoded, though that is how they are kept."""
_UNPACKED = frozenset({"gzip", "x-gzip", "deflate"})
"""Codings that urllib3 undoes."""


@dataclass(slots=True)
class Begun:
    """A file of which the first `size` bytes are there."""

    validator: str
    """What the server knows this version of the file by, beyond doubt; empty if there is no such thing."""
    total: int | None
    """Its size, if it is known."""
    size: int = 0


def begun(response: urllib3.BaseHTTPResponse) -> Begun:
    """What the answer with a whole file says of it."""
    headers = response.headers
    encoded = headers.get("Content-Encoding", "identity") != "identity"
    tag, length = headers.get("ETag", ""), headers.get("Content-Length", "")
    validator = tag if tag.startswith('"') and not encoded else ""
    return Begun(validator, int(length) if length.isdecimal() and not encoded else None)


def goes_on(response: urllib3.BaseHTTPResponse, before: Begun) -> bool:
    """Whether the answer is the rest of what was begun. If not it is the whole file.

    Raises Interrupted if it is neither, so that all begins anew.
    """
    if response.status == 200:
        return False
    if response.status == 416:
        raise Interrupted("the server has no such part of the file any more")
    where = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if not where or int(where["first"]) != before.size or before.total not in {int(where["total"]), None}:
        raise Interrupted("the server sent another part of the file than the one that was asked for")
    before.total = int(where["total"])
    return True


def written(response: urllib3.BaseHTTPResponse, file: BinaryIO, at: Begun, path: str) -> None:
    """Writes the body of the answer behind what is there, and counts it in `at`.

    `path` is that of the URL. The bytes are those that the server keeps: a .gz file stays one.
    """
    for chunk in response.stream(_CHUNK, decode_content=_is_packed(response.headers, path)):
        file.write(chunk)
        at.size += len(chunk)
    if at.total not in {at.size, None}:  # a server may send less than it is asked for, and say so (RFC 9110, 15.3.7)
        raise Interrupted(f"{at.size} of {at.total} bytes arrived")


def _is_packed(headers: Mapping[str, str], path: str) -> bool:
    """Whether the server packed it for the way alone, though it was asked not to."""
    coding = headers.get("Content-Encoding", "").strip().lower()
    if coding in {"", "identity", "aws-chunked"} or _PACKED.search(path):
        return False
    if coding not in _UNPACKED:
        raise NotMovable(f"the server packs it with {coding}, though it was asked not to")
    return True
