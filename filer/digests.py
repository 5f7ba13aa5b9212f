"""Checksums that a server gives with a file: read from its headers, and compared with what arrived."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from filer.errors import Interrupted


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


_KNOWN = {"sha-512": "sha512", "sha-256": "sha256", "sha": "sha1", "md5": "md5"}
"""Names in headers (RFC 3230, RFC 9530) and in hashlib, the best one first."""


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


def of(headers: Mapping[str, str]) -> Check:
    """What the headers of a whole file (no part of it) say; of several checksums the best one."""
    for header in ("Repr-Digest", "Content-Digest", "Digest"):
        if value := headers.get(header):
            fields = (field.partition("=") for field in value.split(","))
            given = {name.strip().lower(): digest.strip(" \t:") for name, _, digest in fields}
            for name, known in _KNOWN.items():
                if name in given and (check := _check(header, known, given[name])):
                    return check
    return _check("Content-MD5", "md5", headers.get("Content-MD5", "")) or Check()


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


def _check(header: str, name: str, value: str) -> Check | None:
    try:
        expected = base64.b64decode(value, validate=True)
    except binascii.Error:
        return None
    made = hashlib.new(name, usedforsecurity=False)
    # One of another length is nothing that could be checked: hexadecimal digits, a part of it.
    return Check(header, expected, made) if len(expected) == made.digest_size else None
