"""The parts of a ConfigMap that are texts: plain where they are short, so that kubectl shows them, else gzipped."""

import base64
import gzip
import zlib
from collections.abc import Mapping
from typing import Any

TASK_JSON = "task.json"
LOG_JSON = "log.json"
_ZIPPED = ".gz"
ZIPPED_DOCUMENT = TASK_JSON + _ZIPPED
PLAIN_LIMIT = 256 * 1024
"""Bytes up to which a part stays plain; a ConfigMap holds 1 MiB in all."""
UNZIPPED_LIMIT = 8 * 1024 * 1024
_LEVEL = 6
"""Of gzip: at 9 a document full of control characters took 5 s of CPU, and became 6 % shorter."""


def part(stored: Mapping[str, Any], name: str) -> str:
    """The text of one part of a ConfigMap, plain or zipped; empty if it is not there. Raises ValueError if broken."""
    plain = (stored.get("data") or {}).get(name)
    if plain is not None:
        return str(plain)
    zipped = (stored.get("binaryData") or {}).get(name + _ZIPPED)
    return unzipped(base64.b64decode(zipped)) if zipped else ""


def zipped_document(stored: Mapping[str, Any]) -> bytes:
    """What a ConfigMap has of a document that is gzipped."""
    return base64.b64decode((stored.get("binaryData") or {}).get(ZIPPED_DOCUMENT, ""))


def size(stored: Mapping[str, Any]) -> int:
    """Bytes of all parts of a ConfigMap, unzipped, as far as they say so themselves."""
    plain = sum(len(text) for text in (stored.get("data") or {}).values())
    # gzip ends with the length of what it holds; base64 has it in its last eight characters.
    ends = (base64.b64decode(text[-8:])[-4:] for text in (stored.get("binaryData") or {}).values())
    return plain + sum(min(int.from_bytes(end, "little"), UNZIPPED_LIMIT) for end in ends)


def unzipped(data: bytes) -> str:
    """The text in gzipped data, of one piece or several. Raises ValueError if it is none, or larger than may be."""
    pieces: list[bytes] = []
    left = UNZIPPED_LIMIT
    while data:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            pieces.append(unpacker.decompress(data, left + 1))
        except zlib.error as error:
            raise ValueError(f"not gzip ({error})") from error
        left -= len(pieces[-1])
        if left < 0:
            raise ValueError(f"larger than {UNZIPPED_LIMIT} bytes")
        if not unpacker.eof:
            raise ValueError("broken off")
        data = unpacker.unused_data
    return b"".join(pieces).decode()


def packed(name: str, text: str) -> dict[str, dict[str, str]]:
    """The `data` or the `binaryData` that a text becomes."""
    plain = text.encode()
    if len(plain) <= PLAIN_LIMIT:
        return {"data": {name: text}}
    return {"binaryData": {name + _ZIPPED: base64.b64encode(gzip.compress(plain, _LEVEL, mtime=0)).decode()}}


def patch(name: str, text: str) -> dict[str, dict[str, str | None]]:
    """The merge patch after which a ConfigMap has this text, and none that it had before in the other way."""
    new = packed(name, text)
    return {
        "data": {name: None, **new.get("data", {})},
        "binaryData": {name + _ZIPPED: None, **new.get("binaryData", {})},
    }
