"""The end of a redirected stream, as text."""

import os
from pathlib import Path


def tail(place: Path, limit: int) -> str:
    """The last `limit` bytes of a file, or all of it."""
    with place.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - limit))
        return text(stream.read(limit), before=max(0, size - limit))


def text(end: bytes, *, before: int) -> str:
    """The end of a text of which `before` bytes are left out, and so told in a line of its own.

    What was cut in the middle of a character starts with the next one.
    """
    if not before:
        return end.decode(errors="replace")
    # In UTF-8 the first byte of a character is followed by at most three that begin with the bits 10.
    skipped = next((i for i, byte in enumerate(end[:4]) if byte & 0xC0 != 0x80), 0)
    return f"… ({before + skipped} bytes before this)\n{end[skipped:].decode(errors='replace')}"
