"""Checksums that a server gives with a file, compared with what arrived."""

import base64
import hashlib
import zlib
from dataclasses import dataclass, field
from typing import Protocol

from filer.errors import Interrupted


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


@dataclass(slots=True)
class Check:
    """The bytes of one file as they come, and what they must be."""

    header: str = ""
    """Where the server said so; empty if it said nothing."""
    expected: bytes = b""
    _hash: _Hash | None = field(default=None)

    def update(self, data: bytes) -> None:
        if self._hash:
            self._hash.update(data)

    def done(self) -> None:
        """Raises Interrupted if what came is not what the server said."""
        if self._hash and self._hash.digest() != self.expected:
            raise Interrupted(f"what arrived does not have the checksum that the server gave in {self.header}")


def hex_md5(header: str, text: str) -> Check:
    """An MD5 in hexadecimal digits."""
    return Check(header, bytes.fromhex(text), hashlib.md5(usedforsecurity=False))


def crc32(header: str, value: str) -> Check:
    """A CRC-32 as S3 writes it."""
    return Check(header, base64.b64decode(value), _Crc32())


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")
