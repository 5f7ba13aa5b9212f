"""The changes in a watch of the Kubernetes API, as they come."""

import json
from collections.abc import Generator, Iterator
from contextlib import closing

from tescore.connections import Answer
from tescore.errors import Expired, Unavailable
from tescore.session import Object


def changes(stream: Answer) -> Generator[Object, None, None]:
    """Each with `type` (ADDED, MODIFIED, DELETED, BOOKMARK) and `object`, until the API server or the network ends it.

    Raises Expired where the API server has forgotten those that come next, and Unavailable where it fails.
    """
    with closing(stream.body) as chunks:
        for line in filter(None, lines(chunks)):
            try:
                change: Object = json.loads(line)
            except ValueError as error:
                raise Unavailable("The watch broke off.") from error
            if change["type"] == "ERROR":
                message = str(change["object"].get("message", ""))
                raise Expired(message) if change["object"].get("code") == 410 else Unavailable(message)
            yield change


def lines(chunks: Iterator[bytes]) -> Iterator[str]:
    """The lines in an answer; the last one is whatever follows the last line's end."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    yield rest.decode("utf-8", "replace")
