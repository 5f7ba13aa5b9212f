"""The bytes of a file over SFTP, many of them asked for before the first have come.

The library's own way to do so (`prefetch`, `readv`) asks on another thread, believes that all is asked where the server
is quicker than that, and keeps what comes after: the memory that a large file needed grew with its size.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from paramiko import Message, SFTPClient, SFTPHandle
from paramiko.sftp import CMD_DATA, CMD_READ, int64

from filer.errors import NotMovable

_BLOCK = 255 * 1024
"""Bytes asked for at a time: what OpenSSH gives at most. A server that gives less at a time is asked for that much."""
_WINDOW = 2 * 1024 * 1024
"""Bytes that are asked for and have not come."""


@dataclass(slots=True)
class _Asked:
    number: int
    at: int
    length: int


@dataclass(slots=True, weakref_slot=True)
class _Reading:
    sftp: SFTPClient
    handle: SFTPHandle
    block: int = _BLOCK
    ahead: deque[_Asked] = field(default_factory=deque)
    """In the order of the file."""
    answers: dict[int, tuple[int, Message]] = field(default_factory=dict)

    def ask(self, at: int, length: int) -> _Asked:
        number = self.sftp._async_request(self, CMD_READ, self.handle, int64(at), length)  # type: ignore[attr-defined] # noqa: SLF001
        return _Asked(number, at, length)

    def _async_response(self, kind: int, message: Message, number: int) -> None:
        """What the library calls with an answer."""
        self.answers[number] = (kind, message)

    def answer(self, number: int) -> bytes:
        """The bytes that came; none at the file's end. Raises OSError."""
        while number not in self.answers:
            self.sftp._read_response()  # type: ignore[attr-defined] # noqa: SLF001
        kind, message = self.answers.pop(number)
        if kind == CMD_DATA:
            return message.get_string()
        try:
            self.sftp._convert_status(message)  # type: ignore[attr-defined] # noqa: SLF001
        except EOFError:  # of the file; raised by `ask` it is that of the connection
            return b""
        raise NotMovable("the server did not keep to SFTP")


def received(sftp: SFTPClient, handle: SFTPHandle, begin: int, end: int | None) -> Iterator[bytes]:
    """The bytes of an open file from one place to another, or to its end, or as many as there are."""
    reading = _Reading(sftp, handle)
    while end is None or begin < end or reading.ahead:
        while (end is None or begin < end) and len(reading.ahead) * reading.block < _WINDOW:
            length = reading.block if end is None else min(reading.block, end - begin)
            reading.ahead.append(reading.ask(begin, length))
            begin += length
        asked = reading.ahead.popleft()
        data = reading.answer(asked.number)
        if not data:
            return
        yield data
        if len(data) < asked.length:
            reading.block = min(reading.block, len(data))
            reading.ahead.appendleft(reading.ask(asked.at + len(data), asked.length - len(data)))
