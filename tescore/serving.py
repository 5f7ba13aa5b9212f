"""A WSGI application under gunicorn, in api and webhook."""

import gc
import socket
from collections.abc import Callable, Iterable
from typing import Any

from gunicorn.app.base import BaseApplication

Application = Callable[..., Iterable[bytes]]
"""A WSGI application."""

_LONGEST_LINE = 8190
"""Bytes of a request line: gunicorn's most, for filters by many tags make a long one."""


def serve(create: Callable[[], Application], **options: Any) -> None:
    """Serves until the process is told to stop. `create` is called in each worker; options are gunicorn's settings."""
    _Server(create, options).run()


def everywhere(port: int) -> str:
    """`bind` for all addresses of this machine, IPv6's too, unless it was started without IPv6."""
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError:
        return f"0.0.0.0:{port}"
    return f"[::]:{port}"


def reason(phrase: str) -> str:
    """The stable reason of an error that only HTTP has a name for: `Not Found` is NotFound."""
    return phrase.replace(" ", "").replace("-", "")


def _freeze(_: Any) -> None:
    """Keeps what is loaded from the garbage collector, which would look through it at each large answer."""
    gc.collect()
    gc.freeze()


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, create: Callable[[], Application], options: dict[str, Any]) -> None:
        self._create = create
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        common = {
            "worker_tmp_dir": "/dev/shm",  # on a disk a slow write of the heartbeat would look like a hanging worker
            "keepalive": 75,
            "control_socket_disable": True,
            "limit_request_line": _LONGEST_LINE,
            "post_worker_init": _freeze,
        }
        for name, value in {**common, **self._options}.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._create()
