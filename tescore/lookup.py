"""The addresses of a host's name, asked for with a time limit: the C library alone would wait for minutes."""

import queue
import socket
import threading
from collections.abc import Callable
from typing import Any

Address = tuple[Any, ...]
"""As `socket.getaddrinfo` has it."""
Resolver = Callable[..., list[Address]]
"""As `socket.getaddrinfo`."""


def looked_up(host: str, port: int, seconds: float, resolve: Resolver = socket.getaddrinfo) -> list[Address]:
    """For streams; an IPv6 address may be in brackets.

    Raises TimeoutError after so many seconds, and what the resolver raises: OSError, `socket.gaierror` for most, or
    ValueError.
    """
    # In a thread of its own: the call cannot be told how long it may take, and what it says too late nobody hears.
    answers: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(resolve(host.strip("[]"), port, type=socket.SOCK_STREAM)))
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(answer, Exception):
        raise answer
    return answer
