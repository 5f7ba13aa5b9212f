"""The bodies of requests, read within bounds."""

import gevent
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout, UnsupportedMediaType

from api import memory
from tescore.errors import InvalidTask

_SECONDS = 60
"""For a whole body: 8 MiB need 140 KB a second."""
_PIECE = 64 * 1024
_COPIES = 2
"""Of each byte: a body is there as bytes and as text."""


def text(most: int) -> str:
    """The body of the request at hand, which may have so many bytes.

    It is taken for JSON unless the client says otherwise. Raises InvalidTask, Busy, and the errors of HTTP.
    """
    if request.mimetype and not request.is_json:
        raise UnsupportedMediaType(f"The body is {request.mimetype}, and should be application/json.")
    if request.content_encoding not in {None, "identity"}:
        raise UnsupportedMediaType(f"The body is in {request.content_encoding}, and should be as it is.")
    body = bytearray()
    with gevent.Timeout(_SECONDS, RequestTimeout(f"The body has not come within {_SECONDS} seconds.")):
        while piece := request.stream.read(_PIECE):
            memory.take(_COPIES * len(piece))
            body += piece
            if len(body) > most:
                raise RequestEntityTooLarge
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidTask([f"the document is not UTF-8 ({error})"]) from error
