"""The end of a redirected stream, as text."""

import os
from pathlib import Path

from tescore import tails


def tail(place: Path, limit: int) -> str:
    """The last `limit` bytes of a file, or all of it."""
    with place.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - limit))
        return tails.text(stream.read(limit), max(0, size - limit))
